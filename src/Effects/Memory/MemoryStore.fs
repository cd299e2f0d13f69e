namespace FunctionalBot.Effects.Memory

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// The calls of the store, for faults.
type StoreCall =
    | Receiving
    | Advancing
    | Claiming
    | KeepingLeases
    | Recording
    | FiringTimers
    | ReadingStream
    | Counting
    | Reserving
    | Reporting
    | AskingForStates
    | Forgetting

/// What becomes of one call.
type StoreFault =
    | Works
    /// `StoreUnavailable`, and nothing has happened.
    | FailsBefore
    /// `StoreUnavailable`, though everything has happened: the answer to the commit was lost.
    | FailsAfter

/// Everything a store holds at one moment, for tests to judge.
[<NoComparison>]
type StoreContents = {
    Sessions: Session list
    /// The events of each session, oldest first.
    Streams: Map<SessionId, Event list>
    /// Commands that have not ended.
    Open: OpenCommand list
    /// Everything that was ever queued.
    Queued: Map<CommandKey, Action>
    /// The timers that are set: when due, and by which command.
    Timers: Map<SessionId * Timer, DateTimeOffset * CommandKey>
    /// How each thing that happened ended, by source and source id. None while it waits; a status that only
    /// settled the outbox is not among them.
    Inbox: Map<string * string, Ending option>
    /// Customers with entries that wait.
    Waiting: Set<string * CustomerId>
}

/// The store in memory. It keeps every promise of the one in PostgreSQL but that of outliving the process.
[<NoComparison; NoEquality>]
type MemoryStore = {
    Port: StorePort
    /// What is held now.
    Look: unit -> StoreContents
    /// Changes a contact that is there, as operators do by hand.
    ChangeContact: CustomerKey -> ContactChange -> unit
}

