namespace FunctionalBot.Effects.Store

open System
open FunctionalBot.Domain
open FunctionalBot.Effects

/// What became of deciding for one customer.
[<NoComparison>]
type internal Verdict =
    | Decided of Held * known: Map<SessionId, Session> * CustomerDecision
    /// The entry that was first, how often it has failed now, and why.
    | Undecided of entry: int64 * tries: int * reason: string

/// Asking the decision function, and checking what it says before it is written.
module internal Decisions =
    let private check (work: CustomerWork) known (decision: CustomerDecision) : Result<unit, string> =
        let ended = decision.Endings |> List.map fst
        let asked = work.Entries |> List.map _.Id

        let gap =
            decision.Events
            |> List.groupBy _.Session
            |> List.tryPick (fun (session, events) ->
                let before =
                    known
                    |> Map.tryFind session
                    |> Option.map (fun (saved: Session) -> saved.Version)
                    |> Option.defaultValue 0L

                let versions = events |> List.map _.Version
                let due = [ before + 1L .. before + int64 events.Length ]
                let after = decision.Sessions |> List.filter (fun changed -> changed.Id = session)

                if versions <> due then
                    Some "its events do not continue the versions of their session"
                else
                    match after with
                    | [ changed ] when changed.Version = before + int64 events.Length -> None
                    | _ -> Some "a session with new events is not saved once at its last version")

        let stranger =
            decision.Sessions
            |> List.exists (fun session ->
                session.Id.Customer <> work.Customer.Id || session.Id.Channel <> work.Channel)

        if List.sort ended <> List.sort asked then
            Error "it does not end each entry once"
        elif stranger then
            Error "it changes another customer's session"
        elif decision.Sessions.Length > (decision.Events |> List.distinctBy _.Session).Length then
            Error "it saves a session that has no new event"
        else
            match gap with
            | Some problem -> Error problem
            | None -> Ok()

    let private attempt decide known (work: CustomerWork) =
        try
            let decision: CustomerDecision = decide work

            match check work known decision with
            | Ok() -> Ok decision
            | Error problem -> Error("the decision is not valid: " + problem)
        with problem ->
            Error(String.Concat(problem.GetType().Name, ": ", problem.Message))

    /// Decides for one customer. When that fails, only the first entry is decided, so that an entry that
    /// cannot be decided is found by itself and those before it are not held up; when that fails too, the
    /// entry has a try counted.
    let make
        (decide: CustomerWork -> CustomerDecision)
        (held: Held)
        (sessions: Map<SessionId, Result<Session, StreamProblem>>)
        (trouble: string option)
        : Verdict option =
        let current = Held.current held

        let mine =
            (Option.toList current @ List.choose _.Session held.Entries)
            |> List.distinct
            |> List.choose (fun session ->
                sessions.TryFind session |> Option.map (fun found -> session, found))

        let problemOf session =
            match sessions.TryFind session with
            | Some(Error problem) ->
                Some $"%s{problem.Stream} at version %d{problem.Version}: %s{problem.Problem}"
            | Some(Ok _)
            | None -> None

        /// What is wrong with the stream that the entry is about. What the customer does is about the newest.
        let problemFor (entry: InboxEntry) =
            entry.Session |> Option.orElse current |> Option.bind problemOf

        // A broken stream holds up the entries that need it and those behind them, not the ones before.
        let decidable =
            held.Entries |> List.takeWhile (fun entry -> (problemFor entry).IsNone)

        let known =
            mine
            |> List.choose (fun (session, found) ->
                match found with
                | Ok saved -> Some(session, saved)
                | Error _ -> None)
            |> Map.ofList

        let failed (entry: InboxEntry) reason =
            let before = held.Tries |> Map.tryFind entry.Id |> Option.defaultValue 0
            Some(Undecided(entry.Id, before + 1, reason))

        match held.Entries, trouble, decidable with
        | [], _, _ -> None
        | first :: _, Some reason, _ -> failed first reason
        | first :: _, None, [] ->
            problemFor first
            |> Option.defaultValue "its session cannot be read"
            |> failed first
        | first :: _, None, decidable ->
            let workFor entries : CustomerWork = {
                Channel = held.Channel
                Customer = held.Customer
                Language = held.Language
                Current = current |> Option.bind known.TryFind
                Others = known |> Map.filter (fun session _ -> Some session <> current)
                OptedOut = held.OptedOut
                Blocked = held.Blocked
                Entries = entries
            }

            match attempt decide known (workFor decidable) with
            | Ok decision -> Some(Decided(held, known, decision))
            | Error reason when decidable.Tail.IsEmpty -> failed first reason
            | Error _ ->
                match attempt decide known (workFor [ first ]) with
                | Ok decision -> Some(Decided(held, known, decision))
                | Error reason -> failed first reason
