namespace FunctionalBot.Effects.Memory

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Effects

/// Runs tasks on one thread, one after the other; which of those that are ready comes next is drawn by lot,
/// so that a seed decides how everything interleaves.
type internal TurnScheduler(random: Random) =
    inherit TaskScheduler()
    let ready = ResizeArray<Task>()
    let mutable thread = 0
    let mutable strayed = false

    /// Takes the calling thread for its own.
    member _.Begin() =
        thread <- Environment.CurrentManagedThreadId

    /// Something came from another thread: then the order is no longer the seed's.
    member _.HasStrayed = strayed

    /// Runs one of the tasks that are ready. False when there is none.
    member scheduler.RunOne() : bool =
        let next =
            lock ready (fun () ->
                if ready.Count = 0 then
                    None
                else
                    let index = random.Next ready.Count
                    let task = ready[index]
                    ready[index] <- ready[ready.Count - 1]
                    ready.RemoveAt(ready.Count - 1)
                    Some task)

        match next with
        | Some task -> scheduler.TryExecuteTask task
        | None -> false

    override _.QueueTask task =
        if Environment.CurrentManagedThreadId <> thread then
            strayed <- true

        lock ready (fun () -> ready.Add task)

    /// Nothing is run ahead of its turn.
    override _.TryExecuteTaskInline(_, _) = false
    override _.GetScheduledTasks() = lock ready (fun () -> ready.ToArray())
    override _.MaximumConcurrencyLevel = 1

/// A world whose clock only moves when everything waits.
[<NoComparison; NoEquality>]
type VirtualWorld = {
    /// The clock, the delays, the ids and the chance to build with.
    World: World
    /// Runs the body to its end on the calling thread. Whenever everything waits, the clock jumps to the
    /// next delay that is due. A body that waits for nothing that can come is told as a fault, as is one
    /// that does not stay on the thread: what runs here waits by awaiting only, and gives no work to the
    /// thread pool.
    Run: (unit -> Task) -> unit
}

/// Time that passes as fast as the work in it, the same way for the same seed.
module VirtualWorld =
    /// Completes what is due next and moves the clock there. False when nothing waits.
    let private advance (waits: PriorityQueue<unit -> unit, struct (int64 * int64)>) (now: int64 ref) =
        let mutable wake = ignore
        let mutable due = struct (0L, 0L)

        if waits.TryDequeue(&wake, &due) then
            let struct (ticks, _) = due
            now.Value <- max now.Value ticks
            wake ()
            true
        else
            false

    /// A world that begins at `start` (UTC) and draws its chances from the seed.
    let create (seed: int) (start: DateTimeOffset) : VirtualWorld =
        let random = Random seed
        let scheduler = TurnScheduler(Random(random.Next()))
        let waits = PriorityQueue<unit -> unit, struct (int64 * int64)>()
        let now = ref start.UtcTicks
        let mutable order = 0L

        let delay (span: TimeSpan) (cancel: CancellationToken) : Task =
            if cancel.IsCancellationRequested then
                Task.FromCanceled cancel
            elif span = TimeSpan.Zero then
                Task.CompletedTask
            elif span < TimeSpan.Zero && span <> Timeout.InfiniteTimeSpan then
                // As Task.Delay does: a wait into the past is a fault of whoever asks for it.
                raise (ArgumentOutOfRangeException(nameof span))
            else
                let passed = TaskCompletionSource()

                let registration =
                    cancel.UnsafeRegister((fun _ -> passed.TrySetCanceled cancel |> ignore), null)

                let wake () =
                    registration.Dispose()
                    passed.TrySetResult() |> ignore

                if span <> Timeout.InfiniteTimeSpan then
                    order <- order + 1L
                    waits.Enqueue(wake, struct (now.Value + span.Ticks, order))

                passed.Task

        let newId () =
            let bytes = Array.zeroCreate<byte> 16
            random.NextBytes bytes
            Guid bytes

        let run (body: unit -> Task) =
            let outer = SynchronizationContext.Current
            SynchronizationContext.SetSynchronizationContext null
            scheduler.Begin()

            try
                let whole =
                    Task.Factory
                        .StartNew(
                            Func<Task> body,
                            CancellationToken.None,
                            TaskCreationOptions.DenyChildAttach,
                            scheduler
                        )
                        .Unwrap()

                while not whole.IsCompleted do
                    if not (scheduler.RunOne()) && not (advance waits now) then
                        invalidOp "Everything waits, and nothing that it waits for is due."

                    if scheduler.HasStrayed then
                        invalidOp
                            "Work came back from another thread: something here does not wait by the World."

                whole.GetAwaiter().GetResult()
            finally
                SynchronizationContext.SetSynchronizationContext outer

        {
            World = {
                Now = fun () -> DateTimeOffset(now.Value, TimeSpan.Zero)
                Elapsed = fun () -> TimeSpan now.Value
                Delay = delay
                NewId = newId
                Random = random.NextDouble
            }
            Run = run
        }
