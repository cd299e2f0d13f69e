/// Folding recorded streams again and comparing, what another step would have done, and words for states: all without
/// a database.
module FunctionalBot.Tests.RefoldTests

open System
open Microsoft.FSharp.Reflection
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay
open FunctionalBot.Tests.Recorded
open FunctionalBot.Tests.RandomConversations

let private allHeld = {
    NotQueued = Set.empty
    NotOpen = Map.empty
    Fired = Set.empty
}

let private differences held recorded =
    match Refold.stream Transition.transition recorded with
    | Ok refolded -> Refold.differences shape held recorded refolded
    | Error problem -> failwith $"%A{problem}"

let private text id words (_: Session) =
    TextReceived {
        Message = MessageId id
        Text = words
        Quoted = None
    }

let private opened (_: Session) =
    SessionOpened(
        {
            Id = sessionId.Customer
            Phone = Some "34600111222"
            Name = Some "Ana Ríos"
        },
        Spanish,
        {
            Quiet = TimeSpan.Zero
            Idle = TimeSpan.FromMinutes 30.
        }
    )

/// A conversation in which the assistant is being asked and the idle timer is set.
let private waiting () =
    eventsFrom sessionId [ opened; text "wamid.1" "hola"; text "wamid.2" "¿A qué hora abren?" ]
    |> streamOf
    |> fst

[<Fact>]
let ``a stream as the engine leaves it differs in nothing`` () =
    holdsFor 500 (fun events ->
        let recorded, _ = streamOf events
        Assert.Empty(differences allHeld recorded))

[<Fact>]
let ``a saved session that is another, of another version or unreadable is a difference`` () =
    let recorded = waiting ()
    let saved = recorded.Saved.Value

    let withSaved saved = { recorded with Saved = Some saved }

    match
        differences
            allHeld
            (withSaved {
                saved with
                    Data = saved.Data.Replace("\"Spanish\"", "\"English\"")
            })
    with
    | [ SavedDiffers changes ] ->
        let change = changes |> List.find (fun change -> change.Field = "language")
        Assert.Equal("en", change.Before)
        Assert.Equal("es", change.After)
    | other -> failwith $"%A{other}"

    Assert.Equal<Difference list>(
        [ SavedIsOfVersion(2L, 3L) ],
        differences allHeld (withSaved { saved with Version = 2L })
    )

    match differences allHeld (withSaved { saved with Data = "{\"Id\":1}" }) with
    | [ SavedIsUnreadable _ ] -> ()
    | other -> failwith $"%A{other}"

    // What is of another shape, or not there, is folded anew by the engine.
    Assert.Empty(
        differences
            allHeld
            (withSaved {
                saved with
                    Shape = shape + 1L
                    Data = "{}"
            })
    )

    Assert.Empty(differences allHeld { recorded with Saved = None })

[<Fact>]
let ``a command that was never queued, is not open, or a timer that is not set is a difference`` () =
    let recorded = waiting ()

    let keyOf kind =
        match Refold.stream Transition.transition recorded with
        | Ok refolded ->
            refolded.Asked
            |> List.findBack (fun command -> CommandKind.ofAction command.Action = kind)
            |> fun command -> CommandKey.text command.Key
        | Error problem -> failwith $"%A{problem}"

    let key = keyOf "ask-assistant"

    match differences { allHeld with NotQueued = Set [ key ] } recorded with
    | [ WasNotQueued command ] -> Assert.Equal(key, CommandKey.text command.Key)
    | other -> failwith $"%A{other}"

    match
        differences
            {
                allHeld with
                    NotOpen = Map [ key, "ended dead: x" ]
            }
            recorded
    with
    | [ IsNotOpen(command, "ended dead: x") ] -> Assert.Equal(key, CommandKey.text command.Key)
    | other -> failwith $"%A{other}"

    let timerKey = keyOf "set-timer"

    for timers in
        [
            []
            [
                {
                    recorded.Timers.Head with
                        DueTicks = recorded.Timers.Head.DueTicks + 1L
                }
            ]
            [ { recorded.Timers.Head with Key = key } ]
        ] do
        let moved = { recorded with Timers = timers }

        match differences allHeld moved with
        | [ TimerIsNotSet(command, _) ] -> Assert.Equal(timerKey, CommandKey.text command.Key)
        | other -> failwith $"%A{other}"

        Assert.Empty(
            differences
                {
                    allHeld with
                        Fired = Set [ timerKey ]
                }
                moved
        )

