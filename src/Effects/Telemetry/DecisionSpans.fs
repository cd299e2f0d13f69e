namespace FunctionalBot.Effects.Telemetry

open System.Collections.Generic
open System.Diagnostics
open FunctionalBot.Domain
open FunctionalBot.Effects

/// The spans of one transaction that decides for several customers. Each trace that a customer's entries came
/// from gets one, from the decision to the commit. The store may decide again after a conflict, which is
/// counted on the same span.
type internal DecisionSpans(source: ActivitySource) =
    let gate = obj ()
    let started = Dictionary<struct (string * CustomerId), Activity list>()

    let start (entries: InboxEntry list) (context: ActivityContext) =
        match Trace.start source "decide" ActivityKind.Consumer context Seq.empty with
        | null -> None
        | span ->
            span.SetTag("bot.entries", entries.Length) |> ignore
            Some span

    /// A span for each trace among the entries, none for entries without one.
    let startAll (entries: InboxEntry list) =
        let before = Activity.Current

        let spans =
            entries
            |> List.filter _.Trace.IsSome
            |> List.map (fun entry -> Trace.parse entry.Trace)
            |> List.distinctBy _.TraceId
            |> List.filter (fun context -> context.TraceId <> ActivityTraceId())
            |> List.choose (start entries)

        // They end with the transaction and not one within the other, so that none of them is current.
        Activity.Current <- before
        spans

    let begin' (work: CustomerWork) =
        let customer = struct (work.Channel, work.Customer.Id)

        match started.TryGetValue customer with
        | true, spans ->
            for span in spans do
                span.SetTag("bot.decided_again", true) |> ignore

            spans
        | false, _ ->
            let spans = startAll work.Entries
            started[customer] <- spans
            spans

    /// Decides, with spans around it.
    member _.Around (decide: CustomerWork -> CustomerDecision) (work: CustomerWork) : CustomerDecision =
        let spans = lock gate (fun () -> begin' work)
        let decision = decide work

        for span in spans do
            span.SetTag("bot.events", decision.Events.Length).SetTag("bot.commands", decision.Commands.Length)
            |> ignore

        decision

    /// The transaction is over; with a fault, nothing of it is written.
    member _.End(fault: exn option) =
        lock gate (fun () ->
            for spans in started.Values do
                for span in spans do
                    fault |> Option.iter (fun fault -> Trace.fail fault span)
                    span.Dispose()

            started.Clear())
