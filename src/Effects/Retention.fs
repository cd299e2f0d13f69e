/// Deletes what ended long ago, a little at a time.
module FunctionalBot.Effects.Retention

open System
open System.Threading
open System.Threading.Tasks

/// What is kept, and how the deleting is paced.
type RetentionSettings = {
    /// How long what has ended is kept.
    Keep: TimeSpan
    /// How often it is looked for.
    Every: TimeSpan
    /// Rows of each kind in one transaction.
    Batch: int
    /// Between two transactions, so that others come in between.
    Pause: TimeSpan
}

/// Every hour, 5,000 rows at a time.
let settingsFor keep : RetentionSettings = {
    Keep = keep
    Every = TimeSpan.FromHours 1.
    Batch = 5000
    Pause = TimeSpan.FromMilliseconds 200.
}

/// Deletes until nothing is left to be deleted. Returns how many rows went.
let sweep
    (settings: RetentionSettings)
    (world: World)
    (store: StorePort)
    (cancel: CancellationToken)
    : Task<int64> = task {
    let mutable total = 0L
    let mutable more = true

    while more do
        let! rows = store.Forget settings.Keep (world.Now()) settings.Batch
        total <- total + int64 rows
        more <- rows > 0 && not cancel.IsCancellationRequested

        if more then
            do! world.Delay settings.Pause cancel

    return total
}

/// Sweeps again and again until cancelled, at first within five minutes. `swept` is told how many rows went,
/// where some did; `failed` why a sweep broke off. The next one goes on where it stopped.
let run
    (settings: RetentionSettings)
    (world: World)
    (store: StorePort)
    (swept: int64 -> unit)
    (failed: exn -> unit)
    (cancel: CancellationToken)
    : Task = task {
    let mutable wait = TimeSpan.FromMinutes 5. * world.Random()

    while not cancel.IsCancellationRequested do
        try
            do! world.Delay wait cancel
            wait <- settings.Every
            let! rows = sweep settings world store cancel

            if rows > 0L then
                swept rows
        with
        | :? OperationCanceledException when cancel.IsCancellationRequested -> ()
        | fault -> failed fault
}