[<Fact>]
let ``each kind of broken stream is told with its place`` () =
    let recorded = waiting ()

    let problemOf rows =
        match Refold.stream Transition.transition { recorded with Rows = rows } with
        | Error problem -> problem.Version, problem.Problem
        | Ok _ -> failwith "the broken stream was folded"

    let second change =
        recorded.Rows
        |> Array.mapi (fun index row -> if index = 1 then change row else row)

    let expect version (words: string) (found: int64 * string) =
        Assert.Equal(version, fst found)
        Assert.Contains(words, snd found)

    expect 2L "'tide_turned'" (problemOf (second (fun row -> { row with Alias = "tide_turned" })))
    expect 2L "bdata" (problemOf (second (fun row -> { row with Binary = true })))
    expect 2L "hole" (problemOf [| recorded.Rows[0]; recorded.Rows[2] |])
    expect 3L "twice" (problemOf (Array.insertAt 2 recorded.Rows[1] recorded.Rows))
    expect 3L "another" (problemOf (Array.truncate 2 recorded.Rows))

    for json in
        [
            "null"
            "[]"
            "{}"
            "5"
            "\"text\""
            """{"At":"yesterday"}"""
            """{"Message":null}"""
        ] do
        expect 2L "'text_received'" (problemOf (second (fun row -> { row with Data = json })))

    match Refold.stream Transition.transition { recorded with Archived = true } with
    | Error problem -> Assert.Contains("archived", problem.Problem)
    | Ok _ -> failwith "the archived stream was folded"

    match Refold.stream Transition.transition { recorded with Stream = "session/x" } with
    | Error problem -> Assert.Contains("session/<channel>", problem.Problem)
    | Ok _ -> failwith "the stream without a name was folded"

let private parting step (events: Event list) =
    let recorded, commands = streamOf events

    // In which order the commands are read makes no difference.
    match WhatIf.compare step shape None recorded (List.rev commands) with
    | Ok parting -> parting
    | Error problem -> failwith $"%A{problem}"

[<Fact>]
let ``the step that was recorded would do nothing else`` () =
    holdsFor 500 (fun events -> Assert.Equal(None, parting Transition.transition events))

/// A change on purpose: what the bot says after a picture is left out.
let private silentAboutMedia (session: Session) (event: Event) =
    let next, commands = Transition.transition session event

    match event.Fact with
    | MediaReceived _ ->
        next,
        commands
        |> List.filter (fun command ->
            match command.Action with
            | Say _ -> false
            | _ -> true)
    | _ -> next, commands

/// Where the real step says something after a picture, by itself.
let private concerned (events: Event list) =
    let rows = (streamOf events |> fst).Rows

    match RecordedRow.decode events.Head.Session rows with
    | Error problem -> failwith $"%A{problem}"
    | Ok events ->
        ((Session.initial events.Head.Session, []), events)
        ||> List.fold (fun (state, found) event ->
            let next, commands = Transition.transition state event

            let says =
                commands
                |> List.exists (fun command ->
                    match command.Action with
                    | Say _ -> true
                    | _ -> false)

            match event.Fact with
            | MediaReceived _ when says -> next, event.Version :: found
            | _ -> next, found)
        |> snd
        |> List.rev

