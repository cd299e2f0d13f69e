module FunctionalBot.Tests.PhrasesTests

open System
open System.Globalization
open System.IO
open System.Text.Json.Nodes
open FSharp.Reflection
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open Xunit

let private phrasesFolder = Repository.path "data/phrases"

let private book =
    lazy
        (match Phrases.load phrasesFolder with
         | Ok book -> book
         | Error problems -> failwith (String.Join("\n", problems)))

let private business = {
    Name = "Tienda Aurora"
    Contact = "900 100 200 (9 a 18 h)"
}

let private get outcome =
    match outcome with
    | Ok value -> value
    | Error problem -> failwith $"%A{problem}"

let private title text = get (TicketTitle.create text)
let private description text = get (TicketDescription.create text)
let private email text = get (EmailAddress.create text)

// -- Random data
// -------------------------------------------------------------------------------------------------

/// Pieces that break naive text handling: long graphemes, markup, links, line breaks, halves of emoji,
/// placeholders.
let private pieces = [
    "a"
    "Hola, ¿qué tal? "
    "palabra "
    "👨‍👩‍👧‍👦"
    "🇪🇸"
    "👍🏽"
    "e\u0301"
    "a" + String.replicate 30 "\u0323"
    "*"
    "_"
    "~"
    "```"
    "*️⃣"
    "**negrita** "
    "{name}"
    "{"
    "\n"
    "\r\n"
    "\n\n- "
    "> "
    "# "
    "[x](https://example.com/a_b) "
    "| a | b |\n"
    "\t"
    "\u200B"
    "\uD83D"
    "\u0000"
    " "
    ". "
    "اللغة "
]

let private anyText: Gen<string> =
    Gen.frequency [
        1, Gen.constant ""
        6, Gen.elements pieces |> Gen.listOf |> Gen.map (String.concat "")
        2, Gen.elements pieces |> Gen.listOfLength 400 |> Gen.map (String.concat "")
        1,
        Gen.elements pieces
        |> Gen.map (fun piece -> String.replicate (6000 / piece.Length) piece)
    ]

let private valid create fallback limit =
    anyText
    |> Gen.map (fun (text: string) ->
        match create (text.Substring(0, min limit text.Length)) with
        | Ok value -> value
        | Error _ -> fallback)

let private ticket: Gen<Ticket> = gen {
    let! title = valid TicketTitle.create (title "Título") TicketTitle.limit

    let! description =
        valid TicketDescription.create (description "Texto") TicketDescription.limit

    let! email =
        Gen.elements [
            None
            Some(email "ana@example.com")
            Some(email ("_" + String('a', 62) + "_@" + String.replicate 3 (String('b', 60) + ".") + "es"))
        ]

    let! purpose = Gen.elements [ Support; HandOver ]
    let! files = Gen.elements [ None; Some 1; Some 10 ]

    return {
        Purpose = purpose
        Title = title
        Description = description
        Email = email
        Files = files
    }
}

let private reference: Gen<TicketReference> =
    anyText |> Gen.map (fun number -> { Id = 1L; Number = number })

let private ticketSummary: Gen<TicketSummary> = gen {
    let! reference = reference
    let! title = anyText
    let! stage = anyText
    let! closed = Gen.elements [ true; false ]

    return {
        Reference = reference
        Title = title
        Stage = stage
        Closed = closed
    }
}

/// A value for a field of a union case, by its type.
let rec private ofType (kind: Type) : Gen<objnull> =
    if kind = typeof<string> then
        Gen.map box anyText
    elif kind = typeof<bool> then
        Gen.map box (Gen.elements [ true; false ])
    elif kind = typeof<int> then
        Gen.map box (Gen.elements [ 0; 5000; Int32.MaxValue ])
    elif kind = typeof<int64> then
        Gen.map box (Gen.elements [ 0L; Int64.MaxValue ])
    elif kind = typeof<Ticket> then
        Gen.map box ticket
    elif kind = typeof<TicketReference> then
        Gen.map box reference
    elif kind = typeof<TicketSummary list> then
        Gen.map box (Gen.listOf ticketSummary)
    elif kind = typeof<string option> then
        Gen.map box (Gen.optionOf anyText)
    elif kind = typeof<DateTimeOffset option> then
        Gen.map
            box
            (Gen.elements [ None; Some(DateTimeOffset(2026, 12, 31, 9, 30, 0, TimeSpan.FromHours 1.)) ])
    elif kind = typeof<Notice option> then
        Gen.map box (Gen.optionOf (Gen.map unbox<Notice> (ofType typeof<Notice>)))
    elif FSharpType.IsUnion(kind, true) then
        FSharpType.GetUnionCases kind |> Gen.elements |> Gen.bind ofCase
    else
        failwith $"no generator for %s{kind.Name}"

