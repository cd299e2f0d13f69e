/// The rows about kept files, in PostgreSQL and in memory, and the deleting of files whose time is over.
module FunctionalBot.Tests.FileRecordsTests

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Tests.FileSamples
open FunctionalBot.Tests.StoreFixture

let private none = CancellationToken.None
let private start = DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero)

let private fileOf (digit: char) name : StoredFile = {
    Hash = FileHash(String(digit, 64))
    MimeType = "image/jpeg"
    Size = 12L
    Name = name
}

let private useOf file customer message place : FileUse = {
    File = file
    Session = sessionOf customer 1
    Message = MessageId message
    Place = place
}

/// Runs a scene against the rows in memory.
let private inMemory (scene: FileRecordsPort -> Task<unit>) : Task = scene (MemoryFiles.records ())

/// Runs a scene against the rows in PostgreSQL.
let private inPostgres (scene: FileRecordsPort -> Task<unit>) : Task = task {
    use! bench = startBench ()
    do! scene bench.Files
}

let private keepsAndFinds (records: FileRecordsPort) : Task<unit> = task {
    let photo = fileOf 'a' "Ñandú 🙂.jpg"
    let! nothing = records.Find (sessionOf "ES.1" 1) (MessageId "m1") 0
    Assert.Equal(None, nothing)
    do! records.Remember (useOf photo "ES.1" "m1" 0) (start.AddDays 1.)
    do! records.Remember (useOf (fileOf 'b' "b.jpg") "ES.1" "m1" 1) (start.AddDays 1.)
    // The same bytes, sent by somebody else under another name.
    do! records.Remember (useOf { photo with Name = "otro.jpg" } "ES.2" "m1" 0) (start.AddDays 1.)
    let! first = records.Find (sessionOf "ES.1" 1) (MessageId "m1") 0
    Assert.Equal(Some photo, first)
    let! second = records.Find (sessionOf "ES.1" 1) (MessageId "m1") 1
    Assert.Equal(Some "b.jpg", second |> Option.map _.Name)
    let! other = records.Find (sessionOf "ES.2" 1) (MessageId "m1") 0
    Assert.Equal(Some "otro.jpg", other |> Option.map _.Name)
    let! known = records.Known [ photo.Hash; FileHash(String('c', 64)) ]
    Assert.Equal<Set<FileHash>>(Set [ photo.Hash ], known)
}

let private forgetsInTime (records: FileRecordsPort) : Task<unit> = task {
    let shared = fileOf 'a' "a.jpg"
    do! records.Remember (useOf shared "ES.1" "m1" 0) (start.AddDays 1.)
    do! records.Remember (useOf shared "ES.2" "m2" 0) (start.AddDays 2.)
    do! records.Remember (useOf (fileOf 'b' "b.jpg") "ES.1" "m3" 0) (start.AddDays 1.)
    // What is noted again is kept for the longer of both times.
    do! records.Remember (useOf (fileOf 'c' "c.jpg") "ES.1" "m4" 0) (start.AddDays 9.)
    do! records.Remember (useOf (fileOf 'c' "c.jpg") "ES.1" "m4" 0) (start.AddDays 1.)
    let! early = records.Forget (start.AddHours 23.) 100
    Assert.Equal((0, []), early)
    let! uses, files = records.Forget (start.AddDays 1.) 100
    Assert.Equal(2, uses)
    Assert.Equal<FileHash list>([ (fileOf 'b' "").Hash ], files)
    let! gone = records.Find (sessionOf "ES.1" 1) (MessageId "m1") 0
    Assert.Equal(None, gone)
    let! stays = records.Find (sessionOf "ES.2" 1) (MessageId "m2") 0
    Assert.Equal(Some shared, stays)
    let! _, files = records.Forget (start.AddDays 3.) 100
    Assert.Equal<FileHash list>([ shared.Hash ], files)
    let! known = records.Known [ shared.Hash; (fileOf 'c' "").Hash ]
    Assert.Equal<Set<FileHash>>(Set [ (fileOf 'c' "").Hash ], known)
}

let private forgetsABatchAtATime (records: FileRecordsPort) : Task<unit> = task {
    for number in 0..8 do
        let file = fileOf (char (int '0' + number)) "x.jpg"
        do! records.Remember (useOf file "ES.1" $"m%d{number}" 0) (start.AddHours(float number))

    let! uses, files = records.Forget (start.AddDays 1.) 4
    Assert.Equal((4, 4), (uses, files.Length))
    let! uses, files = records.Forget (start.AddDays 1.) 4
    Assert.Equal((4, 4), (uses, files.Length))
    let! uses, files = records.Forget (start.AddDays 1.) 4
    Assert.Equal((1, 1), (uses, files.Length))
    let! last = records.Forget (start.AddDays 1.) 4
    Assert.Equal((0, []), last)
}

