/// `bot inbound`: what came in, how it ended, and putting it back.
module FunctionalBot.Web.Inbound

open System
open System.Text
open System.Threading.Tasks
open Argu
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.InboundArguments

let private stateOf =
    function
    | Pending -> "pending"
    | Dead -> "dead"
    | Ignored -> "ignored"
    | Applied -> "applied"
    | Duplicate -> "duplicate"
    | Settled -> "settled"
    | Dropped -> "dropped"

let private entryFields (entry: InboundEntry) = [
    "id", Document.number entry.Id
    "source", Document.text entry.Source
    "source_id", Document.text entry.SourceId
    "session", Document.optionalText entry.Session
    "kind", Document.optionalText entry.Kind
    "at", Document.instant entry.At
    "received_at", Document.instant entry.ReceivedAt
    "state", Document.text entry.State
    "event_version", Document.optionalNumber entry.Version
    "reason", Document.optionalText entry.Reason
]

let private sinceOf (text: string option) : Result<DateTimeOffset option, string> =
    match text with
    | None -> Ok None
    | Some text -> Moment.read (Composition.world.Now()) text |> Result.map Some

let private usage (problem: string) =
    Output.say problem
    ExitCode.usage

let private list (given: ParseResults<InboundListArguments>) (operations: Operations) = task {
    let limit = given.GetResult(InboundListArguments.Limit, 50)

    match sinceOf (given.TryGetResult InboundListArguments.Since) with
    | Error problem -> return usage problem
    | Ok _ when limit < 1 -> return usage "--limit must be 1 or more."
    | Ok since ->
        let! entries =
            operations.ListInbound {
                State = given.TryGetResult InboundListArguments.End |> Option.map stateOf
                Since = since
                Limit = limit
            }

        if given.Contains InboundListArguments.Json then
            Document.create [
                "entries", Document.list [ for entry in entries -> Document.fields (entryFields entry) ]
            ]
            |> Output.writeJson
        else
            Output.writeTable [ "id"; "received (UTC)"; "source"; "kind"; "state"; "reason" ] [
                for entry in entries do
                    [
                        string entry.Id
                        Moment.show entry.ReceivedAt
                        entry.Source
                        entry.Kind |> Option.defaultValue ""
                        entry.State
                        entry.Reason |> Option.defaultValue ""
                    ]
            ]

            if entries.Length = limit then
                Output.say $"These are the newest %d{limit}; --limit shows more."

        return ExitCode.ok
}

/// As text where it is that, else its size only.
let private bodyText (body: byte[]) =
    try
        UTF8Encoding(false, true).GetString body
    with :? DecoderFallbackException ->
        $"(%d{body.Length} bytes that are no text)"

let private show (given: ParseResults<InboundShowArguments>) (operations: Operations) = task {
    let id = given.GetResult InboundShowArguments.Id
    let withContent = given.Contains InboundShowArguments.Content

    match! operations.ShowInbound id with
    | None ->
        Output.say $"There is no entry %d{id}."
        return ExitCode.notFound
    | Some detail ->
        let content = if withContent then detail.Fact else None

        let body =
            if withContent then
                Option.map bodyText detail.Body
            else
                None

        if given.Contains InboundShowArguments.Json then
            Document.create (
                entryFields detail.Entry
                @ [
                    "channel", Document.optionalText detail.Channel
                    "customer", Document.optionalText detail.Customer
                    "tries", Document.optionalNumber (Option.map int64 detail.Tries)
                    "ended_at", Document.optionalInstant detail.EndedAt
                    "webhook", Document.optionalNumber detail.Webhook
                    "trace", Document.optionalText detail.Trace
                ]
                @ [
                    if withContent then
                        "fact", content |> Option.map Document.json |> Option.toObj
                        "body", body |> Document.optionalText
                ]
            )
            |> Output.writeJson
        else
            let entry = detail.Entry

            Output.writeTable [ "entry"; string entry.Id ] [
                for name, value in
                    [
                        "source", Some entry.Source
                        "source id", Some entry.SourceId
                        "channel", detail.Channel
                        "customer", detail.Customer
                        "session", entry.Session
                        "kind", entry.Kind
                        "happened (UTC)", Some(Moment.show entry.At)
                        "received (UTC)", Some(Moment.show entry.ReceivedAt)
                        "state", Some entry.State
                        "event version", Option.map string entry.Version
                        "tries", Option.map string detail.Tries
                        "ended (UTC)", Option.map Moment.show detail.EndedAt
                        "reason", entry.Reason
                        "webhook", Option.map string detail.Webhook
                        "trace", detail.Trace
                        "fact", content
                        "body", body
                    ] do
                    match value with
                    | Some value -> [ name; value ]
                    | None -> ()
            ]

        return ExitCode.ok
}

/// Changes the entries that are meant; `effect` ends the sentence that says of how many.
let private change
    (effect: string)
    (changeOne: ChangeRequest -> int64 -> Task<ChangeOutcome>)
    (given: ParseResults<InboundChangeArguments>)
    (operations: Operations)
    : Task<int> = task {
    let all = given.Contains InboundChangeArguments.All_Dead

    let wish: Changing.Wish = {
        Reason = given.TryGetResult InboundChangeArguments.Reason
        IsRehearsal = given.Contains InboundChangeArguments.Dry_Run
        HasConsent = given.Contains InboundChangeArguments.Yes
        IsForMany = all
        IsJson = given.Contains InboundChangeArguments.Json
    }

    let many (what: string) (targets: int64 list) = task {
        match Changing.request what wish with
        | Error code -> return code
        | Ok request -> return! Changing.many "entry" wish targets string (changeOne request)
    }

    match
        given.TryGetResult InboundChangeArguments.Id,
        all,
        sinceOf (given.TryGetResult InboundChangeArguments.Since)
    with
    | _, _, Error problem -> return usage problem
    | Some _, false, Ok(Some _) -> return usage "--since goes with --all-dead."
    | Some id, false, Ok None -> return! many $"Entry %d{id} would be %s{effect}." [ id ]
    | None, true, Ok since ->
        let! dead = operations.DeadInbound since
        return! many $"%d{dead.Length} dead entries would be %s{effect}." dead
    | _ -> return usage "Name one entry by its number, or --all-dead."
}

let private retry given (operations: Operations) =
    change "put back to be decided" operations.RetryInbound given operations

let private drop given (operations: Operations) =
    change "dropped" operations.DropInbound given operations

/// Runs the verb; returns the exit code.
let run (envFile: string) (given: ParseResults<InboundArguments>) : int =
    let work: Operations -> Task<int> =
        match given.GetSubCommand() with
        | InboundArguments.List given -> list given
        | InboundArguments.Show given -> show given
        | InboundArguments.Retry given -> retry given
        | InboundArguments.Drop given -> drop given

    DatabaseVerb.withOperations envFile work
