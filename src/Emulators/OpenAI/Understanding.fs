/// What the emulated model makes of a customer's text, by plain rules: language, wish, mood, address, and the
/// passage of the given knowledge that fits best. It is no language model and never pretends to be one.
module FunctionalBot.Emulators.OpenAI.Understanding

open System
open System.Globalization
open System.Text
open System.Text.RegularExpressions
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.OpenAI.Requests

/// What a customer seems to want.
type Wish =
    | Greets
    | Thanks
    | WantsPerson
    | WantsTicket
    | AsksStatus
    | Cancels
    | Asks
    | SomethingElse

/// How a customer seems to feel.
type Mood =
    | Pleased
    | Neutral
    | Upset

/// A piece of knowledge that came with the request, under its name.
type Passage = { Source: string; Content: string }

/// What was understood.
type Understanding = {
    /// es, en or pt.
    Language: string
    Wish: Wish
    Mood: Mood
    Email: string option
    /// The customer's last text, as written.
    Text: string
    /// The best fitting passage, if one fits at all.
    Passage: Passage option
}

/// Small letters without accents, to compare words.
let fold (text: string) : string =
    text.Normalize(NormalizationForm.FormD).ToLowerInvariant()
    |> String.filter (fun letter ->
        CharUnicodeInfo.GetUnicodeCategory letter <> UnicodeCategory.NonSpacingMark)

let private words (text: string) : string list = [
    for found in Regex.Matches(fold text, "[a-z0-9]+") -> found.Value
]

/// Words of a list that is written with spaces between.
let private listed (text: string) : string list = text.Split ' ' |> List.ofArray

let private wishes: (Wish * string list) list = [
    Cancels, listed "cancel cancelar olvidalo nevermind desistir anular"
    WantsPerson, listed "persona humano humana agente operador asesor person human agent pessoa atendente"
    AsksStatus, listed "estado seguimiento status andamento"
    WantsTicket,
    listed (
        "ticket problema error falla fallo funciona incidencia averia roto rota queja reclamo "
        + "reclamacion problem broken issue complaint defeito chamado quebrado danado"
    )
    Thanks, listed "gracias thanks thank obrigado obrigada"
    Asks,
    listed (
        "que como cuando donde cuanto cuanta cual horario precio what how when where much "
        + "which price quando onde quanto qual preco"
    )
    Greets, listed "hola buenas buenos hello hi hey ola oi bom boa"
]

let private languages: (string * string list) list = [
    "pt", listed "ola oi voce nao obrigado obrigada bom boa meu minha com uma quero preciso atendente"
    "en", listed "the hello hi is my i you please thanks what how where when not a to with"
    "es", listed "el la hola es mi no por gracias que como donde con una quiero necesito un"
]

let private languageOf (found: string list) (fallback: string) : string =
    let score (_, known: string list) =
        found |> List.filter (fun word -> List.contains word known) |> List.length

    match languages |> List.maxBy score with
    | best when score best = 0 -> fallback
    | best ->
        // Spanish wins a tie: it is the service's first language.
        if score languages[2] = score best then "es" else fst best

let private moodOf (text: string) (found: string list) : Mood =
    let has known =
        found |> List.exists (fun word -> List.contains word known)

    let upset =
        listed (
            "enfadado enfadada molesto molesta furioso harto harta pesimo terrible verguenza "
            + "angry awful worst horrible furious irritado pessimo inaceptable urgente estafa"
        )

    let pleased =
        listed "gracias genial perfecto excelente thanks great perfect obrigado obrigada otimo"

    let letters = text |> String.filter Char.IsLetter

    if
        has upset
        || (letters.Length > 12 && letters = letters.ToUpperInvariant())
        || text.Contains "!!"
    then
        Upset
    elif has pleased then
        Pleased
    else
        Neutral

/// The first e-mail address in a text.
let emailOf (text: string) : string option =
    let found =
        Regex.Match(text, @"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")

    if found.Success then Some found.Value else None