[<Fact>]
let ``rows are noted and found, in memory`` () = inMemory keepsAndFinds

[<Fact>]
let ``rows are noted and found, in PostgreSQL`` () = inPostgres keepsAndFinds

[<Fact>]
let ``uses end by their time and files with their last use, in memory`` () = inMemory forgetsInTime

[<Fact>]
let ``uses end by their time and files with their last use, in PostgreSQL`` () = inPostgres forgetsInTime

[<Fact>]
let ``they go a batch at a time, in memory`` () = inMemory forgetsABatchAtATime

[<Fact>]
let ``they go a batch at a time, in PostgreSQL`` () = inPostgres forgetsABatchAtATime

[<Fact>]
let ``whoever notes a file while it is forgotten finds it noted afterwards`` () =
    inPostgres (fun records -> task {
        for round in 1..30 do
            let file = fileOf 'd' "d.jpg"
            do! records.Remember (useOf file "ES.1" $"old %d{round}" 0) start

            let noting = [|
                for number in 1..3 ->
                    Task.Run(fun () ->
                        records.Remember (useOf file "ES.2" $"new %d{number}" 0) (start.AddDays 9.))
            |]

            let forgetting = [|
                for _ in 1..2 -> Task.Run(fun () -> records.Forget (start.AddDays 1.) 10 :> Task)
            |]

            do! Task.WhenAll(Array.append noting forgetting)

            for number in 1..3 do
                let! found = records.Find (sessionOf "ES.2" 1) (MessageId $"new %d{number}") 0
                Assert.Equal(Some file, found)

            let! _ = records.Forget (start.AddDays 10.) 10
            ()
    })

[<Fact>]
let ``a file whose customer waits for Odoo is not forgotten, and another customer's is`` () : Task = task {
    use! bench = startBench ()
    let records = bench.Files
    do! records.Remember (useOf (fileOf 'a' "a.jpg") "ES.1" "m1" 0) (start.AddDays 1.)
    do! records.Remember (useOf (fileOf 'b' "b.jpg") "ES.2" "m2" 0) (start.AddDays 1.)

    let openAt (service: string) =
        bench.Database.Execute(
            "INSERT INTO bot.outbox (id, channel, customer, service, speaks, session_ordinal, version, ordinal, wake)
                SELECT 1, u.channel, u.customer, '"
            + service
            + "', false, 1, 2, 0, now() FROM bot.file_use u WHERE u.message = 'm1'"
        )

    do! openAt "ticketing"
    let! forgotten = records.Forget (start.AddDays 2.) 100
    Assert.Equal((1, [ (fileOf 'b' "").Hash ]), forgotten)
    do! bench.Database.Execute "DELETE FROM bot.outbox"
    do! openAt "messaging"
    let! forgotten = records.Forget (start.AddDays 2.) 100
    Assert.Equal((1, [ (fileOf 'a' "").Hash ]), forgotten)
}

// ---------------------------------------------------------------------------------------------------------------
// Bytes and rows together

let private worldOf (clock: DateTimeOffset ref) : World = {
    Now = fun () -> clock.Value
    Elapsed = fun () -> TimeSpan.Zero
    Delay = fun _ cancel -> Task.Delay(1, cancel)
    NewId = Guid.NewGuid
    Random = fun () -> 0.5
}

let private keep (store: FileStorePort) (bytes: byte[]) : Task<FileHash> = task {
    let hash =
        FileHash(Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData bytes))

    let write (stream: Stream) : Task<Result<Downloaded, FileFailure>> = task {
        do! stream.WriteAsync(ReadOnlyMemory bytes)

        return
            Ok {
                Hash = hash
                Size = int64 bytes.Length
                Begin = bytes
            }
    }

    match! store.Keep write none with
    | Ok downloaded -> return downloaded.Hash
    | Error failure -> return failwith $"%A{failure}"
}

let private isThere (store: FileStorePort) hash = task {
    match! store.Open hash none with
    | None -> return false
    | Some stream ->
        do! stream.DisposeAsync()
        return true
}

