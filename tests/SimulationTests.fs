module FunctionalBot.Tests.SimulationTests

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Tests.Simulation

/// Each event of a stream with the session before and after it and the commands that it led to.
let private replay (id: SessionId) (events: Event list) =
    ((Session.initial id, []), events)
    ||> List.fold (fun (before, steps) event ->
        let after, commands = Transition.transition before event
        after, (before, event, after, commands) :: steps)
    |> fun (_, steps) -> List.rev steps

let private accounted (outcome: Outcome) = [
    let account = outcome.Accounting
    let ended = account.Ended |> Map.toSeq |> Seq.sumBy snd

    if account.Received <> ended || account.Pending <> 0L then
        $"received %d{account.Received}, ended %d{ended}, pending %d{account.Pending}"

    for KeyValue((source, sourceId), ending) in outcome.Contents.Inbox do
        match ending with
        | Some(Dead reason) -> $"%s{source} %s{sourceId} died: %s{reason}"
        | _ -> ()
]

let private folded (outcome: Outcome) = [
    for session in outcome.Contents.Sessions do
        let events = outcome.Contents.Streams[session.Id]

        if List.fold Transition.evolve (Session.initial session.Id) events <> session then
            $"%s{SessionId.text session.Id} is not what its stream folds to"
]

/// What answers a customer, other than the goodbye that would come anyway.
let private isAnswer (command: Command) =
    match command.Action with
    | Say { Phrase = IdleGoodbye _ } -> false
    | Say _
    | React _
    | AddToTicket _ -> true
    | _ -> false

let private answered (outcome: Outcome) = [
    let inbox = outcome.Contents.Inbox

    for MessageId id in outcome.Written do
        match inbox.TryFind("whatsapp", id) with
        | Some(Some _) -> ()
        | Some None -> $"%s{id} waits for ever"
        | None -> $"%s{id} was never taken in"

    for KeyValue(session, events) in outcome.Contents.Streams do
        let steps = replay session events

        let revoked =
            events
            |> List.choose (fun event ->
                match event.Fact with
                | MessageRevoked(_, original) -> Some original
                | _ -> None)

        for index, (_, event, _, _) in List.indexed steps do
            match event.Fact, Transition.messageOf event.Fact with
            | (MessageRevoked _ | ReactionReceived _), _
            | _, None -> ()
            | _, Some message when List.contains message revoked -> ()
            | _, Some(MessageId id) ->
                let after =
                    steps |> List.skip index |> List.collect (fun (_, _, _, commands) -> commands)

                if not (List.exists isAnswer after) then
                    $"%s{id} in %s{SessionId.text session} has no answer"
]

/// The delivery that failed for good, as the session was told.
let private undelivered (outcome: Outcome) =
    outcome.Contents.Inbox
    |> Map.toSeq
    |> Seq.choose (fun ((source, sourceId), _) -> if source = "command" then Some sourceId else None)
    |> Set.ofSeq

let private saidOnce (plan: Plan) (outcome: Outcome) = [
    let refused = undelivered outcome

    let awaiting = outcome.Contents.Open |> List.map _.Command.Key |> Set.ofList

    // Whoever wrote after a message was refused has got it by now.
    for key in awaiting do
        if not (outcome.Silent.Contains key.Session.Customer) then
            $"%s{CommandKey.text key} waits for a customer who has written"

    let arrivals =
        outcome.Arrivals |> List.groupBy (fun arrival -> arrival.Key) |> Map.ofList

    for KeyValue(key, action) in outcome.Contents.Queued do
        match action, arrivals.TryFind key with
        | Say _, None when not (refused.Contains(CommandKey.text key) || awaiting.Contains key) ->
            $"%s{CommandKey.text key} never arrived, and nobody was told"
        | Say _, Some(_ :: again) ->
            for late in again do
                // In bad weather it may be sent again, but not once a status has proved that it is there.
                match plan.Weather, outcome.StatusTaken.TryFind key with
                | LongOutages, Some taken when late.At <= taken.AddSeconds 15. -> ()
                | LongOutages, None -> ()
                | _ -> $"%s{CommandKey.text key} arrived again at %A{late.At}"
        | _ -> ()

    for KeyValue(key, _) in arrivals do
        if not (outcome.Contents.Queued.ContainsKey key) then
            $"%s{CommandKey.text key} arrived and was never asked for"
]

