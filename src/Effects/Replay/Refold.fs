namespace FunctionalBot.Effects.Replay

open FunctionalBot.Domain
open FunctionalBot.Effects

/// The pure step that is replayed: the running build's is `Transition.transition`.
type FoldStep = Session -> Event -> Session * Command list

/// What a stream's events come to when they are folded again.
type Refolded = {
    Session: Session
    /// Everything that was asked for, in order, timers too.
    Asked: Command list
    /// When each event happened, by its version, beginning with 1.
    Times: System.DateTimeOffset[]
}

/// What the database says of the commands of a stream, for `Refold.differences`.
type CommandFacts = {
    /// Keys that were asked for and are not in `bot.command`.
    NotQueued: Set<string>
    /// Commands that are waited for, without an open row and without an outcome that waits to be decided: key, and
    /// what became of the command.
    NotOpen: Map<string, string>
    /// Keys of timers that have fired and whose entry waits to be decided.
    Fired: Set<string>
}

/// How a stream and what the database holds beside it disagree.
type Difference =
    /// The saved session is of this build's shape and cannot be read.
    | SavedIsUnreadable of reason: string
    /// The saved session is not of the stream's last version.
    | SavedIsOfVersion of saved: int64 * stream: int64
    /// The saved session is another than the fold: before is what is saved, after what the events give.
    | SavedDiffers of FieldChange list
    /// A command that was asked for is not in `bot.command`.
    | WasNotQueued of Command
    /// The session waits for a command that will not come back.
    | IsNotOpen of Command * why: string
    /// The session waits for a timer that is not set: `found` says what is there instead.
    | TimerIsNotSet of Command * found: string

/// Folding recorded streams again, and comparing. Pure.
module Refold =
    /// Folds events from the start of their session.
    let events (step: FoldStep) (session: SessionId) (events: Event list) : Refolded =
        let mutable state = Session.initial session
        let asked = ResizeArray<Command>()
        let times = ResizeArray<System.DateTimeOffset>()

        for event in events do
            times.Add event.At
            let next, commands = step state event
            state <- next
            asked.AddRange commands

        {
            Session = state
            Asked = List.ofSeq asked
            Times = times.ToArray()
        }

    /// Folds a recorded stream, or says why that cannot be done.
    let stream (step: FoldStep) (recorded: RecordedStream) : Result<Refolded, StreamProblem> =
        match RecordedStream.sessionOf recorded, RecordedStream.events recorded with
        | Ok session, Ok recordedEvents -> Ok(events step session recordedEvents)
        | Error problem, _
        | _, Error problem -> Error problem

    /// The keys, as text, of what must be in `bot.command`.
    let queuedKeys (refolded: Refolded) : string list =
        refolded.Asked
        |> List.filter (fun command -> CommandKind.isQueued command.Action)
        |> List.map (fun command -> CommandKey.text command.Key)

    /// The keys, as text, of what was asked for by events of before that time.
    let askedBefore (time: System.DateTimeOffset) (refolded: Refolded) : string list =
        refolded.Asked
        |> List.filter (fun command ->
            let index = command.Key.Version - 1L

            index >= 0L
            && index < refolded.Times.LongLength
            && refolded.Times[int index] < time)
        |> List.map (fun command -> CommandKey.text command.Key)

    /// The keys, as text, of what must be open in `bot.outbox`.
    let waitingKeys (refolded: Refolded) : string list =
        Transition.resume refolded.Session
        |> List.filter (fun command -> CommandKind.isQueued command.Action)
        |> List.map (fun command -> CommandKey.text command.Key)

    let private timerFound (recorded: RecordedStream) timer (key: CommandKey) (due: System.DateTimeOffset) =
        let name = StoredName.timer timer
        let key = CommandKey.text key

        match recorded.Timers |> List.tryFind (fun set -> set.Name = name) with
        | Some set when set.Key = key && set.DueTicks = due.UtcTicks -> None
        | Some set ->
            let at = System.DateTimeOffset(set.DueTicks, System.TimeSpan.Zero)
            Some $"it is set for %s{CommandWords.instant at} by %s{set.Key}"
        | None -> Some "no timer of that name is set"

    /// The timers that the session waits for and that are not in `bot.timer` as they should be, with what is found.
    let timersNotSet (recorded: RecordedStream) (refolded: Refolded) : (Command * string) list =
        Transition.resume refolded.Session
        |> List.choose (fun command ->
            match command.Action with
            | SetTimer(timer, due) ->
                timerFound recorded timer command.Key due
                |> Option.map (fun found -> command, found)
            | _ -> None)

    let private savedDifferences shape (recorded: RecordedStream) (refolded: Refolded) =
        match recorded.Saved, RecordedStream.saved recorded shape with
        | Some saved, Some _ when saved.Version <> recorded.Version -> [
            SavedIsOfVersion(saved.Version, recorded.Version)
          ]
        | _, Some(Error reason) -> [ SavedIsUnreadable reason ]
        | _, Some(Ok saved) when saved <> refolded.Session -> [
            SavedDiffers(SessionWords.changes saved refolded.Session)
          ]
        | _ -> []

    /// Everything in which a stream and the database disagree. A saved session that is missing or of another shape
    /// (`shape` is this build's) is none: the engine folds such a one anew.
    let differences
        (shape: int64)
        (held: CommandFacts)
        (recorded: RecordedStream)
        (refolded: Refolded)
        : Difference list = [
        yield! savedDifferences shape recorded refolded

        if not held.NotQueued.IsEmpty then
            for command in refolded.Asked do
                if held.NotQueued.Contains(CommandKey.text command.Key) then
                    WasNotQueued command

        if not held.NotOpen.IsEmpty then
            for command in Transition.resume refolded.Session do
                match held.NotOpen.TryFind(CommandKey.text command.Key) with
                | Some why -> IsNotOpen(command, why)
                | None -> ()

        for command, found in timersNotSet recorded refolded do
            if not (held.Fired.Contains(CommandKey.text command.Key)) then
                TimerIsNotSet(command, found)
    ]

    /// One line for operators. It names keys, and for the saved session the fields; `withValues` adds what is in them.
    let explain (withValues: bool) (difference: Difference) : string =
        match difference with
        | SavedIsUnreadable reason -> "the saved session cannot be read: " + reason
        | SavedIsOfVersion(saved, stream) ->
            $"the saved session is of version %d{saved}, the stream of version %d{stream}"
        | SavedDiffers changes ->
            let words (change: FieldChange) =
                if withValues then
                    $"%s{change.Field}: saved %s{change.Before}, folded %s{change.After}"
                else
                    change.Field

            "the saved session differs from the fold in "
            + (changes |> List.map words |> String.concat "; ")
        | WasNotQueued command ->
            $"%s{CommandKind.ofAction command.Action} %s{CommandKey.text command.Key} was asked for "
            + "and is not in bot.command"
        | IsNotOpen(command, why) ->
            $"it waits for %s{CommandKind.ofAction command.Action} %s{CommandKey.text command.Key}, which %s{why}"
        | TimerIsNotSet(command, found) ->
            $"it waits for the timer of %s{CommandKey.text command.Key}, but %s{found}"
