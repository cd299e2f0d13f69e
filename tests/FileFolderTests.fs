/// Where customers' files lie: kept once under their hash, whole or not at all.
module FunctionalBot.Tests.FileFolderTests

open System
open System.IO
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.FileSamples
open FunctionalBot.Tests.FileStage

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
