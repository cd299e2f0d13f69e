/// The files of data/phrases: complete, and every mistake told.
module FunctionalBot.Tests.PhraseFileTests

open System
open System.IO
open System.Text.Json.Nodes
open FSharp.Reflection
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Utterances
open Xunit

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
