/// What a customer gets for everything that can be sent, at every place of a conversation.
module FunctionalBot.Tests.WhatsAppTableTests

open System
open Microsoft.FSharp.Reflection
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Scenarios
open FunctionalBot.Tests.WhatsAppElements
open FunctionalBot.Tests.WhatsAppSamples
open Xunit

/// The places of a conversation, each with a session that is there.
let private places: (string * Session) list =
    let greeted = opened |> writes "hola"
    let title = greeted |> presses OpenTicket
    let description = title |> writes "La taladradora no enciende"
    let email = description |> writes "La compré ayer. Probé con otro enchufe y nada."
    let confirming = email |> writes "ana@example.com"

    let shown =
        match confirming.Session.Phase with
        | TicketCreation(_, Confirming(_, revision)) -> revision
        | other -> failwith $"%A{other}"

    [
        "conversing", greeted
        "title", title
        "form",
        greeted
        |> surrounds (fun around -> { around with HasForm = true })
        |> presses OpenTicket
        "description", description
        "e-mail", email
        "confirming", confirming
        "creating", confirming |> presses (Confirm shown)
        "with a person", greeted |> presses TalkToPerson
        "silent", greeted |> writes "stop"
        "closed", greeted |> writes "adiós"
    ]
    |> List.map (fun (name, scene) -> name, scene.Session)

let private customerOf (session: Session) : CustomerWork = {
    Channel = session.Id.Channel
    Customer = session.Customer
    Language = Some session.Language
    Current = Some session
    Others = Map.empty
    OptedOut = session.Circumstances.OptedOut
    Blocked = false
    Entries = []
}

