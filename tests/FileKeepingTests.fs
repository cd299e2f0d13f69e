/// Customers' files from their source to where they lie: fetched once, checked, and told of what cannot be kept.
module FunctionalBot.Tests.FileKeepingTests

open System
open System.IO
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Tests.FileSamples
open FunctionalBot.Tests.MediaServer
open FunctionalBot.Tests.FileStage

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
