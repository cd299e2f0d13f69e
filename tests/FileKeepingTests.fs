/// Where customers' files lie: kept once under their hash, whole or not at all, fetched once.
module FunctionalBot.Tests.FileKeepingTests

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Tests.FileSamples
open FunctionalBot.Tests.MediaServer

let private none = CancellationToken.None
let private start = DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero)

/// A world whose clock the test moves.
let private worldOf (clock: DateTimeOffset ref) : World = {
    Now = fun () -> clock.Value
    Elapsed = fun () -> TimeSpan.Zero
    Delay = fun _ _ -> Task.CompletedTask
    NewId = Guid.NewGuid
    Random = fun () -> 0.5
}

let private filesBelow (folder: string) =
    if Directory.Exists folder then
        Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
        |> Array.map (fun path -> Path.GetRelativePath(folder, path).Replace('\\', '/'))
        |> Array.sort
        |> List.ofArray
    else
        []

let private write (bytes: byte[]) (stream: Stream) : Task<Result<Downloaded, FileFailure>> = task {
    do! stream.WriteAsync(ReadOnlyMemory bytes)

    return
        Ok {
            Hash = FileHash(Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData bytes))
            Size = int64 bytes.Length
            Begin = Array.truncate 4096 bytes
        }
}

let private hashOfBytes (bytes: byte[]) =
    Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData bytes)

let private readAll (store: FileStorePort) hash = task {
    match! store.Open hash none with
    | None -> return None
    | Some stream ->
        use stream = stream
        use memory = new MemoryStream()
        do! stream.CopyToAsync memory
        return Some(memory.ToArray())
}