let private nameOf (value: 'union) =
    (FSharpValue.GetUnionFields(value, typeof<'union>) |> fst).Name

let private wordsOf (phrase: Phrase) =
    match phrase with
    | Ask(question, None) -> nameOf question
    | Ask(question, Some(CannotRead kind)) -> $"%s{nameOf question}, CannotRead %s{nameOf kind}"
    | Ask(question, Some notice) -> $"%s{nameOf question}, %s{nameOf notice}"
    | CannotReadKind kind -> $"CannotReadKind %s{nameOf kind}"
    | other -> nameOf other

/// What is seen of an action, outside of the bot.
let private seen (action: Action) =
    match action with
    | Say utterance -> Some(wordsOf utterance.Phrase)
    | AskAssistant _ -> Some "assistant"
    | CreateTicket _ -> Some "ticket"
    | AddToTicket(_, note) -> Some("note " + note.Split('\n')[0])
    | LookUpTickets _ -> Some "look-up"
    | FetchFile _ -> Some "file"
    | AttachToTicket _ -> Some "attachment"
    | React(_, emoji) -> Some emoji
    | MarkRead _
    | SetTimer _
    | CancelTimer _ -> None

let private settingsOf (session: Session) : Reception.ReceptionSettings = {
    Number =
        fun _ ->
            Some {
                Policy = session.Policy
                Language = Spanish
                Opening = fun _ -> OpenNow
                HasForm = session.Circumstances.HasForm
                MessagesAMinute = session.Circumstances.MessagesAMinute
            }
}

/// What comes of one element of a webhook.
let private outcome (session: Session) (update: Update) : string =
    let decided =
        match update with
        | CustomerDid(_, _, sourceId, at, fact) -> Ok(sourceId, at, None, fact)
        // Of a send of ours, which the session is told of.
        | StatusCame(_, MessageId id, Failed(code, title), _, at) ->
            let key = {
                Session = session.Id
                Version = 1L
                Ordinal = 0
            }

            Ok(id, at, Some session.Id, DeliveryFailed(key, code, title))
        | StatusCame(_, _, UnknownStatus _, _, _) -> Error "kept"
        | PersonMoved(_, _, sourceId, at) ->
            Ok(sourceId, at, None, CustomerMoved(MessageId sourceId, session.Customer))
        | StatusCame(_, _, (Sent | Delivered | Read | Played), _, _) -> Error "settled"
        | NothingToDo _ -> Error "kept"
        | NotUnderstood _ -> Error "dead"

    match decided with
    | Error ending -> ending
    | Ok(sourceId, at, about, fact) ->
        let work = {
            customerOf session with
                Entries = [
                    {
                        Id = 1L
                        Source = "whatsapp"
                        SourceId = sourceId
                        At = at
                        Session = about
                        Trace = None
                        Fact = fact
                    }
                ]
        }

        let decision =
            Reception.decide
                (settingsOf session)
                (session.LastActivity.AddMinutes 1.)
                (fun () -> Guid.Empty)
                work

        let actions = decision.Commands |> List.choose (fun command -> seen command.Action)

        match actions, decision.Endings with
        | [], [ _, Ignored reason ] -> reason
        | [], [ _, Applied _ ] -> "noted"
        | actions, [ _, Applied _ ] -> String.concat "; " actions
        | actions, endings -> failwith $"%A{actions} %A{endings}"

/// Elements that are answered alike, and below them what the customer gets at each place.
let private expected =
    """
text
text, forwarded
text, quoting
text, about a product
text, from an advertisement
edit
edit of a caption
    conversing: assistant
    title: WhichDescription
    form: WhichDescription
    description: WhichEmail
    e-mail: WhichEmail, FieldRejected
    confirming: IsThisRight, PleaseConfirm
    creating: TicketIsBeingCreated
    with a person: note No va el mando; PassedOnToPerson
    silent: assistant
    closed: assistant
text, for silence
    conversing: OptedOut
    title: OptedOutUnsent
    form: OptedOutUnsent
    description: OptedOutUnsent
    e-mail: OptedOutUnsent
    confirming: OptedOutUnsent
    creating: OptedOut
    with a person: note El cliente pidió por WhatsApp no recibir más mensajes.; OptedOut
    silent: 👍
    closed: OptedOut
text, blank
    conversing: HowCanIHelp
    title: WhichTitle, FieldRejected
    form: WhichTitle, FieldRejected
    description: WhichDescription, FieldRejected
    e-mail: WhichEmail, FieldRejected
    confirming: IsThisRight, PleaseConfirm
    creating: TicketIsBeingCreated
    with a person: note [mensaje vacío]; PassedOnToPerson
    silent: HowCanIHelp
    closed: Welcome
image
    conversing: file; FilesAreKept
    title: file; WhichTitle, FilesAdded
    form: file; WhichTitle, FilesAdded
    description: file; WhichDescription, FilesAdded
    e-mail: file; WhichEmail, FilesAdded
    confirming: file; IsThisRight, FilesAdded
    creating: file; TicketIsBeingCreated
    with a person: file; note [imagen]; PassedOnToPerson
    silent: file; FilesAreKept
    closed: file; FilesAreKept
image, caption
    conversing: file; FilesAreKept; assistant
    title: file; WhichDescription
    form: file; WhichDescription
    description: file; WhichEmail
    e-mail: file; WhichEmail, FieldRejected
    confirming: file; IsThisRight, PleaseConfirm
    creating: file; TicketIsBeingCreated
    with a person: file; note [imagen] No va el mando; PassedOnToPerson
    silent: file; FilesAreKept; assistant
    closed: file; FilesAreKept; assistant
image, without its id
    conversing: CannotReadKind Image
    title: WhichTitle, CannotRead Image
    form: WhichTitle, CannotRead Image
    description: WhichDescription, CannotRead Image
    e-mail: WhichEmail, CannotRead Image
    confirming: IsThisRight, CannotRead Image
    creating: TicketIsBeingCreated
    with a person: note [imagen]; PassedOnToPerson
    silent: CannotReadKind Image
    closed: CannotReadKind Image
video
    conversing: file; FilesAreKept
    title: file; WhichTitle, FilesAdded
    form: file; WhichTitle, FilesAdded
    description: file; WhichDescription, FilesAdded
    e-mail: file; WhichEmail, FilesAdded
    confirming: file; IsThisRight, FilesAdded
    creating: file; TicketIsBeingCreated
    with a person: file; note [vídeo]; PassedOnToPerson
    silent: file; FilesAreKept
    closed: file; FilesAreKept
audio
    conversing: file; FilesAreKept
    title: file; WhichTitle, FilesAdded
    form: file; WhichTitle, FilesAdded
    description: file; WhichDescription, FilesAdded
    e-mail: file; WhichEmail, FilesAdded
    confirming: file; IsThisRight, FilesAdded
    creating: file; TicketIsBeingCreated
    with a person: file; note [audio]; PassedOnToPerson
    silent: file; FilesAreKept
    closed: file; FilesAreKept
voice note
    conversing: file; FilesAreKept
    title: file; WhichTitle, FilesAdded
    form: file; WhichTitle, FilesAdded
    description: file; WhichDescription, FilesAdded
    e-mail: file; WhichEmail, FilesAdded
    confirming: file; IsThisRight, FilesAdded
    creating: file; TicketIsBeingCreated
    with a person: file; note [nota de voz]; PassedOnToPerson
    silent: file; FilesAreKept
    closed: file; FilesAreKept
document
    conversing: file; FilesAreKept
    title: file; WhichTitle, FilesAdded
    form: file; WhichTitle, FilesAdded
    description: file; WhichDescription, FilesAdded
    e-mail: file; WhichEmail, FilesAdded
    confirming: file; IsThisRight, FilesAdded
    creating: file; TicketIsBeingCreated
    with a person: file; note [documento] factura.pdf; PassedOnToPerson
    silent: file; FilesAreKept
    closed: file; FilesAreKept
document, caption
    conversing: file; FilesAreKept; assistant
    title: file; WhichDescription
    form: file; WhichDescription
    description: file; WhichEmail
    e-mail: file; WhichEmail, FieldRejected
    confirming: file; IsThisRight, PleaseConfirm
    creating: file; TicketIsBeingCreated
    with a person: file; note [documento] factura.pdf No va el mando; PassedOnToPerson
    silent: file; FilesAreKept; assistant
    closed: file; FilesAreKept; assistant
sticker
    conversing: CannotReadKind Sticker
    title: WhichTitle, CannotRead Sticker
    form: WhichTitle, CannotRead Sticker
    description: WhichDescription, CannotRead Sticker
    e-mail: WhichEmail, CannotRead Sticker
    confirming: IsThisRight, CannotRead Sticker
    creating: TicketIsBeingCreated
    with a person: note [sticker]; PassedOnToPerson
    silent: CannotReadKind Sticker
    closed: CannotReadKind Sticker
location
    conversing: CannotReadKind Location
    title: WhichTitle, CannotRead Location
    form: WhichTitle, CannotRead Location
    description: WhichDescription, CannotRead Location
    e-mail: WhichEmail, CannotRead Location
    confirming: IsThisRight, CannotRead Location
    creating: TicketIsBeingCreated
    with a person: note [ubicación] Plaza Mayor (40.4, -3.7) https://www.openstreetmap.org/?mlat=40.4&mlon=-3.7; PassedOnToPerson
    silent: CannotReadKind Location
    closed: CannotReadKind Location
contacts
    conversing: CannotReadKind ContactCard
    title: WhichTitle, CannotRead ContactCard
    form: WhichTitle, CannotRead ContactCard
    description: WhichDescription, CannotRead ContactCard
    e-mail: WhichEmail, CannotRead ContactCard
    confirming: IsThisRight, CannotRead ContactCard
    creating: TicketIsBeingCreated
    with a person: note [contacto] Eva; +34600; PassedOnToPerson
    silent: CannotReadKind ContactCard
    closed: CannotReadKind ContactCard
reaction
    conversing: nothing to answer
    title: nothing to answer
    form: nothing to answer
    description: nothing to answer
    e-mail: nothing to answer
    confirming: IsThisRight, PleaseConfirm
    creating: nothing to answer
    with a person: nothing to answer
    silent: nothing to answer
    closed: nothing to answer
reaction, removed
revoke
    everywhere: nothing to answer
button, offered
    conversing: ticket; PersonIsComing
    title: ticket; PersonIsComing
    form: ticket; PersonIsComing
    description: ticket; PersonIsComing
    e-mail: ticket; PersonIsComing
    confirming: ticket; PersonIsComing
    creating: note El cliente pidió por WhatsApp hablar con una persona.; PersonIsComing
    with a person: note El cliente pidió por WhatsApp hablar con una persona.; PersonIsComing
    silent: ticket; PersonIsComing
    closed: ticket; PersonIsComing
button, stale
button, never offered, blank
    conversing: ThatButtonIsStale
    title: WhichTitle, ButtonIsStale
    form: WhichTitle, ButtonIsStale
    description: WhichDescription, ButtonIsStale
    e-mail: WhichEmail, ButtonIsStale
    confirming: IsThisRight, ButtonIsStale
    creating: TicketIsBeingCreated
    with a person: ThatButtonIsStale
    silent: ThatButtonIsStale
    closed: ThatButtonIsStale
button, never offered
list, never offered
template's button
    conversing: assistant
    title: WhichTitle, ButtonIsStale
    form: WhichTitle, ButtonIsStale
    description: WhichDescription, ButtonIsStale
    e-mail: WhichEmail, ButtonIsStale
    confirming: IsThisRight, ButtonIsStale
    creating: TicketIsBeingCreated
    with a person: note Más tarde; PassedOnToPerson
    silent: assistant
    closed: assistant
list, offered
    conversing: ThatButtonIsStale
    title: WhichTitle
    form: WhichTitle
    description: WhichTitle
    e-mail: WhichTitle
    confirming: WhichTitle
    creating: TicketIsBeingCreated
    with a person: ThatButtonIsStale
    silent: ThatButtonIsStale
    closed: ThatButtonIsStale
form
    conversing: ThatFormIsStale
    title: WhichTitle, FormIsStale
    form: WhichTitle, FieldRejected
    description: WhichDescription, FormIsStale
    e-mail: WhichEmail, FormIsStale
    confirming: IsThisRight, FormIsStale
    creating: TicketIsBeingCreated
    with a person: note [formulario]; PassedOnToPerson
    silent: ThatFormIsStale
    closed: ThatFormIsStale
form, filled in
    conversing: IsThisRight
    title: WhichTitle, FormIsStale
    form: IsThisRight
    description: WhichDescription, FormIsStale
    e-mail: WhichEmail, FormIsStale
    confirming: IsThisRight, FormIsStale
    creating: TicketIsBeingCreated
    with a person: note [formulario]; PassedOnToPerson
    silent: IsThisRight
    closed: IsThisRight
address
permission to call
interactive without its object
order
unsupported, poll
unsupported, elsewhere
edit of a file
unknown type
answer to a request for the number
    conversing: CannotReadKind Unsupported
    title: WhichTitle, CannotRead Unsupported
    form: WhichTitle, CannotRead Unsupported
    description: WhichDescription, CannotRead Unsupported
    e-mail: WhichEmail, CannotRead Unsupported
    confirming: IsThisRight, CannotRead Unsupported
    creating: TicketIsBeingCreated
    with a person: note [mensaje no compatible]; PassedOnToPerson
    silent: CannotReadKind Unsupported
    closed: CannotReadKind Unsupported
order, text
    conversing: assistant
    title: WhichDescription
    form: WhichDescription
    description: WhichEmail
    e-mail: WhichEmail, FieldRejected
    confirming: IsThisRight, PleaseConfirm
    creating: TicketIsBeingCreated
    with a person: note [mensaje no compatible] No va el mando; PassedOnToPerson
    silent: assistant
    closed: assistant
system, number
system, id
status, failed
    conversing: noted
    title: noted
    form: noted
    description: noted
    e-mail: noted
    confirming: noted
    creating: noted
    with a person: noted
    silent: noted
    closed: session is closed
system, identity
unsupported, pin
unsupported, kept in chat
in a group
errors only
call
account
status, unknown
status, of a group
    everywhere: kept
welcome
    conversing: HowCanIHelp
    title: nothing to answer
    form: nothing to answer
    description: nothing to answer
    e-mail: nothing to answer
    confirming: nothing to answer
    creating: nothing to answer
    with a person: nothing to answer
    silent: noted
    closed: Welcome
status, sent
status, delivered
status, read
status, played
    everywhere: settled
"""

/// Each element with its cells, in the order of the places.
let private rows: (string * string list) list =
    elements
    |> List.map (fun (name, body) ->
        let update = readOne body
        name, places |> List.map (fun (_, session) -> outcome session update))

/// Elements with the same answers everywhere stand above the same lines.
let private written: string =
    rows
    |> List.groupBy snd
    |> List.collect (fun (cells, alike) -> [
        yield! List.map fst alike

        match List.distinct cells with
        | [ same ] -> $"    everywhere: %s{same}"
        | _ ->
            for (place, _), cell in List.zip places cells do
                $"    %s{place}: %s{cell}"
    ])
    |> String.concat "\n"

[<Fact>]
let ``everything that can be sent has its answer at every place`` () = Assert.Equal(expected.Trim(), written)

[<Fact>]
let ``no cell is empty: everything is answered, passed on, or kept for a reason that is named`` () =
    Assert.Equal(elements.Length, rows |> List.map fst |> List.distinct |> List.length)

    for name, cells in rows do
        Assert.Equal(places.Length, cells.Length)
        Assert.All(cells, fun cell -> Assert.False(String.IsNullOrWhiteSpace cell, name))

let private customer: Customer = {
    Id = CustomerId ""
    Phone = None
    Name = None
}

let private casesOf (union: Type) =
    FSharpType.GetUnionCases union |> Array.map _.Name |> Set.ofArray

let private factsOf =
    elements
    |> List.choose (fun (_, body) ->
        match readOne body with
        | CustomerDid(_, _, _, _, fact) -> Some fact
        | _ -> None)

[<Fact>]
let ``each kind of file, place and card has its row`` () =
    let there =
        factsOf
        |> List.choose (function
            | MediaReceived media -> Some(nameOf media.Kind)
            | _ -> None)
        |> Set.ofList

    Assert.Equal<Set<string>>(casesOf typeof<MediaKind>, there)

[<Fact>]
let ``each fact that comes from a customer has its row`` () =
    let fromCustomer =
        FSharpType.GetUnionCases typeof<Fact>
        |> Array.filter (fun case ->
            let first = (Array.head (case.GetFields())).PropertyType

            List.contains first [
                typeof<MessageId>
                typeof<CustomerText>
                typeof<CustomerChoice>
                typeof<CustomerMedia>
                typeof<FormAnswer>
            ])
        |> Array.map _.Name
        |> Set.ofArray

    Assert.True(fromCustomer.Count >= 6)

    Assert.Equal<Set<string>>(
        fromCustomer |> Set.remove (nameOf (CustomerMoved(MessageId "", customer))),
        factsOf |> List.map nameOf |> Set.ofList
    )

[<Fact>]
let ``each phase and each step of the ticket has its place`` () =
    let phases = places |> List.map (fun (_, session) -> nameOf session.Phase)
    Assert.Equal<Set<string>>(casesOf typeof<Phase>, Set.ofList phases)

    let steps =
        places
        |> List.choose (fun (_, session) ->
            match session.Phase with
            | TicketCreation(_, step) -> Some(nameOf step)
            | Conversing _
            | WithAgent _
            | Closed _ -> None)

    Assert.Equal<Set<string>>(casesOf typeof<Step>, Set.ofList steps)

[<Fact>]
let ``each status has its row`` () =
    let there =
        elements
        |> List.choose (fun (_, body) ->
            match readOne body with
            | StatusCame(_, _, status, _, _) -> Some(nameOf status)
            | _ -> None)
        |> Set.ofList

    Assert.Equal<Set<string>>(casesOf typeof<DeliveryStatus>, there)
