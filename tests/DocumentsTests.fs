/// What the documents say of the program and of the tests is there.
module FunctionalBot.Tests.DocumentsTests

open System.Text.RegularExpressions
open Argu
open Xunit
open FunctionalBot.Web

let private documents =
    Repository.files |> List.filter (fun file -> file.EndsWith ".md")

let private expectNone (offences: string list) =
    Assert.True(offences.IsEmpty, "\n" + String.concat "\n" offences)

/// "src/{A,B}.fs" names two.
let private spelledOut (path: string) : string list =
    let found = Regex.Match(path, @"^(.*)\{(.+)\}(.*)$")

    if found.Success then
        [
            for part in found.Groups[2].Value.Split ',' ->
                found.Groups[1].Value + part + found.Groups[3].Value
        ]
    else
        [ path ]

[<Fact>]
let ``every file and folder that the documents name is there`` () =
    let isThere (path: string) =
        Repository.files
        |> List.exists (fun file -> file = path || file.StartsWith(path.TrimEnd '/' + "/"))

    [
        for document in documents do
            for found in
                Regex.Matches(
                    Repository.read document,
                    @"`((?:src|tests|data|docs|bench|build)/[\w./{},-]+)`"
                ) do
                for path in spelledOut found.Groups[1].Value do
                    // What the demo makes is no part of the repository, and NAME is anybody's.
                    let isMade = List.contains path [ "data/postgres"; "data/demo" ]

                    if not (isMade || path.Contains "NAME" || isThere path) then
                        $"%s{document} names %s{path}, which is not there"
    ]
    |> expectNone

[<Fact>]
let ``every test that the documents name is there, and every invariant has its tests`` () =
    let architecture = Repository.read "ARCHITECTURE.md"

    let named =
        [
            for document in documents do
                for found in Regex.Matches(Repository.read document, @"`([A-Z]\w+(?:Tests|Laws))`") do
                    found.Groups[1].Value
        ]
        |> List.distinct

    Assert.True(named.Length > 30)

    named
    |> List.filter (fun name -> not (List.contains $"tests/%s{name}.fs" Repository.files))
    |> List.map (fun name -> $"there is no tests/%s{name}.fs")
    |> expectNone

    let chapter =
        architecture.Substring(
            architecture.IndexOf "## Invariants",
            architecture.IndexOf "## Dead letters" - architecture.IndexOf "## Invariants"
        )

    let invariants = [
        for found in Regex.Matches(chapter, @"^(\d+)\. ", RegexOptions.Multiline) -> int found.Groups[1].Value
    ]

    let tested = [
        for row in Regex.Matches(chapter, @"^\| ([\d, ]+) \| `", RegexOptions.Multiline) do
            for number in row.Groups[1].Value.Split(", ") -> int number
    ]

    Assert.Equal<int list>([ 1 .. invariants.Length ], invariants)
    Assert.Equal<int list>(invariants, List.sort tested)

[<Fact>]
let ``every folder of the sources stands on the map`` () =
    let architecture = Repository.read "ARCHITECTURE.md"

    Repository.filesIn "src/" [ ".fs" ]
    |> List.map (fun file -> file.Substring(0, file.LastIndexOf '/'))
    |> List.distinct
    // Of `src/Effects` itself the map names files, of the emulators it names the whole.
    |> List.filter (fun folder ->
        folder <> "src/Effects"
        && not (folder.StartsWith "src/Emulators/")
        && not (architecture.Contains $"`%s{folder}`"))
    |> List.map (fun folder -> $"%s{folder} is not on the map")
    |> expectNone

/// What `--help` says behind these words; None where they are no verb.
let private helpOf (words: string list) : string option =
    try
        CommandLine.parser.ParseCommandLine(Array.ofList (words @ [ "--help" ]), raiseOnUsage = true)
        |> ignore

        None
    with :? ArguParseException as told ->
        if told.ErrorCode = ErrorCode.HelpText then
            Some told.Message
        else
            None

[<Fact>]
let ``every verb that the documents name is one, with the flags that stand behind it`` () =
    // Up to three words, then whatever is no line end: arguments, flags, and what it is for behind two blanks.
    let pattern =
        Regex(@"(?:\./bot|`bot) ([a-z][a-z-]*)((?: [a-z][a-z-]*){0,2})([^\n`]*)")

    let found = [
        for document in documents do
            for line in pattern.Matches(Repository.read document) -> document, line
    ]

    Assert.True(found.Length > 30)

    [
        for document, line in found do
            let words =
                line.Groups[1].Value :: List.ofArray (line.Groups[2].Value.Trim().Split ' ')
                |> List.filter ((<>) "")

            // The longest of these that is a verb; what follows it may be an argument.
            let help =
                [ words.Length .. -1 .. 1 ]
                |> List.tryPick (fun count -> helpOf (List.truncate count words))

            match help with
            | None -> $"%s{document}: bot %s{line.Groups[1].Value} is no verb"
            | Some help ->
                let command = (Regex.Split(line.Groups[3].Value, @"  | \| "))[0]

                for flag in Regex.Matches(command, "--[a-z][a-z-]+") do
                    if not (help.Contains flag.Value) then
                        $"%s{document}: %s{line.Value.Trim()}: %s{flag.Value} is no flag of it"
    ]
    |> expectNone