let private failed (result: Result<'value, FileFailure>) =
    match result with
    | Error failure -> failure
    | Ok _ -> failwith "It was kept."

let private scanner verdict : ScannerPort = {
    Scan = fun _ _ -> Task.FromResult verdict
}

[<Fact>]
let ``a file lies under its hash in folders of two levels, twice the same once`` () =
    withFolder (fun folder -> task {
        let store = FileFolder.create folder (worldOf (ref start)) CommandScanner.none
        let bytes = FileSamples.pdf
        let hash = hashOfBytes bytes

        for _ in 1..3 do
            let! kept = store.Keep (write bytes) none
            Assert.True(Result.isOk kept)

        Assert.Equal<string list>(
            [ $"%s{hash.Substring(0, 2)}/%s{hash.Substring(2, 2)}/%s{hash}" ],
            filesBelow folder
        )

        let! read = readAll store (FileHash hash)
        Assert.Equal<byte[] option>(Some bytes, read)

        if not (OperatingSystem.IsWindows()) then
            let path = Path.Combine(folder, (filesBelow folder).Head)

            Assert.Equal(UnixFileMode.UserRead ||| UnixFileMode.UserWrite, File.GetUnixFileMode path)
    })

[<Fact>]
let ``what fails, is infected, is not scanned or throws leaves nothing behind`` () =
    withFolder (fun folder -> task {
        let storeOf verdict =
            FileFolder.create folder (worldOf (ref start)) (scanner verdict)

        let half (stream: Stream) : Task<Result<Downloaded, FileFailure>> = task {
            do! stream.WriteAsync(ReadOnlyMemory FileSamples.pdf)
            return Error(WillNeverCome FileDamaged)
        }

        let! broken = (storeOf Clean).Keep half none
        Assert.Equal(WillNeverCome FileDamaged, failed broken)
        let! infected = (storeOf Infected).Keep (write FileSamples.pdf) none
        Assert.Equal(WillNeverCome FileInfected, failed infected)
        let! open' = (storeOf (NotScanned "away")).Keep (write FileSamples.pdf) none
        Assert.Equal(FetchAgain(None, "away"), failed open')

        let throwing (stream: Stream) : Task<Result<Downloaded, FileFailure>> = task {
            do! stream.WriteAsync(ReadOnlyMemory FileSamples.pdf)
            return invalidOp "a fault"
        }

        let! _ =
            Assert.ThrowsAsync<InvalidOperationException>(fun () ->
                (storeOf Clean).Keep throwing none :> Task)

        Assert.Empty(filesBelow folder)
    })

[<Fact>]
let ``a file is scanned while it has no name yet`` () =
    withFolder (fun folder -> task {
        let seen = ResizeArray<string list>()

        let looking: ScannerPort = {
            Scan =
                fun path _ ->
                    Assert.Equal<byte[]>(FileSamples.pdf, File.ReadAllBytes path)
                    seen.Add(filesBelow folder)
                    Task.FromResult Clean
        }

        let store = FileFolder.create folder (worldOf (ref start)) looking
        let! _ = store.Keep (write FileSamples.pdf) none
        let before = Assert.Single seen
        Assert.StartsWith("incoming/", Assert.Single before)
    })

[<Fact>]
let ``a folder that cannot be written is worth another try, and the check says so`` () =
    withFolder (fun folder -> task {
        // A file stands where the folder belongs: this holds for the superuser too.
        Directory.CreateDirectory(nonNull (Path.GetDirectoryName folder)) |> ignore
        File.WriteAllText(folder, "in the way")
        let world = worldOf (ref start)

        let! kept =
            (FileFolder.create folder world CommandScanner.none).Keep (write FileSamples.pdf) none

        match failed kept with
        | FetchAgain(_, reason) -> Assert.Contains("BOT_FILES", reason)
        | other -> failwith $"%A{other}"

        let! check = FileFolder.check folder world CommandScanner.none none
        Assert.True(Result.isError check)
    })

[<Fact>]
let ``a disk that takes no more is told as what it is`` () =
    withFolder (fun folder -> task {
        let full (_: Stream) : Task<Result<Downloaded, FileFailure>> =
            Task.FromException<_>(IOException "No space left on device")

        let! kept =
            (FileFolder.create folder (worldOf (ref start)) CommandScanner.none).Keep full none

        match failed kept with
        | FetchAgain(_, reason) -> Assert.Contains("BOT_FILES", reason)
        | other -> failwith $"%A{other}"
    })

[<Fact>]
let ``the check writes, scans and leaves nothing`` () =
    withFolder (fun folder -> task {
        let world = worldOf (ref start)
        let! fine = FileFolder.check folder world CommandScanner.none none
        Assert.Equal(Ok(), fine)
        let! alarmed = FileFolder.check folder world (scanner Infected) none
        Assert.True(Result.isError alarmed)
        Assert.Empty(filesBelow folder)
    })

[<Fact>]
let ``deleting leaves what was kept anew meanwhile`` () =
    withFolder (fun folder -> task {
        let clock = ref start
        let store = FileFolder.create folder (worldOf clock) CommandScanner.none
        let hash = FileHash(hashOfBytes FileSamples.pdf)
        let! _ = store.Keep (write FileSamples.pdf) none
        clock.Value <- start.AddHours 5.
        let! _ = store.Keep (write FileSamples.pdf) none
        let! deleted = store.Delete hash (start.AddHours 4.) none
        Assert.False deleted
        let! read = readAll store hash
        Assert.True read.IsSome
        let! deleted = store.Delete hash (start.AddHours 6.) none
        Assert.True deleted
        let! read = readAll store hash
        Assert.True read.IsNone
        let! again = store.Delete hash (start.AddHours 6.) none
        Assert.True again
        Assert.Empty(filesBelow folder)
    })

[<Fact>]
let ``a deletion that has taken the name away looks again, and gives it back`` () =
    withFolder (fun folder -> task {
        let world = worldOf (ref start)

        let! _ =
            (FileFolder.create folder world CommandScanner.none).Keep (write FileSamples.pdf) none

        let path = Path.Combine(folder, (filesBelow folder).Head)

        // Another node keeps the file anew when this one has just seen that it is old.
        let keepsAnew () =
            File.SetLastWriteTimeUtc(path, start.UtcDateTime.AddHours 5.)
            Guid.NewGuid()

        let store =
            FileFolder.create folder { world with NewId = keepsAnew } CommandScanner.none

        let hash = FileHash(hashOfBytes FileSamples.pdf)
        let! deleted = store.Delete hash (start.AddHours 4.) none
        Assert.False deleted
        let! read = readAll store hash
        Assert.Equal<byte[] option>(Some FileSamples.pdf, read)
    })

[<Fact>]
let ``many that keep and delete the same file at once leave it whole or gone, and what was kept last stays``
    ()
    =
    withFolder (fun folder -> task {
        let clock = ref start
        let store = FileFolder.create folder (worldOf clock) CommandScanner.none
        let hash = FileHash(hashOfBytes FileSamples.pdf)

        for _ in 1..50 do
            let before = clock.Value
            clock.Value <- before.AddMinutes 1.

            let keepOne () : Task<Result<Downloaded, FileFailure>> = store.Keep (write FileSamples.pdf) none

            let keeping = [| for _ in 1..3 -> Task.Run<Result<Downloaded, FileFailure>> keepOne |]

            let deleting = [|
                for _ in 1..3 -> Task.Run<bool>(fun () -> store.Delete hash (before.AddSeconds 30.) none)
            |]

            let! kept = Task.WhenAll keeping
            let! _ = Task.WhenAll deleting
            Assert.True(kept |> Array.forall Result.isOk)
            let! read = readAll store hash
            Assert.Equal<byte[] option>(Some FileSamples.pdf, read)
    })

[<Fact>]
let ``old files are listed and half written ones swept`` () =
    withFolder (fun folder -> task {
        let clock = ref start
        let store = FileFolder.create folder (worldOf clock) CommandScanner.none
        Assert.Empty(store.Older start)
        let! _ = store.Keep (write FileSamples.pdf) none
        clock.Value <- start.AddDays 2.
        let! _ = store.Keep (write FileSamples.jpeg) none
        let old = store.Older(start.AddDays 1.) |> List.concat
        Assert.Equal<FileHash list>([ FileHash(hashOfBytes FileSamples.pdf) ], old)
        let half = Path.Combine(folder, "incoming", "abc.part")
        File.WriteAllText(half, "half")
        File.SetLastWriteTimeUtc(half, start.UtcDateTime)
        let! young = store.DropUnfinished start none
        Assert.Equal(0, young)
        let! dropped = store.DropUnfinished (start.AddDays 1.) none
        Assert.Equal(1, dropped)
        Assert.False(File.Exists half)
    })

[<Fact>]
let ``what is no hash opens nothing`` () =
    withFolder (fun folder -> task {
        let store = FileFolder.create folder (worldOf (ref start)) CommandScanner.none

        for name in [ "../../etc/passwd"; ""; "abc"; String('A', 64); String('/', 64) ] do
            let! opened = store.Open (FileHash name) none
            Assert.True opened.IsNone
    })

// ---------------------------------------------------------------------------------------------------------------
// All together

let private settingsOf largest : FileSettings = {
    Largest = largest
    Keep = TimeSpan.FromDays 30.
}

/// A source that gives these bytes, or fails, and counts how often it was asked.
let private sourceOf (answers: Result<byte[], FileFailure> list) : FileSourcePort * int ref =
    let asked = ref 0

    {
        Download =
            fun _ _ stream _ -> task {
                let answer = answers[min asked.Value (answers.Length - 1)]
                asked.Value <- asked.Value + 1

                match answer with
                | Ok bytes -> return! write bytes stream
                | Error failure -> return Error failure
            }
    },
    asked

let private keepingOf folder source =
    let records = MemoryFiles.records ()
    let world = worldOf (ref start)
    let store = FileFolder.create folder world CommandScanner.none
    FileKeeping.create (settingsOf FileRules.largest) world source store records, records, store

[<Fact>]
let ``a file is fetched once for a message, and again when its bytes are gone`` () =
    withFolder (fun folder -> task {
        let source, asked = sourceOf [ Ok FileSamples.jpeg ]
        let files, records, store = keepingOf folder source
        let hash = FileHash(hashOfBytes FileSamples.jpeg)

        for times in [ 1; 1; 1 ] do
            match! files.Fetch key request none with
            | Error failure -> failwith $"%A{failure}"
            | Ok file ->
                Assert.Equal(hash, file.Hash)
                Assert.Equal("image/jpeg", file.MimeType)
                Assert.Equal(int64 FileSamples.jpeg.Length, file.Size)
                Assert.StartsWith("imagen-", file.Name)

            Assert.Equal(times, asked.Value)

        let! noted = records.Find key.Session request.Message 0
        Assert.Equal(Some hash, noted |> Option.map _.Hash)
        let! _ = store.Delete hash (start.AddDays 1.) none
        let! again = files.Fetch key request none
        Assert.True(Result.isOk again)
        Assert.Equal(2, asked.Value)
    })

/// Puts a folder where the bytes belong: nobody can open it as a file, write it or delete it, the superuser neither.
let private block folder (bytes: byte[]) =
    let hash = hashOfBytes bytes

    Directory.CreateDirectory(Path.Combine(folder, hash.Substring(0, 2), hash.Substring(2, 2), hash))
    |> ignore

    FileHash hash

[<Fact>]
let ``bytes that cannot be read are an IOException, and are fetched again or told`` () =
    withFolder (fun folder -> task {
        let hash = block folder FileSamples.jpeg
        let source, _ = sourceOf [ Ok FileSamples.jpeg ]
        let files, records, store = keepingOf folder source
        let! _ = Assert.ThrowsAsync<IOException>(fun () -> store.Open hash none :> Task)

        do!
            records.Remember
                {
                    File = {
                        Hash = hash
                        MimeType = "image/jpeg"
                        Size = int64 FileSamples.jpeg.Length
                        Name = "foto.jpg"
                    }
                    Session = key.Session
                    Message = request.Message
                    Place = request.Place
                }
                (start.AddDays 30.)

        let! fetched = files.Fetch key request none

        match failed fetched with
        | FetchAgain(_, reason) -> Assert.Contains("BOT_FILES", reason)
        | other -> failwith $"%A{other}"
    })

[<Fact>]
let ``a wrong hash is fetched once more; twice is damaged`` () =
    withFolder (fun folder -> task {
        let damaged = Error(WillNeverCome FileDamaged)
        let source, asked = sourceOf [ damaged; Ok FileSamples.jpeg ]
        let files, _, _ = keepingOf folder source
        let! kept = files.Fetch key request none
        Assert.True(Result.isOk kept)
        Assert.Equal(2, asked.Value)
        let source, asked = sourceOf [ damaged ]
        let files, _, _ = keepingOf folder source
        let! lost = files.Fetch key request none
        Assert.Equal(WillNeverCome FileDamaged, failed lost)
        Assert.Equal(2, asked.Value)
    })

[<Fact>]
let ``what lies about its type or runs is not kept, and a name that runs is not even fetched`` () =
    withFolder (fun folder -> task {
        let try' bytes request = task {
            let source, asked = sourceOf [ Ok bytes ]
            let files, records, _ = keepingOf folder source
            let! answer = files.Fetch key request none
            let! noted = records.Find key.Session request.Message request.Place
            Assert.True noted.IsNone
            Assert.Empty(filesBelow folder)
            return failed answer, asked.Value
        }

        let! lie, asked = try' FileSamples.png request
        Assert.Equal((WillNeverCome(FileTypeLies("image/jpeg", "image/png")), 1), (lie, asked))
        let program = FileSamples.runnable.Head |> snd
        let! refused, _ = try' program request

        match refused with
        | WillNeverCome(FileTypeRefused _) -> ()
        | other -> failwith $"%A{other}"

        let! named, asked =
            try' FileSamples.pdf {
                request with
                    Kind = Document
                    FileName = Some "virus.exe"
            }

        Assert.Equal((WillNeverCome(FileTypeRefused ".exe"), 0), (named, asked))
    })

