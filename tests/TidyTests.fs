/// Rules of the repository that a compiler does not check.
module FunctionalBot.Tests.TidyTests

open System.IO
open System.Text.RegularExpressions
open Xunit

/// Fails with one line per offence.
let private expectNone (offences: string list) =
    Assert.True(offences.IsEmpty, "\n" + String.concat "\n" offences)

/// The places in which a pattern occurs, as file:line: text.
let private occurrences (pattern: Regex) (files: string list) : string list = [
    for file in files do
        for number, line in File.ReadLines(Repository.path file) |> Seq.indexed do
            if pattern.IsMatch line then
                $"%s{file}:%d{number + 1}: %s{line.Trim()}"
]

let private fsharp = [ ".fs"; ".fsx" ]

/// Words that would be found in this file are put together from their parts.
let private joined (separator: string) (parts: string list) : string = String.concat separator parts

let private isText (file: string) =
    let binary = [
        ".png"
        ".jpg"
        ".jpeg"
        ".webp"
        ".gif"
        ".ico"
        ".ogg"
        ".pdf"
        ".woff2"
        ".zip"
    ]

    not (List.exists (fun (ending: string) -> file.EndsWith ending) binary)

[<Fact>]
let ``the domain names nothing that changes from run to run or reaches outside`` () =
    let banned =
        @"\b(DateTime(Offset)?\.(Now|UtcNow|Today)|Guid\.NewGuid|Random\b|Environment\.|Stopwatch|"
        + @"Task\.Delay|Thread\.|File\.|Directory\.|Console\.|printfn?\b|HttpClient|TimeProvider)"

    let code = Regex(@"^(?!\s*//).*" + banned)
    Repository.filesIn "src/Domain/" fsharp |> occurrences code |> expectNone

[<Fact>]
let ``no file names the host of a package registry`` () =
    let hosts =
        [
            [ "nuget"; "org" ]
            [ "npmjs"; "org" ]
            [ "npmjs"; "com" ]
            [ "yarnpkg"; "com" ]
            [ "pypi"; "org" ]
            [ "crates"; "io" ]
            [ "pkgs"; "dev"; "azure" ]
            [ "npm"; "pkg"; "github" ]
        ]
        |> List.map (joined @"\.")

    let pattern = Regex(joined "|" hosts, RegexOptions.IgnoreCase)
    Repository.files |> List.filter isText |> occurrences pattern |> expectNone

[<Fact>]
let ``no file names somebody's home folder`` () =
    let pattern = Regex @"(^|[\s""'=:(])/(home|Users)/[A-Za-z]"
    Repository.files |> List.filter isText |> occurrences pattern |> expectNone

[<Fact>]
let ``no lock file of npm holds an address to download from`` () =
    let locks =
        Repository.files |> List.filter (fun file -> file.EndsWith "package-lock.json")

    Assert.NotEmpty locks
    locks |> occurrences (Regex "\"resolved\"|https?:") |> expectNone

/// The lines of a file with their numbers, without those of samples between triple quotes.
let private outsideOfSamples (file: string) : (int * string) list =
    let quotes (line: string) = Regex.Matches(line, "\"\"\"").Count

    let folder (isSample, kept) (index, line) =
        let count = quotes line

        let kept =
            if isSample || count > 0 then
                kept
            else
                (index + 1, line) :: kept

        isSample <> (count % 2 = 1), kept

    File.ReadLines(Repository.path file)
    |> Seq.indexed
    |> Seq.fold folder (false, [])
    |> snd
    |> List.rev

[<Fact>]
let ``no F# line is longer than 120 characters, but for samples in tests`` () =
    [
        for file in Repository.filesIn "" fsharp do
            let lines =
                if file.StartsWith "tests/" then
                    outsideOfSamples file
                else
                    File.ReadLines(Repository.path file)
                    |> Seq.mapi (fun index line -> index + 1, line)
                    |> List.ofSeq

            for number, line in lines do
                if line.Length > 120 then
                    $"%s{file}:%d{number}: %d{line.Length} characters"
    ]
    |> expectNone

[<Fact>]
let ``no source file is longer than 400 lines`` () =
    Repository.filesIn "src/" [ ".fs"; ".cs"; ".razor" ]
    |> List.map (fun file -> file, File.ReadLines(Repository.path file) |> Seq.length)
    |> List.filter (fun (_, lines) -> lines > 400)
    |> List.map (fun (file, lines) -> $"%s{file}: %d{lines} lines; split it along a border of its contents")
    |> expectNone

[<Fact>]
let ``every F# file of a project is compiled by it`` () =
    let projects =
        Repository.files
        |> List.filter (fun file -> file.EndsWith ".fsproj")
        |> List.map (fun project ->
            let folder = project.Substring(0, project.LastIndexOf '/' + 1)
            folder, (Repository.read project).Replace('\\', '/'))

    Assert.NotEmpty projects

    [
        for folder, text in projects do
            for file in Repository.filesIn folder [ ".fs" ] do
                let inside = file.Substring folder.Length

                if not (text.Contains $"Include=\"%s{inside}\"") then
                    $"%s{file} is in no project"
    ]
    |> expectNone

[<Fact>]
let ``every file of the build is loaded by build.fsx`` () =
    let script = Repository.read "build.fsx"

    Repository.filesIn "build/" [ ".fs" ]
    |> List.filter (fun file -> not (script.Contains $"#load \"%s{file}\""))
    |> expectNone

[<Fact>]
let ``nothing is left to be done in a comment`` () =
    let words = [ joined "" [ "TO"; "DO" ]; joined "" [ "FIX"; "ME" ]; joined "" [ "XX"; "X" ] ]

    let pattern = Regex(@"\b(" + joined "|" words + @")\b")

    let ours =
        Repository.filesIn "" [ ".fs"; ".fsx"; ".cs"; ".razor"; ".js"; ".css"; ".html"; ".md"; ".sh"; ".sql" ]

    ours |> occurrences pattern |> expectNone

[<Fact>]
let ``every command that the documents name is a target of the build`` () =
    let targets =
        Regex.Matches(Repository.read "build.fsx", "Name = \"([a-z]+)\"")
        |> Seq.map (fun found -> found.Groups[1].Value)
        |> Set.ofSeq
        |> Set.add "help"

    let named (file: string) = [
        for found in Regex.Matches(Repository.read file, @"build\.fsx ([a-z]+)") do
            file, found.Groups[1].Value
    ]

    let all =
        ".ci/run" :: List.filter (fun file -> file.EndsWith ".md") Repository.files
        |> List.collect named

    Assert.Contains(("README.md", "demo"), all)
    Assert.Contains(("README.md", "test"), all)
    Assert.Contains((".ci/run", "test"), all)

    all
    |> List.filter (fun (_, target) -> not (targets.Contains target))
    |> List.map (fun (file, target) -> $"%s{file} names %s{target}, which build.fsx does not have")
    |> expectNone
