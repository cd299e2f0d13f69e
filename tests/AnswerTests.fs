/// Answers of the assistant in the core: which message they quote, what the question carries, and how one that is too
/// long becomes several messages.
module FunctionalBot.Tests.AnswerTests

open System
open System.Globalization
open System.Text.RegularExpressions
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Scenarios
open Xunit

let private lastCommands scene =
    List.head scene.Commands |> List.map _.Action

let private saidLast scene =
    lastCommands scene
    |> List.choose (function
        | Say utterance -> Some utterance
        | _ -> None)

let private asked scene =
    lastCommands scene
    |> List.pick (function
        | AskAssistant question -> Some question
        | _ -> None)

let private wamid number = MessageId $"wamid.%d{number}"

// -- Quoting
// -----------------------------------------------------------------------------------------------------

[<Fact>]
let ``a question names the last message of its turn`` () =
    Assert.Equal(Some(wamid 0), (asked (opened |> writes "¿A qué hora abren?")).Message)

    let burst =
        openedWithQuietTime
        |> writes "hola"
        |> writes "una cosa"
        |> writes "¿a qué hora abren?"

    Assert.Equal(Some(wamid 2), (asked (pauses burst)).Message)
    // A sticker ends the turn and is not a part of it; a picture is.
    Assert.Equal(Some(wamid 2), (asked (burst |> sends Sticker)).Message)
    Assert.Equal(Some(wamid 3), (asked (burst |> sends Image |> pauses)).Message)
    // The stand-in is asked about the same.
    Assert.Equal(Some(wamid 2), (asked (burst |> pauses |> failsToAnswer)).Message)

[<Fact>]
let ``an answer quotes its message only where others came behind it`` () =
    let question = openedWithQuietTime |> writes "¿A qué hora abren?" |> pauses
    let answer = reply "A las 9."

    Assert.Equal<MessageId option list>(
        [ None ],
        question |> answers answer |> saidLast |> List.map _.ReplyTo
    )

    for behind in [ writes "y otra cosa"; sends Sticker ] do
        let said = question |> behind |> answers answer |> saidLast
        Assert.Equal<MessageId option list>([ Some(wamid 0) ], said |> List.map _.ReplyTo)

    // The stand-in's answer, too.
    let said =
        question |> failsToAnswer |> writes "¿hola?" |> answers answer |> saidLast

    Assert.Equal<MessageId option list>([ Some(wamid 0) ], said |> List.map _.ReplyTo)

[<Fact>]
let ``a question of the build before is read, and its answer quotes nothing`` () =
    let stored =
        """{"Case":"AskAssistant","Fields":[{"Turn":3,"Assistant":"Primary","Hint":null,"Language":"Spanish"}]}"""

    let written =
        Json.write (
            AskAssistant {
                Turn = 3L
                Assistant = Primary
                Hint = None
                Language = Spanish
                Message = None
            }
        )

    // What this build writes differs from it by the new member only.
    Assert.Equal(stored, written.Replace(",\"Message\":null", ""))

    match Json.read<Action> stored with
    | Ok(AskAssistant question) -> Assert.Equal(None, question.Message)
    | other -> failwith $"%A{other}"

// -- Several messages
// --------------------------------------------------------------------------------------------

let private book =
    lazy
        (match Phrases.load (Repository.path "data/phrases") with
         | Ok book -> book
         | Error problems -> failwith (String.Join("\n", problems)))

let private business = { Name = String('B', 60); Contact = "" }

let private bodyOf utterance =
    match Phrases.render (book.Force()) business utterance None with
    | TextMessage body
    | ButtonMessage(body, _)
    | ListMessage(body, _, _) -> body
    | other -> failwith $"no answer becomes %A{other}"

let private textOf phrase =
    match phrase with
    | Answer(text, _)
    | AnswerCutShort text -> text
    | other -> failwith $"%A{other}"

let private sentences count =
    String.replicate count "Frase de la respuesta que sigue. "

[<Fact>]
let ``an answer that fits is one message, and one that does not is as few as can be`` () =
    let count (text: string) =
        (LongAnswer.phrases false false text).Length

    Assert.Equal(1, count (String('x', 4095)))
    Assert.Equal(1, count (String('x', 4096)))
    Assert.Equal(2, count (String('x', 4097)))
    Assert.Equal(2, count (sentences 200))
    Assert.Equal(1, (LongAnswer.phrases true true "Sí.").Length)

