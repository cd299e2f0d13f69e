namespace FunctionalBot.Effects.Telemetry

open System
open System.Collections.Generic
open System.Diagnostics
open System.Runtime.CompilerServices
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// The spans of commands that were run, so that their outcomes and log lines go on from them. A command is
/// known for as long as somebody holds it.
type CommandSpans() =
    let traces = ConditionalWeakTable<Command, string>()

    /// Remembers the span that runs this very command.
    member _.Remember (command: Command) (activity: Activity | null) =
        match activity with
        | null -> ()
        | span ->
            match span.Id with
            | null -> ()
            | id -> traces.AddOrUpdate(command, id)

    /// The traceparent of the span that ran it. None where nobody traces.
    member _.TraceOf(command: Command) : string option =
        match traces.TryGetValue command with
        | true, trace -> Some trace
        | _ -> None

/// Commands with a span and numbers for each try.
module WatchedCommands =
    let private noLinks: ActivityLink seq = Seq.empty

    let private begun (instruments: Instruments) (spans: CommandSpans) (claimed: ClaimedCommand) =
        let action = claimed.Command.Action

        if not (instruments.Source.HasListeners()) then
            null
        else
            let activity =
                Trace.start
                    instruments.Source
                    (CommandKind.ofAction action)
                    ActivityKind.Client
                    (Trace.parse claimed.Trace)
                    noLinks

            match activity with
            | null -> ()
            | span ->
                if span.IsAllDataRequested then
                    span
                        .SetTag("bot.service", Label.serviceOf action)
                        .SetTag("bot.command", CommandKind.ofAction action)
                        .SetTag("bot.attempt", claimed.Attempt)
                    |> ignore

                spans.Remember claimed.Command span

            activity

    let private ended
        (instruments: Instruments)
        (action: Action)
        (took: TimeSpan)
        (outcome: string)
        (activity: Activity | null)
        =
        let service = Label.tag "bot.service" (Label.serviceOf action)
        let command = Label.tag "bot.command" (CommandKind.ofAction action)
        instruments.Duration.Record(took.TotalSeconds, service, command)
        instruments.Outcomes.Add(1L, service, command, Label.tag "bot.outcome" outcome)

        match activity with
        | null -> ()
        | span ->
            span.SetTag("bot.outcome", outcome) |> ignore

            if outcome = "given up" then
                span.SetStatus ActivityStatusCode.Error |> ignore

            span.Dispose()

    let private watched
        (instruments: Instruments)
        (spans: CommandSpans)
        (world: World)
        (run: ClaimedCommand -> CancellationToken -> Task<CommandResult>)
        (claimed: ClaimedCommand)
        (cancel: CancellationToken)
        : Task<CommandResult> = task {
        let action = claimed.Command.Action
        let start = world.Elapsed()

        // A later try has waited on purpose.
        if claimed.Attempt = 1 then
            instruments.Wait.Record(
                max 0. (world.Now() - claimed.QueuedAt).TotalSeconds,
                Label.tag "bot.service" (Label.serviceOf action)
            )

        let activity = begun instruments spans claimed

        try
            let! result = run claimed cancel
            ended instruments action (world.Elapsed() - start) (Label.ofResult result) activity
            return result
        with fault ->
            Trace.fail fault activity
            ended instruments action (world.Elapsed() - start) "left" activity
            return! Task.FromException<CommandResult> fault
    }

    /// `run`, watched. Where nobody listens it is `run` itself.
    let run
        (instruments: Instruments)
        (spans: CommandSpans)
        (world: World)
        (run: ClaimedCommand -> CancellationToken -> Task<CommandResult>)
        : ClaimedCommand -> CancellationToken -> Task<CommandResult> =
        fun claimed cancel ->
            if instruments.WatchesCommands then
                watched instruments spans world run claimed cancel
            else
                run claimed cancel
