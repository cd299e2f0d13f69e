/// Nodes at work while the network to their database breaks again and again, always around a commit.
[<Xunit.Collection(FunctionalBot.Tests.Nodes.collection)>]
module FunctionalBot.Tests.LostCommitNodesTests

open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.CuttingProxy
open FunctionalBot.Tests.Nodes
open FunctionalBot.Tests.Talk

/// One commit of twenty-five is not heard by PostgreSQL, and of another one the bot does not hear.
let private atTimes (random: System.Random) () =
    match lock random (fun () -> random.Next 25) with
    | 0 -> CutBefore
    | 1 -> CutAfter
    | _ -> Passes

[<Fact>]
let ``two nodes whose commits are cut off again and again lose nothing and double nothing`` () : Task =
    seeded (fun random ->
        onNodes 12 (fun theatre -> task {
            let proxy = beforeServerOf theatre.Stage.Database.ConnectionString
            let database = proxy |> through theatre.Stage.Database.ConnectionString

            try
                let! _ = startNodes 2 [ "DATABASE_URL", database ] theatre
                proxy.Fate.Value <- atTimes random

                let! expected =
                    together [
                        for index, customer in List.indexed (crowd 12) do
                            if index % 4 = 0 then
                                openTicket customer.Id theatre
                            else
                                converse customer.Id 3 3 theatre
                    ]

                proxy.Fate.Value <- fun () -> Passes
                do! Audit.look expected theatre
                let struck = List.ofSeq proxy.Struck
                Assert.Contains(CutBefore, struck)
                Assert.Contains(CutAfter, struck)
            finally
                proxy.Stop()
        }))
