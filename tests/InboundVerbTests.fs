/// `bot inbound` as the built program runs it.
module FunctionalBot.Tests.InboundVerbTests

open System
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.BotRuns
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.OperationScenes

let private takeDead (bench: Bench) : Task = task {
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "wamid.1" bench.Now "boom" ] ]

    for _ in 1..5 do
        let! _ = bench.Store.Decide 10 (fun _ -> invalidOp "boom")
        ()
}

[<Fact>]
let ``inbound shows and puts back, with an exit code for each way`` () : Task = task {
    use! bench = startBench ()
    do! takeDead bench
    let inbound words = on bench.Database ("inbound" :: words)
    let! list = inbound [ "list"; "--end"; "dead"; "--json" ]
    Assert.Equal(0, list.Code)
    use document = json list
    Assert.Equal<string list>([ "version"; "entries" ], names document.RootElement)
    Assert.Equal(1, (document.RootElement.GetProperty "version").GetInt32())
    let entry = (document.RootElement.GetProperty "entries")[0]

    Assert.Equal<string list>(
        [
            "id"
            "source"
            "source_id"
            "session"
            "kind"
            "at"
            "received_at"
            "state"
            "event_version"
            "reason"
        ],
        names entry
    )

    let! table = inbound [ "list" ]
    Assert.Contains("dead", table.Results)
    Assert.DoesNotContain("wamid", table.Results)
    let! shown = inbound [ "show"; "1" ]
    Assert.Contains("wamid.1", shown.Results)
    // What the customer wrote is shown to whoever asks for it only.
    Assert.DoesNotContain("boom\"", shown.Results)
    let! shown = inbound [ "show"; "1"; "--content"; "--json" ]
    use document = json shown
    Assert.Equal("boom", string (((document.RootElement.GetProperty "fact").GetProperty "Text").GetString()))
    let! before = contents bench

    for words, code in
        [
            [ "show"; "4711" ], 5
            [ "list"; "--since"; "whenever" ], 2
            [ "retry"; "--reason"; "x" ], 2
            [ "retry"; "1"; "--all-dead"; "--reason"; "x" ], 2
            [ "retry"; "1"; "--yes" ], 2
            [ "retry"; "1"; "--reason"; "x" ], 6
            [ "retry"; "--all-dead"; "--reason"; "x" ], 6
            [ "retry"; "4711"; "--reason"; "x"; "--yes" ], 5
            [ "retry"; "1"; "--dry-run" ], 0
            [ "retry"; "--all-dead"; "--since"; "2099-01-01"; "--reason"; "x"; "--yes" ], 0
        ] do
        let! run = inbound words
        Assert.True((run.Code = code), $"%A{words} gave %d{run.Code}: %s{run.Results}%s{run.Talk}")

    let! after = contents bench
    Assert.Equal(before, after)

    let! retry =
        inbound [ "retry"; "--all-dead"; "--reason"; "mended"; "--yes"; "--json" ]

    Assert.Equal(0, retry.Code)
    use document = json retry
    Assert.Equal<string list>([ "version"; "dry_run"; "results" ], names document.RootElement)
    let result = (document.RootElement.GetProperty "results")[0]
    Assert.Equal<string list>([ "entry"; "outcome"; "detail" ], names result)
    Assert.Equal("changed", string ((result.GetProperty "outcome").GetString()))
    let! again = inbound [ "retry"; "1"; "--reason"; "mended"; "--yes" ]
    Assert.Equal(6, again.Code)
    let! audit = audit bench
    Assert.Equal<string list list>([ [ Environment.UserName; "inbound retry"; "inbox 1"; "mended" ] ], audit)
}
