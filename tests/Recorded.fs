/// Recorded streams in memory, as the database would hold them, for tests of what is done with recorded streams.
module FunctionalBot.Tests.Recorded

open System
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay
open FunctionalBot.Tests.RandomConversations

/// This build's shape of a saved session.
let shape = Json.shape<Session>

let private orFail result =
    match result with
    | Ok value -> value
    | Error(problem: StreamProblem) -> failwith $"%A{problem}"

/// The stream of these events as the engine would have left it, with everything that was asked for done.
let streamOf (events: Event list) : RecordedStream * RecordedCommand list =
    let session = events.Head.Session
    let rows = Regression.rowsOf events

    // What is stored is cleaned text, so the fold is made of what comes back.
    let refolded =
        RecordedRow.decode session rows
        |> orFail
        |> Refold.events Transition.transition session

    let state = refolded.Session

    {
        Stream = SessionId.text session
        Version = state.Version
        Archived = false
        Rows = rows
        Saved =
            Some {
                Version = state.Version
                Shape = shape
                Phase = SessionWords.phaseName state
                Data = Json.write state
            }
        Timers = [
            for command in Transition.resume state do
                match command.Action with
                | SetTimer(timer, due) -> {
                    Name =
                        (match timer with
                         | QuietTimer -> "quiet"
                         | IdleTimer -> "idle")
                    Key = CommandKey.text command.Key
                    DueTicks = due.UtcTicks
                  }
                | _ -> ()
        ]
    },
    [
        for command in refolded.Asked do
            if CommandKind.isQueued command.Action then
                {
                    Key = CommandKey.text command.Key
                    Kind = CommandKind.ofAction command.Action
                    Payload = Json.write command.Action
                    Standing = EndedCommand("done", 1, None)
                }
    ]

/// The events of a random conversation that became part of its stream.
let eventsOf (conversation: Conversation) : Event list =
    conversation.Happenings
    |> List.filter (fun happening -> happening.After.Version = happening.Before.Version + 1L)
    |> List.map _.Event

/// Tries a property on random conversations; a failure prints the seed to replay.
let holdsFor (count: int) (property: Event list -> unit) : unit =
    let all =
        Prop.forAll (Arb.fromGen numbers) (fun numbers ->
            property (eventsOf (play Transition.transition numbers))
            true)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest(min cases count), all)

/// Events of the scenes of `Scenarios` are not kept there; this plays facts one second apart.
let eventsFrom (session: SessionId) (facts: (Session -> Fact) list) : Event list =
    ((Session.initial session, start), facts)
    ||> List.mapFold (fun (state, at: DateTimeOffset) fact ->
        let event = {
            Id = Guid.NewGuid()
            At = at
            Session = session
            Version = state.Version + 1L
            Cause = "test"
            Fact = fact state
        }

        event, (Transition.evolve state event, at.AddSeconds 1.))
    |> fst
