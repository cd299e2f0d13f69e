namespace FunctionalBot.Effects.Replay

open System
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Nodes
open FunctionalBot.Domain
open FunctionalBot.Effects

/// A command as a regression file expects it. Timers are commands here too.
type ExpectedCommand = {
    Version: int64
    Ordinal: int
    /// As `CommandKind.ofAction` names it.
    Kind: string
    /// JSON, as in `bot.command.payload`.
    Payload: string
}

/// One conversation with what the core is to make of it.
[<NoComparison>]
type Regression = {
    Session: SessionId
    /// Whether stand-ins were put in the place of personal data.
    Masked: bool
    Rows: RecordedRow[]
    Commands: ExpectedCommand list
    /// The end state in words, see `SessionWords.fields`.
    State: (string * string) list
}

/// Regression files: `data/regressions/*.json`, and what `bot session export` writes.
module Regression =
    /// The shape of the file.
    let private version = 1

    let private options =
        JsonSerializerOptions(WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

    let private decide (step: FoldStep) (session: SessionId) (events: Event list) =
        let refolded = Refold.events step session events

        refolded.Asked
        |> List.map (fun command -> {
            Version = command.Key.Version
            Ordinal = command.Key.Ordinal
            Kind = CommandKind.ofAction command.Action
            Payload = Json.write command.Action
        }),
        SessionWords.fields refolded.Session

    /// The file of a conversation, its rows as they are stored, with what the step makes of it.
    let ofRows (step: FoldStep) (masked: bool) (session: SessionId) (rows: RecordedRow[]) =
        RecordedRow.decode session rows
        |> Result.map (fun events ->
            let commands, state = decide step session events

            {
                Session = session
                Masked = masked
                Rows = rows
                Commands = commands
                State = state
            })

    /// The rows that these events would be stored as.
    let rowsOf (events: Event list) : RecordedRow[] = [|
        for event in events do
            let stored = Codec.write event.At event.Cause event.Fact

            {
                Version = event.Version
                Id = event.Id
                Alias = stored.Alias
                Data = stored.Data
                Binary = false
            }
    |]

    let private settings (regression: Regression) =
        let node = JsonObject()

        match
            regression.Rows
            |> Array.tryHead
            |> Option.map (fun row -> JsonNode.Parse row.Data)
        with
        | Some(:? JsonObject as opened) ->
            for name in [ "Language"; "Quiet"; "Idle" ] do
                match opened[name] with
                | null -> ()
                | value -> node[name] <- value.DeepClone()
        | _ -> ()

        node

    /// Readable JSON. The conversation's settings stand at the top for readers; what counts is the first event.
    let write (regression: Regression) : string =
        let events = JsonArray()

        for row in regression.Rows do
            let node = JsonObject()
            node["version"] <- JsonValue.Create row.Version
            node["id"] <- JsonValue.Create row.Id
            node["type"] <- JsonValue.Create row.Alias
            node["data"] <- JsonNode.Parse row.Data
            events.Add node

        let commands = JsonArray()

        for command in regression.Commands do
            let node = JsonObject()
            node["version"] <- JsonValue.Create command.Version
            node["ordinal"] <- JsonValue.Create command.Ordinal
            node["kind"] <- JsonValue.Create command.Kind
            node["payload"] <- JsonNode.Parse command.Payload
            commands.Add node

        let state = JsonObject()

        for name, value in regression.State do
            state[name] <- JsonValue.Create value

        let expected = JsonObject()
        expected["commands"] <- commands
        expected["state"] <- state
        let root = JsonObject()
        root["version"] <- JsonValue.Create version
        root["stream"] <- JsonValue.Create(SessionId.text regression.Session)
        root["masked"] <- JsonValue.Create regression.Masked
        root["settings"] <- settings regression
        root["events"] <- events
        root["expected"] <- expected
        root.ToJsonString(options) + "\n"

    let private session (root: JsonElement) =
        match (root.GetProperty "stream").GetString() with
        | null -> Error "its \"stream\" is null"
        | stream ->
            match SessionId.parse stream with
            | Some session -> Ok session
            | None -> Error $"its \"stream\" is no session: %s{stream}"

    let private textOf (element: JsonElement) (name: string) : string =
        match (element.GetProperty name).GetString() with
        | null -> raise (JsonException $"\"%s{name}\" is null")
        | text -> text

    let private parse (root: JsonElement) : Result<Regression, string> =
        let expected = root.GetProperty "expected"
        let found = (root.GetProperty "version").GetInt32()

        if found <> version then
            Error $"it is of version %d{found}; this build reads version %d{version}"
        else
            session root
            |> Result.map (fun session -> {
                Session = session
                Masked = (root.GetProperty "masked").GetBoolean()
                Rows = [|
                    for row in (root.GetProperty "events").EnumerateArray() do
                        {
                            Version = (row.GetProperty "version").GetInt64()
                            Id = (row.GetProperty "id").GetGuid()
                            Alias = textOf row "type"
                            Data = (row.GetProperty "data").GetRawText()
                            Binary = false
                        }
                |]
                Commands = [
                    for command in (expected.GetProperty "commands").EnumerateArray() do
                        {
                            Version = (command.GetProperty "version").GetInt64()
                            Ordinal = (command.GetProperty "ordinal").GetInt32()
                            Kind = textOf command "kind"
                            Payload = (command.GetProperty "payload").GetRawText()
                        }
                ]
                State = [
                    for field in (expected.GetProperty "state").EnumerateObject() do
                        field.Name, textOf (expected.GetProperty "state") field.Name
                ]
            })

    /// Reads what `write` wrote, or what a person made of it.
    let read (json: string) : Result<Regression, string> =
        try
            use document = JsonDocument.Parse json
            parse document.RootElement
        with
        | :? JsonException as problem -> Error problem.Message
        | :? FormatException as problem -> Error problem.Message
        | :? InvalidOperationException as problem -> Error problem.Message
        | :? Collections.Generic.KeyNotFoundException ->
            Error "a property is missing; export one to see the shape"

    /// A member that is null and one that is not there are the same: what was added to a payload later is an option.
    let private withoutNulls (json: string) : JsonNode | null =
        let rec strip (node: JsonNode | null) =
            match node with
            | :? JsonObject as members ->
                for name in
                    [
                        for KeyValue(name, value) in members do
                            if isNull value then
                                name
                    ] do
                    members.Remove name |> ignore

                for KeyValue(_, value) in members do
                    strip value
            | :? JsonArray as items ->
                for item in items do
                    strip item
            | _ -> ()

        let node = JsonNode.Parse json
        strip node
        node

    let private commandProblems (expected: ExpectedCommand list) (asked: ExpectedCommand list) =
        let byPlace commands =
            commands
            |> List.map (fun command -> (command.Version, command.Ordinal), command)
            |> Map.ofList

        let before = byPlace expected
        let now = byPlace asked

        let same (one: ExpectedCommand) (other: ExpectedCommand) =
            one.Kind = other.Kind
            && JsonNode.DeepEquals(withoutNulls one.Payload, withoutNulls other.Payload)

        [
            for KeyValue((version, ordinal) as place, command) in before do
                match now.TryFind place with
                | None -> $"event %d{version}: %s{command.Kind} (%d{ordinal}) is expected and not asked for"
                | Some other when same command other -> ()
                | Some other ->
                    $"event %d{version}: %s{command.Kind} (%d{ordinal}) is expected as %s{command.Payload}, "
                    + $"asked for is %s{other.Kind} %s{other.Payload}"

            for KeyValue((version, ordinal) as place, command) in now do
                if not (before.ContainsKey place) then
                    $"event %d{version}: %s{command.Kind} (%d{ordinal}) is asked for and not expected"
        ]

    /// Runs the step over the conversation and says in what it is not as expected. Empty where it is.
    let check (step: FoldStep) (regression: Regression) : string list =
        match RecordedRow.decode regression.Session regression.Rows with
        | Error problem -> [ $"event %d{problem.Version}: %s{problem.Problem}" ]
        | Ok events ->
            let commands, state = decide step regression.Session events

            [
                yield! commandProblems regression.Commands commands

                // A field that came after the file was written is not the file's to judge.
                let judged = regression.State |> List.map fst |> Set.ofList
                let state = state |> List.filter (fun (name, _) -> judged.Contains name)

                for change in SessionWords.changesOfFields regression.State state do
                    $"end state, %s{change.Field}: expected %s{change.Before}, is %s{change.After}"
            ]