[<Fact>]
let ``a file of any kind may be as large as the setting says`` () =
    withFolder (fun folder -> task {
        let limits = ResizeArray<int64>()

        let source: FileSourcePort = {
            Download =
                fun _ limit _ _ ->
                    limits.Add limit
                    Task.FromResult(Error(WillNeverCome(FileTooLarge limit)))
        }

        let world = worldOf (ref start)
        let store = FileFolder.create folder world CommandScanner.none

        for largest, kind in [ 1000L, Image; FileRules.largest, Image; FileRules.largest, Video ] do
            let files =
                FileKeeping.create (settingsOf largest) world source store (MemoryFiles.records ())

            let! _ = files.Fetch key { request with Kind = kind } none
            ()

        Assert.Equal<int64 list>([ 1000L; 104_857_600L; 104_857_600L ], List.ofSeq limits)
    })

/// What a process allocates can only be told while nothing else runs in it: with the tests that run one at a time.
[<Collection "several nodes">]
module LargeFiles =
    [<Fact>]
    let ``100 MB go from the network to the disk without being held in memory`` () =
        let first = FileSamples.pdf
        let size = 100L * 1024L * 1024L - int64 first.Length
        let hash = Convert.ToHexStringLower(hashOf first size)

        let answer (own: Uri) (context: Microsoft.AspNetCore.Http.HttpContext) : Task =
            if (string context.Request.Path).StartsWith "/v25.0/777" then
                describe context (string (Uri(own, "/file"))) None (Some hash)
            else
                send context true first size

        using answer (fun server -> task {
            do!
                withFolder (fun folder -> task {
                    use client = newClient ()
                    let source = WhatsAppMedia.create (settings server.Address) client
                    let files, _, store = keepingOf folder source

                    let document = {
                        request with
                            Kind = Document
                            MimeType = Some "application/pdf"
                    }

                    let before = GC.GetTotalAllocatedBytes true
                    let! kept = files.Fetch key document none
                    let allocated = GC.GetTotalAllocatedBytes true - before

                    match kept with
                    | Error failure -> failwith $"%A{failure}"
                    | Ok file ->
                        Assert.Equal((FileHash hash, size + int64 first.Length), (file.Hash, file.Size))

                    // Both sides are in this process, the server's too.
                    Assert.True(allocated < 40L * 1024L * 1024L, $"%d{allocated} bytes were allocated")
                    let! opened = store.Open (FileHash hash) none
                    use stream = opened.Value
                    Assert.Equal(size + int64 first.Length, stream.Length)
                })
        })
