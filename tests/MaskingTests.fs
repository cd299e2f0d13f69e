/// Conversations without personal data, and the files made of them.
module FunctionalBot.Tests.MaskingTests

open System
open System.IO
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay
open FunctionalBot.Tests.Recorded
open FunctionalBot.Tests.RandomConversations

/// As it comes back from the database.
let private stored (events: Event list) =
    match RecordedRow.decode events.Head.Session (Regression.rowsOf events) with
    | Ok events -> events
    | Error problem -> failwith $"%A{problem}"

let private regressionOf masked session rows =
    match Regression.ofRows Transition.transition masked session rows with
    | Ok regression -> regression
    | Error problem -> failwith $"%A{problem}"

let private opened (_: Session) =
    SessionOpened(
        {
            Id = sessionId.Customer
            Phone = Some "34600111222"
            Name = Some "Leocadia Ríos"
        },
        Spanish,
        {
            Quiet = TimeSpan.Zero
            Idle = TimeSpan.FromMinutes 30.
        }
    )

let private text id words (_: Session) =
    TextReceived {
        Message = MessageId id
        Text = words
        Quoted = None
    }

let private textsOf (events: Event list) =
    events
    |> List.choose (fun event ->
        match event.Fact with
        | TextReceived text -> Some text.Text
        | _ -> None)

[<Fact>]
let ``a masked conversation goes the same way, and nobody can be found in it`` () =
    holdsFor 1_000 (fun events ->
        let events = stored events
        let session = events.Head.Session
        let masked = Masking.events session events
        Assert.Equal(None, Masking.parts Transition.transition (session, events) masked)

        let file =
            Regression.write (regressionOf true (fst masked) (Regression.rowsOf (snd masked)))

        Assert.Equal(0, Masking.leaks session events file))

[<Fact>]
let ``a reaction that looks like a yes stays one, and another does not become one`` () =
    for emoji in [ "👍"; "✅"; "😢"; "🎉" ] do
        let events =
            eventsFrom sessionId [
                opened
                text "wamid.A" "quiero abrir un ticket"
                text "wamid.B" "La taladradora no enciende"
                text "wamid.C" "La compré ayer."
                text "wamid.D" "saltar"
                fun _ -> ReactionReceived(MessageId "wamid.E", MessageId "wamid.0", Some emoji)
            ]

        let masked = Masking.events sessionId events
        Assert.Equal(None, Masking.parts Transition.transition (sessionId, events) masked)

[<Fact>]
let ``somebody who would rather be asked than fill in a form says so under a mask too`` () =
    let offered (_: Session) =
        CircumstancesChanged {
            Circumstances.usual with
                HasForm = true
        }

    let events =
        eventsFrom sessionId [
            opened
            offered
            text "wamid.A" "quiero abrir un ticket"
            text "wamid.B" "prefiero paso a paso"
            fun session ->
                FormAnswered {
                    Message = MessageId "wamid.C"
                    Token = session.Form |> Option.map CommandKey.text
                    Fields = [
                        "title", "La lavadora de Leocadia gotea"
                        "description", "Desde ayer"
                        "email", "leocadia@gmail.com"
                    ]
                    Files = []
                }
        ]

    let masked = Masking.events sessionId events
    Assert.Equal(None, Masking.parts Transition.transition (sessionId, events) masked)

    match (List.last (snd masked)).Fact with
    | FormAnswered form ->
        for _, value in form.Fields do
            Assert.DoesNotContain("leocadia", value, StringComparison.OrdinalIgnoreCase)
    | other -> failwith $"%A{other}"

[<Fact>]
let ``what the rules listen for stays, everything else becomes something of the same length`` () =
    let session, masked =
        eventsFrom sessionId [
            opened
            text "wamid.A" "Hola, soy Leocadia: quiero abrir un ticket, mi correo es leocadia.rios@gmail.com"
            text "wamid.B" "LEOCADIA 600 111 222 😀 Íñigo"
        ]
        |> Masking.events sessionId

    match textsOf masked with
    | [ first; second ] ->
        Assert.StartsWith("Hola, ", first)
        Assert.Contains("quiero abrir un ticket, mi", first)
        Assert.EndsWith("@example.com", first)
        Assert.Contains("😀", second)

        for personal in [ "leocadia"; "rios"; "ríos"; "gmail"; "600"; "íñigo" ] do
            Assert.DoesNotContain(personal, first, StringComparison.OrdinalIgnoreCase)
            Assert.DoesNotContain(personal, second, StringComparison.OrdinalIgnoreCase)

        // The same person is the same stand-in, in whatever case, and in the profile too.
        let standIn = second.Split(' ')[0]
        Assert.Equal("LEOCADIA".Length, standIn.Length)
        Assert.Contains(standIn, first, StringComparison.OrdinalIgnoreCase)

        match masked.Head.Fact with
        | SessionOpened(customer, _, _) ->
            Assert.StartsWith(
                standIn,
                Option.defaultValue "" customer.Name,
                StringComparison.OrdinalIgnoreCase
            )

            Assert.NotEqual(Some "34600111222", customer.Phone)
            Assert.Equal(session.Customer, customer.Id)
        | other -> failwith $"%A{other}"
    | other -> failwith $"%A{other}"

