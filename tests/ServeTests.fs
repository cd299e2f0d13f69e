/// The program towards whoever runs it: settings, doctor, a database that goes away.
module FunctionalBot.Tests.ServeTests

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageCustomers
open FunctionalBot.Tests.StageLooks

let private runToEnd environment words = task {
    let folder = Directory.CreateTempSubdirectory("functionalbot-run-").FullName
    let bot = launch environment folder words
    do! bot.Process.WaitForExitAsync()
    // The output is complete only after this second wait.
    bot.Process.WaitForExit()
    Directory.Delete(folder, true)
    return bot.Process.ExitCode, bot.Output
}

[<Fact>]
let ``missing and wrong settings are told in one list, with exit code 3 and no stack trace`` () : Task = task {
    let! code, output =
        runToEnd
            (Map [
                "WHATSAPP_PHONE_NUMBER_ID", "+34 600"
                "BOT_IDLE_MINUTES", "soon"
                "ODOO_URL", "erp"
                "DATABASE_URL", "here"
                "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"
                "OTEL_EXPORTER_OTLP_PROTOCOL", "smoke"
                "OTEL_TRACES_SAMPLER_ARG", "1.5"
            ])
            [ "serve" ]

    Assert.Equal(3, code)

    for name in
        [
            "WHATSAPP_TOKEN"
            "WHATSAPP_APP_SECRET"
            "WHATSAPP_VERIFY_TOKEN"
            "WHATSAPP_PHONE_NUMBER_ID"
            "BOT_IDLE_MINUTES"
            "ODOO_URL"
            "ODOO_API_KEY"
            "DATABASE_URL"
            "BOT_BUSINESS_CONTACT"
            "OTEL_EXPORTER_OTLP_PROTOCOL"
            "OTEL_TRACES_SAMPLER_ARG"
        ] do
        Assert.Contains(name, output)

    Assert.DoesNotContain("   at ", output)
}

[<Fact>]
let ``a secret that is set is never shown, however wrong the rest is`` () : Task = task {
    let! _, output =
        runToEnd (Map [ "WHATSAPP_TOKEN", "EAAB-very-secret"; "WHATSAPP_APP_SECRET", "hush-hush" ]) [
            "serve"
        ]

    Assert.DoesNotContain("very-secret", output)
    Assert.DoesNotContain("hush-hush", output)
}

[<Fact>]
let ``an unknown word ends with exit code 2 and the usage`` () : Task = task {
    let! code, output = runToEnd Map.empty [ "sing" ]
    Assert.Equal(2, code)
    Assert.Contains("serve", output)
}

[<Fact>]
let ``help and version end well`` () : Task = task {
    let! code, output = runToEnd Map.empty [ "--help" ]
    Assert.Equal(0, code)
    Assert.Contains("doctor", output)
    let! code, output = runToEnd Map.empty [ "version" ]
    Assert.Equal(0, code)
    Assert.Contains("FunctionalBot", output)
}

[<Fact>]
let ``every variable that is read is explained in .env.example`` () =
    // Those of `TestSwitches` are refused wherever they are not allowed, and are nobody's to set.
    let read =
        Repository.filesIn "src/Web/" [ ".fs" ]
        |> List.filter (fun file -> not (file.EndsWith "TestSwitches.fs"))
        |> List.collect (fun file -> [
            for found in
                Regex.Matches(
                    Repository.read file,
                    "\"((?:WHATSAPP|FLOW|OPENAI|ODOO|OTEL|BOT|DATABASE)_[A-Z_]+)\""
                ) do
                found.Groups[1].Value
        ])
        |> List.distinct

    let example = Repository.read ".env.example"
    Assert.True(read.Length > 20)

    for name in read do
        Assert.Contains(name + "=", example)

    // And nothing is explained that nobody reads.
    for found in Regex.Matches(example, "^([A-Z_]+)=", RegexOptions.Multiline) do
        let name = found.Groups[1].Value
        let ofFile = "_FILE"

        let plain =
            if name.EndsWith ofFile then
                name.Substring(0, name.Length - ofFile.Length)
            else
                name

        Assert.Contains(plain, read)

[<Fact>]
let ``doctor finds everything in order, as text and as JSON`` () =
    onStage (fun stage -> task {
        let! code, output = runToEnd stage.Environment [ "doctor" ]
        Assert.True((code = 0), output)
        // Nobody looks at a pipe with colours.
        Assert.DoesNotContain("\u001b", output)

        for name in
            [
                "texts"
                "database"
                "services"
                "whatsapp"
                "webhook"
                "token"
                "assistant"
                "odoo"
                "files"
            ] do
            Assert.Contains(name, output)

        let! code, output = runToEnd stage.Environment [ "doctor"; "--json" ]
        Assert.Equal(0, code)
        use document = JsonDocument.Parse output
        Assert.Equal(1, (document.RootElement.GetProperty "version").GetInt32())
        Assert.Equal(9, (document.RootElement.GetProperty "checks").GetArrayLength())
    })

