/// `bot outbox`: what the bot is to do, and mending what it could not.
module FunctionalBot.Web.Outbox

open System
open System.Globalization
open System.Threading.Tasks
open Argu
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.OutboxArguments

let private stateOf =
    function
    | Ready -> "ready"
    | Running -> "running"
    | Unknown -> "unknown"
    | Waiting -> "waiting"
    | Dead -> "dead"
    | Dropped -> "dropped"

let private serviceOf =
    function
    | Messaging -> "messaging"
    | Assisting -> "assisting"
    | Ticketing -> "ticketing"
    | Fetching -> "fetching"

/// A number is the command's number; a key always holds slashes.
let private nameOf (text: string) : CommandName =
    match Int64.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
    | true, number -> ByNumber number
    | false, _ -> ByKey text

let private usage (problem: string) =
    Output.say problem
    ExitCode.usage

let private commandFields (command: OutboundCommand) = [
    "id", Document.number command.Id
    "key", Document.text command.Key
    "kind", Document.text command.Kind
    "service", Document.optionalText command.Service
    "state", Document.text command.State
    "attempts", Document.number (int64 command.Attempts)
    "queued_at", Document.instant command.QueuedAt
    "wake", Document.optionalInstant command.Wake
    "ended_at", Document.optionalInstant command.EndedAt
    "reason", Document.optionalText command.Reason
]

let private list (given: ParseResults<OutboxListArguments>) (operations: Operations) = task {
    let limit = given.GetResult(OutboxListArguments.Limit, 50)

    if limit < 1 then
        return usage "--limit must be 1 or more."
    else
        let! commands =
            operations.ListOutbox {
                State = given.TryGetResult OutboxListArguments.State |> Option.map stateOf
                Service = given.TryGetResult OutboxListArguments.Service |> Option.map serviceOf
                Limit = limit
            }

        if given.Contains OutboxListArguments.Json then
            Document.create [
                "commands",
                Document.list [ for command in commands -> Document.fields (commandFields command) ]
            ]
            |> Output.writeJson
        else
            Output.writeTable [
                "id"
                "queued (UTC)"
                "kind"
                "state"
                "tries"
                "wakes or ended (UTC)"
                "reason"
            ] [
                for command in commands do
                    [
                        string command.Id
                        Moment.show command.QueuedAt
                        command.Kind
                        command.State
                        string command.Attempts
                        command.Wake
                        |> Option.orElse command.EndedAt
                        |> Option.map Moment.show
                        |> Option.defaultValue ""
                        command.Reason |> Option.defaultValue ""
                    ]
            ]

            if commands.Length = limit then
                Output.say $"These are the newest %d{limit}; --limit shows more."

        return ExitCode.ok
}

let private show (given: ParseResults<OutboxShowArguments>) (operations: Operations) = task {
    let key = given.GetResult OutboxShowArguments.Key
    let withContent = given.Contains OutboxShowArguments.Content

    match! operations.ShowOutbox(nameOf key) with
    | None ->
        Output.say $"There is no command %s{Logging.mask key}."
        return ExitCode.notFound
    | Some detail ->
        let command = detail.Command

        if given.Contains OutboxShowArguments.Json then
            Document.create (
                commandFields command
                @ [
                    "language", Document.text detail.Language
                    "trace", Document.optionalText detail.Trace
                    if withContent then
                        "action", Document.json detail.Payload
                ]
            )
            |> Output.writeJson
        else
            Output.writeTable [ "command"; string command.Id ] [
                for name, value in
                    [
                        "key", Some command.Key
                        "kind", Some command.Kind
                        "service", command.Service
                        "state", Some command.State
                        "tries", Some(string command.Attempts)
                        "queued (UTC)", Some(Moment.show command.QueuedAt)
                        "wakes (UTC)", Option.map Moment.show command.Wake
                        "ended (UTC)", Option.map Moment.show command.EndedAt
                        "reason", command.Reason
                        "language", Some detail.Language
                        "trace", detail.Trace
                        "action", (if withContent then Some detail.Payload else None)
                    ] do
                    match value with
                    | Some value -> [ name; value ]
                    | None -> ()
            ]

        return ExitCode.ok
}

