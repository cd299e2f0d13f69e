/// `bot session show`
module FunctionalBot.Web.SessionShow

open System
open System.Text.Json.Nodes
open System.Threading.Tasks
open Argu
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.SessionArguments
open FunctionalBot.Web.SessionDesk

/// What this build would ask for in the place of a command that was recorded.
type private Instead =
    /// The same.
    | Same
    /// Another one; None where it is not to be shown.
    | Other of words: string option
    | NothingInstead
    /// Nothing is recorded to compare with.
    | NotCompared

/// One command, as it was recorded where it was, else as this build would ask for it.
[<NoComparison>]
type private Asked = {
    Key: string
    Kind: string
    Words: string
    /// JSON.
    Payload: string
    Standing: string
    Reason: string option
    Instead: Instead
}

/// One event with what came of it.
[<NoComparison>]
type private Moment = {
    Row: RecordedRow
    Event: Event
    Before: Session
    After: Session
    Commands: Asked list
}

/// What is recorded of one stream.
[<NoComparison>]
type private Found = {
    Recorded: RecordedStream
    Queued: Map<int64 * int, RecordedCommand>
    /// Commands of before this time are no longer kept where they ended.
    Forgotten: DateTimeOffset option
}

let private readOne (stream: string) (snapshot: Snapshot) = task {
    let! found = RecordedStreams.read snapshot [| stream |]
    let! queued = RecordedCommands.all snapshot found
    let! forgotten = RecordedCommands.forgottenBefore snapshot

    return {
        Recorded = Array.exactlyOne found
        Queued =
            queued[stream]
            |> Seq.choose (fun command ->
                CommandKey.parse command.Key
                |> Option.map (fun key -> (key.Version, key.Ordinal), command))
            |> Map.ofSeq
        Forgotten = forgotten
    }
}

let private attempts count =
    if count = 1 then "1 attempt" else $"%d{count} attempts"

/// How a recorded command stands, and why where there is a reason.
let private standing (command: RecordedCommand) =
    match command.Standing with
    | OpenCommand(state, count, reason)
    | EndedCommand(state, count, reason) -> $"%s{state}, %s{attempts count}", reason
    | LostCommand -> "lost", None

/// How a command stands of which nothing is recorded.
let private unrecorded (found: Found) (event: Event) (command: Command) (original: string) =
    match command.Action with
    | CancelTimer _ -> "-"
    | SetTimer _ when found.Recorded.Timers |> List.exists (fun timer -> timer.Key = original) -> "set"
    | SetTimer _ -> "over"
    | _ when found.Forgotten |> Option.exists (fun line -> event.At < line) -> "no longer kept"
    | _ -> "not queued"

let private ofRecorded mask instead (command: RecordedCommand) : Asked =
    let state, reason = standing command

    {
        Key = hidden mask command.Key
        Kind = command.Kind
        Words =
            match Json.read<Action> command.Payload with
            | Ok action when not mask -> CommandWords.text action
            | _ -> command.Kind
        Payload = if mask then "null" else command.Payload
        Standing = state
        Reason = if mask then None else reason
        Instead = instead
    }

let private ofCommand (command: Command) state reason instead : Asked = {
    Key = CommandKey.text command.Key
    Kind = CommandKind.ofAction command.Action
    Words = CommandWords.text command.Action
    Payload = Json.write command.Action
    Standing = state
    Reason = reason
    Instead = instead
}

/// The commands of one event. `originals` are those that this build asks for without stand-ins, by ordinal; `shown`
/// those that are shown, which with `mask` have stand-ins.
let private commandsOf found mask (event: Event) (originals: Map<int, Command>) (shown: Command list) = [
    for command in shown do
        let place = command.Key.Version, command.Key.Ordinal
        let original = originals.TryFind command.Key.Ordinal |> Option.defaultValue command

        match found.Queued.TryFind place with
        | Some recorded when WhatIf.same recorded original ->
            let state, reason = standing recorded
            ofCommand command state (if mask then None else reason) Same
        | Some recorded ->
            let words =
                if mask then
                    None
                else
                    Some(CommandWords.text command.Action)

            ofRecorded mask (Other words) recorded
        | None ->
            let state = unrecorded found event command (CommandKey.text original.Key)
            ofCommand command state None NotCompared

    let places = shown |> List.map _.Key.Ordinal |> Set.ofList

    for KeyValue((version, ordinal), recorded) in found.Queued do
        if version = event.Version && not (places.Contains ordinal) then
            ofRecorded mask NothingInstead recorded
]

let private momentsOf (found: Found) mask session (events: Event list) =
    let asked =
        (Session.initial session, events)
        ||> List.mapFold (fun before event ->
            let after, commands = Transition.transition before event
            let byOrdinal = commands |> List.map (fun command -> command.Key.Ordinal, command)
            Map.ofList byOrdinal, after)
        |> fst

    let shown, rows =
        if mask then
            let masked = Masking.events session events
            masked, Regression.rowsOf (snd masked)
        else
            (session, events), Array.truncate events.Length found.Recorded.Rows

    (Session.initial (fst shown), Array.zip3 rows (Array.ofList (snd shown)) (Array.ofList asked))
    ||> Array.mapFold (fun before (row, event, originals) ->
        let after, commands = Transition.transition before event

        {
            Row = row
            Event = event
            Before = before
            After = after
            Commands = commandsOf found mask event originals commands
        },
        after)
    |> fst

let private bodyOf (row: RecordedRow) : JsonNode =
    match JsonNode.Parse row.Data with
    | :? JsonObject as data ->
        data.Remove "At" |> ignore
        data.Remove "Cause" |> ignore
        data
    | null -> JsonObject()
    | other -> other

