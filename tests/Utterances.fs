/// Anything that the bot can say, with anything in it, and the real wording to say it with.
module FunctionalBot.Tests.Utterances

open System
open FSharp.Reflection
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects

/// The wording that the bot comes with.
let phrasesFolder = Repository.path "data/phrases"

/// The same, read.
let book =
    lazy
        (match Phrases.load phrasesFolder with
         | Ok book -> book
         | Error problems -> failwith (String.Join("\n", problems)))

/// An invented business.
let business = {
    Name = "Tienda Aurora"
    Contact = "900 100 200 (9 a 18 h)"
}

let private get outcome =
    match outcome with
    | Ok value -> value
    | Error problem -> failwith $"%A{problem}"

/// A title, of words that can be one.
let title text = get (TicketTitle.create text)
/// A description, of words that can be one.
let description text = get (TicketDescription.create text)
/// An address that is one.
let email text = get (EmailAddress.create text)

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

/// Any text made of these.
let anyText: Gen<string> =
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

/// Any ticket that can be shown.
let ticket: Gen<Ticket> = gen {
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

/// Every kind of phrase.
let phraseCases = FSharpType.GetUnionCases typeof<Phrase>

/// Any utterance of this kind.
let utteranceOf (case: UnionCaseInfo) : Gen<Utterance> = gen {
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

/// The message that says it.
let render utterance =
    Phrases.render (book.Force()) business utterance None

/// Its text, or the text above its buttons.
let bodyOf message =
    match message with
    | TextMessage body
    | ButtonMessage(body, _)
    | ListMessage(body, _, _) -> body
    | other -> failwith $"no phrase becomes %A{other}"

/// The message that says a phrase with these choices.
let say language phrase choices =
    render {
        Phrase = phrase
        Choices = choices
        Language = language
        ReplyTo = None
        Invitation = None
        File = None
        Introduce = None
    }

/// Without the signs that keep markup from being taken for markup.
let visible (text: string) = text.Replace("\u200B", "")
