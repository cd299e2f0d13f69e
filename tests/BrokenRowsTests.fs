/// Rows that cannot be read or written, beside customers with whom nothing is wrong: only the broken one stops.
module FunctionalBot.Tests.BrokenRowsTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture

/// How entries with these source ids ended, in their order.
let private ends (bench: Bench) (sourceIds: string list) : Task<string list> = task {
    let names =
        sourceIds
        |> List.map (fun name -> String.Concat("'", name, "'"))
        |> String.concat ", "

    let! rows =
        bench.Database.Rows $"SELECT state FROM bot.inbox_state WHERE source_id IN (%s{names}) ORDER BY id"

    return List.concat rows
}

/// Both customers talk once; then the first one's rows are broken and both write again.
let private besideHealthy (expected: int) (broken: string) : Task<string list> = task {
    use! bench = startBench ()
    do! converse bench "ES.1" "a1" "hola"
    do! converse bench "ES.2" "b1" "hola"
    do! bench.Database.Execute broken

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [
                textFrom "ES.1" "a2" bench.Now "¿hola?"
                textFrom "ES.2" "b2" bench.Now "¿hola?"
            ]
        ]

    let! first = bench.Store.Decide 50 (decideAt bench.Now)
    Assert.Equal(expected, first)

    for _ in 2..5 do
        let! _ = bench.Store.Decide 50 (decideAt bench.Now)
        ()

    let! accounting = bench.Store.Accounting()
    Assert.Equal(accounting.Received, Seq.sum accounting.Ended.Values)
    return! ends bench [ "a2"; "b2" ]
}

[<Fact>]
let ``a stream without a version stops its own customer only`` () : Task = task {
    let! ended =
        besideHealthy 1 "UPDATE mt_streams SET version = NULL WHERE id LIKE '%/ES.1/1'"

    Assert.Equal<string list>([ "dead"; "applied" ], ended)
}

[<Fact>]
let ``a stream of which nobody says whether it is archived stops its own customer only`` () : Task = task {
    let! ended =
        besideHealthy 1 "UPDATE mt_streams SET is_archived = NULL WHERE id LIKE '%/ES.1/1'"

    Assert.Equal<string list>([ "dead"; "applied" ], ended)
}

[<Fact>]
let ``a stream that was deleted while its commands stayed stops its own customer only`` () : Task = task {
    let! ended = besideHealthy 1 "DELETE FROM mt_streams WHERE id LIKE '%/ES.1/1'"
    Assert.Equal<string list>([ "dead"; "applied" ], ended)
}

[<Fact>]
let ``a saved session that is no session is folded anew`` () : Task = task {
    let! ended = besideHealthy 2 "SELECT 1"
    Assert.Equal<string list>([ "applied"; "applied" ], ended)

    let! ended =
        besideHealthy 2 "UPDATE bot.session SET data = '[]' WHERE stream LIKE '%/ES.1/1'"

    Assert.Equal<string list>([ "applied"; "applied" ], ended)
}

[<Fact>]
let ``an outcome of an older session counts though the newest stream is archived`` () : Task = task {
    use! bench = startBench ()
    do! converse bench "ES.1" "a1" "¿Qué horario tienen?"
    let! commands = claim bench Assisting
    let command = Assert.Single commands

    let failed =
        match command.Command.Action with
        | AskAssistant question -> AssistantFailed(question.Turn, question.Assistant, "away")
        | action -> failwith $"%A{action}"

    // The customer's newest session is another one, and archived.
    do!
        bench.Database.Execute
            "INSERT INTO mt_streams (id, version, is_archived, tenant_id)
                SELECT replace(id, '/1', '/2'), 1, true, tenant_id FROM mt_streams;
            UPDATE bot.contact SET current_ordinal = 2"

    let! _ = record bench command (Done(Some failed))
    let! _ = bench.Store.Decide 10 (decideAt bench.Now)

    let! states =
        bench.Database.Rows "SELECT state FROM bot.inbox_state WHERE source = 'command'"

    Assert.Equal<string list list>([ [ "applied" ] ], states)
}

[<Fact>]
let ``a customer whose closed session was archived opens the next one`` () : Task = task {
    use! bench = startBench ()
    do! converse bench "ES.1" "a1" "hola"
    bench.Pass(TimeSpan.FromHours 3.)
    let! _ = bench.Store.FireTimers 10 bench.Now
    let! _ = bench.Store.Decide 10 (decideAt bench.Now)
    let! phases = bench.Database.Rows "SELECT phase FROM bot.session"
    Assert.Equal<string list list>([ [ "closed" ] ], phases)

    do!
        bench.Database.Execute
            "UPDATE mt_streams SET is_archived = true; UPDATE mt_events SET is_archived = true"

    do! converse bench "ES.1" "a2" "hola otra vez"
    let! ended = ends bench [ "a2" ]
    Assert.Equal<string list>([ "applied" ], ended)
    let! ordinal = bench.Database.Cell "SELECT current_ordinal FROM bot.contact"
    Assert.Equal("2", ordinal)
}