let private inOrder (outcome: Outcome) = [
    // A reaction is no speech and keeps no order; what was accepted and refused later may have been overtaken, before
    // anybody knew.
    let isJudged (arrival: Arrival) =
        match outcome.Contents.Queued.TryFind arrival.Key with
        | Some(Say _) -> not (outcome.RefusedLate.Contains arrival.Key)
        | _ -> false

    let first =
        outcome.Arrivals
        |> List.filter isJudged
        |> List.distinctBy (fun arrival -> arrival.Key)

    for session, arrivals in first |> List.groupBy (fun arrival -> arrival.Key.Session) do
        let keys =
            arrivals |> List.map (fun arrival -> arrival.Key.Version, arrival.Key.Ordinal)

        if keys <> List.sort keys then
            $"what was said in %s{SessionId.text session} arrived out of order: %A{keys}"
]

let private ticketsOnce (outcome: Outcome) = [
    let contents = outcome.Contents

    let desk =
        outcome.Tickets |> List.groupBy (fun ticket -> ticket.Creation) |> Map.ofList

    for KeyValue(session, events) in contents.Streams do
        for before, event, after, commands in replay session events do
            let created =
                commands
                |> List.choose (fun command ->
                    match command.Action with
                    | CreateTicket(ticket, _) -> Some(command.Key, ticket)
                    | _ -> None)

            match before.Phase, after.Phase with
            | TicketCreation(_, Confirming(shown, _)), TicketCreation(_, Creating owed) ->
                if created <> [ owed.Key, shown ] then
                    $"%s{SessionId.text session} %d{event.Version}: another ticket than the confirmed one"
            | _ ->
                if created |> List.exists (fun (_, ticket) -> ticket.Purpose = Support) then
                    $"%s{SessionId.text session} %d{event.Version}: a ticket without a confirmation"

            for key, ticket in created do
                let refused =
                    events
                    |> List.exists (fun event ->
                        match event.Fact with
                        | TicketRefused(command, _) -> command = key
                        | _ -> false)

                match desk.TryFind key with
                | Some [ made ] when made.Ticket = ticket && not refused -> ()
                | None when refused -> ()
                | found -> $"%s{CommandKey.text key}: refused %b{refused}, at the desk %A{found}"

    for KeyValue(key, _) in desk do
        if not (contents.Queued.ContainsKey key) then
            $"%s{CommandKey.text key} is at the desk and was never asked for"

    for KeyValue(key, action) in contents.Queued do
        match action with
        | AddToTicket(creation, text) ->
            match desk.TryFind creation with
            | Some [ ticket ] when List.filter (fun (note, _) -> note = key) ticket.Notes <> [ key, text ] ->
                $"the note %s{CommandKey.text key} is not on its ticket once"
            | _ -> ()
        | _ -> ()
]

let private judge (plan: Plan) =
    let outcome = run plan

    let problems =
        List.distinct outcome.Broken
        @ accounted outcome
        @ folded outcome
        @ answered outcome
        @ saidOnce plan outcome
        @ inOrder outcome
        @ ticketsOnce outcome

    let shown = problems |> List.truncate 12 |> String.concat "\n"

    Assert.True(
        problems.IsEmpty,
        $"seed %d{plan.Seed} (%A{plan.Weather}, BOT_SIMULATION_SEED chooses it): "
        + $"%d{problems.Length} problems\n%s{shown}"
    )

    outcome

let private number (variable: string) (otherwise: int) =
    match Environment.GetEnvironmentVariable variable with
    | null
    | "" -> otherwise
    | text -> int text

let private planOf weather seed : Plan = {
    Seed = seed
    Customers = 8
    Length = TimeSpan.FromDays 1.
    Nodes = 1 + seed % 2
    Weather = weather
}

let private eachSeed weather =
    let first = number "BOT_SIMULATION_SEED" 1

    for seed in first .. first + number "BOT_SIMULATION_RUNS" 2 - 1 do
        let outcome = judge (planOf weather seed)

        TestContext.Current.SendDiagnosticMessage(
            $"seed %d{seed}: %d{outcome.Written.Length} messages, %d{outcome.Arrivals.Length} arrivals, "
            + $"%d{outcome.Tickets.Length} tickets, %d{outcome.Contents.Sessions.Length} sessions"
        )

[<Fact>]
let ``the same seed gives the same days`` () =
    let plan = {
        planOf LongOutages 7 with
            Length = TimeSpan.FromHours 12.
    }

    let story () =
        let outcome = run plan
        outcome.Arrivals, outcome.Contents.Inbox, outcome.Ended

    Assert.Equal(story (), story ())

[<Fact>]
let ``days in which everything fails at times lose nothing and say nothing twice`` () =
    eachSeed StatusesInTime

[<Fact>]
let ``days in which the store is away for hours lose nothing and repeat only what no status has proved`` () =
    eachSeed LongOutages
