/// What every verb of `bot session` needs: the database, the session that is meant, and the time that is meant.
module FunctionalBot.Web.SessionDesk

open System
open System.Globalization
open System.Text.Json.Nodes
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine

/// Why a verb ends before its work is done. The text says how to go on.
type Refusal = { ExitCode: int; Reason: string }

/// Says why, and gives the exit code.
let refuse (refusal: Refusal) : int =
    Output.say refusal.Reason
    refusal.ExitCode

let private relative (now: DateTimeOffset) (text: string) =
    if text.Length < 2 then
        None
    else
        let number = text.Substring(0, text.Length - 1)

        match
            Double.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture), text[text.Length - 1]
        with
        | (true, count), 'm' when count < 1e7 -> Some(now - TimeSpan.FromMinutes(value = count))
        | (true, count), 'h' when count < 1e6 -> Some(now - TimeSpan.FromHours(value = count))
        | (true, count), 'd' when count < 1e5 -> Some(now - TimeSpan.FromDays(value = count))
        | _ -> None

/// Reads a WHEN: so many minutes, hours or days ago ("90m", "24h", "7d"), or a date or time, UTC where it says nothing
/// else.
let moment (now: DateTimeOffset) (text: string) : Result<DateTimeOffset, Refusal> =
    let style = DateTimeStyles.AssumeUniversal ||| DateTimeStyles.AdjustToUniversal

    match relative now text, DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, style) with
    | Some at, _ -> Ok at
    | None, (true, at) -> Ok at
    | None, (false, _) ->
        Error {
            ExitCode = ExitCode.usage
            Reason = $"--since %s{text} is no time. Write 90m, 24h, 7d, 2026-11-02 or 2026-11-02T09:30Z."
        }

/// The start of the time that is meant; all of it where nothing is said.
let since (text: string option) : Result<DateTimeOffset, Refusal> =
    match text with
    | None -> Ok DateTimeOffset.UnixEpoch
    | Some text -> moment (Composition.world.Now()) text

/// The stream that the words name, or why there is none.
let find (source: NpgsqlDataSource) (words: string) : Task<Result<string, Refusal>> = task {
    match! RecordedStreams.at source (fun snapshot -> SessionLookUp.resolve snapshot words 6) with
    | [ stream ] -> return Ok stream
    | [] ->
        return
            Error {
                ExitCode = ExitCode.notFound
                Reason =
                    $"No session is called %s{words}. `bot session list` shows what there is; "
                    + "an id is session/<channel>/<customer>/<ordinal> or a unique beginning of it."
            }
    | several ->
        return
            Error {
                ExitCode = ExitCode.usage
                Reason =
                    $"%s{words} is the beginning of several sessions; write more of the one that you mean:\n  "
                    + String.concat "\n  " several
            }
}

/// Does the work with a pool for reading. A database that is away or not migrated ends with exit code 4.
let withDatabase (connection: string) (work: NpgsqlDataSource -> Task<int>) : int =
    let run () = task {
        use source = RecordedStreams.connect connection 8

        try
            return! work source
        with StoreUnavailable(message, _) ->
            Output.say message
            return ExitCode.unreachable
    }

    run().GetAwaiter().GetResult()

/// The outermost object of every verb's JSON: `version` counts up when its shape changes.
let document (verb: string) : JsonObject =
    let root = JsonObject()
    root["version"] <- JsonValue.Create 1
    root["verb"] <- JsonValue.Create("session " + verb)
    root

/// The nodes as one array.
let arrayOf (nodes: #JsonNode seq) : JsonArray =
    let made = JsonArray()

    for node in nodes do
        made.Add(node :> JsonNode)

    made

/// A text, or null.
let optional (text: string option) : JsonNode | null =
    match text with
    | Some text -> JsonValue.Create text
    | None -> null

/// Texts hidden where that is asked for.
let hidden (mask: bool) (text: string) : string =
    if mask then Logging.mask text else text