and private ofCase (case: UnionCaseInfo) : Gen<objnull> =
    case.GetFields()
    |> Array.map (fun field -> ofType field.PropertyType)
    |> Gen.sequenceToArray
    |> Gen.map (fun values -> FSharpValue.MakeUnion(case, values))

let private phraseCases = FSharpType.GetUnionCases typeof<Phrase>

let private utteranceOf (case: UnionCaseInfo) : Gen<Utterance> = gen {
    let! phrase = ofCase case
    let! choices = Gen.listOf (Gen.map unbox<Choice> (ofType typeof<Choice>))
    let! count = Gen.elements [ 0; 1; 2; 3; 4; 15 ]
    let! language = Gen.elements PhraseBook.languages

    return {
        Phrase = unbox<Phrase> phrase
        Choices = List.truncate count choices
        Language = language
        ReplyTo = None
        Invitation = None
        File = None
        Introduce = None
    }
}

/// Any utterance, with any data in it.
let utterance: Gen<Utterance> = Gen.elements phraseCases |> Gen.bind utteranceOf

// -- Limits
// ------------------------------------------------------------------------------------------------------

let private isFit limit (text: string) =
    text.Length <= limit && not (String.IsNullOrWhiteSpace text)

let private areDistinct texts = List.distinct texts = texts

/// Meta's limits for each kind of message that phrases become.
let private fits message =
    match message with
    | TextMessage body -> isFit 4096 body
    | ButtonMessage(body, buttons) ->
        isFit 1024 body
        && buttons.Length >= 1
        && buttons.Length <= 3
        && areDistinct (List.map fst buttons)
        && areDistinct (List.map snd buttons)
        && buttons
           |> List.forall (fun (id, title) -> isFit 256 id && isFit 20 title && title.Trim() = title)
    | ListMessage(body, button, rows) ->
        isFit 1024 body
        && isFit 20 button
        && rows.Length >= 1
        && rows.Length <= 10
        && areDistinct (rows |> List.map (fun (id, _, _) -> id))
        && rows
           |> List.forall (fun (id, title, about) ->
               isFit 200 id && isFit 24 title && about |> Option.forall (isFit 72))
    | other -> failwith $"no phrase becomes %A{other}"

let private render utterance =
    Phrases.render (book.Force()) business utterance None

let private bodyOf message =
    match message with
    | TextMessage body
    | ButtonMessage(body, _)
    | ListMessage(body, _, _) -> body
    | other -> failwith $"no phrase becomes %A{other}"

[<Fact>]
let ``every phrase in every language fits WhatsApp with whatever is put into it`` () =
    for case in phraseCases do
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest 60,
            Prop.forAll (Arb.fromGen (utteranceOf case)) (render >> fits)
        )

[<Fact>]
let ``a business with any name and contact fits too`` () =
    let inputs = Gen.zip3 anyText anyText utterance |> Arb.fromGen

    let property (name, contact, utterance) =
        fits (Phrases.render (book.Force()) { Name = name; Contact = contact } utterance None)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll inputs property)

[<Fact>]
let ``a message ends between graphemes`` () =
    let property (count, extra) =
        let family = "👨‍👩‍👧‍👦"
        let text = String.replicate extra "x" + String.replicate count family
        let cut = (Graphemes.cut 1024 text).TrimEnd('…')
        let left = cut.Length - min extra cut.Length
        left % family.Length = 0

    let inputs = Gen.zip (Gen.choose (0, 400)) (Gen.choose (0, 30)) |> Arb.fromGen
    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll inputs property)

