/// `bot status`: how the bot stands, on one screen, from the database alone.
module FunctionalBot.Web.Status

open System
open System.Globalization
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open Argu
open Spectre.Console
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.DatabaseArguments

let private deadOf (counts: Map<string, int64>) =
    counts |> Map.tryFind "dead" |> Option.defaultValue 0L

let private deadEntries (overview: Overview) = deadOf overview.Accounting.Ended
let private deadCommands (overview: Overview) = deadOf overview.Accounting.Commands

/// The accounting has the names that `/readyz` gives it.
let private document (overview: Overview) : JsonObject =
    let accounting = Health.describe overview.At overview.Accounting

    Document.create [
        "at", Document.instant overview.At
        "accounting", accounting
        "dead_letters",
        Document.fields [
            "inbox", Document.number (deadEntries overview)
            "commands", Document.number (deadCommands overview)
        ]
        "open_commands",
        Document.list [
            for KeyValue((service, state), amount) in overview.Open do
                Document.fields [
                    "service", Document.text service
                    "state", Document.text state
                    "count", Document.number amount
                ]
        ]
        "services", Protection.describe overview.Services
        "sessions_by_phase",
        Document.fields [
            for KeyValue(phase, amount) in overview.Sessions -> phase, Document.number amount
        ]
        "last_received", Document.optionalInstant overview.LastReceived
        "last_activity", Document.optionalInstant overview.LastActivity
        "database",
        Document.fields [
            "version", Document.text overview.DatabaseVersion
            "bytes", Document.number overview.DatabaseBytes
        ]
    ]

let private megabytes (bytes: int64) =
    (float bytes / 1_048_576.).ToString("0.0", CultureInfo.InvariantCulture)
    + " MiB"

let private ago (now: DateTimeOffset) (at: DateTimeOffset option) =
    match at with
    | None -> "never"
    | Some at ->
        let span = now - at

        let age =
            if span < TimeSpan.FromMinutes 1. then
                $"%d{int span.TotalSeconds} s"
            elif span < TimeSpan.FromHours 1. then
                $"%d{int span.TotalMinutes} min"
            elif span < TimeSpan.FromDays 2. then
                $"%d{int span.TotalHours} h"
            else
                $"%d{int span.TotalDays} days"

        $"%s{age} ago (%s{Moment.show at} UTC)"

let private rows (overview: Overview) : string list list =
    let accounting = overview.Accounting
    let ended = accounting.Ended |> Map.values |> Seq.sum

    let states (counts: Map<string, int64>) =
        counts
        |> Map.toList
        |> List.map (fun (state, amount) -> $"%d{amount} %s{state}")
        |> String.concat ", "

    [
        [ "received"; string accounting.Received ]
        [ "ended"; $"%d{ended}   %s{states accounting.Ended}" ]
        [ "pending"; string accounting.Pending ]
        if accounting.OldestPending.IsSome then
            [ "oldest pending"; ago overview.At accounting.OldestPending ]
        [ "commands"; states accounting.Commands ]
        for service, found in overview.Open |> Map.toList |> List.groupBy (fun ((service, _), _) -> service) do
            [
                "  " + service
                found
                |> List.map (fun ((_, state), amount) -> $"%d{amount} %s{state}")
                |> String.concat ", "
            ]
        for KeyValue(service, since) in accounting.OldestOpen do
            [
                "  oldest of " + FunctionalBot.Effects.Service.name service
                ago overview.At (Some since)
            ]
        for trouble in Protection.describeTrouble overview.At overview.Services do
            [ "trouble"; trouble ]
        [ "timers"; string accounting.Timers ]
        [ "sessions"; states overview.Sessions ]
        [ "last received"; ago overview.At overview.LastReceived ]
        [ "last activity"; ago overview.At overview.LastActivity ]
        [
            "database"
            $"PostgreSQL %s{overview.DatabaseVersion}, %s{megabytes overview.DatabaseBytes}"
        ]
        [
            "dead letters"
            $"%d{deadEntries overview} entries, %d{deadCommands overview} commands"
        ]
        [ "unaccounted"; string (accounting.Received - ended - accounting.Pending) ]
    ]

let private unaccounted (overview: Overview) =
    overview.Accounting.Received
    - (overview.Accounting.Ended |> Map.values |> Seq.sum)
    - overview.Accounting.Pending

let private print isJson isLine (overview: Overview) =
    if isJson && isLine then
        Console.Out.WriteLine((document overview).ToJsonString())
    elif isJson then
        Output.writeJson (document overview)
    else
        Output.writeTable [ "at " + Moment.show overview.At + " UTC"; "" ] (rows overview)

        if unaccounted overview <> 0L then
            Output.say "Something is not accounted for. Run: bot db check"

let private look isJson isLine (operations: Operations) : Task<int> = task {
    let! overview = operations.Overview()
    print isJson isLine overview

    return
        if unaccounted overview = 0L then
            ExitCode.ok
        else
            ExitCode.problems
}

/// Looks again and again, until it is interrupted.
let private watch isJson (seconds: float) (operations: Operations) : Task<int> = task {
    while true do
        if not isJson && not Console.IsOutputRedirected then
            AnsiConsole.Clear()

        let! _ = look isJson true operations
        do! Composition.world.Delay (TimeSpan.FromSeconds seconds) CancellationToken.None

    // Nothing comes here: Ctrl-C ends the program.
    return ExitCode.ok
}

/// Runs the verb; returns the exit code: 1 where something is not accounted for.
let run (envFile: string) (given: ParseResults<StatusArguments>) : int =
    let isJson = given.Contains StatusArguments.Json

    match given.TryGetResult StatusArguments.Watch with
    | Some seconds when not (seconds >= 2. && seconds <= 86_400.) ->
        Output.say "--watch takes a number of seconds from 2 to 86400: each look counts all sessions."
        ExitCode.usage
    | Some seconds -> DatabaseVerb.withOperations envFile (watch isJson seconds)
    | None -> DatabaseVerb.withOperations envFile (look isJson false)