let private one (what: string) (wish: Changing.Wish) (key: string) change = task {
    match Changing.request what wish with
    | Error code -> return code
    | Ok request ->
        let! outcome = change request (nameOf key)

        return
            Changing.report "command" wish [
                {
                    Changing.Result.Number = key
                    Changing.Result.Outcome = outcome
                }
            ]
}

let private retryAll (wish: Changing.Wish) since service (operations: Operations) = task {
    let! dead = operations.DeadOutbox since service

    match Changing.request $"%d{dead.Length} dead commands would be run again." wish with
    | Error code -> return code
    | Ok request ->
        return! Changing.many "command" wish dead string (ByNumber >> operations.RetryOutbox request)
}

let private retry (given: ParseResults<OutboxRetryArguments>) (operations: Operations) = task {
    let all = given.Contains OutboxRetryArguments.All_Dead

    let wish: Changing.Wish = {
        Reason = given.TryGetResult OutboxRetryArguments.Reason
        IsRehearsal = given.Contains OutboxRetryArguments.Dry_Run
        HasConsent = given.Contains OutboxRetryArguments.Yes
        IsForMany = all
        IsJson = given.Contains OutboxRetryArguments.Json
    }

    let since = given.TryGetResult OutboxRetryArguments.Since

    let service =
        given.TryGetResult OutboxRetryArguments.Service |> Option.map serviceOf

    match given.TryGetResult OutboxRetryArguments.Key, all with
    | Some _, false when since.IsSome || service.IsSome ->
        return usage "--since and --service go with --all-dead."
    | Some key, false -> return! one "The command would be run again." wish key operations.RetryOutbox
    | None, true ->
        match since |> Option.map (Moment.read (Composition.world.Now())) with
        | Some(Error problem) -> return usage problem
        | Some(Ok since) -> return! retryAll wish (Some since) service operations
        | None -> return! retryAll wish None service operations
    | _ -> return usage "Name one command by its key or number, or --all-dead."
}

let private cancel (given: ParseResults<OutboxCancelArguments>) (operations: Operations) =
    one
        "The command would be ended without effect."
        {
            Reason = given.TryGetResult OutboxCancelArguments.Reason
            IsRehearsal = given.Contains OutboxCancelArguments.Dry_Run
            HasConsent = given.Contains OutboxCancelArguments.Yes
            IsForMany = false
            IsJson = given.Contains OutboxCancelArguments.Json
        }
        (given.GetResult OutboxCancelArguments.Key)
        operations.CancelOutbox

let private settle (given: ParseResults<OutboxSettleArguments>) (operations: Operations) =
    let settlement =
        match given.GetResult OutboxSettleArguments.As with
        | Sent -> SettledAsSent
        | Failed -> SettledAsFailed

    one
        "The send would be settled."
        {
            Reason = given.TryGetResult OutboxSettleArguments.Reason
            IsRehearsal = given.Contains OutboxSettleArguments.Dry_Run
            HasConsent = given.Contains OutboxSettleArguments.Yes
            IsForMany = false
            IsJson = given.Contains OutboxSettleArguments.Json
        }
        (given.GetResult OutboxSettleArguments.Key)
        (fun request name -> operations.SettleOutbox request name settlement)

/// Runs the verb; returns the exit code.
let run (envFile: string) (given: ParseResults<OutboxArguments>) : int =
    let work: Operations -> Task<int> =
        match given.GetSubCommand() with
        | OutboxArguments.List given -> list given
        | OutboxArguments.Show given -> show given
        | OutboxArguments.Retry given -> retry given
        | OutboxArguments.Cancel given -> cancel given
        | OutboxArguments.Settle given -> settle given

    DatabaseVerb.withOperations envFile work
