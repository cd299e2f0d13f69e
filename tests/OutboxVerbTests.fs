/// `bot outbox` as the built program runs it.
module FunctionalBot.Tests.OutboxVerbTests

open System
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.BotRuns
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.OperationScenes

[<Fact>]
let ``outbox refuses what a worker holds, and mends what is dead`` () : Task = task {
    use! bench = startBench ()
    // The program lives in the real time.
    bench.Now <- DateTimeOffset.UtcNow
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "w1" bench.Now "hola" ] ]

    let! _ = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> [ say "1"; say "2" ]))

    let! claimed = bench.Store.Claim Messaging 1 bench.Now (TimeSpan.FromHours 1.)
    let key = CommandKey.text claimed.Head.Command.Key
    let outbox words = on bench.Database ("outbox" :: words)
    let earnest = [ "--reason"; "x"; "--yes" ]
    let! held = outbox ([ "retry"; key ] @ earnest)
    Assert.Equal(6, held.Code)
    Assert.Contains("holds it until", held.Talk)
    Assert.DoesNotContain("ES.1", held.Talk)
    let! settled = outbox ([ "settle"; key; "--as"; "sent" ] @ earnest)
    Assert.Equal(6, settled.Code)
    let! settled = outbox ([ "settle"; key ] @ earnest)
    Assert.Equal(2, settled.Code)
    let! _ = bench.Store.Record [ claimed.Head, GivenUp("refused", None) ] bench.Now
    let! list = outbox [ "list"; "--state"; "dead"; "--service"; "messaging"; "--json" ]
    use document = json list
    Assert.Equal<string list>([ "version"; "commands" ], names document.RootElement)
    let command = (document.RootElement.GetProperty "commands")[0]

    Assert.Equal<string list>(
        [
            "id"
            "key"
            "kind"
            "service"
            "state"
            "attempts"
            "queued_at"
            "wake"
            "ended_at"
            "reason"
        ],
        names command
    )

    Assert.Equal(key, string ((command.GetProperty "key").GetString()))
    let! missing = outbox [ "show"; "no/such/key" ]
    Assert.Equal(5, missing.Code)
    let! shown = outbox [ "show"; key; "--json" ]
    use document = json shown
    Assert.False(fst (document.RootElement.TryGetProperty "action"))
    let! retried = outbox ([ "retry"; "--all-dead" ] @ earnest)
    Assert.Equal(0, retried.Code)
    let! cancelled = outbox ([ "cancel"; "2" ] @ earnest)
    Assert.Equal(0, cancelled.Code)
    let! states = bench.Database.Rows "SELECT id, state FROM bot.outbox"
    Assert.Equal<string list list>([ [ "1"; "ready" ] ], states)
    do! expectSound (operationsOf bench)
}