[<Fact>]
let ``cutting keeps to the limit and to whole graphemes of the text`` () =
    let inputs = Gen.zip anyText (Gen.choose (2, 200)) |> Arb.fromGen

    let property (text: string, limit) =
        let check (cut: string) =
            let kept =
                if text.Length <= limit then
                    cut
                else
                    cut.Substring(0, cut.Length - 1)

            let borders = StringInfo.ParseCombiningCharacters text

            let endsAtBorder =
                kept.Length = text.Length
                || Array.contains kept.Length borders
                // A first grapheme that is longer than the limit has to be broken.
                || (borders.Length > 1 && borders[1] > limit - 1)
                || (borders.Length = 1 && text.Length > limit)

            cut.Length <= limit
            && text.StartsWith(kept, StringComparison.Ordinal)
            && endsAtBorder

        check (Graphemes.cut limit text) && check (Graphemes.cutAtSentence limit text)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 1000, Prop.forAll inputs property)

[<Fact>]
let ``a cut prefers the end of a sentence`` () =
    let text = "Primera frase. Segunda frase aquí. Y una tercera que no cabe entera"
    Assert.Equal("Primera frase. Segunda frase aquí.…", Graphemes.cutAtSentence 45 text)
    Assert.Equal("palabra palabra palabra…", Graphemes.cutAtSentence 28 (String.replicate 9 "palabra "))
    Assert.Equal("abc", Graphemes.cutAtSentence 3 "abc")

// -- Content
// -----------------------------------------------------------------------------------------------------

let private say language phrase choices =
    render {
        Phrase = phrase
        Choices = choices
        Language = language
        ReplyTo = None
        Invitation = None
        File = None
        Introduce = None
    }

let private visible (text: string) = text.Replace("\u200B", "")

[<Fact>]
let ``a summary that fits shows exactly what was typed`` () =
    let property (ticket: Ticket) =
        let body =
            say Spanish (Ask(IsThisRight ticket, None)) [ Confirm 7L; ChangeSomething; CancelTicket ]
            |> bodyOf

        let shown = visible body
        let whole = TicketDescription.value ticket.Description
        let title = TicketTitle.value ticket.Title

        shown.Contains(title, StringComparison.Ordinal)
        && (ticket.Email
            |> Option.forall (fun address -> shown.Contains(EmailAddress.value address)))
        && (shown.Contains("\n" + whole + "\n", StringComparison.Ordinal)
            || (whole.Length > 200 && shown.Contains($" %d{whole.Length} caracteres")))

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 500, Prop.forAll (Arb.fromGen ticket) property)

[<Fact>]
let ``a long description is shown from its beginning and said to go on`` () =
    let words = String.replicate 350 "palabras * "

    let ticket = {
        Purpose = Support
        Title = title (String.replicate 60 "T*")
        Description = description words
        Email = Some(email "ana@example.com")
        Files = None
    }

    for about in
        [
            None
            Some PleaseConfirm
            Some(FieldRejected(DescriptionField, TooLong(99999, 4000)))
        ] do
        match say Spanish (Ask(IsThisRight ticket, about)) [ Confirm 7L; ChangeSomething; CancelTicket ] with
        | ButtonMessage(body, [ "confirm:7", _; "change", _; "cancel-ticket", _ ]) ->
            Assert.Contains("palabras * palabras", visible body)
            Assert.Contains("ana@example.com", body)
            Assert.Contains($"%d{words.Trim().Length} caracteres", body)
            Assert.EndsWith("¿Lo envío así?", body)
            Assert.InRange(body.Length, 600, 1024)
        | other -> failwith $"%A{other}"

[<Fact>]
let ``the customer's own asterisks do not pair with ours`` () =
    let ticket = {
        Purpose = Support
        Title = title "*urgente* y ```mono"
        Description = description "> cita\n- punto _x_ ana_maria"
        Email = None
        Files = None
    }

    let body = say Spanish (Ask(IsThisRight ticket, None)) [] |> bodyOf
    Assert.Contains("*Título*\n", body)
    Assert.DoesNotContain("*urgente*", body)
    Assert.DoesNotContain("```", body)
    Assert.DoesNotContain("\n> ", body)
    Assert.Contains("ana_maria", body)
    Assert.Contains("*urgente* y ```mono", visible body)