/// Passages in a JSON document: objects with a name (`id`, `source`, `title`) and a content (`text`,
/// `content`).
let rec private ofJson (json: Json) : Passage list =
    match json with
    | Items items -> items |> List.collect ofJson
    | Fields fields ->
        let first names =
            names |> List.tryPick (fun name -> textField name json)

        match first (listed "id source title"), first (listed "text content body") with
        | Some source, Some content -> [ { Source = source; Content = content } ]
        | _ -> fields |> List.collect (snd >> ofJson)
    | _ -> []

let private marked =
    Regex("<(\\w+)\\s[^>]*?(?:id|source|name|title)=\"([^\"]+)\"[^>]*>(.*?)</\\1>", RegexOptions.Singleline)

let private bracketed =
    Regex(
        @"^\s*(?:[-*]\s*)?\[([^\]\n]{1,120})\]:?\s*(.+?)(?=^\s*(?:[-*]\s*)?\[[^\]\n]{1,120}\]|\n\s*\n|\z)",
        RegexOptions.Multiline ||| RegexOptions.Singleline
    )

let private headed =
    Regex(@"^#{1,6}\s+(.+?)\s*$\n(.+?)(?=^#{1,6}\s|\z)", RegexOptions.Multiline ||| RegexOptions.Singleline)

/// The named passages in a text: JSON, `<passage id="x">…</passage>`, `[x] …` or a heading with what is below
/// it.
let passages (text: string) : Passage list =
    let from (pattern: Regex) (source: int) (content: int) = [
        for found in pattern.Matches text do
            {
                Source = found.Groups[source].Value.Trim()
                Content = found.Groups[content].Value.Trim()
            }
    ]

    let start = text.IndexOfAny [| '{'; '[' |]

    let json =
        match (if start < 0 then Error "" else parse (text.Substring start)) with
        | Ok json -> ofJson json
        | Error _ -> []

    [ json; from marked 2 3; from bracketed 1 2; from headed 1 2 ]
    |> List.tryFind (List.isEmpty >> not)
    |> Option.defaultValue []

/// Words that carry meaning, cut to their first five letters so that forms of one word meet.
let private stems (text: string) : Set<string> =
    words text
    |> List.filter (fun word -> word.Length >= 4)
    |> List.map (fun word -> word.Substring(0, min 5 word.Length))
    |> Set.ofList

let private bestPassage (question: string) (known: Passage list) : Passage option =
    let asked = stems question

    let score passage =
        Set.intersect asked (stems (passage.Source + " " + passage.Content))
        |> Set.count

    match known with
    | [] -> None
    | _ ->
        known
        |> List.maxBy score
        |> Some
        |> Option.filter (fun passage -> score passage > 0)

/// Reads a request: the user's texts since the last answer are taken together.
let read (question: Question) : Understanding =
    let users = question.Messages |> List.filter (fun message -> message.Role = "user")

    let burst =
        question.Messages
        |> List.rev
        |> List.takeWhile (fun message -> message.Role <> "assistant")
        |> List.filter (fun message -> message.Role = "user")
        |> List.rev
        |> List.map (fun message -> message.Text)
        |> String.concat "\n"

    let background =
        question.Instructions
        :: (question.Messages
            |> List.filter (fun message -> message.Role = "developer" || message.Role = "system")
            |> List.map (fun message -> message.Text))

    let found = words burst

    let wish =
        wishes
        |> List.tryFind (fun (_, known) -> found |> List.exists (fun word -> List.contains word known))
        |> Option.map fst
        |> Option.defaultValue (if burst.Contains '?' then Asks else SomethingElse)

    let earlier = users |> List.map (fun message -> message.Text) |> String.concat "\n"

    {
        Language = languageOf found (languageOf (words earlier) "es")
        Wish = wish
        Mood = moodOf burst found
        Email = emailOf burst |> Option.orElse (emailOf earlier)
        Text = burst.Trim()
        Passage = background |> List.collect passages |> bestPassage burst
    }
