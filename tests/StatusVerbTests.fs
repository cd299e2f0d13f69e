/// `bot status` and `bot db check` as the built program runs them.
module FunctionalBot.Tests.StatusVerbTests

open System
open System.IO
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.BotRuns
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.OperationScenes

[<Fact>]
let ``check and status tell what is wrong by exit code and as JSON`` () : Task = task {
    use! bench = startBench ()
    do! converse bench "ES.1" "w1" "hola"
    let! check = on bench.Database [ "db"; "check" ]
    Assert.True((check.Code = 0), check.Results)
    let! status = on bench.Database [ "status"; "--json" ]
    Assert.Equal(0, status.Code)
    use document = json status

    Assert.Equal<string list>(
        [
            "version"
            "at"
            "accounting"
            "dead_letters"
            "open_commands"
            "services"
            "sessions_by_phase"
            "last_received"
            "last_activity"
            "database"
        ],
        names document.RootElement
    )

    let accounting = document.RootElement.GetProperty "accounting"
    Assert.Equal(1, (accounting.GetProperty "received").GetInt32())
    Assert.Equal(0, (accounting.GetProperty "unaccounted").GetInt32())

    Assert.Equal(
        1,
        ((document.RootElement.GetProperty "sessions_by_phase").GetProperty "conversing").GetInt32()
    )

    do! bench.Database.Execute "DELETE FROM bot.inbox_end"
    let! status = on bench.Database [ "status" ]
    Assert.Equal(0, status.Code)
    do! bench.Database.Execute "UPDATE bot.tally SET amount = 0 WHERE what = 'applied'"
    let! status = on bench.Database [ "status" ]
    Assert.Equal(1, status.Code)
    Assert.Contains("bot db check", status.Talk)
    let! check = on bench.Database [ "db"; "check"; "--json" ]
    Assert.Equal(1, check.Code)
    use document = json check
    Assert.Equal<string list>([ "version"; "ok"; "checks" ], names document.RootElement)

    let failed = [
        for finding in (document.RootElement.GetProperty "checks").EnumerateArray() do
            if not ((finding.GetProperty "ok").GetBoolean()) then
                string ((finding.GetProperty "name").GetString())
    ]

    Assert.Contains("every entry of the inbox stands in one place", failed)
    Assert.Contains("what was received is what ended and what is pending", failed)
}

[<Fact>]
let ``status looks again until it is stopped`` () : Task = task {
    use! bench = startBench ()
    let folder = Directory.CreateTempSubdirectory("functionalbot-watch-").FullName

    let watching =
        Stage.launch (Map [ "DATABASE_URL", bench.Database.ConnectionString ]) folder [
            "status"
            "--watch"
            "2"
            "--json"
        ]

    try
        let lines () =
            watching.Output.Split '\n' |> Array.filter (fun line -> line.StartsWith "{")

        do!
            Stage.eventually "two looks" (fun () -> task {
                return if (lines ()).Length >= 2 then Some() else None
            })

        use document = JsonDocument.Parse((lines ())[1])
        Assert.Equal(1, (document.RootElement.GetProperty "version").GetInt32())
    finally
        watching.Kill().GetAwaiter().GetResult()
        Directory.Delete(folder, true)
}
