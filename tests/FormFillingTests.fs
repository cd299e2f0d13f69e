/// The ticket told in a form: offered, filled in, wrong, old, refused.
module FunctionalBot.Tests.FormFillingTests

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.Scenarios

let private equal (expected: 'value) (actual: 'value) = Assert.Equal<'value>(expected, actual)

let private withForm =
    opened
    |> happens (
        CircumstancesChanged {
            Circumstances.usual with
                HasForm = true
        }
    )

let private offered = withForm |> writes "quiero abrir un ticket"

/// The key of the message that offered the form.
let private formOf (scene: Scene) : CommandKey =
    match scene.Session.Form with
    | Some key -> key
    | None -> failwith "no form was shown"

let private right = [
    "title", "La taladradora no enciende"
    "description", "La compré ayer."
    "email", "Ana@Example.com"
]

/// The customer sends the form with this token and so many photos.
let private fills token fields photos (scene: Scene) =
    let message = MessageId("wamid.form." + string scene.Session.Version)

    scene
    |> happens (
        FormAnswered {
            Message = message
            Token = token
            Fields = fields
            Files = [
                for place in 0 .. photos - 1 do
                    {
                        Message = message
                        Place = place
                        Kind = Image
                        MediaId = "photo-" + string place
                        MimeType = Some "image/jpeg"
                        Sha256 = None
                        FileName = None
                    }
            ]
        }
    )

let private sends' fields scene =
    scene |> fills (Some(CommandKey.text (formOf scene))) fields 0

let private phaseOf (scene: Scene) = scene.Session.Phase

let private shown (scene: Scene) : Ticket =
    match phaseOf scene with
    | TicketCreation(_, Confirming(ticket, _)) -> ticket
    | other -> failwith $"%A{other}"

[<Fact>]
let ``whoever wants a ticket gets the form, whose token is the message's key`` () =
    for scene in [ offered; withForm |> presses OpenTicket ] do
        match lastSaid scene with
        | [ said ] ->
            equal FillForm said.Phrase
            equal [] said.Choices
            equal (Some(ToFillForm(CommandKey.text (formOf scene)))) said.Invitation
        | other -> failwith $"%A{other}"

[<Fact>]
let ``where the host offers no form, questions are asked as ever`` () =
    let scene = opened |> writes "quiero abrir un ticket"
    equal [ Ask(WhichTitle, None) ] (lastPhrases scene)
    equal None scene.Session.Form

[<Fact>]
let ``what the assistant understood is not asked for again in an empty form`` () =
    let understood = {
        reply "" with
            Intent = WantsTicket
            Hints = {
                Title = Some "La taladradora no enciende"
                Description = None
                Email = None
            }
    }

    let scene =
        withForm
        |> writes "la taladradora que compré ayer no enciende y no sé qué hacer con ella"
        |> answers understood

    equal [ Ask(WhichDescription, Some PrefilledFromYourWords) ] (lastPhrases scene)
    equal None scene.Session.Form

[<Fact>]
let ``a form that is right is shown to be confirmed, and only the yes creates the ticket`` () =
    let scene = offered |> sends' right
    let ticket = shown scene
    equal "La taladradora no enciende" (TicketTitle.value ticket.Title)
    equal "La compré ayer." (TicketDescription.value ticket.Description)
    equal (Some "ana@example.com") (ticket.Email |> Option.map EmailAddress.value)
    equal [ Ask(IsThisRight ticket, None) ] (lastPhrases scene)
    equal [] (ticketsAskedFor scene)
    let scene = scene |> writes "sí"
    equal [ ticket ] (ticketsAskedFor scene)

[<Fact>]
let ``an address left blank is none, and a form without a token is the one that was shown`` () =
    let scene =
        offered
        |> fills None [ "title", "Gotea"; "description", "Desde ayer"; "email", " " ] 0

    equal None (shown scene).Email

