/// What operators and load balancers ask: is the process alive, can it work, and does everything add up.
module FunctionalBot.Web.Health

open System
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Effects

/// Whether the database has been brought to this build's schema.
type Startup =
    | Starting of waitingFor: string
    | Started

let private numbers (counts: Map<string, int64>) =
    let node = JsonObject()

    for KeyValue(name, count) in counts do
        node[name] <- JsonValue.Create count

    node

/// The accounting as JSON: what was received must be what ended plus what is pending.
let describe (now: DateTimeOffset) (accounting: Accounting) : JsonObject =
    let ended = accounting.Ended |> Map.values |> Seq.sum
    let node = JsonObject()
    node["received"] <- JsonValue.Create accounting.Received
    node["ended"] <- JsonValue.Create ended
    node["ended_by_state"] <- numbers accounting.Ended
    node["pending"] <- JsonValue.Create accounting.Pending
    node["unaccounted"] <- JsonValue.Create(accounting.Received - ended - accounting.Pending)

    // 0 where nothing waits, so that an alarm needs one rule only.
    let age (since: DateTimeOffset option) =
        match since with
        | Some since -> Math.Round((now - since).TotalSeconds, 1)
        | None -> 0.

    node["oldest_pending_seconds"] <- JsonValue.Create(age accounting.OldestPending)

    node["commands"] <- numbers accounting.Commands
    let oldest = JsonObject()

    for service in [ Messaging; Assisting; Ticketing; Fetching ] do
        oldest[Service.name service] <- JsonValue.Create(age (accounting.OldestOpen.TryFind service))

    node["oldest_command_seconds"] <- oldest
    node["timers"] <- JsonValue.Create accounting.Timers
    node

let private write (context: HttpContext) (status: int) (node: JsonObject) : Task =
    context.Response.StatusCode <- status
    context.Response.ContentType <- "application/json; charset=utf-8"
    context.Response.WriteAsync(node.ToJsonString(JsonSerializerOptions(WriteIndented = true)) + "\n")

/// 200 as long as the process answers at all; it looks at nothing else, so that a restart never follows
/// from a database that is away.
let live (context: HttpContext) : Task =
    context.Response.ContentType <- "text/plain; charset=utf-8"
    context.Response.WriteAsync "alive\n"

/// 200 when the bot can take messages, 503 when it cannot, with the accounting as JSON. Where a service does not
/// work it says "degraded" and why; that stays 200, since messages are taken in all the same.
let ready
    (startup: unit -> Startup)
    (now: unit -> DateTimeOffset)
    (store: StorePort)
    (rejected: unit -> int64)
    (context: HttpContext)
    : Task = task {
    let notReady (why: string) =
        let node = JsonObject()
        node["status"] <- JsonValue.Create "not ready"
        node["reason"] <- JsonValue.Create why
        write context 503 node

    match startup () with
    | Starting reason -> do! notReady reason
    | Started ->
        let! outcome = task {
            try
                let! accounting = store.Accounting().WaitAsync(TimeSpan.FromSeconds 3.)
                let! states = store.ServiceStates().WaitAsync(TimeSpan.FromSeconds 3.)
                return Ok(accounting, states)
            with
            | StoreUnavailable(message, _) -> return Error message
            | :? TimeoutException -> return Error "The database does not answer within 3 seconds."
            | fault -> return Error("The database cannot be asked: " + fault.GetType().Name)
        }

        match outcome with
        | Error reason -> do! notReady reason
        | Ok(accounting, states) ->
            let node = describe (now ()) accounting

            match Protection.describeTrouble (now ()) states with
            | [] -> node["status"] <- JsonValue.Create "ready"
            | trouble ->
                node["status"] <- JsonValue.Create "degraded"
                node["reason"] <- JsonValue.Create(String.concat "; " trouble)

            node["services"] <- Protection.describe states
            node["rejected_signatures"] <- JsonValue.Create(rejected ())
            do! write context 200 node
}