[<Fact>]
let ``choices stand under the last part, and the first one introduces and quotes`` () =
    let scene =
        openedWithQuietTime
        |> writes "cuéntame todo sobre los envíos"
        |> pauses
        |> writes "y rápido"
        |> answers {
            reply (sentences 250) with
                Knows = false
        }

    let said = saidLast scene
    Assert.Equal(3, said.Length)
    Assert.Equal<Choice list list>([ []; []; [ OpenTicket; TalkToPerson ] ], said |> List.map _.Choices)
    Assert.Equal<MessageId option list>([ Some(wamid 0); None; None ], said |> List.map _.ReplyTo)

    let introduces =
        said
        |> List.map (fun utterance ->
            match utterance.Phrase with
            | Answer(_, introduce) -> introduce
            | _ -> false)

    Assert.Equal<bool list>([ true; false; false ], introduces)

    for utterance in said do
        Assert.EndsWith(".", textOf utterance.Phrase)
        Assert.InRange((bodyOf utterance).Length, 1, 4096)

    // What "yes" means now is the offer under the last part.
    Assert.Equal(Conversing(None, TicketOffered), scene.Session.Phase)

[<Fact>]
let ``what is beyond the fourth message is left out and said to be`` () =
    let phrases = LongAnswer.phrases true true (sentences 2000)
    Assert.Equal(4, phrases.Length)
    Assert.True((List.last phrases).IsAnswerCutShort)

    for language, words in [ Spanish, "cortar aquí"; English, "cut it here"; Portuguese, "cortá-la aqui" ] do
        let body =
            bodyOf {
                Phrase = List.last phrases
                Choices = [ OpenTicket; TalkToPerson ]
                Language = language
                ReplyTo = None
                Invitation = None
                File = None
                Introduce = None
            }

        Assert.Contains(words, body)
        Assert.InRange(body.Length, 1, 4096)

[<Fact>]
let ``a part ends at a paragraph, else a line, else a sentence, else a word`` () =
    let first text =
        LongAnswer.parts false false text |> fst |> List.head

    let long length (separator: string) (word: string) =
        String.replicate (length / (word.Length + separator.Length) + 1) (word + separator)

    Assert.EndsWith("fin.", first (long 3000 " " "palabra" + "fin.\n\n" + long 3000 " " "otra"))
    Assert.EndsWith("- fin", first (long 3500 "\n" "- punto" + "- fin\n\n" + long 3000 " " "otra"))
    Assert.EndsWith("punto", first (long 6000 "\n" "- punto"))
    Assert.EndsWith("fin.", first (long 3900 " " "palabra" + "fin. " + long 3000 " " "otra"))
    Assert.EndsWith("palabra", first (long 6000 " " "palabra"))

[<Fact>]
let ``a block of code that is cut is closed and opened again`` () =
    let code = String.Join("\n", [ for number in 1..400 -> $"    let x%d{number} = 1" ])

    let parts, isCut =
        LongAnswer.parts false false ("Mira:\n\n```fsharp\n" + code + "\n```\nY ya está.")

    Assert.False isCut
    Assert.True(parts.Length > 1)

    for part in parts do
        Assert.Equal(0, Regex.Matches(part, "(?m)^```").Count % 2)
        let shown = MarkdownAnswer.toWhatsApp part
        Assert.InRange(shown.Length, 1, 4096)

    for part in parts.Tail do
        Assert.StartsWith("```\n    let x", part)

/// Text as a model might write it, and worse: everything that must not be cut or grows when it is rendered.
let private pieces = [
    "palabra "
    "Una frase entera. "
    "¿Y otra? "
    "\n"
    "\n\n"
    "\n- punto "
    "👨‍👩‍👧‍👦"
    "🇪🇸 "
    "e\u0301"
    " \u0301"
    "[la ayuda de la tienda](https://example.com/a_b_(c)?d=e) "
    "https://example.com/un/camino/largo "
    "**negrita de varias palabras** "
    "`código` "
    "\n| a | b | c |\n"
    "|a|b|c|d|e|"
    "\n>cita\n>más"
    "\n```\n"
    "\n~~~\n"
    "let x = 1\n"
    "x"
    "***"
    "\\*"
]

