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

/// One event with what came of it.
[<NoComparison>]
type private Moment = {
    Row: RecordedRow
    Event: Event
    Before: Session
    After: Session
    Commands: (Command * string * string option) list
}

let private readOne (stream: string) (snapshot: Snapshot) = task {
    let! found = RecordedStreams.read snapshot [| stream |]
    let! queued = RecordedCommands.all snapshot found
    return Array.exactlyOne found, queued[stream]
}

let private attempts count =
    if count = 1 then "1 attempt" else $"%d{count} attempts"

/// How a command ended, and why where there is a reason.
let private standing
    (recorded: RecordedStream)
    (queued: Map<int64 * int, RecordedCommand>)
    (command: Command)
    original
    =
    match command.Action with
    | CancelTimer _ -> "-", None
    | SetTimer _ when recorded.Timers |> List.exists (fun timer -> timer.Key = original) -> "set", None
    | SetTimer _ -> "over", None
    | _ ->
        match queued.TryFind((command.Key.Version, command.Key.Ordinal)) with
        | None -> "not queued", None
        | Some found ->
            match found.Standing with
            | OpenCommand(state, count, reason) -> $"%s{state}, %s{attempts count}", reason
            | EndedCommand(state, count, reason) -> $"%s{state}, %s{attempts count}", reason
            | LostCommand -> "lost", None

let private momentsOf
    (recorded: RecordedStream)
    (queued: RecordedCommand seq)
    mask
    session
    (events: Event list)
    =
    let queued =
        queued
        |> Seq.choose (fun command ->
            CommandKey.parse command.Key
            |> Option.map (fun key -> (key.Version, key.Ordinal), command))
        |> Map.ofSeq

    let shown, rows =
        if mask then
            let masked = Masking.events session events
            masked, Regression.rowsOf (snd masked)
        else
            (session, events), Array.truncate events.Length recorded.Rows

    (Session.initial (fst shown), Array.zip rows (Array.ofList (snd shown)))
    ||> Array.mapFold (fun before (row, event) ->
        let after, commands = Transition.transition before event

        {
            Row = row
            Event = event
            Before = before
            After = after
            Commands = [
                for command in commands do
                    let original = CommandKey.text { command.Key with Session = session }
                    let state, reason = standing recorded queued command original
                    command, state, (if mask then None else reason)
            ]
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

let private compact (node: JsonNode) =
    node.ToJsonString(
        System.Text.Json.JsonSerializerOptions(
            Encoder = Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping
        )
    )

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

    for command, state, reason in moment.Commands do
        let reason =
            reason |> Option.map (fun text -> ": " + text) |> Option.defaultValue ""

        line $"       > %s{CommandWords.text command.Action}  (%s{state}%s{reason})"

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

    for command, state, reason in moment.Commands do
        let node = JsonObject()
        node["key"] <- JsonValue.Create(CommandKey.text command.Key)
        node["kind"] <- JsonValue.Create(CommandWords.kind command.Action)
        node["payload"] <- JsonNode.Parse(Json.write command.Action)
        node["standing"] <- JsonValue.Create state
        node["reason"] <- optional reason
        commands.Add node

    let node = JsonObject()
    node["eventVersion"] <- JsonValue.Create moment.Event.Version
    node["id"] <- JsonValue.Create moment.Event.Id
    node["at"] <- JsonValue.Create(CommandWords.instant moment.Event.At)
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
        node["eventVersion"] <- JsonValue.Create found.Version
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
        let! recorded, queued = RecordedStreams.at source (readOne stream)

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
            let moments = momentsOf recorded queued mask session events

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
                Output.say $"The stream breaks at version %d{found.Version}: %s{found.Problem}"
                return ExitCode.problems
    }

    withDatabase connection (fun source -> task {
        match! find source (given.GetResult ShowArguments.Id) with
        | Error refusal -> return refuse refusal
        | Ok stream -> return! show source stream
    })
