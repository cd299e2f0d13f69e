/// Every limit of Meta's on what is sent (references/whatsapp-cloud-api.md, section 3), at it, one below and one
/// above: as the check ahead of each call judges it, as the published contract does, and as Meta would get it.
module FunctionalBot.Tests.OutboundLimitsTests

open System
open System.Text
open System.Threading
open System.Threading.Tasks
open FSharp.Reflection
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.WhatsAppApiStage
open Xunit

let private uploaded: UploadedFile = {
    Id = "1"
    MimeType = "application/pdf"
    Name = "plano.pdf"
}

let private address = "https://example.com/ayuda"

let private form: FormInvitation = {
    Body = "¿Qué pasa?"
    Button = "Rellenar"
    Flow = FlowId "1"
    Mode = PublishedFlow
    Token = "token"
    Screen = None
}

/// A bounded part, its limit as section 3 has it, and a message in which the part is this text.
let private texts: (LimitedPart * int * (string -> Outgoing)) list = [
    LimitedPart.Text, 4096, TextMessage >> saying
    LimitedPart.Body, 1024, (fun text -> saying (ButtonMessage(text, [ "a", "A" ])))
    LimitedPart.Body, 1024, (fun text -> saying (ListMessage(text, "Ver", [ "a", "A", None ])))
    LimitedPart.Body, 1024, (fun text -> saying (LinkMessage(text, "Ver", address)))
    LimitedPart.Body, 1024, LocationRequest >> saying
    LimitedPart.Body, 1024, ContactRequest >> saying
    LimitedPart.ButtonId, 256, (fun text -> saying (ButtonMessage("¿Sí?", [ text, "A"; "b", "B" ])))
    LimitedPart.ButtonTitle, 20, (fun text -> saying (ButtonMessage("¿Sí?", [ "a", "A"; "b", text ])))
    LimitedPart.ListButton, 20, (fun text -> saying (ListMessage("Elige", text, [ "a", "A", None ])))
    LimitedPart.RowId, 200, (fun text -> saying (ListMessage("Elige", "Ver", [ text, "A", None ])))
    LimitedPart.RowTitle, 24, (fun text -> saying (ListMessage("Elige", "Ver", [ "a", text, None ])))
    LimitedPart.RowDescription,
    72,
    (fun text -> saying (ListMessage("Elige", "Ver", [ "a", "A", None; "b", "B", Some text ])))
    LimitedPart.Body, 1024, (fun text -> saying (FormMessage { form with Body = text }))
    LimitedPart.FormButton, 30, (fun text -> saying (FormMessage { form with Button = text }))
    LimitedPart.LinkLabel, 20, (fun text -> saying (LinkMessage("Mira", text, address)))
    LimitedPart.Caption, 1024, (fun text -> saying (ImageMessage(uploaded, Some text)))
    LimitedPart.Caption, 1024, (fun text -> saying (DocumentMessage(uploaded, Some text)))
    LimitedPart.FileName, 240, (fun text -> saying (DocumentMessage({ uploaded with Name = text }, None)))
    LimitedPart.CallbackData,
    512,
    (fun text -> {
        saying (TextMessage "Hola") with
            Callback = text
    })
]

/// A part of which there may be so many.
let private counts: (LimitedPart * int * (int -> Outgoing)) list = [
    LimitedPart.Buttons,
    3,
    (fun count ->
        saying (ButtonMessage("¿Sí?", [ for number in 1..count -> $"id-%d{number}", $"Botón %d{number}" ])))
    LimitedPart.Rows,
    10,
    (fun count ->
        saying (
            ListMessage(
                "Elige",
                "Ver",
                [ for number in 1..count -> $"id-%d{number}", $"Fila %d{number}", None ]
            )
        ))
]

/// Texts of so many UTF-16 units. In the second the last character takes two of them and is one code point; in
/// the third nothing else does. A form's button takes neither.
let private ofLength part length = [
    String('x', length)
    if part <> LimitedPart.FormButton then
        String('x', length - 2) + "😀"
        (if length % 2 = 0 then "" else "x") + String.replicate (length / 2) "👍"
]

let private contract = lazy (ContractSchema.whatsApp ())

/// What the contract says; the test goes on without it where the file is not here.
let private contractProblems outgoing =
    match contract.Force() with
    | Some contract ->
        Some(
            ContractSchema.problems
                contract
                "Message"
                (Encoding.UTF8.GetString(WhatsAppRequest.message outgoing))
        )
    | None -> None

let private isTaken part (outgoing: Outgoing) =
    Assert.True(OutboundLimits.problemsOf outgoing |> List.isEmpty, $"%A{part}")

    Assert.True(
        contractProblems outgoing |> Option.forall List.isEmpty,
        $"%A{part}: %A{contractProblems outgoing}"
    )

let private isRefused part most (outgoing: Outgoing) =
    let problem = Assert.Single(OutboundLimits.problemsOf outgoing)
    Assert.EndsWith($"has %d{most + 1}, at most %d{most} are taken", problem)

    Assert.True(contractProblems outgoing |> Option.forall (List.isEmpty >> not), $"%A{part}")

