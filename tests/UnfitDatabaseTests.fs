/// `bot serve` and `bot doctor` on databases that do not fit, and on broken streams: what is said, and that nothing
/// else suffers.
module FunctionalBot.Tests.UnfitDatabaseTests

open System
open System.IO
open System.Text.Json
open System.Threading.Tasks
open Npgsql
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Tests.OperationScenes
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageCustomers
open FunctionalBot.Tests.StageLooks
open FunctionalBot.Tests.StoreFixture

let private run (settings: (string * string) list) (words: string list) stage = task {
    let environment =
        (stage.Environment, settings)
        ||> List.fold (fun all (name, value) -> Map.add name value all)

    let bot = launch environment stage.Folder words
    stage.Bots.Enqueue bot
    do! bot.Process.WaitForExitAsync()
    // The output is complete only after this second wait.
    bot.Process.WaitForExit()
    Assert.DoesNotContain("   at ", bot.Output)
    return bot.Process.ExitCode, bot.Output
}

/// The program says so and ends so, and leaves the database as it is.
let private refuses settings words (code: int) (expected: string) stage : Task = task {
    let! before = contentsOf stage.Database
    let! found, output = run settings words stage
    Assert.True((found = code), output)
    Assert.Contains(expected, output)
    let! after = contentsOf stage.Database
    Assert.Equal(before, after)
}

[<Fact>]
let ``serve and doctor leave a database of a newer build alone, with a clear message`` () =
    onStage (fun stage -> task {
        let! _ = Migrations.run stage.Database.ConnectionString

        do!
            stage.Database.Execute
                "INSERT INTO bot.migration (number, name, sha256) VALUES (999, '999-of-the-future.sql', 'x')"

        do! stage |> refuses [] [ "serve" ] 4 "newer build"
        do! stage |> refuses [] [ "doctor" ] 1 "newer build"
    })

[<Fact>]
let ``doctor says that an older database will be migrated, and does not do it`` () =
    onStage (fun stage -> task {
        let! _ =
            Migrations.runThese (List.take 2 Migrations.all) stage.Database.ConnectionString

        do! stage |> refuses [] [ "doctor" ] 0 "will be applied when the bot starts"
    })

[<Fact>]
let ``serve and doctor with a role without rights say so, before and after the schema is there`` () =
    onStage (fun stage -> task {
        let role = "bot_test_" + Guid.NewGuid().ToString "N"
        do! stage.Database.Execute $"CREATE ROLE %s{role} LOGIN PASSWORD 'invented'"

        let settings = [
            "DATABASE_URL",
            NpgsqlConnectionStringBuilder(
                stage.Database.ConnectionString,
                Username = role,
                Password = "invented"
            )
                .ConnectionString
        ]

        try
            do! stage |> refuses settings [ "serve" ] 4 "lacks rights"

            let! schema =
                stage.Database.Cell "SELECT count(*) FROM pg_namespace WHERE nspname = 'bot'"

            Assert.Equal("0", schema)
            let! _ = Migrations.run stage.Database.ConnectionString
            do! stage |> refuses settings [ "serve" ] 4 "lacks rights"
            do! stage |> refuses settings [ "doctor" ] 1 "lacks rights"
        finally
            stage.Database.Execute($"DROP ROLE %s{role}").GetAwaiter().GetResult()
    })

/// The session of the customer with this name, as the streams are called.
let private streamOf (stage: Stage) (name: string) : Task<string> =
    stage.Database.Cell
        $"SELECT stream_id FROM mt_events WHERE type = 'session_opened' AND data::text LIKE '%%%s{name}%%'"

[<Fact>]
let ``broken streams stop their own customers only, and the inbox and replay name them`` () =
    onStage (fun stage -> task {
        let! first = startBotWith [ "BOT_QUIET_MS", "0" ] stage

        for customer in [ "ana"; "beatriz"; "tomas" ] do
            do! writes customer "hola" stage
            let! _ = hears customer 1 stage
            ()

        do! quiet stage
        let! _ = first.Stop()
        let! ana = streamOf stage "Ana"
        let! beatriz = streamOf stage "Beatriz"

        // What keeps a session in memory or saved is gone, so that the streams have to be read.
        do!
            stage.Database.Execute
                $"UPDATE mt_events SET type = 'tide_turned' WHERE version = 2 AND stream_id = '%s{ana}';
                DELETE FROM mt_events WHERE version = 2 AND stream_id = '%s{beatriz}';
                DELETE FROM bot.session WHERE stream IN ('%s{ana}', '%s{beatriz}')"

        let! second = startBotWith [ "BOT_QUIET_MS", "0" ] stage

        for customer in [ "ana"; "beatriz"; "tomas" ] do
            do! writes customer "¿A qué hora abren los sábados?" stage

        let! answer = hears "tomas" 2 stage
        Assert.Contains("sábado", answer.Text)

        let! refused =
            eventually "both to be refused for good" (fun () -> task {
                match!
                    stage.Database.Rows
                        "SELECT reason FROM bot.inbox_state WHERE state = 'dead' ORDER BY reason"
                with
                | [ [ _ ]; [ _ ] ] as rows -> return Some(List.concat rows)
                | _ -> return None
            })

        for stream in [ ana; beatriz ] do
            Assert.Single(refused, (fun (reason: string) -> reason.Contains $"%s{stream} at version 2"))
            |> ignore

        // The others go on, and the books close.
        do! writes "tomas" "ayuda" stage
        let! _ = hears "tomas" 3 stage
        do! quiet stage

        for customer in [ "ana"; "beatriz" ] do
            let! all = said customer stage
            Assert.Single all |> ignore

        let! code, output = run [] [ "session"; "replay"; "--all"; "--json" ] stage
        Assert.Equal(1, code)

        for stream in [ ana; beatriz ] do
            Assert.Contains(stream, output)

        let! _ = second.Stop()

        let logs =
            Directory.GetFiles(Path.Combine(stage.Folder, "logs"))
            |> Array.map File.ReadAllText
            |> String.concat "\n"

        for personal in [ "Ana"; "Beatriz"; "34600"; ana; beatriz ] do
            Assert.DoesNotContain(personal, logs)
    })
