/// What the tests of operations share: operations on a bench, and the proof that everything is sound after them.
module FunctionalBot.Tests.OperationScenes

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture

/// A reader that understands nothing.
let readsNothing (_: byte[]) : Result<Update list, string> = Error "it is another language"

/// Operations on the bench's database and clock, with a reader of bodies.
let operationsWith (bench: Bench) (readBody: byte[] -> Result<Update list, string>) : Operations =
    Operations.create bench.Database.ConnectionString readBody (worldOf (fun () -> bench.Now))

/// Operations on the bench's database and clock.
let operationsOf (bench: Bench) : Operations = operationsWith bench readsNothing

/// A request in earnest.
let request: ChangeRequest = {
    Who = "ana"
    Reason = "the reader was mended"
    IsRehearsal = false
}

/// A dry run.
let rehearsal: ChangeRequest = { request with IsRehearsal = true }

/// Layout and books hold, whatever was done by hand.
let expectSound (operations: Operations) : Task = task {
    let! findings = operations.Check (LayoutCheck.all @ BooksCheck.all) ignore

    let offences =
        findings
        |> List.collect (fun finding -> finding.Offences |> List.map (fun text -> finding.Check.Name, text))

    Assert.Empty offences
}

/// What `inbox_state` says of all entries, by state.
let inboxStates (bench: Bench) : Task<Map<string, int>> = task {
    let! rows =
        bench.Database.Rows "SELECT state, count(*) FROM bot.inbox_state GROUP BY state"

    return
        rows
        |> List.map (function
            | [ state; count ] -> state, int count
            | other -> failwith $"%A{other}")
        |> Map.ofList
}

/// The audit: who, verb, target, reason.
let audit (bench: Bench) : Task<string list list> =
    bench.Database.Rows "SELECT who, verb, target, reason FROM bot.audit ORDER BY id"

/// Fails with what came instead.
let expectChanged (outcome: ChangeOutcome) =
    match outcome with
    | Changed _ -> ()
    | other -> failwith $"%A{other}"

/// Fails with what came instead; returns why not.
let expectNotAllowed (outcome: ChangeOutcome) : string =
    match outcome with
    | NotAllowed why -> why
    | other -> failwith $"%A{other}"

/// Everything in all tables of the bot and of the streams, as one text, for seeing that nothing was changed.
let contentsOf (database: Database) : Task<string> = task {
    let! tables =
        database.Rows
            "SELECT table_schema || '.' || table_name FROM information_schema.tables
            WHERE table_type = 'BASE TABLE' AND (table_schema = 'bot' OR table_name LIKE 'mt\\_%') ORDER BY 1"

    let texts = ResizeArray()

    for table in tables do
        let! text =
            database.Cell
                $"SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM %s{table.Head} t"

        texts.Add(table.Head + ": " + text)

    return String.Join("\n", texts)
}

/// Everything in all tables of the bench.
let contents (bench: Bench) : Task<string> = contentsOf bench.Database

/// A text of a customer whose name and ids are given.
let textOf (who: Person) id (at: DateTimeOffset) text =
    CustomerDid(
        channel,
        who,
        id,
        at,
        TextReceived {
            Message = MessageId id
            Text = text
            Quoted = None
        }
    )
