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

    /// Why a customer is not decided for at all this time: the first entry has a try counted.
    type private Troubles = {
        /// How often streams moved while they were decided upon.
        Moves: Map<string, int>
        /// A customer for whom nothing could be read or written, and why.
        Unwritable: Map<CustomerKey, string>
    }

    let private troubleOf (troubles: Troubles) (held: Held) =
        troubles.Moves
        |> Map.tryPick (fun stream count ->
            match SessionId.parse stream with
            | Some session when count >= mostMoves && (session.Channel, session.Customer) = customerOf held ->
                Some(
                    $"%s{stream} kept changing, or does not take events, "
                    + $"while this was decided (%d{count} times)"
                )
            | _ -> None)
        |> Option.orElse (troubles.Unwritable.TryFind(Held.key held))

    let private nothing recorded busy more : Advanced = {
        Recorded = recorded
        Ended = 0
        Events = []
        Leased = []
        Full = Set.empty
        Behind = []
        More = more
        Busy = busy
    }

    /// For whom something was decided and something is left: as much waited as one round takes, or one entry
    /// could not be decided with the others. Whoever could not be decided for at all is not hurried: the next
    /// search tries again.
    let private unfinished (decided: Decision list) : CustomerKey list =
        decided
        |> List.filter (fun (held, _, decision) ->
            decision.Endings.Length >= StoreRules.mostEntries
            || decision.Endings.Length < held.Entries.Length)
        |> List.map (fun (held, _, _) -> Held.key held)

    let private once
        (world: World)
        memory
        fold
        (troubles: Troubles)
        (reached: Held list -> unit)
        (request: AdvanceRequest)
        decide
        work
        : Task<Advanced * Session list> = task {
        let now = world.Now()
        let counts = ResizeArray()

        let! recorded, facts =
            if request.Results.IsEmpty then
                Task.FromResult(0, [])
            else
                Outbox.recordWithin work counts request.Results now

        let facts = [
            if not facts.IsEmpty then
                Inbox.insertWithin counts facts
        ]

        /// The newest session of those who are decided for.
        let currentOf (held: Held) =
            match troubleOf troubles held with
            | Some _ -> None
            | None -> Held.current held

        let reading: Sessions.Reading option ref = ref None

        let! taken =
            Candidates.take work request facts (fun held ->
                reached held
                reading.Value <- Some(Sessions.read memory fold (held |> List.choose currentOf))
                reading.Value |> Option.map _.Statements |> Option.defaultValue [])

        let held, busy = taken.Held, taken.Busy

        if held.IsEmpty then
            if counts.Count > 0 then
                do! Database.run work [ Tally.counted now counts, Database.ignoreRows ]

            return nothing recorded busy taken.Forwarded, []
        else
            let! current =
                match reading.Value with
                | Some reading -> reading.Finish work
                | None -> Task.FromResult Map.empty

            // Most entries are about the newest session; older ones are read where they are named.
            let others =
                held
                |> List.filter (troubleOf troubles >> Option.isNone)
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
                    Decisions.make decide customer sessions (troubleOf troubles customer))

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
                failed |> List.partition (fun (_, tries, _) -> tries >= StoreRules.mostTries)

            let ends = [
                for _, _, decision in decided do
                    yield! decision.Endings
                for id, tries, reason in poisoned do
                    id, Dead $"it could not be decided in %d{tries} tries: %s{reason}"
                for customer in held do
                    for id, reason in customer.Unreadable do
                        id, Dead reason
            ]

            do! Queueing.heard held decided |> Waiting.hear work now

            let rows = Queueing.queued now decided
            let leasing = Queueing.leasing request.Room decided
            let places = ResizeArray()
            let commands = Queueing.commands now (now + request.Lease) leasing rows places

            do! Writing.write work now decided ends tries commands counts

            return
                {
                    Recorded = recorded
                    Ended = ends.Length
                    Events = decided |> List.collect (fun (_, _, decision) -> decision.Events)
                    Leased = Queueing.leased now leasing rows places
                    Full =
                        if
                            held |> List.exists (fun customer -> customer.Awaited && Held.wasHeard customer)
                        then
                            leasing.Full.Add Messaging
                        else
                            leasing.Full
                    Behind = leasing.Behind
                    More = unfinished decided @ taken.Forwarded
                    Busy = busy
                },
                decided |> List.collect (fun (_, _, decision) -> decision.Sessions)
    }

    /// What became of a transaction.
    [<NoComparison; NoEquality>]
    type private Attempt =
        | Committed of Advanced
        /// Streams were moved by somebody else.
        | Moved of string list
        /// Something that belongs to one of these customers cannot be read or written.
        | Stuck of Held list * exn

    /// The message of a fault may quote what is personal; what kind it is may not.
    let private faultOf (problem: exn) =
        match problem with
        | :? PostgresException as refused ->
            $"PostgreSQL refuses what was to be written (%s{refused.SqlState})"
        | problem -> problem.GetType().Name

    /// Whether the fault lies in what was read or written for somebody, and not in the database as a whole (rights,
    /// tables, room), of which nobody's entries must end dead.
    let private isAboutRows (problem: exn) =
        match problem with
        | :? PostgresException as refused ->
            [ "22"; "23" ]
            |> List.exists (fun prefix -> refused.SqlState.StartsWith(prefix, StringComparison.Ordinal))
        | :? NpgsqlException -> false
        | _ -> true

    let private together (parts: Advanced list) : Advanced = {
        Recorded = parts |> List.sumBy _.Recorded
        Ended = parts |> List.sumBy _.Ended
        Events = parts |> List.collect _.Events
        Leased = parts |> List.collect _.Leased
        Full = parts |> List.map _.Full |> Set.unionMany
        Behind = parts |> List.collect _.Behind
        More = parts |> List.collect _.More
        Busy = parts |> List.collect _.Busy
    }

    let private attempt source world memory fold troubles request decide : Task<Attempt> = task {
        let reached = ref []

        try
            let! advanced, sessions =
                Database.transact source (once world memory fold troubles reached.set_Value request decide)

            for session in sessions do
                memory.Keep (SessionId.text session.Id) session

            return Committed advanced
        with
        | StreamsMoved streams -> return Moved streams
        // It kept colliding, as with a row that stands where it must not: that is a fault of one of them.
        | StoreUnavailable(_, problem) when Database.collided problem && not reached.Value.IsEmpty ->
            return Stuck(reached.Value, problem)
        | StoreUnavailable _ as unavailable ->
            memory.Clear()
            return raise unavailable
        | problem when isAboutRows problem && not reached.Value.IsEmpty ->
            return Stuck(reached.Value, problem)
    }

    /// Decides for customers and commits. When a stream was moved by somebody else meanwhile, all of it is
    /// rolled back, read again and decided again. When something cannot be read or written, the customers are
    /// decided for one by one, without leases; whoever fails alone has a try counted, so that one broken row
    /// stops nobody else and ends dead. Results are left to the caller then: the fault is raised.
    let advance
        (source: NpgsqlDataSource)
        (world: World)
        (memory: Sessions.Memory)
        (fold: Session -> Event -> Session)
        (request: AdvanceRequest)
        (decide: CustomerWork -> CustomerDecision)
        : Task<Advanced> =
        let rec go (troubles: Troubles) (request: AdvanceRequest) = task {
            match! attempt source world memory fold troubles request decide with
            | Committed advanced -> return advanced
            | Moved streams ->
                let count moves stream =
                    let before = Map.tryFind stream moves |> Option.defaultValue 0
                    Map.add stream (before + 1) moves

                let troubles = {
                    troubles with
                        Moves = List.fold count troubles.Moves streams
                }

                return! go troubles request
            | Stuck([ held ], problem) when
                request.Results.IsEmpty && not (troubles.Unwritable.ContainsKey(Held.key held))
                ->
                let troubles = {
                    troubles with
                        Unwritable = troubles.Unwritable.Add(Held.key held, faultOf problem)
                }

                return!
                    go troubles {
                        request with
                            Known = [ Held.key held ]
                    }
            | Stuck(_ :: _ :: _ as held, _) when request.Results.IsEmpty ->
                let parts = ResizeArray()

                for customer in held do
                    let alone = {
                        request with
                            Known = [ Held.key customer ]
                            Room = Map.empty
                    }

                    let! part = go troubles alone
                    parts.Add part

                return together (List.ofSeq parts)
            | Stuck(_, problem) ->
                Runtime.ExceptionServices.ExceptionDispatchInfo.Throw problem
                return nothing 0 [] []
        }

        go
            {
                Moves = Map.empty
                Unwritable = Map.empty
            }
            request
