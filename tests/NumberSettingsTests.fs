/// Business numbers as they are set: by variables, by a file, and both.
module FunctionalBot.Tests.NumberSettingsTests

open System.IO
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Web
open FunctionalBot.Web.NumberSettings
open FunctionalBot.Tests.NumberReadings

[<Fact>]
let ``one number is set by the variables, as ever`` () =
    let number =
        Assert.Single(
            numbersOf (
                read (
                    common
                    @ [
                        "WHATSAPP_PHONE_NUMBER_ID", "1234"
                        "WHATSAPP_BUSINESS_ACCOUNT_ID", "99"
                        "BOT_LANGUAGE", "pt"
                        "BOT_DATA", "elsewhere"
                    ]
                )
            )
        )

    Assert.Equal(
        {
            Id = "1234"
            Account = Some "99"
            TokenVariable = "WHATSAPP_TOKEN"
            Token = "EAAB-secret"
            TokenFile = None
            Name = "Ferretería"
            Contact = "600 111 222"
            Scope = "customer support"
            Language = Portuguese
            Knowledge = Path.Combine("elsewhere", "knowledge")
            Phrases = None
            Team = None
            Hours = None
            LateTemplate = None
            Flow = None
        },
        number
    )

[<Fact>]
let ``a file adds numbers; what an entry leaves out is as the variables say`` () =
    let json =
        """[
            // Comments are taken.
            { "id": "1", "name": "Jardín", "contact": "jardin@example.com", "scope": "gardens", "language": "EN",
              "knowledge": "garden", "phrases": "words", "team": 7, "account": 55, "token_variable": "GARDEN_TOKEN" },
            { "id": 2, "team": null },
        ]"""

    readFile
        (common
         @ [
             "GARDEN_TOKEN", "EAAB-garden"
             "WHATSAPP_PHONE_NUMBER_ID", "3"
             "BOT_LANGUAGE", "pt"
         ])
        json
        (fun path reading ->
            let folder = string (Path.GetDirectoryName path)

            match numbersOf reading with
            | [ variables; garden; second ] ->
                Assert.Equal(("3", "Ferretería", None), (variables.Id, variables.Name, variables.Account))

                Assert.Equal(
                    {
                        Id = "1"
                        Account = Some "55"
                        TokenVariable = "GARDEN_TOKEN"
                        Token = "EAAB-garden"
                        TokenFile = None
                        Name = "Jardín"
                        Contact = "jardin@example.com"
                        Scope = "gardens"
                        Language = English
                        Knowledge = Path.Combine(folder, "garden")
                        Phrases = Some(Path.Combine(folder, "words"))
                        Team = Some 7L
                        Hours = None
                        LateTemplate = None
                        Flow = None
                    },
                    garden
                )

                Assert.Equal({ variables with Id = "2" }, second)
            | other -> failwith $"%A{other}")

[<Fact>]
let ``a number has its own hours, holidays and zone, or those of the variables`` () =
    let json =
        """[{ "id": "1", "hours": "mon-fri 9:00-14:00", "time_zone": "America/Bogota" },
            { "id": "2", "holidays": "2026-12-24 Nochebuena" },
            { "id": "3", "hours": null }]"""

    let variables =
        common
        @ [
            "BOT_HOURS", "sat 10:00-12:00"
            "BOT_HOLIDAYS", "2026-12-25 Navidad"
            "BOT_TIME_ZONE", "Europe/Madrid"
        ]

    readFile variables json (fun _ reading ->
        let told =
            numbersOf reading
            |> List.map (fun number ->
                let hours = Option.get number.Hours

                hours.Zone.Id,
                List.ofSeq hours.Week.Keys |> List.length,
                Map.toList hours.Holidays |> List.map snd)

        Assert.Equal<(string * int * string list) list>(
            [
                "America/Bogota", 5, [ "Navidad" ]
                "Europe/Madrid", 1, [ "Nochebuena" ]
                "Europe/Madrid", 1, [ "Navidad" ]
            ],
            told
        ))

    readFile common """[{ "id": "1", "hours": "always" }, { "id": "2" }]""" (fun path reading ->
        let problem = Assert.Single(problemsOf reading)
        Assert.Equal(path + ", entry 1, hours", problem.Name))

[<Fact>]
let ``a number has its own late template, that of the variables, or none`` () =
    let json =
        """[{ "id": "1", "late_template": "seguimos", "late_template_languages": "pt_BR es" },
            { "id": "2", "late_template_languages": "en_US" },
            { "id": "3", "late_template": null },
            { "id": "4", "late_template": false }]"""

    let variables =
        common
        @ [
            "BOT_LATE_TEMPLATE", "te_escribimos"
            "BOT_LATE_TEMPLATE_LANGUAGES", "es"
            "WHATSAPP_PHONE_NUMBER_ID", "5"
        ]

    readFile variables json (fun _ reading ->
        let told =
            numbersOf reading
            |> List.map (fun number ->
                number.Id,
                number.LateTemplate
                |> Option.map (fun template -> template.Name, template.Languages))

        Assert.Equal<(string * (string * string list) option) list>(
            [
                "5", Some("te_escribimos", [ "es" ])
                "1", Some("seguimos", [ "pt_BR"; "es" ])
                "2", Some("te_escribimos", [ "en_US" ])
                "3", Some("te_escribimos", [ "es" ])
                "4", None
            ],
            told
        ))

    readFile
        common
        """[{ "id": "1", "late_template": "Te escribimos" }, { "id": "2", "late_template": true }]"""
        (fun path reading ->
            Assert.Equal<string list>(
                [ path + ", entry 1, late_template"; path + ", entry 2, late_template" ],
                problemsOf reading |> List.map _.Name
            ))

    // Hours can be left out for a number in the same way.
    readFile
        (("BOT_HOURS", "sat 10:00-12:00") :: common)
        """[{ "id": "1", "hours": false }]"""
        (fun _ reading -> Assert.True((Assert.Single(numbersOf reading)).Hours.IsNone))

