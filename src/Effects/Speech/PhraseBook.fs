namespace FunctionalBot.Effects

open System
open System.IO
open System.Text.Json
open FunctionalBot.Domain

/// A text with places to fill in, in order.
type TemplatePart =
    | Literal of string
    | Placeholder of string

/// How a choice looks: as a button the title alone, as a row of a list with the description.
type ChoiceWording = {
    /// At most 20 UTF-16 units.
    Title: string
    /// At most 72 UTF-16 units.
    Description: string option
}

/// Everything that is said in one language.
type LanguageBook = {
    Texts: Map<Wording, TemplatePart list>
    Choices: Map<string, ChoiceWording>
}

/// The wording of every language, complete and within WhatsApp's limits; only `PhraseBook.load` makes one.
type PhraseBook = private {
    Languages: Map<Language, LanguageBook>
} with

    /// The book of a language.
    member book.Of(language: Language) = Map.find language book.Languages

/// Reading and checking data/phrases.
module PhraseBook =
    /// Every language that must have a file.
    let languages = [ Spanish; English; Portuguese ]

    /// The longest title of a reply button; rows of lists may have 24, but a choice can become either.
    let titleLimit = OutboundLimits.most LimitedPart.ButtonTitle

    /// The longest description of a row of a list.
    let descriptionLimit = OutboundLimits.most LimitedPart.RowDescription

    /// Splits "Hi {name}!" at its placeholders. Error with the reason for a brace that is not closed or
    /// opened.
    let parse (text: string) : Result<TemplatePart list, string> =
        let rec split (rest: string) parts =
            match rest.IndexOfAny [| '{'; '}' |] with
            | -1 -> Ok(List.rev (if rest = "" then parts else Literal rest :: parts))
            | index when rest[index] = '}' -> Error "has a \"}\" without its \"{\""
            | index ->
                let before = rest.Substring(0, index)
                let parts = if before = "" then parts else Literal before :: parts

                match rest.IndexOf('}', index) with
                | -1 -> Error "has a \"{\" without its \"}\""
                | close ->
                    let name = rest.Substring(index + 1, close - index - 1)
                    split (rest.Substring(close + 1)) (Placeholder name :: parts)

        split text []

    let private length part =
        match part with
        | Literal text -> text.Length
        | Placeholder _ -> 0

    /// What is wrong with one text, if anything.
    let private textProblems wording (text: string) : string list =
        match parse text with
        | Error reason -> [ reason ]
        | Ok parts ->
            let found =
                parts
                |> List.choose (function
                    | Placeholder name -> Some name
                    | Literal _ -> None)
                |> List.distinct

            let expected = Wording.placeholders wording

            [
                if String.IsNullOrWhiteSpace text then
                    "is empty"
                for name in List.except found expected do
                    "lacks {" + name + "}"
                for name in List.except expected found do
                    "has {" + name + "}, which is not filled in there"
                let total = List.sumBy length parts

                if total > Wording.limit wording then
                    $"has %d{total} characters, at most %d{Wording.limit wording} fit"
            ]

    let private choiceProblems (wording: ChoiceWording) : string list = [
        if String.IsNullOrWhiteSpace wording.Title then
            "has an empty title"
        if wording.Title.Trim() <> wording.Title then
            "has a title with a space at an end, which WhatsApp refuses"
        if wording.Title.Length > titleLimit then
            $"has a title of %d{wording.Title.Length} characters, at most %d{titleLimit} fit"
        match wording.Description with
        | Some "" -> "has an empty description; leave it out instead"
        | Some text when text.Length > descriptionLimit ->
            $"has a description of %d{text.Length} characters, at most %d{descriptionLimit} fit"
        | _ -> ()
    ]

    /// The members of an object, and what is wrong with it as one: no object, or a name that occurs twice.
    let private members (place: string) (element: JsonElement option) =
        match element with
        | None -> [], [ place + " is missing" ]
        | Some element when element.ValueKind <> JsonValueKind.Object -> [], [ place + " is not an object" ]
        | Some element ->
            let found = [ for part in element.EnumerateObject() -> part.Name, part.Value ]

            let twice =
                found
                |> List.countBy fst
                |> List.filter (fun (_, count) -> count > 1)
                |> List.map (fun (name, _) -> place + "." + name + " occurs twice")

            List.distinctBy fst found, twice

    let private missingKeys (place: string) (expected: string list) (found: (string * JsonElement) list) = [
        for key in List.except (List.map fst found) expected do
            place + "." + key + " is missing"
    ]

    let private unknownKeys (place: string) (expected: string list) (found: (string * JsonElement) list) = [
        for key in List.except expected (List.map fst found) do
            place + "." + key + " is unknown; is the key misspelt?"
    ]

    let private readTexts (found: (string * JsonElement) list) =
        let read =
            Wording.all
            |> List.choose (fun (wording, key) ->
                List.tryFind (fun (name, _) -> name = key) found
                |> Option.map (fun (_, element) ->
                    match LenientJson.asText element with
                    | Some text when element.ValueKind = JsonValueKind.String -> wording, key, Ok text
                    | _ -> wording, key, Error "is not a text"))

        let problems = [
            for wording, key, outcome in read do
                match outcome with
                | Error reason -> "phrases." + key + " " + reason
                | Ok text ->
                    for reason in textProblems wording text do
                        "phrases." + key + " " + reason
        ]

        let texts =
            read
            |> List.choose (fun (wording, _, outcome) ->
                outcome
                |> Result.bind parse
                |> Result.toOption
                |> Option.map (fun parts -> wording, parts))

        Map.ofList texts, problems

    let private readChoices (found: (string * JsonElement) list) =
        let read =
            found
            |> List.map (fun (key, element) ->
                key,
                {
                    Title = LenientJson.text "title" element |> Option.defaultValue ""
                    Description = LenientJson.text "description" element
                })

        let problems = [
            for key, wording in read do
                for reason in choiceProblems wording do
                    "choices." + key + " " + reason
        ]

        Map.ofList read, problems

    let private phraseKeys = List.map snd Wording.all
    let private choiceKeys = List.map Wording.choiceKey Wording.choices

    let private sameTitles (choices: Map<string, ChoiceWording>) = [
        for title, same in
            choiceKeys
            |> List.choose (fun key -> Map.tryFind key choices |> Option.map (fun wording -> key, wording))
            |> List.groupBy (fun (_, wording) -> wording.Title.ToUpperInvariant()) do
            if title <> "" && List.length same > 1 then
                let keys = same |> List.map fst |> String.concat ", "

                "choices "
                + keys
                + " have the same title, which WhatsApp refuses within one message"
    ]

    /// Reads what a file says, which `section` finds by its name; the rest is as `below` has it.
    let private readOver
        (below: LanguageBook)
        (section: string -> JsonElement -> (string * JsonElement) list * string list)
        (root: JsonElement)
        =
        let sections, rootProblems = members "the file" (Some root)
        let phrases, phraseProblems = section "phrases" root
        let choices, choicesProblems = section "choices" root
        let texts, textProblems = readTexts phrases
        let choiceWordings, choiceProblems = readChoices choices
        let unknown = List.except [ "phrases"; "choices" ] (List.map fst sections)

        let over added all =
            Map.fold (fun all key value -> Map.add key value all) all added

        let book = {
            Texts = over texts below.Texts
            Choices = over choiceWordings below.Choices
        }

        let problems =
            rootProblems
            @ [
                for name in unknown -> name + " is unknown; only phrases and choices are read"
            ]
            @ phraseProblems
            @ choicesProblems
            @ unknownKeys "phrases" phraseKeys phrases
            @ unknownKeys "choices" choiceKeys choices
            @ textProblems
            @ choiceProblems
            @ sameTitles book.Choices

        book, problems, phrases, choices

    /// A whole language: nothing may be missing.
    let private readLanguage (root: JsonElement) : LanguageBook * string list =
        let section name root =
            members name (LenientJson.field name root)

        let nothing = {
            Texts = Map.empty
            Choices = Map.empty
        }

        let book, problems, phrases, choices = readOver nothing section root

        book,
        missingKeys "phrases" phraseKeys phrases
        @ missingKeys "choices" choiceKeys choices
        @ problems

    /// What is said otherwise than below; a section may be missing.
    let private readChanges (below: LanguageBook) (root: JsonElement) : LanguageBook * string list =
        let section name root =
            match LenientJson.field name root with
            | None -> [], []
            | found -> members name found

        let book, problems, _, _ = readOver below section root
        book, problems

    /// `label` names the file in what is told of it.
    let private readFile
        (label: string)
        (folder: string)
        (language: Language)
        (read: JsonElement -> LanguageBook * string list)
        : Result<LanguageBook, string list> =
        let name = Language.code language + ".json"

        try
            use document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, name)))
            let book, problems = read document.RootElement

            if List.isEmpty problems then
                Ok book
            else
                Error [ for problem in problems -> label + ": " + problem ]
        with
        | :? JsonException as problem ->
            let line = problem.LineNumber.GetValueOrDefault() + 1L
            Error [ $"%s{label}: is no JSON, line %d{line}" ]
        | :? InvalidOperationException -> Error [ label + ": is no valid Unicode" ]
        | :? FileNotFoundException
        | :? DirectoryNotFoundException -> Error [ name + ": is missing in " + folder ]
        | :? IOException
        | :? UnauthorizedAccessException -> Error [ label + ": cannot be opened" ]

    let private together (read: (Language * Result<LanguageBook, string list>) list) =
        match
            read
            |> List.collect (fun (_, outcome) ->
                match outcome with
                | Ok _ -> []
                | Error problems -> problems)
        with
        | [] ->
            let books =
                read
                |> List.choose (fun (language, outcome) ->
                    outcome |> Result.toOption |> Option.map (fun book -> language, book))

            Ok { Languages = Map.ofList books }
        | problems -> Error problems

    /// Reads the files of every language in the folder. Error with every problem of every file at once,
    /// each naming the file and the key.
    let load (folder: string) : Result<PhraseBook, string list> =
        languages
        |> List.map (fun language ->
            language, readFile (Language.code language + ".json") folder language readLanguage)
        |> together

    /// The book with what a folder says otherwise: its files hold only the phrases and choices that differ, and a
    /// language without a file stays as it is. Error with every problem at once, each naming the file and the key.
    let over (book: PhraseBook) (folder: string) : Result<PhraseBook, string list> =
        let pathOf language =
            Path.Combine(folder, Language.code language + ".json")

        if not (List.exists (pathOf >> File.Exists) languages) then
            let names =
                languages
                |> List.map (fun language -> Language.code language + ".json")
                |> String.concat ", "

            Error [ $"%s{folder} holds no phrases: none of %s{names} is there" ]
        else
            languages
            |> List.map (fun language ->
                let below = book.Of language

                language,
                if File.Exists(pathOf language) then
                    readFile (pathOf language) folder language (readChanges below)
                else
                    Ok below)
            |> together
