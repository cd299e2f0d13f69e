/// Who is who, at the store in memory and at the one in PostgreSQL: scenes, orders of arrival, and races.
module FunctionalBot.Tests.PeopleTests

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes
open FunctionalBot.Tests.OperationScenes
open FunctionalBot.Tests.PeopleScenes

let private inMemory () : PeopleStage =
    let clock = ref start

    let store =
        MemoryStore.create (worldOf (fun () -> clock.Value)) (TimeSpan.FromSeconds 60.) (fun _ -> Works)

    {
        Stage = { Store = store.Port; Clock = clock }
        Change = fun customer change -> task { store.ChangeContact customer change }
    }

/// Changes a contact as the verbs do.
let private changeIn (operations: Operations) (customer: CustomerKey) change : Task = task {
    let (CustomerId id) = customer.Customer
    let! outcome = operations.ChangeContact request (ByContactId id) change
    expectChanged outcome
}

let private inPostgres (bench: Bench) (operations: Operations) : PeopleStage = {
    Stage = {
        Store = bench.Store
        Clock = bench.Clock
    }
    Change = changeIn operations
}

let names: TheoryData<string> =
    let data = TheoryData<string>()

    for name, _ in PeopleScenes.all do
        data.Add name

    data

let private sceneOf name = Map.find name (Map PeopleScenes.all)

[<Theory; MemberData(nameof names)>]
let ``memory`` (name: string) : Task = sceneOf name (inMemory ())

[<Theory; MemberData(nameof names)>]
let ``PostgreSQL`` (name: string) : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    do! sceneOf name (inPostgres bench operations)
    do! expectSound operations
    do! operations.Close()
}

/// What one person was reached by, one after the other, and what came of it, in some order.
[<StructuredFormatDisplay("{Told}")>]
type private Life = {
    States: (string * string) list
    Updates: Update list
    /// Whether something is decided after each update.
    Decides: bool list
    /// How many messages are among the updates.
    Messages: int
} with

    /// As a failure shows it.
    member life.Told =
        let name (person: Person) =
            [ person.BusinessScopedId; person.Phone ] |> List.choose id |> String.concat "+"

        let told (update: Update) =
            match update with
            | CustomerDid(_, who, _, at, _) -> at.ToString "d HH:mm" + " " + name who
            | PersonMoved(_, move, _, at) ->
                at.ToString "d HH:mm" + " " + name move.Before + " is now " + name move.After
            | other -> $"%A{other}"

        [
            for id, phone in life.States do
                "state " + id + "+" + phone
            for update, decides in List.zip life.Updates life.Decides do
                told update + (if decides then " !" else "")
        ]
        |> String.concat "\n"

let private timeOf (update: Update) =
    match update with
    | CustomerDid(_, _, _, at, _)
    | PersonMoved(_, _, _, at)
    | StatusCame(_, _, _, _, at) -> at
    | NothingToDo _
    | NotUnderstood _ -> start

/// Each state lasts an hour. In each the person writes once with both ids, and perhaps with either; each change is
/// told by a notice that names both ids, or only those of one kind. Some things come twice. All of it comes in any
/// order. Where the person returns to a number of before, notices tell all, and what comes for the first time comes
/// in order: when a number was whose cannot be told else.
let private lives channel : Gen<Life> = gen {
    let! count = Gen.choose (1, 5)
    let! comesBack = Gen.elements [ false; true ]

    let! changes =
        Gen.listOfLength count (Gen.zip (Gen.elements [ "number"; "id"; "number alone" ]) (Gen.choose (0, 2)))

    let states =
        (([ 0, 0 ], changes)
         ||> List.fold (fun states (change, number) ->
             let id, phone = states.Head
             let next = states.Length

             let phoneNext =
                 if not comesBack then next
                 elif number = phone then (number + 1) % 3
                 else number

             match change with
             | "number" -> (next, phoneNext) :: states
             | "id" -> (next, phone) :: states
             | _ -> (id, phoneNext) :: states))
        |> List.rev
        |> List.map (fun (id, phone) -> $"ES.%d{id}", $"346%d{phone}")

    let at index minutes =
        start.AddHours(float index).AddMinutes(float minutes)

    let both (id, phone) = ids (Some id) (Some phone)

    let! messages =
        states
        |> List.mapi (fun index (id, phone) -> gen {
            let! others =
                Gen.subListOf [ ids (Some id) None; ids None (Some phone); both (id, phone) ]

            let! minutes = Gen.listOfLength 4 (Gen.choose (1, 58))

            return
                List.zip (both (id, phone) :: others) (List.truncate (others.Length + 1) minutes)
                |> List.mapi (fun place (who, minutes) ->
                    wroteAt channel (at index minutes) $"%s{channel}.%d{index}.%d{place}" who)
        })
        |> Gen.sequenceToList

    let! moves =
        List.pairwise states
        |> List.mapi (fun index (before, after) -> gen {
            let! telling =
                Gen.elements [
                    "all"
                    if not comesBack && snd before <> snd after then
                        "number"
                    if fst before <> fst after then
                        "id"
                ]

            let told (id, phone) other =
                match telling with
                | "number" -> ids None (Some phone)
                | "id" -> ids (Some id) None
                | _ ->
                    ids
                        (if other && fst before = fst after then None else Some id)
                        (if other && snd before = snd after then None else Some phone)

            return
                movedAt
                    channel
                    (at (index + 1) 0)
                    $"%s{channel}.move.%d{index}"
                    (told before true)
                    (told after false)
        })
        |> Gen.sequenceToList

    let things = List.concat messages @ moves
    let! twice = Gen.subListOf things
    let! shuffled = Gen.shuffle (things @ twice)
    let! again = Gen.shuffle twice

    let updates =
        if comesBack then
            (things |> List.sortBy timeOf) @ List.ofArray again
        else
            List.ofArray shuffled

    let! decides = Gen.listOfLength updates.Length (Gen.elements [ false; false; true ])

    return {
        States = states
        Updates = updates
        Decides = decides
        Messages = (List.concat messages).Length
    }
}