[<Fact>]
let ``a number has its own form, that of the variables, or none`` () =
    let json =
        """[{ "id": "1", "flow_id": "300", "flow_mode": "draft" },
            { "id": "2", "flow_name": "ticket" },
            { "id": "3", "flow_mode": "draft" },
            { "id": "4", "flow_id": false }]"""

    let flow name mode : FlowSettings.FlowConfiguration option = Some { Name = name; Mode = mode }

    for variable, name in
        [
            ("FLOW_ID", "100"), FlowId "100"
            ("FLOW_NAME", "formulario"), FlowNamed "formulario"
        ] do
        readFile (common @ [ variable; "WHATSAPP_PHONE_NUMBER_ID", "5" ]) json (fun _ reading ->
            Assert.Equal<(string * FlowSettings.FlowConfiguration option) list>(
                [
                    "5", flow name PublishedFlow
                    "1", flow (FlowId "300") DraftFlow
                    "2", flow (FlowNamed "ticket") PublishedFlow
                    "3", flow name DraftFlow
                    "4", None
                ],
                numbersOf reading |> List.map (fun number -> number.Id, number.Flow)
            ))

    readFile
        common
        """[{ "id": "1", "flow_id": "300", "flow_name": "ticket" }, { "id": "2", "flow_id": "ticket" }]"""
        (fun path reading ->
            Assert.Equal<string list>(
                [ path + ", entry 1, flow_name"; path + ", entry 2, flow_id" ],
                problemsOf reading |> List.map _.Name
            ))

[<Fact>]
let ``what cannot be a token is told at the start, and not repeated`` () =
    for text in [ "EAAB secret"; "EAAB-secret\n# of Monday"; "EAAB-sécret" ] do
        let problem =
            Assert.Single(
                problemsOf (
                    read [
                        "WHATSAPP_TOKEN", text
                        "WHATSAPP_PHONE_NUMBER_ID", "1"
                        "BOT_BUSINESS_NAME", "A"
                        "BOT_BUSINESS_CONTACT", "a"
                    ]
                )
            )

        Assert.Equal("WHATSAPP_TOKEN", problem.Name)
        Assert.DoesNotContain("EAAB", problem.Wrong + problem.Mend)

[<Fact>]
let ``where each number has what is its own, the variables of one number need not be set`` () =
    let json =
        """[{ "id": "1", "name": "A", "contact": "a", "token_variable": "TOKEN_A" },
            { "id": "2", "name": "B", "contact": "b", "token_variable": "TOKEN_B" }]"""

    readFile [ "TOKEN_A", "EAAB-a"; "TOKEN_B", "EAAB-b" ] json (fun _ reading ->
        let numbers = numbersOf reading
        Assert.Equal<string list>([ "EAAB-a"; "EAAB-b" ], numbers |> List.map _.Token))

    // A token in a file of its own is read again while the bot runs.
    let folder = Directory.CreateTempSubdirectory "functionalbot-token-"

    try
        let file = Path.Combine(folder.FullName, "token")
        File.WriteAllText(file, "EAAB-filed\n")

        readFile [ "TOKEN_A_FILE", file; "TOKEN_B", "EAAB-b" ] json (fun _ reading ->
            let first = (numbersOf reading).Head
            Assert.Equal(("EAAB-filed", Some file), (first.Token, first.TokenFile)))
    finally
        folder.Delete true

[<Fact>]
let ``the example file is read as it is, and its texts with it`` () =
    let variables =
        common
        @ [
            "BOT_NUMBERS", Repository.path "data/numbers.example.json"
            "BOT_DATA", Repository.path "data"
            "WHATSAPP_TOKEN_GARDEN", "EAAB-garden"
        ]

    match SettingTests.configured variables with
    | Error problems -> failwith $"%A{problems}"
    | Ok configuration ->
        Assert.Equal(3, configuration.Numbers.Length)

        match NumberTexts.load configuration with
        | Error problems -> failwith $"%A{problems}"
        | Ok texts ->
            Assert.Equal<string list>(
                [
                    "whatsapp-100000000000001"
                    "whatsapp-100000000000002"
                    "whatsapp-1234567890"
                ],
                List.ofSeq texts.Keys
            )

            // What several numbers share is read once.
            Assert.Same(texts["whatsapp-100000000000002"].Knowledge, texts["whatsapp-1234567890"].Knowledge)

            let opening channel =
                match (Composition.reception configuration).Number channel with
                | Some rules -> Some rules.Language
                | None -> None

            Assert.Equal(Some English, opening "whatsapp-100000000000002")
            Assert.Equal(Some Spanish, opening "whatsapp-1234567890")
            Assert.Equal(None, opening "whatsapp-7")
