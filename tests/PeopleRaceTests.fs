/// Who is who while several transactions are at it at once.
module FunctionalBot.Tests.PeopleRaceTests

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open Npgsql
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.OperationScenes
open FunctionalBot.Tests.PeopleScenes
open FunctionalBot.Tests.PeopleStages
open FunctionalBot.Tests.PeopleLives

[<Fact>]
let ``many people move at once while they write and are decided for, and each ends as one contact``
    ()
    : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench

    let stage = storeOf bench

    let people = [
        for number in 1..12 do
            let channel = $"whatsapp-%d{number}"

            channel,
            lives channel
            |> Gen.sampleWithSeed (Rnd(uint64 (500 + number))) 10 1
            |> Seq.head
    ]

    let told = Dictionary<string, List<string * string>>()

    for channel, _ in people do
        told[channel] <- List()

    use stop = new CancellationTokenSource()

    let decide (decided: List<string * string * string>) (work: CustomerWork) =
        let (CustomerId customer) = work.Customer.Id

        for entry in work.Entries do
            lock decided (fun () -> decided.Add(work.Channel, customer, entry.SourceId))

        decideWith start (fun _ -> []) work

    let engine () : Task = task {
        while not stop.IsCancellationRequested do
            let! _ = stage.Store.Decide 3 (decide (List()))
            do! Task.Yield()
    }

    let engines = [ engine (); engine () ]

    // Each thing by itself, and eight at a time.
    let things = people |> List.collect (fun (_, life) -> life.Updates) |> Array.ofList
    let options = ParallelOptions(MaxDegreeOfParallelism = 8)

    do!
        Parallel.ForEachAsync(
            things,
            options,
            Func<Update, CancellationToken, ValueTask>(fun update _ -> ValueTask(deliver stage update))
        )

    stop.Cancel()
    do! Task.WhenAll engines
    let! _ = decidedFor stage (fun _ -> [])

    // What became of each message is in the tables: a decision that is made again is told twice.
    let! ended =
        bench.Database.Rows
            "SELECT state, count(*) FROM bot.inbox_state WHERE kind = 'text_received' GROUP BY state"

    let messages = people |> List.sumBy (fun (_, life) -> life.Messages)
    Assert.Equal<string list list>([ [ "applied"; string messages ] ], ended)

    for channel, life in people do
        let states = { life with Updates = [] }
        do! endsAsOne stage channel states told[channel]

    do! expectSound operations
    do! operations.Close()
}

[<Fact>]
let ``a merge waits for the decision that is being made, and what came in meanwhile is decided for who stays``
    ()
    : Task = task {
    use! bench = startBench ()

    let stage = storeOf bench

    do! deliver stage (wroteAt channel start "1" (ids None (Some "34600")))
    do! deliver stage (wroteAt channel (start.AddSeconds 1.) "2" (ids (Some "ES.1") None))

    // The decision for the phone's contact is held up until the merge stands behind it.
    let reached = TaskCompletionSource()
    use go = new ManualResetEventSlim()

    let decision =
        Task.Run<int>(fun () ->
            stage.Store.Decide 10 (fun work ->
                reached.TrySetResult() |> ignore
                Assert.True(go.Wait(TimeSpan.FromSeconds 30.))
                decideWith start (fun _ -> []) work))

    do! reached.Task

    let merge =
        deliver stage (wroteAt channel (start.AddSeconds 2.) "3" (ids (Some "ES.1") (Some "34600")))

    do! bench.Database.SomebodyWaits(fun () -> merge.IsCompleted)
    Assert.False merge.IsCompleted
    go.Set()
    let! ended = decision
    Assert.Equal(2, ended)
    do! merge
    let! told = decidedFor stage (fun _ -> [])
    Assert.Equal<string list>([ "3" ], told |> Map.toList |> List.exactlyOne |> snd)
}

[<Fact>]
let ``a message that was on its way in during a merge is handed on by the round that meets it`` () : Task =
    task {
        use! bench = startBench ()

        let stage = storeOf bench

        do! deliver stage (wroteAt channel start "1" (ids None (Some "34600")))
        do! deliver stage (wroteAt channel start "2" (ids (Some "ES.1") None))
        let! _ = decidedFor stage (fun _ -> [])
        do! deliver stage (wroteAt channel start "3" (ids (Some "ES.1") (Some "34600")))
        let! _ = decidedFor stage (fun _ -> [])

        let! gone =
            bench.Database.Cell "SELECT customer FROM bot.contact WHERE merged_into IS NOT NULL"

        do! deliver stage (wroteAt channel start "4" (ids (Some "ES.1") None))

        // As if it had been taken in by a transaction that read the contact before the merge.
        do!
            bench.Database.Execute
                $"UPDATE bot.inbox SET customer = '%s{gone}' WHERE source_id = '4';
            UPDATE bot.inbox_pending SET customer = '%s{gone}'"

        let! advanced =
            stage.Store.Advance
                {
                    Results = []
                    Known = [
                        {
                            Channel = channel
                            Customer = CustomerId gone
                        }
                    ]
                    Most = 10
                    Room = Map.empty
                    Lease = lease
                }
                (fun _ -> failwith "nothing is to be decided for it")

        Assert.Equal(0, advanced.Ended)
        let survivor = (List.exactlyOne advanced.More).Customer
        Assert.NotEqual(CustomerId gone, survivor)
        let! told = decidedFor stage (fun _ -> [])
        let (CustomerId survivor) = survivor
        Assert.Equal<Map<string, string list>>(Map [ survivor, [ "4" ] ], told)

        let! rows =
            bench.Database.Rows "SELECT customer FROM bot.inbox WHERE source_id = '4'"

        Assert.Equal<string list list>([ [ survivor ] ], rows)
    }

[<Fact>]
let ``a message of somebody known writes no contact and locks none`` () : Task = task {
    use! bench = startBench ()

    let stage = storeOf bench

    let who = ids (Some "ES.1") (Some "34600")
    do! deliver stage (wroteAt channel start "1" who)
    let! before = bench.Database.Rows "SELECT xmin, xmax, ctid FROM bot.contact"
    do! deliver stage (wroteAt channel (start.AddMinutes 1.) "2" who)
    do! deliver stage (wroteAt channel (start.AddMinutes 2.) "3" (ids None (Some "34600")))
    let! after = bench.Database.Rows "SELECT xmin, xmax, ctid FROM bot.contact"
    Assert.Equal<string list list>(before, after)
}

[<Fact>]
let ``a block that waits for a merge is of the contact that stands, not of the one that went`` () : Task =
    task {
        use! bench = startBench ()
        let stage = storeOf bench
        let operations = operationsOf bench
        do! deliver stage (wroteAt channel start "1" (ids None (Some "34600")))
        do! deliver stage (wroteAt channel start "2" (ids (Some "ES.1") None))
        let! _ = decidedFor stage (fun _ -> [])


        // A merge that is not committed yet, as another node does it.
        let! block =
            bench.Database.Transact(fun execute -> task {
                do! execute "UPDATE bot.contact SET merged_into = 'ES.1' WHERE customer = '34600'"
                let block = operations.ChangeContact request (ByContactId "34600") Block
                do! bench.Database.SomebodyWaits(fun () -> block.IsCompleted)
                Assert.False block.IsCompleted
                return block
            })

        let! outcome = block
        expectChanged outcome

        let! blocked =
            bench.Database.Rows "SELECT customer FROM bot.contact WHERE blocked_at IS NOT NULL"

        Assert.Equal<string list list>([ [ "ES.1" ] ], blocked)
        do! operations.Close()
    }
