/// A commit whose answer is lost may have happened or not. Whoever asked does the whole again, and nothing is lost
/// or doubled by that, wherever it strikes.
module FunctionalBot.Tests.LostCommitTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.CuttingProxy
open FunctionalBot.Tests.StoreFixture

let private lease = TimeSpan.FromSeconds 30.

/// A store that reaches the bench's database through a proxy.
let private withProxy (play: Bench -> Proxy -> StorePort -> Task<unit>) : Task = task {
    use! bench = startBench ()
    let proxy = beforeServerOf bench.Database.ConnectionString

    let store =
        PostgresStore.create
            (Settings.ofConnectionString (proxy |> through bench.Database.ConnectionString))
            Transition.evolve
            (worldOf (fun () -> bench.Now))

    try
        do! play bench proxy store.Port
    finally
        store.Close().GetAwaiter().GetResult()
        proxy.Stop()
}

let private lookUp =
    LookUpTickets {
        Id = CustomerId "ES.1"
        Phone = None
        Name = None
    }

let private openTransactions =
    "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"

/// The whole way of one message. The call named `place` meets the fate; its caller does it again.
let private walk (place: string) (fate: Fate) (bench: Bench) (proxy: Proxy) (store: StorePort) = task {
    let call name (work: unit -> Task<'answer>) : Task<'answer> = task {
        if name <> place then
            return! work ()
        else
            proxy |> strikeOnce fate
            let! failed = Assert.ThrowsAnyAsync<exn>(fun () -> work () :> Task)

            match failed with
            | StoreUnavailable _ -> ()
            | other -> failwith $"It ended in %O{other}"

            Assert.Equal<Fate list>([ fate ], List.ofSeq proxy.Struck)

            // PostgreSQL notices a cut a moment later; until then what was locked is passed over.
            do!
                Stage.eventually "PostgreSQL to notice the cut" (fun () -> task {
                    let! left = bench.Database.Cell openTransactions
                    return if left = "0" then Some() else None
                })

            return! work ()
    }

    let unit (work: unit -> Task) : unit -> Task<unit> = fun () -> task { do! work () }

    /// What nobody was told to have is nobody's until its lease has run out.
    let claim service name = task {
        let! claimed = call name (fun () -> store.Claim service 100 bench.Now lease)

        if not claimed.IsEmpty then
            return claimed
        else
            bench.Pass lease
            let! again = store.Claim service 100 bench.Now lease

            // A send that may have been sent waits for a status first.
            if not again.IsEmpty then
                return again
            else
                bench.Pass(TimeSpan.FromSeconds 60.)
                return! store.Claim service 100 bench.Now lease
    }

    let due = bench.Now.AddMinutes 9.
    let text = textFrom "ES.1" "wamid.1" bench.Now "hola"
    do! call "receive" (unit (fun () -> store.Deliver [ bodyOf bench.Now [ text ] ]))

    let actions _ = [ lookUp; say "1"; SetTimer(IdleTimer, due) ]
    let! _ = call "advance" (fun () -> store.Decide 10 (decideWith bench.Now actions))
    let! looked = claim Ticketing "claim"
    let found = Assert.Single looked
    let held = [ found ]
    do! call "keep" (unit (fun () -> store.KeepLeases held bench.Now lease))
    let fact = TicketLookUpFailed(found.Command.Key, "down")
    let! _ = call "record" (fun () -> store.Record [ found, Done(Some fact) ] bench.Now)
    let! said = claim Messaging "claim-say"

    let! _ =
        call "record-say" (fun () -> store.Record [ Assert.Single said, Done None ] bench.Now)

    bench.Now <- due
    let! _ = call "fire" (fun () -> store.FireTimers 10 bench.Now)
    let told = ResizeArray<Fact>()

    let! _ =
        call "advance-again" (fun () ->
            store.Decide 10 (fun work ->
                told.Clear()
                told.AddRange(work.Entries |> List.map _.Fact)
                decideWith bench.Now (fun _ -> []) work))

    Assert.Equal<Fact list>([ fact; TimerElapsed(IdleTimer, due) ], List.ofSeq told)
}

/// What everything comes to, whatever happened on the way.
let private lookAt (bench: Bench) : Task = task {
    let! account = bench.Store.Accounting()
    let ended = account.Ended |> Map.toSeq |> Seq.sumBy snd
    Assert.Equal(0L, account.Pending)
    Assert.Equal(account.Received, ended)
    Assert.Equal(Some 3L, account.Ended.TryFind "applied")
    Assert.Equal<Map<string, int64>>(Map [ "done", 2L ], account.Commands)
    Assert.Equal(0L, account.Timers)

    match! bench.Store.ReadStream(sessionOf "ES.1" 1) with
    | Ok events -> Assert.Equal<int64 list>([ 1L; 2L; 3L ], events |> List.map _.Version)
    | Error problem -> failwith $"%A{problem}"

    let! rows =
        bench.Database.Rows
            "SELECT (SELECT count(*) FROM bot.inbox), (SELECT count(*) FROM bot.command),
            (SELECT count(*) FROM bot.outbox), (SELECT count(*) FROM bot.inbox_state WHERE state = 'lost')"

    Assert.Equal<string list>([ "3"; "2"; "0"; "0" ], rows.Head)
}

let places = [
    "receive"
    "advance"
    "claim"
    "keep"
    "record"
    "claim-say"
    "record-say"
    "fire"
    "advance-again"
]

/// Every place with both fates.
let cuts: TheoryData<string, bool> =
    let data = TheoryData<string, bool>()

    for place in places do
        data.Add(place, true)
        data.Add(place, false)

    data

[<Theory>]
[<MemberData(nameof cuts)>]
let ``a connection that breaks around a commit loses nothing and doubles nothing``
    (place: string, postgresHeard: bool)
    : Task =
    let fate = if postgresHeard then CutAfter else CutBefore

    withProxy (fun bench proxy store -> task {
        do! walk place fate bench proxy store
        do! lookAt bench
    })

[<Fact>]
let ``without a cut the same way comes to the same`` () : Task =
    withProxy (fun bench proxy store -> task {
        do! walk "nowhere" Passes bench proxy store
        Assert.Empty proxy.Struck
        do! lookAt bench
    })

[<Fact>]
let ``a node that freezes within a transaction holds up its customers and its webhooks for a moment only``
    ()
    : Task =
    withProxy (fun bench proxy store -> task {
        do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "wamid.1" bench.Now "hola" ] ]
        proxy.Fate.Value <- fun () -> Frozen
        let deciding = store.Decide 10 (decideWith bench.Now (fun _ -> []))
        let next = [ bodyOf bench.Now [ textFrom "ES.2" "wamid.2" bench.Now "hola" ] ]
        let receiving = store.Deliver next

        do!
            Stage.eventually "the node to freeze twice" (fun () ->
                Task.FromResult(if proxy.Struck.Count = 2 then Some() else None))

        let! _ =
            Stage.eventually "the customer to be served by another node" (fun () -> task {
                let! ended = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> []))
                return if ended = 1 then Some() else None
            })

        // Meta repeats the webhook at another node while the first one holds it, uncommitted.
        do! bench.Store.Deliver next
        let! account = bench.Store.Accounting()
        Assert.Equal(1L, account.Pending)
        Assert.False(deciding.IsCompleted || receiving.IsCompleted)
        // It wakes up, and finds its connections gone.
        proxy.Stop()
        let! _ = Assert.ThrowsAsync<StoreUnavailable>(fun () -> deciding :> Task)
        let! _ = Assert.ThrowsAsync<StoreUnavailable>(fun () -> receiving)
        let! after = bench.Store.Accounting()
        Assert.Equal(account, after)
    })
