namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Deciding what waits: one transaction for a batch of customers.
module internal Advance =
    /// A stream that moved so often while it was decided upon is taken for broken, and its customer's entry
    /// has a try counted, so that it does not hold up the customers beside it.
    let private mostMoves = 3

    let private customerOf (held: Held) = held.Channel, held.Customer.Id

    let private troubleOf (moves: Map<string, int>) (held: Held) =
        moves
        |> Map.tryPick (fun stream count ->
            match SessionId.parse stream with
            | Some session when count >= mostMoves && (session.Channel, session.Customer) = customerOf held ->
                Some(
                    $"%s{stream} kept changing, or does not take events, "
                    + $"while this was decided (%d{count} times)"
                )
            | _ -> None)

    let private nothing recorded busy : Advanced = {
        Recorded = recorded
        Ended = 0
        Events = []
        Leased = []
        Full = Set.empty
        Behind = []
        More = []
        Busy = busy
    }

    /// Who had as much waiting as one round takes, and may have more. Whoever could not be decided for is not
    /// hurried: the next search tries again.
    let private unfinished (decided: Decision list) : CustomerKey list =
        decided
        |> List.filter (fun (_, _, decision) -> decision.Endings.Length >= Candidates.mostEntries)
        |> List.map (fun (held, _, _) -> {
            Channel = held.Channel
            Customer = held.Customer.Id
        })

    let private currentOf (held: Held) : SessionId option =
        if held.CurrentOrdinal = 0 then
            None
        else
            Some {
                Channel = held.Channel
                Customer = held.Customer.Id
                Ordinal = held.CurrentOrdinal
            }

    let private once
        (world: World)
        memory
        fold
        moves
        (request: AdvanceRequest)
        decide
        work
        : Task<Advanced * Session list> = task {
        let now = world.Now()

        let! recorded, facts =
            if request.Results.IsEmpty then
                Task.FromResult(0, None)
            else
                Outbox.recordWithin work request.Results now

        let reading: Sessions.Reading option ref = ref None

        let! held, busy =
            Candidates.take work request (Option.toList facts) (fun held ->
                reading.Value <- Some(Sessions.read memory fold (held |> List.choose currentOf))
                reading.Value |> Option.map _.Statements |> Option.defaultValue [])

        if held.IsEmpty then
            return nothing recorded busy, []
        else
            let! current =
                match reading.Value with
                | Some reading -> reading.Finish work
                | None -> Task.FromResult Map.empty

            // Most entries are about the newest session; older ones are read where they are named.
            let others =
                held
                |> List.collect (fun customer ->
                    customer.Entries
                    |> List.choose _.Session
                    |> List.filter (fun session -> Some session <> currentOf customer))
                |> List.distinct
                |> Sessions.read memory fold

            do! Database.run work others.Statements
            let! others = others.Finish work

            let sessions =
                Map.fold (fun all id session -> Map.add id session all) current others

            let verdicts =
                held
                |> List.choose (fun customer ->
                    Decisions.make decide customer sessions (troubleOf moves customer))

            let decided =
                verdicts
                |> List.choose (function
                    | Decided(customer, known, decision) -> Some(customer, known, decision)
                    | Undecided _ -> None)

            let failed =
                verdicts
                |> List.choose (function
                    | Undecided(entry, tries, reason) -> Some(entry, tries, reason)
                    | Decided _ -> None)

            let poisoned, tries =
                failed |> List.partition (fun (_, tries, _) -> tries >= Decisions.mostTries)

            let ends = [
                for _, _, decision in decided do
                    yield! decision.Endings
                for id, tries, reason in poisoned do
                    id, Dead $"it could not be decided in %d{tries} tries: %s{reason}"
                for customer in held do
                    for id, reason in customer.Unreadable do
                        id, Dead reason
            ]

            let rows = Queueing.queued decided
            let leasing = Queueing.leasing request.Room decided
            let places = ResizeArray()
            let commands = Queueing.commands now (now + request.Lease) leasing rows places

            do! Writing.write work now decided ends tries commands

            return
                {
                    Recorded = recorded
                    Ended = ends.Length
                    Events = decided |> List.collect (fun (_, _, decision) -> decision.Events)
                    Leased = Queueing.leased now leasing rows places
                    Full = leasing.Full
                    Behind = leasing.Behind
                    More = unfinished decided
                    Busy = busy
                },
                decided |> List.collect (fun (_, _, decision) -> decision.Sessions)
    }

    /// Decides for customers and commits. When a stream was moved by somebody else meanwhile,
    /// all of it is rolled back, read again and decided again.
    let advance
        (source: NpgsqlDataSource)
        (world: World)
        (memory: Sessions.Memory)
        (fold: Session -> Event -> Session)
        (request: AdvanceRequest)
        (decide: CustomerWork -> CustomerDecision)
        : Task<Advanced> =
        let rec go (moves: Map<string, int>) = task {
            let! outcome = task {
                try
                    let! advanced, sessions =
                        Database.transact source (once world memory fold moves request decide)

                    for session in sessions do
                        memory.Keep (SessionId.text session.Id) session

                    return Ok advanced
                with
                | StreamsMoved streams -> return Error streams
                | StoreUnavailable _ as unavailable ->
                    memory.Clear()
                    return raise unavailable
            }

            match outcome with
            | Ok advanced -> return advanced
            | Error streams ->
                let count moves stream =
                    let before = Map.tryFind stream moves |> Option.defaultValue 0
                    Map.add stream (before + 1) moves

                return! go (List.fold count moves streams)
        }

        go Map.empty
