/// Settings: where they come from, and that nothing which somebody has set is passed over in silence.
module FunctionalBot.Tests.SettingTests

open System
open System.IO
open Npgsql
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Web
open FunctionalBot.Web.Setting

/// A folder with one file; it goes when the work is done.
let private withFile (text: string) (work: string -> unit) =
    let folder = Directory.CreateTempSubdirectory "functionalbot-settings-"

    try
        let path = Path.Combine(folder.FullName, "file")
        File.WriteAllText(path, text)
        work path
    finally
        folder.Delete true

/// A source of these variables.
let ofVariables (variables: (string * string) list) (envFile: string option) : Source =
    let variables = Map variables

    source
        (fun name ->
            match variables.TryFind name with
            | Some value -> value
            | None -> null)
        envFile

let private problemsOf (reading: Reading<'value>) =
    match reading with
    | Ok _ -> []
    | Error problems -> [ for problem in problems -> problem.Name, problem.Wrong ]

[<Fact>]
let ``a file of settings has comments, blanks and quotes, and the environment goes before it`` () =
    withFile
        ("# WHATSAPP_TOKEN=no\r\n\n  BOT_DATA = \"a folder\"  \nBOT_LOGS='logs=here'\n"
         + "BOT_URLS=\nnonsense\n=x\nODOO_DB=file")
        (fun path ->
            let source = ofVariables [ "ODOO_DB", "environment"; "ODOO_USER", "  " ] (Some path)

            for name, expected in
                [
                    "WHATSAPP_TOKEN", None
                    "BOT_DATA", Some "a folder"
                    "BOT_LOGS", Some "logs=here"
                    "BOT_URLS", None
                    "ODOO_DB", Some "environment"
                    "ODOO_USER", None
                    "nonsense", None
                ] do
                Assert.Equal((name, Ok expected), (name, source name)))

[<Fact>]
let ``a secret may be kept in a file of its own`` () =
    withFile "  EAAB-secret\n" (fun path ->
        let source = ofVariables [ "WHATSAPP_TOKEN_FILE", path ] None
        Assert.Equal(Ok(Some "EAAB-secret"), source "WHATSAPP_TOKEN")

        let both =
            ofVariables [ "WHATSAPP_TOKEN_FILE", path; "WHATSAPP_TOKEN", "itself" ] None

        Assert.Equal(Ok(Some "itself"), both "WHATSAPP_TOKEN")

        withFile ("WHATSAPP_TOKEN_FILE=" + path) (fun envFile ->
            Assert.Equal(Ok(Some "EAAB-secret"), ofVariables [] (Some envFile) "WHATSAPP_TOKEN")))

[<Fact>]
let ``a file that is named for a secret and cannot be read is told of by name`` () =
    withFile "" (fun path ->
        let missing = path + ".typing-error"
        let source = ofVariables [ "OPENAI_API_KEY_FILE", missing ] None

        let expected = [ "OPENAI_API_KEY_FILE", "names a file that is not there: " + missing ]

        Assert.Equal<(string * string) list>(
            expected,
            problemsOf (required source "OPENAI_API_KEY" "Set it.")
        )
        // Nor does the bot do without OpenAI then.
        Assert.Equal<(string * string) list>(expected, problemsOf (ServiceSettings.assistant source))

        let folder = string (Path.GetDirectoryName path)
        let source = ofVariables [ "OPENAI_API_KEY_FILE", folder ] None

        Assert.Equal<(string * string) list>(
            [ "OPENAI_API_KEY_FILE", "names a file that cannot be read: " + folder ],
            problemsOf (source "OPENAI_API_KEY")
        )

        // One that is empty holds no value.
        Assert.Equal(Ok None, ofVariables [ "OPENAI_API_KEY_FILE", path ] None "OPENAI_API_KEY"))

[<Fact>]
let ``a file of settings that is named has to be there; the usual one need not`` () =
    withFile "" (fun path ->
        Assert.Equal(None, fileProblem path true)
        Assert.Equal(None, fileProblem (path + ".env") false)

        match fileProblem (path + ".env") true with
        | Some problem -> Assert.Equal("names a file that is not there: " + path + ".env", problem.Wrong)
        | None -> Assert.Fail "nothing is told of it")

/// All that has to be set.
let private complete = [
    "DATABASE_URL", "postgres://bot@127.0.0.1:5432/bot"
    "WHATSAPP_TOKEN", "EAAB-secret"
    "WHATSAPP_APP_SECRET", "first, second"
    "WHATSAPP_VERIFY_TOKEN", "verify"
    "WHATSAPP_PHONE_NUMBER_ID", "1234567890"
    "ODOO_URL", "https://erp.example.com"
    "ODOO_DB", "erp"
    "ODOO_USER", "bot"
    "ODOO_API_KEY", "key"
    "BOT_BUSINESS_NAME", "Ferretería"
    "BOT_BUSINESS_CONTACT", "600 111 222"
]

/// A whole configuration, with these settings besides.
let configured more =
    Configuration.read "data" (ofVariables (complete @ more) None)

[<Fact>]
let ``several app secrets are taken, and none is a problem`` () =
    match configured [] with
    | Ok configuration -> Assert.Equal<string list>([ "first"; "second" ], configuration.WhatsApp.AppSecrets)
    | Error problems -> Assert.Fail $"%A{problems}"

    let wrong = problemsOf (configured [ "WHATSAPP_APP_SECRET", " , " ])
    Assert.Equal<string list>([ "WHATSAPP_APP_SECRET" ], List.map fst wrong)

[<Fact>]
let ``names of hosts are taken alone, and a token whole`` () =
    let hostsOf more =
        match configured more with
        | Ok configuration -> configuration.KeptFiles.Hosts, configuration.AllowedHosts
        | Error problems -> failwith $"%A{problems}"

    Assert.Equal((WhatsAppMedia.defaultHosts, []), hostsOf [])

    Assert.Equal(
        ([ "a.example.com"; "b.example.com" ], [ "10.0.0.1" ]),
        hostsOf [
            "WHATSAPP_MEDIA_HOSTS", "a.example.com, b.example.com"
            "BOT_ALLOWED_HOSTS", "10.0.0.1"
        ]
    )

    for name, text, part in
        [
            "WHATSAPP_MEDIA_HOSTS", "https://a.example.com", "https://a.example.com"
            "BOT_ALLOWED_HOSTS", "example.com/shop", "example.com/shop"
            // What a token stands in is a header; what is wrong with it is told without it.
            "WHATSAPP_TOKEN", "EAAB-first\nEAAB-second", "break of a line"
            "WHATSAPP_TOKEN", "EAAB-contraseña", "letter"
        ] do
        let found, told = Assert.Single(problemsOf (configured [ name, text ]))
        Assert.Equal(name, found)
        Assert.Contains(part, told)

        if name = "WHATSAPP_TOKEN" then
            Assert.DoesNotContain("EAAB", told)

[<Fact>]
let ``an address of PostgreSQL is taken with all that it says`` () =
    let builder text =
        match DatabaseSettings.connectionString text with
        | Ok connection -> NpgsqlConnectionStringBuilder connection
        | Error wrong -> failwith wrong

    let plain = builder "postgres://bot:s%40cret@db.example.com/bot"
    Assert.Equal(("db.example.com", 5432), (string plain.Host, plain.Port))

    Assert.Equal(
        ("bot", "s@cret", "bot"),
        (string plain.Username, string plain.Password, string plain.Database)
    )

    let strict =
        builder (
            "postgresql://bot@db:5433/bot?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem"
            + "&application_name=bot&connect_timeout=7&options=-c%20statement_timeout%3D5s"
        )

    Assert.Equal(SslMode.VerifyFull, strict.SslMode)
    Assert.Equal("/etc/ca.pem", string strict.RootCertificate)

    Assert.Equal(
        ("bot", 7, "-c statement_timeout=5s"),
        (string strict.ApplicationName, strict.Timeout, string strict.Options)
    )

    Assert.Equal(SslMode.Require, (builder "postgres://bot@db/bot?sslmode=require").SslMode)
    let local = builder "postgres:///bot?host=/run/postgresql&user=bot"

    Assert.Equal(
        ("/run/postgresql", "bot", "bot"),
        (string local.Host, string local.Username, string local.Database)
    )

    Assert.Equal("db", string (builder "Host=db;Username=bot;Database=bot;SSL Mode=Require").Host)

[<Theory>]
[<InlineData("postgres://bot:secret@db/bot?sslmod=require", "sslmod")>]
[<InlineData("postgres://bot:secret@db/bot?sslmode=always", "sslmode")>]
[<InlineData("postgres://bot:secret@db/bot?connect_timeout=soon", "connect_timeout")>]
[<InlineData("postgres:///bot", "host")>]
[<InlineData("postgres://bot:se#cret@db/bot", "")>]
[<InlineData("postgres://bot:secret@db/bot#cret", "#")>]
[<InlineData("mysql://bot:secret@db/bot", "PostgreSQL")>]
[<InlineData("Host=db;Sll Mode=Require", "PostgreSQL")>]
[<InlineData("Username=bot", "PostgreSQL")>]
let ``what an address of PostgreSQL says and nobody understands is told of, without the password``
    (text: string)
    word
    =
    match problemsOf (DatabaseSettings.read (ofVariables [ "DATABASE_URL", text ] None)) with
    | [ "DATABASE_URL", wrong ] ->
        Assert.Contains(word, wrong)
        Assert.DoesNotContain("cret", wrong)
    | problems -> Assert.Fail $"%A{problems}"