let private longText: Gen<string> =
    Gen.frequency [
        4, Gen.elements pieces |> Gen.listOfLength 900 |> Gen.map (String.concat "")
        2, Gen.elements pieces |> Gen.listOf |> Gen.map (String.concat "")
        1,
        Gen.elements pieces
        |> Gen.map (fun piece -> String.replicate (9000 / piece.Length) piece)
    ]

/// Without white space and the fences of code, which closing and opening adds to.
let private kept (text: string) =
    Regex.Replace(Regex.Replace(text, @"(?m)^\s*(```|~~~).*$", ""), @"\s", "")

let private inputs =
    Gen.zip3 longText (Gen.elements [ true; false ]) (Gen.elements [ true; false ])

[<Fact>]
let ``nothing is lost between the parts but white space`` () =
    let property (text: string, introduce, hasChoices) =
        let parts, isCut = LongAnswer.parts introduce hasChoices text
        let whole = kept text
        let both = parts |> List.map kept |> String.concat ""

        parts.Length <= LongAnswer.mostParts
        && (if isCut then
                // What four messages hold; of rows of fences nothing but themselves is there to be kept.
                whole.StartsWith(both, StringComparison.Ordinal)
                && List.sumBy String.length parts >= 6000
            else
                both = whole)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll (Arb.fromGen inputs) property)

[<Fact>]
let ``each part is within the limit when it is rendered, and rendering cuts nothing off`` () =
    let property (text: string, introduce, hasChoices) =
        let phrases = LongAnswer.phrases introduce hasChoices text
        let last = phrases.Length - 1

        phrases
        |> List.indexed
        |> List.forall (fun (place, phrase) ->
            let body =
                bodyOf {
                    Phrase = phrase
                    Choices =
                        if hasChoices && place = last then
                            [ OpenTicket; TalkToPerson ]
                        else
                            []
                    Language = Spanish
                    ReplyTo = None
                    Invitation = None
                    File = None
                    Introduce = None
                }

            body.Length <= 4096 && body.Contains(MarkdownAnswer.toWhatsApp (textOf phrase)))

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll (Arb.fromGen inputs) property)

[<Fact>]
let ``no grapheme and no link is broken`` () =
    let graphemes (text: string) =
        StringInfo.ParseCombiningCharacters(text).Length

    let count pattern text = Regex.Matches(text, pattern).Count

    let property (text: string, introduce, hasChoices) =
        // Without its blank a mark would stand on what is ahead of it, which is no fault of the parts.
        let text = text.Replace(" \u0301", "")
        let parts, isCut = LongAnswer.parts introduce hasChoices text

        // A grapheme that is broken counts twice.
        (isCut || graphemes (kept text) = List.sumBy (kept >> graphemes) parts)
        && parts
           |> List.forall (fun part ->
               count @"https://example\.com/un" part = count @"https://example\.com/un/camino/largo" part
               && count @"\[la " part =
                   count @"\[la ayuda de la tienda\]\(https://example\.com/a_b_\(c\)\?d=e\)" part)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll (Arb.fromGen inputs) property)

[<Fact>]
let ``a mark keeps the blank that it stands on`` () =
    for length in 4060..4080 do
        let text = String('x', length) + " \u0301" + String('y', 500)
        let parts, _ = LongAnswer.parts false false text
        Assert.Equal(2, parts.Length)
        Assert.Equal(1, parts |> List.filter (fun part -> part.Contains " \u0301") |> List.length)

[<Fact>]
let ``any text ends in parts, and none of them is blank`` () =
    for piece in
        [
            " "
            "\n"
            "```\n"
            "\u0301"
            "`"
            "["
            "[a]("
            "<"
            "|"
            ">"
            "\uD83D"
            "*"
            "- \n"
        ] do
        for text in
            [
                String.replicate (20000 / piece.Length) piece
                String.replicate 2500 piece + "fin"
            ] do
            let parts, _ = LongAnswer.parts true true text
            Assert.InRange(parts.Length, 1, LongAnswer.mostParts)

            if parts.Length > 1 then
                Assert.All(parts, (fun part -> Assert.False(String.IsNullOrWhiteSpace part)))