[<Fact>]
let ``the welcome says that this is a bot and how to reach a person`` () =
    let expectations = [
        Spanish, "asistente automático", "«persona»"
        English, "automated assistant", "“person”"
        Portuguese, "assistente automático", "“pessoa”"
    ]

    for language, bot, person in expectations do
        for phrase in [ Welcome None; Welcome(Some "Ana"); Welcome(Some " \n "); Answer("Sí.", true) ] do
            let body = say language phrase [] |> bodyOf
            Assert.Contains(bot, body)
            Assert.Contains(person, body)
            Assert.Contains("Tienda Aurora", body)

        Assert.Contains("Ana", say language (Welcome(Some "Ana")) [] |> bodyOf)
        Assert.DoesNotContain(bot, say language (Answer("Sí.", false)) [] |> bodyOf)

[<Fact>]
let ``a name of several lines stays one short line`` () =
    let body =
        say Spanish (Welcome(Some("Ana\nMaría " + String('x', 500)))) [] |> bodyOf

    Assert.StartsWith("¡Hola, Ana María xxx", body)
    Assert.InRange(body.Length, 50, 300)

[<Fact>]
let ``choices become buttons, then a list`` () =
    match say Spanish HowCanIHelp [ OpenTicket; OpenTicket; TalkToPerson ] with
    | ButtonMessage(_, [ "open-ticket", "Abrir un ticket"; "person", "Hablar con alguien" ]) -> ()
    | other -> failwith $"%A{other}"

    match say Spanish HowCanIHelp [ OpenTicket; CheckTickets; TalkToPerson; SayGoodbye ] with
    | ListMessage(_, "Ver opciones", rows) -> Assert.Equal(4, rows.Length)
    | other -> failwith $"%A{other}"

[<Fact>]
let ``a long answer is sent whole, with its choices in words`` () =
    let text = String.replicate 100 "Frase de la respuesta. "

    match say Spanish (Answer(text, false)) [ OpenTicket; TalkToPerson ] with
    | TextMessage body ->
        Assert.StartsWith(text.Trim(), body)
        Assert.EndsWith("Puedes escribir: «Abrir un ticket», «Hablar con alguien»", body)
    | other -> failwith $"%A{other}"

[<Fact>]
let ``tickets are listed by whole lines, with how many more there are`` () =
    let one number = {
        Reference = { Id = 1L; Number = number }
        Title = "La impresora no enciende desde que cambié el cartucho de tinta negra"
        Stage = "En curso"
        Closed = false
    }

    let found = [ for number in 1..30 -> one $"HT%05d{number}" ]
    let body = say Spanish (YourTickets found) [ OpenTicket ] |> bodyOf
    let lines = body.Split '\n' |> Array.filter (fun line -> line.Contains "HT")
    Assert.All(lines, (fun line -> Assert.EndsWith("En curso", line)))
    Assert.EndsWith($"… y %d{30 - lines.Length} más.", body)
    Assert.Contains("HT00042", say Spanish (TicketWasCreated { Id = 42L; Number = "HT00042" }) [] |> bodyOf)

[<Fact>]
let ``a business without a contact is told of without the sentence`` () =
    let silent = { business with Contact = " " }

    let utterance = {
        Phrase = PersonIsComing
        Choices = []
        Language = Spanish
        ReplyTo = None
        Invitation = None
        File = None
        Introduce = None
    }

    Assert.Contains("900 100 200", Phrases.render (book.Force()) business utterance None |> bodyOf)
    let body = Phrases.render (book.Force()) silent utterance None |> bodyOf
    Assert.EndsWith("en contacto contigo.", body)

[<Fact>]
let ``the thread shows what was said and the choices in brackets`` () =
    let utterance = {
        Phrase = Answer("**Sí**", false)
        Choices = [ OpenTicket; TalkToPerson ]
        Language = Spanish
        ReplyTo = None
        Invitation = None
        File = None
        Introduce = None
    }

    Assert.Equal(
        "**Sí**\n[Abrir un ticket | Hablar con alguien]",
        Phrases.renderText (book.Force()) business utterance
    )

// -- The files
// ---------------------------------------------------------------------------------------------------