let private wroteCount (update: Update) =
    match update with
    | CustomerDid(_, _, id, _, _) -> Some id
    | _ -> None

let private longAfter = start.AddHours 100.

let private deliver (stage: Stage) (update: Update) : Task =
    stage.Store.Deliver [ bodyOf longAfter [ update ] ]

let private decideAll (stage: Stage) (told: List<string * string>) : Task = task {
    let! decided = decidedFor stage (fun _ -> [])

    for KeyValue(customer, entries) in decided do
        for entry in entries do
            told.Add(customer, entry)
}

/// Everything is decided once, and all ids that the person ever had lead to one contact.
let private endsAsOne (stage: Stage) channel (life: Life) (told: List<string * string>) : Task = task {
    let! decided = decidedFor stage (fun _ -> [])

    for KeyValue(customer, entries) in decided do
        for entry in entries do
            told.Add(customer, entry)

    let messages = life.Updates |> List.choose wroteCount |> List.distinct |> List.sort
    let seen = told |> Seq.map snd |> List.ofSeq
    Assert.Equal<string list>(messages, List.sort seen)

    let probes =
        life.States
        |> List.mapi (fun index (id, _) ->
            wroteAt
                channel
                (start.AddHours(float index).AddMinutes 30.)
                $"%s{channel}.probe.%d{index}"
                (ids (Some id) None))

    let last = List.last life.States |> snd

    let probes =
        wroteAt channel longAfter $"%s{channel}.probe" (ids None (Some last)) :: probes

    for probe in probes do
        do! deliver stage probe

    let! decided = decidedFor stage (fun _ -> [ say "x" ])
    let _, entries = decided |> Map.toList |> List.exactlyOne
    Assert.Equal(probes.Length, entries.Length)
}

/// Plays a life and says how it went wrong, if it did.
let private play (stage: Stage) channel (life: Life) : Task = task {
    let told = List()

    for update, decides in List.zip life.Updates life.Decides do
        do! deliver stage update

        if decides then
            do! decideAll stage told

    do! endsAsOne stage channel life told
}

[<Fact>]
let ``whatever the order of moves and messages, one person is one contact and nothing is lost`` () =
    let holds life =
        (play (inMemory ()).Stage channel life).GetAwaiter().GetResult()

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 5000, Prop.forAll (Arb.fromGen (lives channel)) holds)

[<Fact>]
let ``the same at PostgreSQL, where the person ends with the same contact and the same ids`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench

    for number in 1..40 do
        let channel = $"whatsapp-%d{number}"
        let life = lives channel |> Gen.sampleWithSeed (Rnd(uint64 number)) 10 1 |> Seq.head

        do!
            play
                {
                    Store = bench.Store
                    Clock = bench.Clock
                }
                channel
                life

        let memory = (inMemory ()).Stage
        do! play memory channel life

        let! expected = memory.Store.Claim Messaging 1 longAfter lease

        let! rows =
            bench.Database.Rows
                $"SELECT business_scoped_id, phone FROM bot.contact
                WHERE channel = '%s{channel}' AND merged_into IS NULL"

        let recipient = expected.Head.Recipient

        Assert.Equal<string list list>(
            [
                [
                    Option.defaultValue "" recipient.BusinessScopedId
                    Option.defaultValue "" recipient.Phone
                ]
            ],
            rows
        )

    do! expectSound operations
    do! operations.Close()
}

[<Fact>]
let ``many people move at once while they write and are decided for, and each ends as one contact``
    ()
    : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench

    let stage = {
        Store = bench.Store
        Clock = bench.Clock
    }

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

    let stage = {
        Store = bench.Store
        Clock = bench.Clock
    }

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

    let waits () =
        bench.Database.Cell
            $"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    let mutable waiting = "0"

    while waiting = "0" && not merge.IsCompleted do
        let! found = waits ()
        waiting <- found

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

        let stage = {
            Store = bench.Store
            Clock = bench.Clock
        }

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

    let stage = {
        Store = bench.Store
        Clock = bench.Clock
    }

    let who = ids (Some "ES.1") (Some "34600")
    do! deliver stage (wroteAt channel start "1" who)
    let! before = bench.Database.Rows "SELECT xmin, xmax, ctid FROM bot.contact"
    do! deliver stage (wroteAt channel (start.AddMinutes 1.) "2" who)
    do! deliver stage (wroteAt channel (start.AddMinutes 2.) "3" (ids None (Some "34600")))
    let! after = bench.Database.Rows "SELECT xmin, xmax, ctid FROM bot.contact"
    Assert.Equal<string list list>(before, after)
}
