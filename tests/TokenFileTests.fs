/// The access token in a file, replaced while the bot runs.
module FunctionalBot.Tests.TokenFileTests

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Tests.Protected
open FunctionalBot.Web

[<Fact>]
let ``a token in a file is read again, at most each second, and one that is away or holds no token changes nothing``
    ()
    =
    inSimulatedTime 3 (fun world -> task {
        let file = ref (Some "first")
        let reads = ref 0
        let troubles = List<string>()
        let replaced = List<DateTimeOffset>()

        let read _ =
            reads.Value <- reads.Value + 1
            file.Value

        let token = TokenFile.watch world read troubles.Add "/run/token" "first"
        use stop = new CancellationTokenSource()

        let tell () : Task =
            replaced.Add(world.Now())
            Task.CompletedTask

        let keeping = token.Keep tell stop.Token

        for _ in 1..100 do
            Assert.Equal("first", token.Read())

        Assert.Equal(0, reads.Value)
        file.Value <- None
        do! world.Delay (TimeSpan.FromSeconds 5.) never
        Assert.Equal("first", token.Read())
        Assert.Equal<string list>([ "/run/token" ], List.ofSeq troubles)
        Assert.Empty replaced
        file.Value <- Some "not\na token"
        do! world.Delay (TimeSpan.FromSeconds 5.) never
        Assert.Equal("first", token.Read())
        file.Value <- Some "second"
        do! world.Delay (TimeSpan.FromSeconds 2.1) never
        Assert.Equal("second", token.Read())
        Assert.Single replaced |> ignore
        Assert.InRange(reads.Value, 9, 15)
        stop.Cancel()
        do! keeping
    })