[<Fact>]
let ``a form that is wrong goes on step by step from the first wrong field, and keeps the others`` () =
    let scene =
        offered |> sends' [ "title", "Gotea"; "description", "😀"; "email", "ana" ]

    equal [ Ask(WhichDescription, Some(FieldRejected(DescriptionField, WithoutWords))) ] (lastPhrases scene)

    let scene = scene |> writes "Desde ayer gotea por debajo."
    equal [ Ask(WhichEmail, None) ] (lastPhrases scene)
    let ticket = scene |> writes "ana@example.com" |> shown
    equal "Gotea" (TicketTitle.value ticket.Title)

    // A form that could not be read at all has no fields.
    equal [ Ask(WhichTitle, Some(FieldRejected(TitleField, Blank))) ] (offered |> sends' [] |> lastPhrases)

[<Fact>]
let ``photos of the form are fetched and go with the ticket`` () =
    let scene = offered |> fills (Some(CommandKey.text (formOf offered))) right 3

    let fetched =
        lastActions scene
        |> List.choose (function
            | FetchFile request -> Some request.MediaId
            | _ -> None)

    equal [ "photo-0"; "photo-1"; "photo-2" ] fetched
    equal (Some 3) (shown scene).Files
    let scene = scene |> writes "sí"
    let creation = (ticketsAskedFor scene).Head
    equal (Some 3) creation.Files

    let assigned = scene.Session.Files |> List.filter (fun file -> file.Ticket.IsSome)

    equal 3 assigned.Length

[<Fact>]
let ``photos beyond the limit are told of`` () =
    let scene =
        offered
        |> fills (Some(CommandKey.text (formOf offered))) right (CustomerFile.most + 1)

    match lastPhrases scene with
    | [ Ask(IsThisRight ticket, Some(TooManyFiles most)) ] ->
        equal CustomerFile.most most
        equal (Some CustomerFile.most) ticket.Files
    | other -> failwith $"%A{other}"

[<Fact>]
let ``whoever would rather be asked says so, and is asked`` () =
    for words in
        [
            "paso a paso"
            "Prefiero paso a paso, por favor"
            "Step by step"
            "sin formulario"
        ] do
        let scene = offered |> writes words
        equal [ Ask(WhichTitle, None) ] (lastPhrases scene)
        let scene = scene |> writes "La taladradora no enciende"
        equal [ Ask(WhichDescription, None) ] (lastPhrases scene)

[<Fact>]
let ``whoever simply tells what happened is understood too`` () =
    let scene = offered |> writes "La taladradora no enciende"
    equal [ Ask(WhichDescription, None) ] (lastPhrases scene)
    // A title may hold such words; they are an answer once the question was asked.
    let scene = offered |> writes "paso a paso" |> writes "El motor va paso a paso"
    equal [ Ask(WhichDescription, None) ] (lastPhrases scene)

[<Fact>]
let ``the form can be sent after all, and again while the ticket is not sent`` () =
    let scene = offered |> writes "paso a paso" |> writes "Otra cosa" |> sends' right
    equal "La taladradora no enciende" (TicketTitle.value (shown scene).Title)
    let scene = scene |> sends' [ "title", "Gotea"; "description", "Mucho" ]
    equal "Gotea" (TicketTitle.value (shown scene).Title)
    equal None (shown scene).Email

[<Fact>]
let ``cancelling works beside the form, and what is filled in afterwards begins a ticket anew`` () =
    let token = Some(CommandKey.text (formOf offered))
    let scene = offered |> writes "cancelar"
    equal [ TicketDiscarded ] (lastPhrases scene)
    let scene = scene |> fills token right 1
    equal "La taladradora no enciende" (TicketTitle.value (shown scene).Title)
    equal (Some 1) (shown scene).Files
    equal [] (ticketsAskedFor scene)
    equal 1 (ticketsAskedFor (scene |> writes "sí")).Length

[<Fact>]
let ``a form that is sent when the session had ended is a ticket to confirm`` () =
    let token = Some(CommandKey.text (formOf offered))
    let scene = opened |> fills token right 0
    equal "La taladradora no enciende" (TicketTitle.value (shown scene).Title)
    let scene = opened |> fills token [ "title", "¡¡"; "description", "Gotea" ] 0
    equal [ Ask(WhichTitle, Some(FieldRejected(TitleField, WithoutWords))) ] (lastPhrases scene)

[<Fact>]
let ``an empty form that is old is told so, and so is one behind a ticket that is on its way`` () =
    let token = Some(CommandKey.text (formOf offered))
    let scene = offered |> writes "cancelar"
    let empty = scene |> fills token [ "title", " "; "other", "x" ] 1
    equal [ ThatFormIsStale ] (lastPhrases empty)
    equal [] empty.Session.Files
    // The way back is one yes away.
    let again = empty |> writes "sí"
    equal [ FillForm ] (lastPhrases again)
    Assert.NotEqual(token, Some(CommandKey.text (formOf again)))

    let owed = offered |> sends' right |> writes "sí" |> odooIsDown
    equal [ ThatFormIsStale ] (owed |> fills token right 0 |> lastPhrases)

[<Fact>]
let ``a form whose ticket was sent begins no second one`` () =
    let token = Some(CommandKey.text (formOf offered))
    let sent = offered |> sends' right |> writes "sí" |> odooCreates
    equal [ ThatFormIsStale ] (sent |> fills token right 0 |> lastPhrases)
    equal [ ThatFormIsStale ] (sent |> fills None right 0 |> lastPhrases)

    // Nor does one that had been cancelled ahead of it, or that is of an ended session.
    let cancelled = offered |> writes "cancelar" |> fills token right 0

    for scene in [ cancelled; opened |> fills token right 0 ] do
        let sent = scene |> writes "sí" |> odooCreates
        equal 1 (ticketsAskedFor sent).Length
        equal [ ThatFormIsStale ] (sent |> fills token right 0 |> lastPhrases)

[<Fact>]
let ``what was filled in for a ticket that was left with a wish for silence can be sent after all`` () =
    let token = Some(CommandKey.text (formOf offered))
    let scene = offered |> writes "stop" |> fills token right 0
    equal "La taladradora no enciende" (TicketTitle.value (shown scene).Title)

[<Fact>]
let ``a form of before, of nobody, or one that comes twice asks again what was asked`` () =
    let before = Some(CommandKey.text (formOf offered))
    let again = offered |> writes "cancelar" |> presses OpenTicket
    equal [ Ask(WhichTitle, Some FormIsStale) ] (again |> fills before right 0 |> lastPhrases)
    equal [ Ask(WhichTitle, Some FormIsStale) ] (again |> fills (Some "unused") right 0 |> lastPhrases)

    let creating = offered |> sends' right |> writes "sí"
    equal [ TicketIsBeingCreated ] (creating |> fills before right 0 |> lastPhrases)
    equal 1 (ticketsAskedFor (creating |> fills before right 0)).Length

[<Fact>]
let ``what is filled in while the team has the conversation is not lost`` () =
    let scene = offered |> writes "quiero hablar con una persona"
    let scene = scene |> fills (Some(CommandKey.text (formOf offered))) right 1

    let notes =
        lastActions scene
        |> List.choose (function
            | AddToTicket(_, note) -> Some note
            | _ -> None)

    match notes with
    | [ note ] ->
        Assert.Contains("[formulario]", note)
        Assert.Contains("Título: La taladradora no enciende", note)
    | other -> failwith $"%A{other}"

    equal 1 (scene.Session.Files |> List.filter (fun file -> file.Ticket.IsSome)).Length

[<Fact>]
let ``a form that WhatsApp refuses is asked for in words, with who is speaking`` () =
    for code in [ 132068; 132069; 131009 ] do
        let scene =
            offered |> happens (DeliveryFailed(formOf offered, code, "Flow is blocked"))

        match lastSaid scene with
        | [ said ] ->
            equal (Ask(WhichTitle, None)) said.Phrase
            equal None said.Invitation
            equal (Some true) said.Introduce
        | other -> failwith $"%A{other}"

        equal None scene.Session.Form
        equal [ Ask(WhichDescription, None) ] (scene |> writes "La taladradora no enciende" |> lastPhrases)

[<Fact>]
let ``a form that did not arrive is asked for in words once the customer writes`` () =
    let scene =
        offered |> happens (DeliveryFailed(formOf offered, 131026, "Undeliverable"))

    equal [] (lastSaid scene)
    let scene = scene |> writes "¿hola?"
    equal [ Ask(WhichTitle, Some QuestionMayBeLost) ] (lastPhrases scene)

[<Fact>]
let ``a refusal that comes late changes nothing`` () =
    let key = formOf offered
    let further = offered |> writes "La taladradora no enciende"
    let refused = further |> happens (DeliveryFailed(key, 132068, "Flow is blocked"))
    equal [] (lastSaid refused)
    equal (Some key) refused.Session.Form

[<Fact>]
let ``only short wishes to be asked are heard as such`` () =
    for words in
        [
            "paso a paso"
            "PASO A PASO!!"
            "mejor paso a paso porfa"
            "passo a passo"
            "without the form"
        ] do
        Assert.True(Rules.asksForSteps words, words)

    for words in
        [
            ""
            "paso"
            "el motor del aparato avanza paso a paso y luego se para"
            "a paso paso"
            "step, by the way"
        ] do
        Assert.False(Rules.asksForSteps words, words)