[<Fact>]
let ``a changed step names exactly the conversations concerned, from the first event on`` () =
    let named = ref 0
    let spared = ref 0

    holdsFor 500 (fun events ->
        match concerned events, parting silentAboutMedia events with
        | [], found ->
            spared.Value <- spared.Value + 1
            Assert.Equal(None, found)
        | first :: rest, Some found ->
            named.Value <- named.Value + 1
            Assert.Equal(first, found.At)
            Assert.Equal("media_received", found.Event)
            Assert.Equal(1 + rest.Length, found.Events)
            Assert.Empty found.State

            for change in found.Commands do
                match change with
                | WouldBeLeftOut recorded -> Assert.Equal("say", recorded.Kind)
                | other -> failwith $"%A{other}"
        | first :: _, None -> failwith $"event %d{first} was not named")

    Assert.True(named.Value > 20 && spared.Value > 20, $"%d{named.Value} named, %d{spared.Value} spared")

[<Fact>]
let ``a command more, another payload and another end state are each told as what they are`` () =
    let events =
        eventsFrom sessionId [ opened; text "wamid.1" "hola"; text "wamid.2" "¿A qué hora abren?" ]

    let more session event =
        let next, commands = Transition.transition session event

        let extra = {
            Key = {
                Session = event.Session
                Version = event.Version
                Ordinal = 9
            }
            Action = LookUpTickets next.Customer
        }

        next,
        (if event.Version = 3L then
             commands @ [ extra ]
         else
             commands)

    match parting more events with
    | Some {
               At = 3L
               Commands = [ WouldBeAdded command ]
               State = []
           } -> Assert.Equal(9, command.Key.Ordinal)
    | other -> failwith $"%A{other}"

    let inEnglish session event =
        let next, commands = Transition.transition session event

        next,
        commands
        |> List.map (fun command ->
            match command.Action with
            | Say said -> {
                command with
                    Action = Say { said with Language = English }
              }
            | _ -> command)

    match parting inEnglish events with
    | Some {
               At = 2L
               Commands = [ WouldBeOther _ ]
               Events = 1
           } -> ()
    | other -> failwith $"%A{other}"

    let forgetful session event =
        let next, commands = Transition.transition session event
        { next with Introduced = false }, commands

    match parting forgetful events with
    | Some {
               At = 3L
               Commands = []
               Events = 0
               State = [ {
                             Field = "introduced"
                             Before = "yes"
                             After = "no"
                         } ]
           } -> ()
    | other -> failwith $"%A{other}"

[<Fact>]
let ``where the saved session is of another shape, its phase is compared`` () =
    let recorded, commands =
        eventsFrom sessionId [ opened; text "wamid.1" "hola" ] |> streamOf

    let other phase = {
        recorded with
            Saved =
                Some {
                    recorded.Saved.Value with
                        Shape = shape + 1L
                        Data = "{}"
                        Phase = phase
                }
    }

    let stateOf recorded =
        match WhatIf.compare Transition.transition shape None recorded commands with
        | Ok None -> []
        | Ok(Some found) -> found.State
        | Error problem -> failwith $"%A{problem}"

    Assert.Empty(stateOf (other "conversing"))

    Assert.Equal<FieldChange list>(
        [
            {
                Field = "phase"
                Before = "closed"
                After = "conversing"
            }
        ],
        stateOf (other "closed")
    )

[<Fact>]
let ``words tell every field of a session`` () =
    let count = FSharpType.GetRecordFields(typeof<Session>).Length
    let names = SessionWords.fields (Session.initial sessionId) |> List.map fst
    Assert.Equal(count, names.Length)
    Assert.Equal(count, (List.distinct names).Length)

[<Fact>]
let ``two states that differ differ in words, and equal ones do not`` () =
    holdsFor 300 (fun events ->
        let states =
            (Session.initial events.Head.Session, events) ||> List.scan Transition.evolve

        for before, after in List.pairwise states do
            Assert.NotEmpty(SessionWords.changes before after)
            Assert.Empty(SessionWords.changes after after))