[<Fact>]
let ``no limit is forgotten, and each is the documented one`` () =
    let expected =
        FSharpType.GetUnionCases typeof<LimitedPart>
        |> Array.map (fun case -> unbox<LimitedPart>(FSharpValue.MakeUnion(case, [||])))
        |> Set.ofArray

    let rows =
        (texts |> List.map (fun (part, most, _) -> part, most))
        @ (counts |> List.map (fun (part, most, _) -> part, most))

    Assert.Equal<Set<LimitedPart>>(expected, rows |> List.map fst |> Set.ofList)

    for part, most in rows do
        Assert.Equal((part, most), (part, OutboundLimits.most part))

    // The core, which cuts long answers, cannot see the table.
    Assert.Equal(OutboundLimits.most LimitedPart.Text, LongAnswer.messageLimit)

[<Fact>]
let ``a text is taken at its limit and one below, and refused one above, by the check and by the contract``
    ()
    =
    for part, most, make in texts do
        for length in [ most - 1; most ] do
            for text in ofLength part length do
                isTaken part (make text)

        for text in ofLength part (most + 1) do
            isRefused part most (make text)

[<Fact>]
let ``as many buttons and rows are taken as the limit says, and neither more nor none`` () =
    for part, most, make in counts do
        for count in [ 1; most - 1; most ] do
            isTaken part (make count)

        isRefused part most (make (most + 1))
        let problem = Assert.Single(OutboundLimits.problemsOf (make 0))
        Assert.EndsWith("is empty", problem)

        Assert.True(
            contractProblems (make 0) |> Option.forall (List.isEmpty >> not)
            || part = LimitedPart.Rows
        )

[<Fact>]
let ``what Meta refuses besides its lengths is found, and nothing of the text is told`` () =
    let secret = "secreto"

    for message, expected in
        [
            TextMessage " \n", "is blank"
            ButtonMessage(secret, [ "a", "A"; "a", "B" ]), "a button's id occurs twice"
            ButtonMessage(secret, [ "a", "A"; "b", "A" ]), "a button's title occurs twice"
            ButtonMessage(secret, [ " a", "A" ]), "a button's id has a blank at an end"
            ButtonMessage(secret, [ "a", "" ]), "a button's title is blank"
            ButtonMessage(" ", [ "a", "A" ]), "the text above the buttons is blank"
            ListMessage(secret, "Ver", [ "a", "A", None; "a", "B", None ]), "a row's id occurs twice"
            ListMessage(secret, "Ver", [ "a ", "A", None ]), "a row's id has a blank at an end"
            ListMessage(secret, "Ver", [ "a", "A", Some "" ]), "a row's description is blank"
            ListMessage(secret, "", [ "a", "A", None ]), "the title of the list's button is blank"
            LinkMessage(secret, "Ver", "javascript:alert(1)"), "the link's address is none of the web"
            LinkMessage(secret, "Ver", "/ayuda"), "the link's address is none of the web"
            LinkMessage(secret, "Ver", "ftp://example.com"), "the link's address is none of the web"
            LocationRequest "", "the text above the buttons is blank"
            FormMessage { form with Button = "Rellenar 📝" }, "the title of the form's button has an emoji"
            ImageMessage({ uploaded with Id = "" }, Some secret), "the file has no id"
            ImageMessage(uploaded, Some " "), "the caption is blank"
            DocumentMessage({ uploaded with Name = " " }, None), "the file's name is blank"
            TemplateMessage {
                Name = ""
                Language = "es"
                Parameters = []
                Payloads = []
            },
            "the template has no name"
            TemplateMessage {
                Name = "reply"
                Language = "es"
                Parameters = [ { Place = None; Text = secret }; { Place = Some "ticket"; Text = "" } ]
                Payloads = []
            },
            "a place of the template would be blank"
            ReactionMessage(MessageId "", "👍"), "the reaction is on no message"
        ] do
        let problem = Assert.Single(OutboundLimits.problems message)
        Assert.EndsWith(expected, problem)

/// A WhatsApp that takes everything, and counts what it was given.
let private counting (calls: int ref) : WhatsAppPort = {
    Send =
        fun _ _ ->
            calls.Value <- calls.Value + 1
            Task.FromResult(Accepted(MessageId "wamid.1"))
    MarkRead = fun _ message _ -> Task.FromResult(Accepted message)
    Upload = fun _ _ _ -> Task.FromResult(Error(Refused(0, "unused")))
}

[<Fact>]
let ``what Meta would refuse does not reach it, and ends as if Meta had`` () : Task = task {
    for part, most, make in texts do
        let calls = ref 0
        let port = OutboundCheck.around (counting calls)
        let! taken = port.Send (make (String('x', most))) CancellationToken.None
        Assert.Equal((part, Accepted(MessageId "wamid.1"), 1), (part, taken, calls.Value))

        match! port.Send (make (String('x', most + 1))) CancellationToken.None with
        | Refused(100, reason) ->
            Assert.Contains($"at most %d{most} are taken", reason)
            Assert.DoesNotContain("xxx", reason)
        | outcome -> failwith $"%A{part}: %A{outcome}"

        Assert.Equal((part, 1), (part, calls.Value))
}

[<Fact>]
let ``a message to nobody does not reach Meta`` () : Task = task {
    let calls = ref 0

    let nobody: Recipient = {
        Phone = None
        BusinessScopedId = None
    }

    match!
        (OutboundCheck.around (counting calls)).Send
            {
                saying (TextMessage "Hola") with
                    Recipient = nobody
            }
            CancellationToken.None
    with
    | Refused(100, reason) -> Assert.Contains("neither a phone number nor an id", reason)
    | outcome -> failwith $"%A{outcome}"

    Assert.Equal(0, calls.Value)
}
