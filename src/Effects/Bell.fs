namespace FunctionalBot.Effects

open System
open System.Threading
open System.Threading.Tasks

/// Starting work from within the engine.
module internal Work =
    /// On the scheduler of whoever runs the engine: the thread pool in a host, one of its own in a simulation.
    let start (work: unit -> Task) : Task =
        Task.Factory
            .StartNew(
                Func<Task> work,
                CancellationToken.None,
                TaskCreationOptions.DenyChildAttach,
                TaskScheduler.Current
            )
            .Unwrap()

    /// Runs the step again and again until it is cancelled. A step that finds the store away is tried again
    /// after a growing pause; the trouble is told once, and its end once.
    let repeat
        (world: World)
        (trouble: string -> exn -> unit)
        (recovered: string -> unit)
        (name: string)
        (step: CancellationToken -> Task)
        (cancel: CancellationToken)
        : Task = task {
        let mutable failures = 0

        while not cancel.IsCancellationRequested do
            try
                do! step cancel

                if failures > 0 then
                    failures <- 0
                    recovered name
            with
            | :? OperationCanceledException when cancel.IsCancellationRequested -> ()
            | fault ->
                failures <- failures + 1

                if failures = 1 then
                    trouble name fault

                let pause =
                    TimeSpan.FromMilliseconds(min 2000. (100. * Math.Pow(2., float (min failures 6))))

                try
                    do! world.Delay (pause * (0.5 + world.Random() / 2.)) cancel
                with :? OperationCanceledException ->
                    ()
    }

/// Lets a loop sleep until there is work, or until it should look by itself. All waiting of the engine is
/// either this or `World.Delay`, and nothing in it asks for the thread pool by name: so it runs on the
/// scheduler that it was started on, and a simulation with a scheduler of its own decides about every step.
[<NoComparison; NoEquality>]
type internal Bell = {
    Ring: unit -> unit
    /// Returns when the bell has rung since the last wait, when the span has passed, or when cancelled. One
    /// waits at a time.
    Wait: TimeSpan -> CancellationToken -> Task
}

/// Bells for loops.
module internal Bell =
    /// A bell that has not rung.
    let create (world: World) : Bell =
        let gate = obj ()
        // Set while somebody waits; and whether it rang while nobody did.
        let sleeper: TaskCompletionSource option ref = ref None
        let rung = ref false

        let wake (waiting: TaskCompletionSource) =
            lock gate (fun () ->
                if sleeper.Value = Some waiting then
                    sleeper.Value <- None)

            waiting.TrySetResult() |> ignore

        let ring () =
            let waiting =
                lock gate (fun () ->
                    rung.Value <- sleeper.Value.IsNone
                    sleeper.Value)

            waiting |> Option.iter wake

        let sleep (waiting: TaskCompletionSource) =
            lock gate (fun () ->
                let sleeps = not rung.Value
                rung.Value <- false
                sleeper.Value <- if sleeps then Some waiting else None
                sleeps)

        {
            Ring = ring
            Wait =
                fun span cancel -> task {
                    // Whoever rings does not run what was waiting.
                    let waiting =
                        TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

                    if sleep waiting then
                        use give = CancellationTokenSource.CreateLinkedTokenSource cancel

                        let passing = task {
                            let delay = world.Delay span give.Token

                            do!
                                delay.ConfigureAwait(
                                    ConfigureAwaitOptions.SuppressThrowing
                                    ||| ConfigureAwaitOptions.ContinueOnCapturedContext
                                )

                            wake waiting
                        }

                        do! waiting.Task
                        give.Cancel()
                        do! passing
                }
        }
