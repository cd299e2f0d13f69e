/// What every verb of `bot session` needs: the database, the session that is meant, and the time that is meant.
module FunctionalBot.Web.SessionDesk

open System
open System.Text.Json.Nodes
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine

/// Why a verb ends before its work is done. The text says how to go on.
type Refusal = { ExitCode: int; Reason: string }

/// Says why, and gives the exit code.
let refuse (refusal: Refusal) : int =
    Output.say refusal.Reason
    refusal.ExitCode

/// The start of the time that is meant; all of it where nothing is said.
let since (text: string option) : Result<DateTimeOffset, Refusal> =
    match text with
    | None -> Ok DateTimeOffset.UnixEpoch
    | Some text ->
        Moment.read (Composition.world.Now()) text
        |> Result.mapError (fun problem -> {
            ExitCode = ExitCode.usage
            Reason = "--since: " + problem
        })

/// Texts hidden where that is asked for.
let hidden (mask: bool) (text: string) : string =
    if mask then Logging.mask text else text

/// The stream that the words name, or why there is none; `mask` hides whose other streams there are.
let find (source: NpgsqlDataSource) (mask: bool) (words: string) : Task<Result<string, Refusal>> = task {
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
                    + String.concat "\n  " (List.map (hidden mask) several)
            }
}

let private reading (connection: string) (work: NpgsqlDataSource -> Task<int>) : Task<int> = task {
    use source = RecordedStreams.connect connection 8
    return! work source
}

/// Does the work with a pool for reading. A database that is away, or that is not of this build's schema, ends with
/// exit code 4.
let withDatabase (connection: string) (work: NpgsqlDataSource -> Task<int>) : int =
    DatabaseVerb.guarded (fun () -> DatabaseVerb.onSchema connection (fun () -> reading connection work))

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
