namespace FunctionalBot.Effects.Telemetry

open System.Diagnostics

/// Traces as the store carries them: W3C traceparents.
module Trace =
    /// What a stored traceparent names. The empty context, which begins a new trace, where there is none or it
    /// cannot be read.
    let parse (trace: string option) : ActivityContext =
        match trace with
        | None -> ActivityContext()
        | Some text ->
            match ActivityContext.TryParse(text, null, true) with
            | true, context -> context
            | _ -> ActivityContext()

    /// The traceparent of a span. One that the sampler has left out has one too, which says so: what follows
    /// from it is left out as well, on other nodes too.
    let ofActivity (activity: Activity | null) : string option =
        match activity with
        | null -> None
        | span -> Option.ofObj span.Id

    /// The traceparent of the span that is current, if it is one of this source.
    let current (source: ActivitySource) : string option =
        match Activity.Current with
        | null -> None
        | span when obj.ReferenceEquals(span.Source, source) -> ofActivity span
        | _ -> None

    /// Starts a span below `parent`, or a trace of its own where the parent is empty. A span that happens to be
    /// current (the web server has one of its own) is no parent.
    let start
        (source: ActivitySource)
        (name: string)
        (kind: ActivityKind)
        (parent: ActivityContext)
        (links: ActivityLink seq)
        : Activity | null =
        Activity.Current <- null
        source.StartActivity(name, kind, parent, null, links)

    /// Marks a span as failed with the kind of the fault. What a fault says may be personal.
    let fail (fault: exn) (activity: Activity | null) =
        match activity with
        | null -> ()
        | span ->
            span.SetTag("error.type", fault.GetType().Name) |> ignore
            span.SetStatus ActivityStatusCode.Error |> ignore
