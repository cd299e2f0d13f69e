namespace FunctionalBot.Effects.Replay

open System.Text.Json
open System.Text.Json.Nodes
open FunctionalBot.Domain
open FunctionalBot.Effects

/// How one command would differ from what was recorded.
type CommandChange =
    /// It would be asked for and was not.
    | WouldBeAdded of Command
    /// It was asked for and would not be.
    | WouldBeLeftOut of RecordedCommand
    /// Another kind or payload under the same key.
    | WouldBeOther of recorded: RecordedCommand * now: Command

/// What a step would make of a recorded stream, where that is not what was recorded.
type Parting = {
    Stream: string
    /// The version of the first event whose commands would differ; where only the end state would, the last version.
    At: int64
    /// The type of that event, for example "text_received".
    Event: string
    /// The changes at that event, in the order of their ordinals.
    Commands: CommandChange list
    /// How many events of the stream would ask for other commands.
    Events: int
    /// What of the end state would differ: before is what is saved, after what the step gives.
    State: FieldChange list
}

/// What another step would have done with what was recorded, without doing anything. Pure.
module WhatIf =
    let private samePayload (recorded: string) (now: string) =
        recorded = now
        || (try
                JsonNode.DeepEquals(JsonNode.Parse recorded, JsonNode.Parse now)
            with :? JsonException ->
                false)

    /// Whether a recorded command is what a step asks for now: of the same kind and payload.
    let same (recorded: RecordedCommand) (command: Command) : bool =
        recorded.Kind = CommandKind.ofAction command.Action
        && samePayload recorded.Payload (Json.write command.Action)

    /// The changes among the commands of one event.
    let private changesOf (recorded: RecordedCommand list) (asked: Command list) =
        let byKey = recorded |> List.map (fun command -> command.Key, command) |> Map.ofList

        let now =
            asked
            |> List.filter (fun command -> CommandKind.isQueued command.Action)
            |> List.map (fun command -> CommandKey.text command.Key, command)

        let asked = Map.ofList now

        [
            for key, command in now do
                match byKey.TryFind key with
                | None -> WouldBeAdded command
                | Some before when same before command -> ()
                | Some before -> WouldBeOther(before, command)

            for before in recorded do
                if not (asked.ContainsKey before.Key) then
                    WouldBeLeftOut before
        ]

    /// Where the saved session is of another shape than this build's, its phase alone is compared.
    let private stateChanges shape (recorded: RecordedStream) (state: Session) : FieldChange list =
        match recorded.Saved, RecordedStream.saved recorded shape with
        | Some saved, _ when saved.Version <> recorded.Version -> []
        | Some _, Some(Ok saved) -> SessionWords.changes saved state
        | Some saved, _ when saved.Phase <> SessionWords.phaseName state -> [
            {
                Field = "phase"
                Before = saved.Phase
                After = SessionWords.phaseName state
            }
          ]
        | _ -> []

    /// Runs the step over the stream and compares with the commands that were recorded for it (in any order) and with
    /// its saved session. None where nothing would differ. Of the commands of events of before `forgotten` some are not
    /// recorded any more: nothing is said of one that is not there.
    let compare
        (step: FoldStep)
        (shape: int64)
        (forgotten: System.DateTimeOffset option)
        (recorded: RecordedStream)
        (commands: RecordedCommand seq)
        : Result<Parting option, StreamProblem> =
        match RecordedStream.sessionOf recorded, RecordedStream.events recorded with
        | Error problem, _
        | _, Error problem -> Error problem
        | Ok session, Ok events ->
            let byVersion =
                commands
                |> Seq.choose (fun command ->
                    CommandKey.parse command.Key |> Option.map (fun key -> key.Version, command))
                |> Seq.groupBy fst
                |> Seq.map (fun (version, group) -> version, group |> Seq.map snd |> List.ofSeq)
                |> Map.ofSeq

            let mutable state = Session.initial session
            let partings = ResizeArray<int64 * CommandChange list>()

            for event in events do
                let next, asked = step state event
                state <- next
                let before = byVersion.TryFind event.Version |> Option.defaultValue []

                let isOld = forgotten |> Option.exists (fun line -> event.At < line)

                let isTold change =
                    match change with
                    | WouldBeAdded _ -> not isOld
                    | WouldBeLeftOut _
                    | WouldBeOther _ -> true

                match changesOf before asked |> List.filter isTold with
                | [] -> ()
                | changes -> partings.Add(event.Version, changes)

            let stateChanges = stateChanges shape recorded state

            if partings.Count = 0 && stateChanges.IsEmpty then
                Ok None
            else
                let at, changes =
                    if partings.Count > 0 then
                        partings[0]
                    else
                        recorded.Version, []

                Ok(
                    Some {
                        Stream = recorded.Stream
                        At = at
                        Event =
                            if at >= 1L && at <= int64 recorded.Rows.Length then
                                recorded.Rows[int at - 1].Alias
                            else
                                ""
                        Commands = changes
                        Events = partings.Count
                        State = stateChanges
                    }
                )

    /// One line for operators; `withTexts` shows what would be said.
    let explain (withTexts: bool) (change: CommandChange) : string =
        let words (action: Action) =
            if withTexts then
                CommandWords.text action
            else
                CommandKind.ofAction action

        let before (recorded: RecordedCommand) =
            match Json.read<Action> recorded.Payload with
            | Ok action -> words action
            | Error _ -> recorded.Kind

        match change with
        | WouldBeAdded command -> "+ " + words command.Action
        | WouldBeLeftOut recorded -> "- " + before recorded
        | WouldBeOther(recorded, command) -> $"~ %s{before recorded} -> %s{words command.Action}"