[<Fact>]
let ``doctor counts what came in and says when the books do not close`` () =
    onStage (fun stage -> task {
        let! _ = FunctionalBot.Effects.Migrations.run stage.Database.ConnectionString

        let told (output: string) (field: string) =
            use document = JsonDocument.Parse output

            (document.RootElement.GetProperty "checks").EnumerateArray()
            |> Seq.find (fun check -> (check.GetProperty "name").GetString() = "database")
            |> fun check -> string ((check.GetProperty field).GetString())

        let! code, output = runToEnd stage.Environment [ "doctor"; "--json" ]
        Assert.True((code = 0), output)
        Assert.Contains("received 0 = ended 0 + pending 0", told output "fact")

        do!
            stage.Database.Execute
                "INSERT INTO bot.tally (day, what, shard, amount) VALUES (now()::date, 'received', 0, 3)"

        let! code, output = runToEnd stage.Environment [ "doctor"; "--json" ]
        Assert.Equal(1, code)
        Assert.Contains("3 unaccounted", told output "problem")
        Assert.Contains("bot db check", told output "fix")
    })

[<Fact>]
let ``doctor names each service that is wrong and how to mend it`` () =
    onStage (fun stage -> task {
        let wrong =
            stage.Environment
            |> Map.add "WHATSAPP_TOKEN" "a-dead-token"
            |> Map.add "ODOO_API_KEY" "not-the-key"
            |> Map.add "DATABASE_URL" "postgres://bot@127.0.0.1:1/bot"
            |> Map.add "BOT_ASSISTANT" "openai"
            |> Map.add "OPENAI_API_KEY" "sk-not-a-key"
            |> Map.add "OPENAI_BASE_URL" "http://127.0.0.1:1/v1"

        let! code, output = runToEnd wrong [ "doctor"; "--json" ]
        Assert.Equal(1, code)
        use document = JsonDocument.Parse output

        let failed = [
            for check in (document.RootElement.GetProperty "checks").EnumerateArray() do
                if not ((check.GetProperty "ok").GetBoolean()) then
                    Assert.NotEqual<string | null>("", (check.GetProperty "fix").GetString())
                    string ((check.GetProperty "name").GetString())
        ]

        Assert.Equal<string list>(
            [ "database"; "whatsapp"; "webhook"; "token"; "assistant"; "odoo" ],
            failed
        )

        // A dead token is mended by a new one, whichever check found it.
        let fixOf name =
            (document.RootElement.GetProperty "checks").EnumerateArray()
            |> Seq.find (fun check -> (check.GetProperty "name").GetString() = name)
            |> fun check -> string ((check.GetProperty "fix").GetString())

        for name in [ "webhook"; "token" ] do
            Assert.Contains("WHATSAPP_TOKEN_FILE", fixOf name)

        for secret in [ "a-dead-token"; "not-the-key"; "sk-not-a-key" ] do
            Assert.DoesNotContain(secret, output)
    })

[<Fact>]
let ``while the database is away the webhook answers 503 and readyz is red; both recover by themselves`` () =
    onStage (fun stage -> task {
        let! _ = startBot stage
        do! writes "ana" "hola" stage
        let! _ = hears "ana" 1 stage

        let name =
            Npgsql.NpgsqlConnectionStringBuilder(stage.Database.ConnectionString).Database

        use admin =
            new Npgsql.NpgsqlConnection(string (Environment.GetEnvironmentVariable "BOT_TEST_DATABASE"))

        do! admin.OpenAsync()

        let execute (sql: string) = task {
            use command = new Npgsql.NpgsqlCommand(sql, admin)
            let! _ = command.ExecuteNonQueryAsync()
            return ()
        }

        do! execute $"ALTER DATABASE \"%s{string name}\" ALLOW_CONNECTIONS false"

        do!
            execute
                $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s{string name}'"

        let body =
            Text.Encoding.UTF8.GetBytes """{"object":"whatsapp_business_account","entry":[]}"""

        let! refused = postWebhook (Some(sign appSecret body)) body stage
        Assert.Equal(503, refused)
        let! status, _ = get "/readyz" stage
        Assert.Equal(503, status)
        let! status, _ = get "/healthz" stage
        Assert.Equal(200, status)

        // What is written meanwhile waits at Meta, which sends it again.
        do! writes "ana" "¿A qué hora abren los sábados?" stage
        do! execute $"ALTER DATABASE \"%s{string name}\" ALLOW_CONNECTIONS true"
        let! answer = hears "ana" 2 stage
        Assert.Contains("sábado", answer.Text)
        let! status, _ = get "/readyz" stage
        Assert.Equal(200, status)
    })

[<Fact>]
let ``a start without a database waits for it`` () =
    onStage (fun stage -> task {
        let away = [ "DATABASE_URL", "postgres://bot@127.0.0.1:1/bot" ]

        let environment =
            (stage.Environment, away)
            ||> List.fold (fun all (name, value) -> Map.add name value all)

        let bot = launch environment stage.Folder [ "serve" ]
        stage.Bots.Enqueue bot

        do!
            eventually "the door to be open" (fun () -> task {
                try
                    let! status, _ = get "/healthz" stage
                    return if status = 200 then Some() else None
                with :? Net.Http.HttpRequestException ->
                    return None
            })

        let! status, reason = get "/readyz" stage
        Assert.Equal(503, status)
        Assert.Contains("database", reason)
        let! code = bot.Stop()
        Assert.Equal(0, code)
    })