[<Fact>]
let ``every case of a choice has its own key`` () =
    let cases =
        FSharpType.GetUnionCases typeof<Choice> |> Array.map _.Name |> Set.ofArray

    let listed =
        Wording.choices
        |> List.map (fun choice -> (fst (FSharpValue.GetUnionFields(choice, typeof<Choice>))).Name)
        |> Set.ofList

    Assert.Equal<Set<string>>(cases, listed)

    let fields =
        Wording.choices
        |> List.choose (function
            | Change field -> Some field
            | _ -> None)

    Assert.Equal(FSharpType.GetUnionCases(typeof<TicketField>).Length, fields.Length)

/// Loads a copy of the real files with one language's file changed.
let private loadWith (change: JsonObject -> unit) =
    let folder = Directory.CreateTempSubdirectory "phrases"

    try
        for language in PhraseBook.languages do
            let name = Language.code language + ".json"
            let text = File.ReadAllText(Path.Combine(phrasesFolder, name))
            let root = (nonNull (JsonNode.Parse text)).AsObject()

            if language = English then
                change root

            File.WriteAllText(Path.Combine(folder.FullName, name), root.ToJsonString())

        match Phrases.load folder.FullName with
        | Ok _ -> []
        | Error problems -> problems
    finally
        folder.Delete true

let private section (root: JsonObject) (name: string) = (nonNull root[name]).AsObject()

[<Fact>]
let ``every mistake in a phrase file is told at once, with file and key`` () =
    let problems =
        loadWith (fun root ->
            let phrases = section root "phrases"
            phrases.Remove "goodbye" |> ignore
            phrases["godbye"] <- JsonValue.Create "Bye"
            phrases["welcome"] <- JsonValue.Create "Hello {busines}"
            phrases["help"] <- JsonValue.Create "Help {business"
            phrases["how-can-i-help"] <- JsonValue.Create 3
            phrases["kind-image"] <- JsonValue.Create " "
            phrases["list-button"] <- JsonValue.Create(String('x', 21))
            let choices = section root "choices"
            (section choices "person")["title"] <- JsonValue.Create(String('x', 21))
            (section choices "back")["title"] <- JsonValue.Create "see My tickets"
            (section choices "confirm")["title"] <- JsonValue.Create "Yes "
            (section choices "goodbye")["description"] <- JsonValue.Create(String('x', 73))
            choices.Remove "change:email" |> ignore
            root["extra"] <- JsonValue.Create 1)

    for expected in
        [
            "phrases.goodbye is missing"
            "phrases.godbye is unknown"
            "phrases.welcome lacks {business}"
            "phrases.welcome has {busines}"
            "phrases.help has a \"{\" without"
            "phrases.how-can-i-help is not a text"
            "phrases.kind-image is empty"
            "phrases.list-button has 21 characters"
            "choices.person has a title of 21"
            "choices check-tickets, back have the same title"
            "choices.confirm has a title with a space"
            "choices.goodbye has a description of 73"
            "choices.change:email is missing"
            "extra is unknown"
        ] do
        Assert.Contains(
            problems,
            (fun problem -> problem.StartsWith("en.json: " + expected, StringComparison.Ordinal))
        )

    Assert.Equal(14, problems.Length)

[<Fact>]
let ``a missing file, broken JSON and a key that occurs twice are told`` () =
    let folder = Directory.CreateTempSubdirectory "phrases"

    try
        File.WriteAllText(Path.Combine(folder.FullName, "es.json"), "{\n \"phrases\": ,}")
        let real = File.ReadAllText(Path.Combine(phrasesFolder, "en.json"))
        let twice = real.Replace("\"phrases\": {", "\"phrases\": { \"goodbye\": \"Bye\",")
        File.WriteAllText(Path.Combine(folder.FullName, "en.json"), twice)

        match Phrases.load folder.FullName with
        | Error [ broken; again; missing ] ->
            Assert.Equal("es.json: is no JSON, line 2", broken)
            Assert.Equal("en.json: phrases.goodbye occurs twice", again)
            Assert.StartsWith("pt.json: is missing", missing)
        | other -> failwith $"%A{other}"
    finally
        folder.Delete true