[<Fact>]
let ``bytes go with their last row, orphans are swept, and what is fresh stays`` () =
    withFolder (fun folder -> task {
        let clock = ref start
        let world = worldOf clock
        let store = FileFolder.create folder world CommandScanner.none
        let records = MemoryFiles.records ()
        let! noted = keep store FileSamples.jpeg
        let! other = keep store FileSamples.png
        let! orphan = keep store FileSamples.pdf

        do!
            records.Remember
                (useOf { fileOf 'x' "n.jpg" with Hash = noted } "ES.1" "m1" 0)
                (start.AddDays 30.)

        do!
            records.Remember
                (useOf { fileOf 'x' "o.png" with Hash = other } "ES.1" "m2" 0)
                (start.AddDays 60.)

        let settings = FileRetention.standard
        let! nothing = FileRetention.sweep settings world records store none
        Assert.Equal(0, nothing)
        clock.Value <- start.AddDays 31.
        let! fresh = keep store FileSamples.webp
        let! gone = FileRetention.forget settings world records store none
        Assert.Equal((1, 1), gone)
        let! swept = FileRetention.sweep settings world records store none
        Assert.Equal(1, swept)

        for hash, expected in [ noted, false; other, true; orphan, false; fresh, true ] do
            let! there = isThere store hash
            Assert.Equal((hash, expected), (hash, there))
    })

[<Fact>]
let ``what cannot be deleted holds up nothing else, and is told in the end`` () =
    withFolder (fun folder -> task {
        let clock = ref start
        let world = worldOf clock
        let store = FileFolder.create folder world CommandScanner.none
        let records = MemoryFiles.records ()
        let files = [ FileSamples.jpeg; FileSamples.png; FileSamples.pdf; FileSamples.webp ]
        let hashes = ResizeArray<FileHash>()

        for bytes in files do
            let! hash = keep store bytes
            hashes.Add hash

        let stuck = hashes[0]

        let sticking = {
            store with
                Delete =
                    fun hash since cancel ->
                        if hash = stuck then
                            raise (UnauthorizedAccessException "not allowed")

                        store.Delete hash since cancel
        }

        // Two have rows whose time is over; two are orphans, one of them the stuck one.
        for index in 1..2 do
            do!
                records.Remember
                    (useOf
                        {
                            fileOf 'x' "n.jpg" with
                                Hash = hashes[index]
                        }
                        "ES.1"
                        $"m%d{index}"
                        0)
                    (start.AddDays 30.)

        clock.Value <- start.AddDays 31.
        let settings = FileRetention.standard
        let! gone = FileRetention.forget settings world records sticking none
        Assert.Equal((2, 2), gone)

        let! _ =
            Assert.ThrowsAsync<UnauthorizedAccessException>(fun () ->
                FileRetention.sweep settings world records sticking none :> Task)

        let! kept = isThere store stuck
        let! swept = isThere store hashes[3]
        Assert.Equal((true, false), (kept, swept))

        do!
            records.Remember
                (useOf { fileOf 'x' "n.jpg" with Hash = stuck } "ES.1" "m0" 0)
                (start.AddDays 30.)

        let! other = keep store FileSamples.ogg

        do!
            records.Remember
                (useOf { fileOf 'x' "n.ogg" with Hash = other } "ES.1" "m3" 0)
                (start.AddDays 31.)

        clock.Value <- start.AddDays 33.

        let! _ =
            Assert.ThrowsAsync<UnauthorizedAccessException>(fun () ->
                FileRetention.forget { settings with Batch = 1 } world records sticking none :> Task)

        let! kept = isThere store other
        Assert.False kept
    })

[<Fact>]
let ``the loop goes on after a fault and deletes in the end`` () =
    withFolder (fun folder -> task {
        let clock = ref (start.AddDays 31.)
        let world = worldOf clock

        let store =
            FileFolder.create folder { world with Now = fun () -> start } CommandScanner.none

        let records = MemoryFiles.records ()
        let! hash = keep store FileSamples.jpeg

        do!
            records.Remember
                (useOf { fileOf 'x' "n.jpg" with Hash = hash } "ES.1" "m1" 0)
                (start.AddDays 30.)

        let tries = ref 0

        let failing = {
            records with
                Forget =
                    fun now most ->
                        tries.Value <- tries.Value + 1

                        if tries.Value = 1 then
                            invalidOp "a fault"

                        records.Forget now most
        }

        use stop = new CancellationTokenSource()
        let faults = ref 0
        let deleted = TaskCompletionSource<int>()

        let running =
            FileRetention.run
                FileRetention.standard
                world
                failing
                store
                (fun files -> deleted.TrySetResult files |> ignore)
                (fun _ -> faults.Value <- faults.Value + 1)
                stop.Token

        let! files = deleted.Task.WaitAsync(TimeSpan.FromSeconds 60.)
        Assert.Equal((1, 1), (files, faults.Value))
        stop.Cancel()
        do! running
        let! there = isThere store hash
        Assert.False there
    })
