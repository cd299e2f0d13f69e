/// PostgreSQL is stopped and crashes under load, and the nodes come back by themselves.
[<Xunit.Collection(FunctionalBot.Tests.Nodes.collection)>]
module FunctionalBot.Tests.DatabaseRestartTests

open System.IO
open System.Threading.Tasks
open Xunit
open FunctionalBot.Build
open FunctionalBot.Build.PrivatePostgres
open FunctionalBot.Tests.Nodes
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.Talk

let private expect (result: Result<'value, string>) : 'value =
    match result with
    | Ok value -> value
    | Error problem -> failwith problem

/// Plays on a server of its own.
let private withServer (play: Cluster -> Task) : Task = task {
    let folder =
        Path.Combine(Path.GetTempPath(), "functionalbot-test-" + Path.GetRandomFileName())

    try
        let cluster =
            PrivatePostgres.start {
                Project = Repository.root
                Folder = folder
                Fast = true
            }
            |> expect

        do! play cluster
    finally
        discard folder |> expect
}

let private answers count theatre =
    eventually $"%d{count} answers" (fun () ->
        Task.FromResult(if heardByAll theatre >= count then Some() else None))

/// The customer asks one thing after the other until it is over.
let private keepAsking (over: bool ref) (customer: string) theatre : Task<Expected> = task {
    let expected = ref nothing
    let number = ref 0

    while not over.Value do
        number.Value <- number.Value + 1
        let! more = ask customer number.Value theatre
        expected.Value <- expected.Value |> plus more

    return expected.Value
}

[<Fact>]
let ``PostgreSQL is restarted, and crashes, under load: what was acknowledged is answered once`` () : Task =
    seeded (fun random ->
        withServer (fun cluster -> task {
            // A pool would hand out connections to a server that is gone by then.
            let! database = createDatabaseOn (cluster.Connection + ";Pooling=false")
            let customers = crowd 20

            do!
                onNodesOf customers database (fun theatre -> task {
                    let! nodes = startNodes 2 [] theatre
                    let over = ref false

                    let asking =
                        together [ for customer in customers -> keepAsking over customer.Id theatre ]

                    do! answers (random.Next(10, 60)) theatre
                    let! restarted = Task.Run(fun () -> restart cluster |> expect)
                    Assert.Equal(cluster.Port, restarted.Port)
                    let next = heardByAll theatre + random.Next(20, 60)
                    do! answers next theatre

                    let! crashed =
                        Task.Run(fun () ->
                            stopImmediately restarted |> expect
                            PrivatePostgres.start restarted.Settings |> expect)

                    Assert.Equal(cluster.Port, crashed.Port)
                    do! answers (heardByAll theatre + 40) theatre
                    over.Value <- true
                    let! expected = asking
                    do! Audit.look expected theatre

                    for node in nodes do
                        Assert.False node.Bot.Process.HasExited

                    let seen = set theatre.Door.Answers
                    Assert.Equal<Set<int>>(set [ 200; 503 ], seen)
                })
        }))