/// The store in memory: for tests, and for simulated time.
module MemoryStore =
    let private accountOf (tables: MemoryTables) : Accounting =
        let waiting =
            tables.Waiting.Values
            |> Seq.collect (fun entries -> entries.Values)
            |> Seq.toList

        let tallied = tables.Tally |> Seq.map (|KeyValue|) |> Seq.toList
        let command = "command-"

        let ended =
            tallied
            |> List.filter (fun (what, _) ->
                what <> "received" && not (what.StartsWith(command, StringComparison.Ordinal)))

        let endedCommands =
            tallied
            |> List.filter (fun (what, _) -> what.StartsWith(command, StringComparison.Ordinal))
            |> List.map (fun (what, count) -> what.Substring command.Length, count)

        let openCommands =
            tables.Outbox.Values
            |> Seq.countBy (fun command ->
                match command.State with
                | Ready -> "ready"
                | Running -> "running"
                | Unknown -> "unknown"
                | Awaiting -> "waiting")
            |> Seq.map (fun (state, count) -> state, int64 count)
            |> Seq.toList

        {
            Received =
                tables.Tally
                |> Seq.sumBy (fun (KeyValue(what, count)) -> if what = "received" then count else 0L)
            Ended = Map.ofList ended
            Pending = int64 waiting.Length
            OldestPending =
                match waiting with
                | [] -> None
                | waiting -> Some(waiting |> List.map (fun entry -> entry.ReceivedAt) |> List.min)
            Commands = Map.ofList (endedCommands @ openCommands)
            OldestOpen =
                tables.Outbox.Values
                |> Seq.filter (fun found -> found.State <> Awaiting)
                |> Seq.choose (fun found ->
                    Service.ofAction found.Command.Action
                    |> Option.map (fun service -> service, found.QueuedAt))
                |> Seq.groupBy fst
                |> Seq.map (fun (service, found) -> service, found |> Seq.map snd |> Seq.min)
                |> Map.ofSeq
            Timers = int64 tables.Timers.Count
        }

    let private contentsOf (tables: MemoryTables) : StoreContents = {
        Sessions = List.ofSeq tables.Sessions.Values
        Streams =
            tables.Streams
            |> Seq.map (fun (KeyValue(id, events)) -> id, List.ofSeq events)
            |> Map.ofSeq
        Open = List.ofSeq tables.Outbox.Values
        Queued = tables.Commands |> Seq.map (|KeyValue|) |> Map.ofSeq
        Timers =
            tables.Timers
            |> Seq.map (fun (KeyValue(struct (session, timer), struct (due, key))) ->
                (session, timer), (due, key))
            |> Map.ofSeq
        Inbox =
            tables.Inbox
            |> Seq.map (fun (KeyValue(struct (source, sourceId), id)) ->
                match tables.Endings.TryGetValue id with
                | true, ending -> (source, sourceId), Some ending
                | false, _ -> (source, sourceId), None)
            |> Map.ofSeq
        Waiting =
            tables.Waiting.Keys
            |> Seq.map (fun (struct (channel, customer)) -> channel, customer)
            |> Set.ofSeq
    }

    /// An empty store. `parkFor` is how long a send whose lease ran out waits for a status; `fault` is
    /// asked before each call what is to become of it. Of the world only the clock is used. Safe to be
    /// called from many threads.
    let create (world: World) (parkFor: TimeSpan) (fault: StoreCall -> StoreFault) : MemoryStore =
        let tables = MemoryTables()
        let gate = obj ()
        let mutable buckets = Map.empty
        let states = Dictionary<struct (string * string option), ServiceState>()

        let reserve limits requests () =
            let slots, changed = Bucket.reserve limits (world.Now()) buckets requests
            buckets <- Map.fold (fun all name taken -> Map.add name taken all) buckets changed
            slots

        let takeProbe service now next () =
            match states.TryGetValue(struct (service, None)) with
            | true, state when
                state.Condition = ServiceCondition.Stopped
                && state.NextProbe |> Option.forall (fun due -> due <= now)
                ->
                states[struct (service, None)] <- { state with NextProbe = Some next }
                true
            | _ -> false

        let resume service now () =
            match states.TryGetValue(struct (service, None)) with
            | true, state when state.Condition = ServiceCondition.Stopped ->
                states[struct (service, None)] <- {
                    state with
                        Condition = ServiceCondition.Working
                        Since = now
                        Reason = None
                        NextProbe = None
                }
            | _ -> ()

            MemoryOutbox.wakeMessages tables now

        let locked work = lock gate work

        let unavailable call =
            raise (StoreUnavailable($"the store in memory is set to fail at %A{call}", TimeoutException()))

        let call name (work: unit -> 'result) : Task<'result> = task {
            match fault name with
            | Works -> return locked work
            | FailsBefore -> return unavailable name
            | FailsAfter ->
                locked work |> ignore
                return unavailable name
        }

        let readStream session () : Result<Event list, StreamProblem> =
            match tables.Streams.TryGetValue session with
            | true, events -> Ok(List.ofSeq events)
            | false, _ -> Ok []

        let said (session: SessionId) (MessageId message) () : Utterance option =
            match tables.SaidWith.TryGetValue message with
            | true, key when key.Session.Channel = session.Channel && key.Session.Customer = session.Customer ->
                match tables.Commands.TryGetValue key with
                | true, Say utterance -> Some utterance
                | _ -> None
            | _ -> None

        {
            Port = {
                Receive = fun bodies -> call Receiving (fun () -> MemoryReceive.receive tables bodies)
                Advance =
                    fun request decide ->
                        call Advancing (fun () -> MemoryAdvance.advance tables (world.Now()) request decide)
                Claim =
                    fun service most now lease ->
                        call Claiming (fun () -> MemoryOutbox.claim tables parkFor service most now lease)
                KeepLeases =
                    fun held now lease ->
                        call KeepingLeases (fun () -> MemoryOutbox.keep tables held now lease)
                Record = fun results now -> call Recording (fun () -> MemoryOutbox.record tables results now)
                FireTimers =
                    fun most now -> call FiringTimers (fun () -> MemoryAdvance.fireTimers tables most now)
                ReadStream = fun session -> call ReadingStream (readStream session)
                Said = fun session message -> call ReadingStream (said session message)
                Accounting = fun () -> call Counting (fun () -> accountOf tables)
                Reserve = fun limits requests -> call Reserving (reserve limits requests)
                ReportService =
                    fun state ->
                        call Reporting (fun () -> states[struct (state.Service, state.Node)] <- state)
                ServiceStates = fun () -> call AskingForStates (fun () -> List.ofSeq states.Values)
                TakeProbe = fun service now next -> call Reporting (takeProbe service now next)
                ResumeMessages = fun service now -> call Reporting (resume service now)
                TakeTemplate =
                    fun customer lastHeard now ->
                        call Reporting (fun () -> MemoryWaiting.takeTemplate tables customer lastHeard now)
                GiveBackTemplate =
                    fun customer ->
                        call Reporting (fun () ->
                            tables.Asked.Remove(struct (customer.Channel, customer.Customer)) |> ignore)
                // It lives no longer than its process, and tests judge by all that ever happened: there is
                // nothing to forget.
                Forget =
                    fun keep now most ->
                        call Forgetting (fun () -> MemoryOutbox.giveUpWaiting tables keep now most)
            }
            Look = fun () -> locked (fun () -> contentsOf tables)
            ChangeContact =
                fun customer change -> locked (fun () -> MemoryContacts.change tables customer change)
        }
