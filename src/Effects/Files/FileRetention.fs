/// Deletes customers' files whose time is over: first the rows, then the bytes.
module FunctionalBot.Effects.FileRetention

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// How the deleting is paced.
type FileRetentionSettings = {
    /// How often it is looked for files whose time is over.
    Every: TimeSpan
    /// Rows in one transaction.
    Batch: int
    /// Between two transactions.
    Pause: TimeSpan
    /// How often all that lies there is held against the rows.
    SweepEvery: TimeSpan
    /// What was kept anew within this time is left alone: its row may be on its way.
    Fresh: TimeSpan
}

/// Every hour, 500 files at a time; everything is held against the rows once a day.
let standard: FileRetentionSettings = {
    Every = TimeSpan.FromHours 1.
    Batch = 500
    Pause = TimeSpan.FromMilliseconds 200.
    SweepEvery = TimeSpan.FromDays 1.
    Fresh = TimeSpan.FromHours 1.
}

/// Deletes the bytes. How many are gone, and the last fault: what cannot be deleted stays, and holds up nothing else.
let private deleteAll (store: FileStorePort) (untouchedSince: DateTimeOffset) cancel (hashes: FileHash list) =
    task {
        let mutable gone = 0
        let mutable problem: exn option = None

        for hash in hashes do
            try
                let! deleted = store.Delete hash untouchedSince cancel

                if deleted then
                    gone <- gone + 1
            with
            | :? IOException as fault -> problem <- Some fault
            | :? UnauthorizedAccessException as fault -> problem <- Some fault

        return gone, problem
    }

/// Deletes the files whose time is over. Returns how many uses and how many files went. The bytes go after the commit:
/// what breaks off in between leaves bytes without a row, which `sweep` finds. Throws in the end where some bytes could
/// not be deleted.
let forget
    (settings: FileRetentionSettings)
    (world: World)
    (records: FileRecordsPort)
    (store: FileStorePort)
    (cancel: CancellationToken)
    : Task<int * int> = task {
    let mutable uses = 0
    let mutable files = 0
    let mutable problem: exn option = None
    let mutable more = true

    while more do
        let! ended, unused = records.Forget (world.Now()) settings.Batch
        let! gone, fault = deleteAll store (world.Now() - settings.Fresh) cancel unused
        uses <- uses + ended
        files <- files + gone
        problem <- Option.orElse problem fault
        more <- ended + unused.Length > 0 && not cancel.IsCancellationRequested

        if more then
            do! world.Delay settings.Pause cancel

    Option.iter raise problem
    return uses, files
}

/// Deletes bytes that no row knows, and what was left half written. Returns how many. Throws in the end where some
/// could not be deleted.
let sweep
    (settings: FileRetentionSettings)
    (world: World)
    (records: FileRecordsPort)
    (store: FileStorePort)
    (cancel: CancellationToken)
    : Task<int> = task {
    let untouchedSince = world.Now() - settings.Fresh
    // A large file over a slow line is half written for a good while.
    let! unfinished = store.DropUnfinished (world.Now() - TimeSpan.FromDays 1.) cancel
    let mutable gone = unfinished
    let mutable problem: exn option = None

    for hashes in store.Older untouchedSince do
        cancel.ThrowIfCancellationRequested()
        let! known = records.Known hashes

        let! deleted, fault =
            hashes
            |> List.filter (known.Contains >> not)
            |> deleteAll store untouchedSince cancel

        gone <- gone + deleted
        problem <- Option.orElse problem fault

    Option.iter raise problem
    return gone
}

/// Does both again and again until cancelled, at first within five minutes. `deleted` is told how many files went, if
/// any did; `failed` why it broke off. The next time goes on where it stopped.
let run
    (settings: FileRetentionSettings)
    (world: World)
    (records: FileRecordsPort)
    (store: FileStorePort)
    (deleted: int -> unit)
    (failed: exn -> unit)
    (cancel: CancellationToken)
    : Task = task {
    let mutable wait = TimeSpan.FromMinutes 5. * world.Random()
    let mutable nextSweep = DateTimeOffset.MinValue

    while not cancel.IsCancellationRequested do
        try
            do! world.Delay wait cancel
            wait <- settings.Every
            let! _, files = forget settings world records store cancel

            if files > 0 then
                deleted files

            if world.Now() >= nextSweep then
                let! orphans = sweep settings world records store cancel
                nextSweep <- world.Now() + settings.SweepEvery

                if orphans > 0 then
                    deleted orphans
        with
        | :? OperationCanceledException when cancel.IsCancellationRequested -> ()
        | fault -> failed fault
}
