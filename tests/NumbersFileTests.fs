/// What is wrong with a file of business numbers: told all at once, with its place, and without secrets.
module FunctionalBot.Tests.NumbersFileTests

open System
open System.IO
open Xunit
open FunctionalBot.Web.Setting
open FunctionalBot.Tests.NumberReadings

[<Fact>]
let ``everything that is wrong with a file is told at once, with its place, and no secret is repeated`` () =
    let json =
        """[
            { "id": "+34 600", "language": "klingon", "team": "sales", "knowledge": "nowhere" },
            { "nmae": "Jardín", "phrases": 7, "account": "WABA", "token_variable": "EAABsecrettoken" },
            "12345",
            { "id": "5", "name": [], "token_variable": "NOBODY_SET_IT" },
            { "id": "6" },
            { "id": "6" }
        ]"""

    readFile (common @ [ "BOT_LANGUAGE", "tlh" ]) json (fun path reading ->
        let problems = problemsOf reading

        let expected = [
            "entry 1, id", "digits"
            "entry 1, language", "es, en, pt"
            "entry 1, team", "database id"
            "entry 1, knowledge", "not there"
            "entry 2, id", "not set"
            "entry 2, nmae", "unknown"
            "entry 2, phrases", "not there"
            "entry 2, account", "digits"
            "entry 2, token_variable", "name of a variable"
            "entry 3", "no object"
            "entry 4, name", "no text"
            "NOBODY_SET_IT", "not set"
            "BOT_LANGUAGE", "one of"
            "BOT_NUMBERS", "id 6 2 times"
        ]

        for place, wrong in expected do
            let isTold (problem: Problem) =
                problem.Name.EndsWith place
                && problem.Wrong.Contains wrong
                && problem.Mend <> ""

            Assert.True(List.exists isTold problems, $"%s{place} %s{wrong}: %A{problems}")

        Assert.Equal(expected.Length, (List.distinct problems).Length)
        Assert.DoesNotContain("EAABsecrettoken", $"%A{problems}")
        Assert.Contains(path, problems.Head.Name))

[<Fact>]
let ``a number that is set twice is told, as are a file without numbers and no number at all`` () =
    let namesOf reading =
        problemsOf reading |> List.map (fun problem -> problem.Name, problem.Wrong)

    let hasTwice (problems: (string * string) list) =
        match problems with
        | [ "BOT_NUMBERS", wrong ] -> wrong.Contains "id 1 2 times"
        | _ -> false

    readFile common """[{"id": "1"}, {"id": "1"}]""" (fun _ reading ->
        Assert.True(hasTwice (namesOf reading)))

    readFile (common @ [ "WHATSAPP_PHONE_NUMBER_ID", "1" ]) """[{"id": "1"}]""" (fun _ reading ->
        Assert.True(hasTwice (namesOf reading)))

    for json, wrong in
        [
            "[]", "without numbers"
            "{}", "no list"
            "[{]", "no JSON, line 1"
            "", "no JSON, line 1"
        ] do
        readFile common json (fun _ reading ->
            let name, told = Assert.Single(namesOf reading)
            Assert.Equal("BOT_NUMBERS", name)
            Assert.Contains(wrong, told))

    let name, told =
        Assert.Single(namesOf (read (common @ [ "BOT_NUMBERS", "/nowhere/numbers.json" ])))

    Assert.Equal(("BOT_NUMBERS", "names a file that is not there: /nowhere/numbers.json"), (name, told))

    Assert.Equal<(string * string) list>([ "WHATSAPP_PHONE_NUMBER_ID", "is not set" ], namesOf (read common))

[<Fact>]
let ``a file in another encoding is told, and one with a mark of its encoding is taken`` () =
    let readBytes (bytes: byte[]) judge =
        readFile common "" (fun path _ ->
            File.WriteAllBytes(path, bytes)
            judge (read (("BOT_NUMBERS", path) :: common)))

    let json = """[{ "id": "1", "name": "Ferretería" }]"""

    readBytes (Text.Encoding.Latin1.GetBytes json) (fun reading ->
        Assert.Contains("not in UTF-8", (Assert.Single(problemsOf reading)).Wrong))

    readBytes
        (Array.append (Text.Encoding.UTF8.GetPreamble()) (Text.Encoding.UTF8.GetBytes json))
        (fun reading -> Assert.Equal("Ferretería", (Assert.Single(numbersOf reading)).Name))

    readFile common "[{ \"id\": \"1\", \"name\": \"\\ud83c\" }]" (fun path reading ->
        let problem = Assert.Single(problemsOf reading)
        Assert.Equal((path + ", entry 1", true), (problem.Name, problem.Wrong.Contains "half a character")))

[<Fact>]
let ``a member that an entry has twice could be meant either way, and is told`` () =
    readFile common """[{ "id": "1", "team": 1, "team": 2 }]""" (fun path reading ->
        let problem = Assert.Single(problemsOf reading)
        Assert.Equal((path + ", entry 1, team", "is there 2 times"), (problem.Name, problem.Wrong)))

[<Theory>]
[<InlineData("Europe")>] // a folder of zones
[<InlineData("Europe/Madird")>]
[<InlineData("/etc/passwd")>]
let ``a zone that there is not is told by its variable`` (zone: string) =
    let variables = [ "BOT_TIME_ZONE", zone; "WHATSAPP_PHONE_NUMBER_ID", "1" ]
    let problem = Assert.Single(problemsOf (read (common @ variables)))
    Assert.Equal("BOT_TIME_ZONE", problem.Name)
    Assert.Contains(zone, problem.Wrong)
