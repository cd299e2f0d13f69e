namespace FunctionalBot.Effects.Store

open System
open System.Runtime.ExceptionServices
open System.Threading.Channels
open System.Threading.Tasks
open Npgsql

/// Going through all streams of sessions once, in batches, with several workers. What is held at a time does not grow
/// with the number of streams, and no transaction lives longer than one batch.
module StreamSweep =
    /// Streams of which the names are fetched together.
    let private pageSize = 2_000

    /// A batch ends with the stream that brings it to so many events. Larger ones spare round trips, and cost more than
    /// that in what the garbage collector has to carry along.
    let private batchEvents = 2_000L

    let private batches (places: StreamPlace[]) : string[] list =
        let made = ResizeArray<string[]>()
        let batch = ResizeArray<string>()
        let mutable events = 0L

        for place in places do
            batch.Add place.Stream
            events <- events + place.Version

            if events >= batchEvents then
                made.Add(batch.ToArray())
                batch.Clear()
                events <- 0L

        if batch.Count > 0 then
            made.Add(batch.ToArray())

        List.ofSeq made

    let private produce (source: NpgsqlDataSource) since (queue: ChannelWriter<string[]>) : Task = task {
        try
            let behind = ref ""
            let more = ref true

            while more.Value do
                let! page =
                    RecordedStreams.at source (fun snapshot ->
                        RecordedStreams.page snapshot behind.Value since pageSize)

                for batch in batches page do
                    do! queue.WriteAsync batch

                more.Value <- page.Length = pageSize

                if page.Length > 0 then
                    behind.Value <- page[page.Length - 1].Stream

            queue.TryComplete() |> ignore
        with
        // A worker failed and closed the queue; its fault is the one that counts.
        | :? ChannelClosedException -> ()
        | fault -> queue.TryComplete fault |> ignore
    }

    let private consume
        (queue: Channel<string[]>)
        (work: string[] -> Task<'Result>)
        (collect: 'Result -> unit)
        : Task = task {
        try
            let more = ref true

            while more.Value do
                let! ready = queue.Reader.WaitToReadAsync()
                more.Value <- ready

                match queue.Reader.TryRead() with
                | true, batch ->
                    let! result = work batch
                    collect result
                | false, _ -> ()
        with fault ->
            queue.Writer.TryComplete fault |> ignore
            ExceptionDispatchInfo.Throw fault
    }

    /// Does the work for batches of stream names, `workers` at a time, and hands each result to `collect`, one at a
    /// time. Streams that took no event since then are left out; so may be those that are opened meanwhile. Raises what
    /// the work raises.
    let run
        (source: NpgsqlDataSource)
        (since: DateTimeOffset)
        (workers: int)
        (work: string[] -> Task<'Result>)
        (collect: 'Result -> unit)
        : Task =
        let queue = Channel.CreateBounded<string[]>(workers * 2)
        let gate = obj ()
        let inTurn result = lock gate (fun () -> collect result)

        Task.WhenAll [|
            yield Task.Run(fun () -> produce source since queue.Writer)

            for _ in 1..workers do
                yield Task.Run(fun () -> consume queue work inTurn)
        |]