let private relaxed =
    System.Text.Json.JsonSerializerOptions(
        Encoder = Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping
    )

let private compact (node: JsonNode) = node.ToJsonString relaxed

let private line (text: string) = Console.Out.WriteLine text

let private printMoment diff (moment: Moment) =
    let at = CommandWords.instant moment.Event.At
    line $"%5d{moment.Event.Version}  %s{at}  %s{moment.Row.Alias}  %s{compact (bodyOf moment.Row)}"

    if diff then
        for change in SessionWords.changes moment.Before moment.After do
            line $"         %s{change.Field}: %s{change.Before} -> %s{change.After}"
    else
        for name, value in SessionWords.fields moment.After do
            line $"         %s{name}: %s{value}"

    for command in moment.Commands do
        let reason =
            command.Reason |> Option.map (fun text -> ": " + text) |> Option.defaultValue ""

        line $"       > %s{command.Words}  (%s{command.Standing}%s{reason})"

        match command.Instead with
        | Same
        | NotCompared -> ()
        | Other(Some words) -> line $"           this build: %s{words}"
        | Other None -> line "           this build asks for something else here"
        | NothingInstead -> line "           this build asks for nothing here"

let private changeNode (change: FieldChange) : JsonNode =
    let node = JsonObject()
    node["field"] <- JsonValue.Create change.Field
    node["before"] <- JsonValue.Create change.Before
    node["after"] <- JsonValue.Create change.After
    node

let private stateNode (session: Session) =
    let state = JsonObject()

    for name, value in SessionWords.fields session do
        state[name] <- JsonValue.Create value

    state

let private momentNode diff (moment: Moment) : JsonNode =
    let commands = JsonArray()

    for command in moment.Commands do
        let node = JsonObject()
        node["key"] <- JsonValue.Create command.Key
        node["kind"] <- JsonValue.Create command.Kind
        node["payload"] <- JsonNode.Parse command.Payload
        node["standing"] <- JsonValue.Create command.Standing
        node["reason"] <- optional command.Reason

        node["this_build"] <-
            match command.Instead with
            | Same -> JsonValue.Create "same"
            | Other _ -> JsonValue.Create "other"
            | NothingInstead -> JsonValue.Create "nothing"
            | NotCompared -> null

        commands.Add node

    let node = JsonObject()
    node["event_version"] <- JsonValue.Create moment.Event.Version
    node["id"] <- JsonValue.Create moment.Event.Id
    node["at"] <- Document.instant moment.Event.At
    node["cause"] <- JsonValue.Create moment.Event.Cause
    node["type"] <- JsonValue.Create moment.Row.Alias
    node["data"] <- bodyOf moment.Row

    if diff then
        node["changes"] <-
            arrayOf [
                for change in SessionWords.changes moment.Before moment.After -> changeNode change
            ]
    else
        node["state"] <- stateNode moment.After

    node["commands"] <- commands
    node

let private printJson diff (stream: string) (moments: Moment[]) (problem: StreamProblem option) =
    let root = document "show"
    root["stream"] <- JsonValue.Create stream
    root["events"] <- arrayOf [ for moment in moments -> momentNode diff moment ]

    match problem with
    | None -> root["problem"] <- null
    | Some found ->
        let node = JsonObject()
        node["event_version"] <- JsonValue.Create found.Version
        node["problem"] <- JsonValue.Create found.Problem
        root["problem"] <- node

    Output.writeJson root

let private print diff stream (moments: Moment[]) =
    let phase =
        match Array.tryLast moments with
        | Some last -> $"version %d{last.Event.Version}  %s{SessionWords.phaseName last.After}"
        | None -> "no event can be read"

    line $"%s{stream}  %s{phase}"

    for moment in moments do
        printMoment diff moment

/// Shows one session: its events, the state after each, and what became of its commands.
let run (connection: string) (given: ParseResults<ShowArguments>) : int =
    let mask = given.Contains ShowArguments.Mask
    let diff = given.Contains ShowArguments.Diff
    let most = given.TryGetResult ShowArguments.At

    let show source stream : Task<int> = task {
        let! found = RecordedStreams.at source (readOne stream)
        let recorded = found.Recorded

        match RecordedStream.sessionOf recorded, most with
        | Error problem, _ ->
            return
                refuse {
                    ExitCode = ExitCode.problems
                    Reason = problem.Problem
                }
        | Ok _, Some at when at < 1L || at > recorded.Version ->
            return
                refuse {
                    ExitCode = ExitCode.notFound
                    Reason = $"There is no event %d{at}: this session has events 1 to %d{recorded.Version}."
                }
        | Ok session, _ ->
            let events, problem = RecordedRow.readable session recorded.Rows
            let most = most |> Option.defaultValue Int64.MaxValue
            let events = events |> List.filter (fun event -> event.Version <= most)
            // What is wrong behind the last event that is asked for is not asked for.
            let problem = problem |> Option.filter (fun found -> found.Version <= most)
            let moments = momentsOf found mask session events

            let stream =
                match Array.tryHead moments with
                | Some first -> SessionId.text first.Event.Session
                | None -> hidden mask stream

            if given.Contains ShowArguments.Json then
                printJson diff stream moments problem
            else
                print diff stream moments

            match problem with
            | None -> return ExitCode.ok
            | Some found ->
                Output.say $"The stream breaks at version %d{found.Version}: %s{hidden mask found.Problem}"
                return ExitCode.problems
    }

    withDatabase connection (fun source -> task {
        match! find source mask (given.GetResult ShowArguments.Id) with
        | Error refusal -> return refuse refusal
        | Ok stream -> return! show source stream
    })
