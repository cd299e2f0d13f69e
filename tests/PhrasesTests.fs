/// What the words say.
module FunctionalBot.Tests.PhrasesTests

open System
open System.IO
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Utterances
open Xunit

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
let ``a file's limit is told in the megabytes that it is set in`` () =
    for language in [ Spanish; English; Portuguese ] do
        for limit, told in [ 104_857_600L, " 100 MB"; 16_777_216L, " 16 MB"; 1L, " 1 MB" ] do
            let said = say language (FileNotTaken(Image, FileTooLarge limit)) [] |> bodyOf
            Assert.Contains(told, said)

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

/// What a text tells to be written, such as "persona" in «persona».
let private promised (language: Language) : (string * string) list =
    let file = Path.Combine(phrasesFolder, Language.code language + ".json")
    let phrases = (nonNull (JsonNode.Parse(File.ReadAllText file)))["phrases"]

    [
        for pair in (nonNull phrases).AsObject() do
            let text = (nonNull pair.Value).GetValue<string>()

            for found in Regex.Matches(text, "[«“]([^»”{}]+)[»”]") do
                pair.Key, found.Groups[1].Value
    ]

[<Fact>]
let ``what customers are told to write is understood, in each language`` () =
    for language in PhraseBook.languages do
        let all = promised language

        for phrase in
            [
                "welcome"
                "introduction"
                "welcome-from-ad"
                "opted-out"
                "opted-out-unsent"
                "fill-form"
            ] do
            Assert.Contains(phrase, List.map fst all)

        for phrase, words in all do
            let meaning =
                Rules.recognise words |> Option.map (fun found -> found.Meaning, found.Surplus)

            match phrase with
            | "fill-form" -> Assert.True(Rules.asksForSteps words, words)
            | "opted-out"
            | "opted-out-unsent" -> Assert.Equal(Some(Means WantsToHear, 0), meaning)
            | _ -> Assert.Equal(Some(Means WantsPerson, 0), meaning)

[<Fact>]
let ``each day of the week reads well where the team is back on it`` () =
    for day in 0..6 do
        let back = DateTimeOffset(2026, 11, 23 + day, 9, 0, 0, TimeSpan.FromHours 1.)

        let said language =
            say language (TeamIsAway(ClosedUntil(Some back, None))) [] |> bodyOf

        let date = $"%d{23 + day}/11"

        Assert.Matches(
            $"vuelve el (lunes|martes|miércoles|jueves|viernes|sábado|domingo) %s{date} a las 9:00",
            said Spanish
        )

        Assert.Matches($"back on [A-Z][a-z]+day %s{date} at 9:00", said English)
        // "na segunda-feira", but "no sábado": without either it is right for all.
        Assert.Matches($"de volta (sábado|domingo|[a-zç]+-feira), %s{date}, às 9:00", said Portuguese)
