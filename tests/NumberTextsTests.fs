/// Phrases that one number says otherwise.
module FunctionalBot.Tests.NumberTextsTests

open System.IO
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Web

/// A folder with these files of phrases.
let private withPhrases (files: (string * string) list) (work: string -> unit) =
    let folder = Directory.CreateTempSubdirectory "functionalbot-phrases-"

    try
        for name, text in files do
            File.WriteAllText(Path.Combine(folder.FullName, name), text)

        work folder.FullName
    finally
        folder.Delete true

let private book () =
    match Phrases.load (Repository.path "data/phrases") with
    | Ok book -> book
    | Error problems -> failwith $"%A{problems}"

let private welcome (book: PhraseBook) language =
    let utterance = {
        Phrase = Welcome None
        Choices = [ OpenTicket ]
        Language = language
        ReplyTo = None
        Invitation = None
        File = None
        Introduce = None
    }

    Phrases.renderText book { Name = "Jardín"; Contact = "x" } utterance

[<Fact>]
let ``a folder of phrases changes what it names, and the rest stays`` () =
    withPhrases
        [
            "es.json",
            """{ "phrases": { "welcome": "Hola, verde: {business}." }, "choices": { "open-ticket": { "title": "Abrir caso" } } }"""
        ]
        (fun folder ->
            let book = book ()

            match Phrases.over book folder with
            | Error problems -> failwith $"%A{problems}"
            | Ok changed ->
                Assert.Equal("Hola, verde: Jardín.\n[Abrir caso]", welcome changed Spanish)
                Assert.Equal(welcome book English, welcome changed English)
                Assert.NotEqual<string>(welcome book Spanish, welcome changed Spanish))

[<Fact>]
let ``what is wrong with a folder of phrases is told at once, with file and key`` () =
    let told files =
        let problems = ref []

        withPhrases files (fun folder ->
            match Phrases.over (book ()) folder with
            | Ok _ -> ()
            | Error found -> problems.Value <- found)

        problems.Value

    let problems =
        told [
            "es.json",
            """{ "phrases": { "wellcome": "x", "welcome": "sin nombre" }, "choices": { "cancel-ticket": { "title": "Abrir un ticket" } } }"""
            "pt.json", "{"
        ]

    for expected in
        [
            "es.json: phrases.wellcome is unknown"
            "es.json: phrases.welcome lacks {business}"
            "have the same title"
            "pt.json: is no JSON, line 1"
        ] do
        Assert.True(problems |> List.exists _.Contains(expected), $"%s{expected}: %A{problems}")

    Assert.Contains("none of es.json, en.json, pt.json", (Assert.Single(told [ "fr.json", "{}" ])))