[<Fact>]
let ``a conversation that would go another way is found by the event where it does`` () =
    let events =
        eventsFrom sessionId [ opened; text "wamid.A" "hola"; text "wamid.B" "adiós" ]

    let other =
        eventsFrom sessionId [ opened; text "wamid.A" "hola"; text "wamid.B" "¿abren hoy?" ]

    Assert.Equal(Some 3L, Masking.parts Transition.transition (sessionId, events) (sessionId, other))

[<Fact>]
let ``an id, a phone, a name or an address that still stands is found`` () =
    let events =
        eventsFrom sessionId [ opened; text "wamid.HBgL" "escríbame a ana.rios@ejemplo.es, por favor" ]

    let (CustomerId id) = sessionId.Customer

    for value in [ id; "34600111222"; "leocadia ríos"; "wamid.HBgL"; "ana.rios@ejemplo.es" ] do
        Assert.Equal(1, Masking.leaks sessionId events $"before %s{value} behind")

    Assert.Equal(0, Masking.leaks sessionId events "nobody")

[<Fact>]
let ``what comes with a file says nothing of whose it is, and is looked for too`` () =
    let media =
        MediaReceived {
            Message = MessageId "wamid.C"
            Kind = Document
            MediaId = None
            MimeType = Some "Application/PDF; name=contrato.de.leocadia@ejemplo.es"
            Sha256 = None
            FileName = Some "ana@ejemplo.es (2).pdf"
            Caption = Some "de eva@ejemplo.es"
            Content = None
        }

    let strange =
        MediaReceived {
            Message = MessageId "wamid.D"
            Kind = Document
            MediaId = None
            MimeType = Some "leocadia"
            Sha256 = None
            FileName = None
            Caption = None
            Content = None
        }

    let pressed =
        ChoicePicked {
            Message = MessageId "wamid.E"
            ChoiceId = "x"
            Title = "a luz@ejemplo.es"
            Quoted = None
        }

    let events =
        eventsFrom sessionId (opened :: List.map (fun fact -> fun _ -> fact) [ media; strange; pressed ])

    let session, masked = Masking.events sessionId events

    Assert.Equal<string option list>(
        [ Some "application/pdf"; Some "application/octet-stream" ],
        [
            for event in masked do
                match event.Fact with
                | MediaReceived media -> media.MimeType
                | _ -> ()
        ]
    )

    for address in [ "contrato.de.leocadia"; "ana"; "eva"; "luz" ] do
        Assert.Equal(1, Masking.leaks sessionId events $"before %s{address}@ejemplo.es behind")

    let file = Regression.write (regressionOf true session (Regression.rowsOf masked))
    Assert.Equal(0, Masking.leaks sessionId events file)

[<Fact>]
let ``a conversation in which another question is asked has gone another way`` () =
    let ticket step : Session = {
        Session.initial sessionId with
            Phase = TicketCreation(Draft.empty, step)
    }

    let outlines =
        [ AskingTitle; AskingDescription; AskingEmail ]
        |> List.map (ticket >> SessionWords.outline)

    Assert.Equal(3, (List.distinct outlines).Length)

[<Fact>]
let ``a regression file comes back as it was written, and holds`` () =
    holdsFor 300 (fun events ->
        let events = stored events
        let written = regressionOf false events.Head.Session (Regression.rowsOf events)

        match Regression.read (Regression.write written) with
        | Error problem -> failwith problem
        | Ok read ->
            Assert.Equal(written.Session, read.Session)
            Assert.Equal(written.Commands.Length, read.Commands.Length)
            Assert.Empty(Regression.check Transition.transition read))

[<Fact>]
let ``a step that does something else fails its regression file, by commands and by end state`` () =
    let events = eventsFrom sessionId [ opened; text "wamid.1" "hola" ]
    let regression = regressionOf false sessionId (Regression.rowsOf events)

    let silent session event =
        fst (Transition.transition session event), []

    Assert.Contains(
        Regression.check silent regression,
        fun problem -> problem.Contains "event 2: say" && problem.Contains "expected and not asked for"
    )

    let forgetful session event =
        let next, commands = Transition.transition session event
        { next with Introduced = false }, commands

    Assert.Equal<string list>(
        [ "end state, introduced: expected yes, is no" ],
        Regression.check forgetful regression
    )

[<Fact>]
let ``what is no regression file is refused with a reason`` () =
    let written =
        eventsFrom sessionId [ opened ]
        |> Regression.rowsOf
        |> regressionOf false sessionId
        |> Regression.write

    for broken in
        [
            ""
            "[]"
            "{}"
            written.Replace("\"version\": 1,\n  \"stream\"", "\"version\": 2,\n  \"stream\"")
            written.Replace("\"stream\": \"session/", "\"stream\": \"")
            written.Replace("\"events\"", "\"happenings\"")
        ] do
        Assert.NotEqual<string>(written, broken)
        Assert.True(Result.isError (Regression.read broken), broken)

/// Every file in data/regressions.
let files =
    TheoryData<string>(
        Directory.GetFiles(Repository.path "data/regressions", "*.json")
        |> Array.map Path.GetFileName
        |> Array.map string
        |> Array.sort
    )

[<Theory; MemberData(nameof files)>]
let ``recorded conversations are still decided as their files say`` (file: string) =
    match Regression.read (Repository.read ("data/regressions/" + file)) with
    | Error problem -> failwith $"%s{file}: %s{problem}"
    | Ok regression ->
        Assert.True(regression.Masked, "personal data has no place in the repository")
        Assert.Equal<string list>([], Regression.check Transition.transition regression)