[<Fact>]
let ``a timer that only another build knows stays, and the others fire`` () : Task = task {
    use! bench = startBench ()
    do! converse bench "ES.1" "a1" "hola"

    do!
        bench.Database.Execute
            "INSERT INTO bot.timer (stream, name, due, due_ticks, key)
                SELECT stream, 'noon', due - interval '1 hour', due_ticks, key FROM bot.timer;
            INSERT INTO bot.timer (stream, name, due, due_ticks, key)
                SELECT 'no session', name, due - interval '1 hour', due_ticks, key FROM bot.timer WHERE name = 'idle'"

    bench.Pass(TimeSpan.FromHours 3.)
    let! fired = bench.Store.FireTimers 1 bench.Now
    let! more = bench.Store.FireTimers 1 bench.Now
    Assert.Single(fired @ more) |> ignore
    let! left = bench.Database.Rows "SELECT name FROM bot.timer"
    Assert.Equal<string list list>([ [ "noon" ] ], left)
}

[<Fact>]
let ``what waits before a broken entry is hurried, one after the other`` () : Task = task {
    use! bench = startBench ()

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [ for number in 1..4 -> textFrom "ES.1" $"a%d{number}" bench.Now "hola" ]
        ]

    let decide (work: CustomerWork) =
        if work.Entries |> List.exists (fun entry -> entry.SourceId = "a4") then
            failwith "boom"

        decideWith bench.Now (fun _ -> []) work

    let customer: CustomerKey = {
        Channel = channel
        Customer = CustomerId "ES.1"
    }

    let round () =
        bench.Store.Advance
            {
                Results = []
                Known = [ customer ]
                Most = 10
                Room = Map.empty
                Lease = lease
            }
            decide

    for _ in 1..3 do
        let! advanced = round ()
        Assert.Equal(1, advanced.Ended)
        Assert.Equal<CustomerKey list>([ customer ], advanced.More)

    // Nothing can be done for the broken one at once: it waits for the next search.
    let! last = round ()
    Assert.Equal(0, last.Ended)
    Assert.Empty last.More
}

[<Fact>]
let ``a phone number can have a third owner`` () : Task = task {
    use! bench = startBench ()

    let minutes = ref 0.

    // Whose number it is, is told by the times of what was written; within five minutes of giving it up it is the same
    // person's still.
    let writes (businessScopedId: string option) phone id =
        minutes.Value <- minutes.Value + 6.
        let at = bench.Now.AddMinutes(minutes.Value - 60.)

        let fact =
            TextReceived {
                Message = MessageId id
                Text = "hola"
                Quoted = None
            }

        let who = {
            BusinessScopedId = businessScopedId
            Phone = Some phone
            Name = None
        }

        bench.Store.Deliver [ bodyOf bench.Now [ CustomerDid(channel, who, id, at, fact) ] ]

    // Each owner is known by the number first, then gets an id and moves to another number.
    for owner in 1..3 do
        do! writes None "34600000001" $"w%d{owner}.1"
        do! writes (Some $"ES.%d{owner}") "34600000001" $"w%d{owner}.2"
        do! writes (Some $"ES.%d{owner}") $"3460000001%d{owner}" $"w%d{owner}.3"

    let! customers = bench.Database.Cell "SELECT count(DISTINCT customer) FROM bot.inbox"
    Assert.Equal("3", customers)
}

[<Fact>]
let ``lists that hold null are errors and not exceptions`` () =
    for alias in Codec.aliases do
        for data in [ """{"Tickets":[null]}"""; """{"Sources":[null]}"""; "[null]"; "null"; "{}" ] do
            match Codec.read alias data with
            | Ok _
            | Error _ -> ()

[<Fact>]
let ``what the database as a whole refuses costs nobody a try`` () : Task = task {
    use! bench = startBench ()
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "a" bench.Now "hola" ] ]
    do! bench.Database.Execute "ALTER TABLE bot.session DROP COLUMN phase"

    let! _ =
        Assert.ThrowsAnyAsync<exn>(fun () -> bench.Store.Decide 10 (decideAt bench.Now) :> Task)

    let! tries = bench.Database.Cell "SELECT tries FROM bot.inbox_pending"
    Assert.Equal("0", tries)
}
