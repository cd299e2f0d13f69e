/// Going through one session or all of them, for `replay` and `whatif`.
module FunctionalBot.Web.SessionSweep

open System
open System.Diagnostics
open System.Text.Json.Nodes
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.SessionDesk

/// Which sessions are meant.
type Scope =
    | One of id: string
    /// Those that took an event since then.
    | Every of since: DateTimeOffset

/// What was found in all of them. Findings are counted without end and kept up to a limit, so that a database in which
/// everything differs fits into memory too.
[<NoComparison>]
type Swept<'Found> = {
    Streams: int64
    Events: int64
    NotSaved: int64
    Different: int64
    Broken: int64
    Found: (string * 'Found) list
    Bad: StreamProblem list
    Seconds: float
}

/// Reads the scope from the id, `--all` and `--since`.
let scope (id: string option) (all: bool) (sinceText: string option) : Result<Scope, Refusal> =
    let usage reason =
        Error {
            ExitCode = ExitCode.usage
            Reason = reason
        }

    match id, all, sinceText with
    | Some _, true, _ -> usage "Give an id or --all, not both."
    | None, false, _ -> usage "Give the id of a session, or --all for every session."
    | Some _, false, Some _ -> usage "--since goes with --all."
    | Some id, false, None -> Ok(One id)
    | None, true, text -> since text |> Result.map Every

/// Enough to keep the processors and PostgreSQL busy at once; each worker holds one batch.
let private workers = Math.Clamp(Environment.ProcessorCount, 2, 6)

let private nothing: Swept<'Found> = {
    Streams = 0L
    Events = 0L
    NotSaved = 0L
    Different = 0L
    Broken = 0L
    Found = []
    Bad = []
    Seconds = 0.
}

let private add limit (findings: Findings<'Found>) (swept: Swept<'Found>) =
    let keep (kept: 'Each list) (found: 'Each list) = found @ kept |> List.truncate limit

    {
        swept with
            Streams = swept.Streams + findings.Streams
            Events = swept.Events + findings.Events
            NotSaved = swept.NotSaved + findings.NotSaved
            Different = swept.Different + int64 findings.Found.Length
            Broken = swept.Broken + int64 findings.Bad.Length
            Found = keep swept.Found findings.Found
            Bad = keep swept.Bad findings.Bad
    }

let private every source since limit title (look: string[] -> Task<Findings<'Found>>) = task {
    let! struct (_, events) =
        RecordedStreams.at source (fun snapshot -> RecordedStreams.count snapshot since)

    let swept = ref nothing

    do!
        Output.withProgress title (Some events) (fun tell -> task {
            do!
                StreamSweep.run source since workers look (fun findings ->
                    swept.Value <- add limit findings swept.Value
                    tell swept.Value.Events)

            return ()
        })

    return swept.Value
}

/// Looks at the scope's sessions, with progress, and hands what was found to `tell`, whose exit code it gives. `mask`
/// is for what is said where several sessions are meant.
let run
    (connection: string)
    (scope: Scope)
    (mask: bool)
    (limit: int)
    (title: string)
    (look: NpgsqlDataSource -> string[] -> Task<Findings<'Found>>)
    (tell: Swept<'Found> -> int)
    : int =
    if limit < 1 then
        refuse {
            ExitCode = ExitCode.usage
            Reason = "--limit is a whole number from 1."
        }
    else
        withDatabase connection (fun source -> task {
            let watch = Stopwatch.StartNew()

            let finish (swept: Swept<'Found>) =
                tell {
                    swept with
                        Found = List.sortBy fst swept.Found
                        Bad = swept.Bad |> List.sortBy _.Stream
                        Seconds = watch.Elapsed.TotalSeconds
                }

            match scope with
            | Every since ->
                let! swept = every source since limit title (look source)
                return finish swept
            | One words ->
                match! find source mask words with
                | Error refusal -> return refuse refusal
                | Ok stream ->
                    let! findings = look source [| stream |]
                    return finish (add limit findings nothing)
        })

/// Whether more was found than is listed.
let isTruncated (swept: Swept<'Found>) : bool =
    swept.Different > int64 swept.Found.Length
    || swept.Broken > int64 swept.Bad.Length

/// Bad streams as JSON.
let badNodes (mask: bool) (swept: Swept<'Found>) : JsonArray =
    arrayOf [
        for problem in swept.Bad do
            let node = JsonObject()
            node["stream"] <- JsonValue.Create(hidden mask problem.Stream)
            node["event_version"] <- JsonValue.Create problem.Version
            node["problem"] <- JsonValue.Create(hidden mask problem.Problem)
            node
    ]

/// Bad streams as lines.
let printBad (mask: bool) (swept: Swept<'Found>) : unit =
    for problem in swept.Bad do
        Console.Out.WriteLine
            $"bad        %s{hidden mask problem.Stream} at version %d{problem.Version}: %s{hidden mask problem.Problem}"

/// The counts that every sweep has.
let count (root: JsonObject) (swept: Swept<'Found>) : unit =
    root["streams"] <- JsonValue.Create swept.Streams
    root["events"] <- JsonValue.Create swept.Events
    root["not_saved"] <- JsonValue.Create swept.NotSaved
    root["different_count"] <- JsonValue.Create swept.Different
    root["bad_count"] <- JsonValue.Create swept.Broken
    root["truncated"] <- JsonValue.Create(isTruncated swept)

/// The last line: what was looked at, how fast, and how it ended.
let printSummary (swept: Swept<'Found>) (different: string) : unit =
    let rate = float swept.Events / max 0.001 swept.Seconds

    if isTruncated swept then
        Console.Out.WriteLine "Not all findings are listed; --limit lists more."

    if swept.NotSaved > 0L then
        Console.Out.WriteLine(
            $"%d{swept.NotSaved} without a saved session of this build's shape: "
            + "their state was compared by its phase at most."
        )

    Console.Out.WriteLine(
        $"%d{swept.Streams} sessions, %d{swept.Events} events in %.1f{swept.Seconds} s (%.0f{rate} events/s): "
        + $"%d{swept.Different} %s{different}, %d{swept.Broken} bad streams"
    )
