namespace FunctionalBot.Effects

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// Files in a folder, each under its hash: `ab/cd/abcd…`. Nodes that share the folder share the files.
/// What is written lies in `incoming` under a name of chance until it is whole, on the disk and scanned; then it gets
/// its name in one step. So whatever has a hash for its name is complete.
module FileFolder =
    let private incoming = "incoming"

    /// How much is written to the disk at a time.
    let private bufferSize = 128 * 1024

    /// How many names `Older` gives at a time.
    let private page = 500

    let private isHash (name: string) =
        name.Length = 64
        && name
           |> Seq.forall (fun unit -> Char.IsAsciiDigit unit || (unit >= 'a' && unit <= 'f'))

    /// Where the file lies. None for what is no hash: no name from outside becomes a path.
    let private pathOf (folder: string) (FileHash hash) : string option =
        if isHash hash then
            Some(Path.Combine(folder, hash.Substring(0, 2), hash.Substring(2, 2), hash))
        else
            None

    /// For the bot's user alone: customers' files are nobody else's business.
    let private makeFolder (path: string) =
        if OperatingSystem.IsWindows() then
            Directory.CreateDirectory path |> ignore
        else
            let mode =
                UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.UserExecute

            Directory.CreateDirectory(path, mode) |> ignore

    let private createFile (path: string) : FileStream =
        let options =
            FileStreamOptions(
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.Read,
                Options = FileOptions.Asynchronous,
                BufferSize = bufferSize
            )

        if not (OperatingSystem.IsWindows()) then
            options.UnixCreateMode <- Nullable(UnixFileMode.UserRead ||| UnixFileMode.UserWrite)

        new FileStream(path, options)

    let private deleteQuietly (path: string) =
        try
            File.Delete path
        with
        | :? IOException
        | :? UnauthorizedAccessException -> ()

    /// Gives the file another name and waits until that is on the disk: file systems of Linux write a new name with the
    /// file. It is opened before, since a deletion may take the new name away again for a moment.
    let private rename (from: string) (path: string) =
        use file =
            File.OpenHandle(
                from,
                FileMode.Open,
                FileAccess.ReadWrite,
                FileShare.ReadWrite ||| FileShare.Delete
            )

        File.Move(from, path, true)
        RandomAccess.FlushToDisk file

    /// Gives the file its name, or finds that it is there, and notes that it was kept now.
    let private settle (now: DateTimeOffset) (size: int64) (temporary: string) (path: string) =
        makeFolder (nonNull (Path.GetDirectoryName path))
        // The time goes with the file, so that a deletion that is under way sees it wherever it has moved the file.
        let isThere =
            try
                let there = FileInfo path

                if there.Exists && there.Length = size then
                    there.LastWriteTimeUtc <- now.UtcDateTime
                    true
                else
                    false
            with :? IOException ->
                // It was deleted in between.
                false

        if isThere then
            File.Delete temporary
        else
            File.SetLastWriteTimeUtc(temporary, now.UtcDateTime)
            rename temporary path

    let private cannotWrite (fault: exn) =
        FetchAgain(None, $"the folder for files (BOT_FILES) cannot be written: %s{fault.GetType().Name}")

    let private keep
        folder
        (world: World)
        (scanner: ScannerPort)
        (write: Stream -> Task<Result<Downloaded, FileFailure>>)
        (cancel: CancellationToken)
        : Task<Result<Downloaded, FileFailure>> = task {
        let temporary = Path.Combine(folder, incoming, world.NewId().ToString "N" + ".part")

        try
            try
                makeFolder (nonNull (Path.GetDirectoryName temporary))

                let! written = task {
                    use file = createFile temporary
                    let! written = write file

                    if Result.isOk written then
                        do! file.FlushAsync cancel
                        file.Flush true

                    return written
                }

                match written with
                | Error failure -> return Error failure
                | Ok downloaded ->
                    match! scanner.Scan (Path.GetFullPath temporary) cancel with
                    | Infected -> return Error(WillNeverCome FileInfected)
                    | NotScanned reason -> return Error(FetchAgain(None, reason))
                    | Clean ->
                        match pathOf folder downloaded.Hash with
                        | None -> return invalidOp "A hash is 64 lower-case hex digits."
                        | Some path ->
                            settle (world.Now()) downloaded.Size temporary path
                            return Ok downloaded
            with
            | :? IOException as fault -> return Error(cannotWrite fault)
            | :? UnauthorizedAccessException as fault -> return Error(cannotWrite fault)
        finally
            deleteQuietly temporary
    }

    let private openFile folder hash : Stream option =
        match pathOf folder hash with
        | None -> None
        | Some path ->
            try
                new FileStream(
                    path,
                    FileMode.Open,
                    FileAccess.Read,
                    FileShare.Read ||| FileShare.Delete,
                    bufferSize,
                    FileOptions.Asynchronous ||| FileOptions.SequentialScan
                )
                :> Stream
                |> Some
            with
            | :? FileNotFoundException
            | :? DirectoryNotFoundException -> None
            | :? UnauthorizedAccessException as fault ->
                raise (
                    IOException(
                        "A kept file may not be read; check the rights of the folder BOT_FILES.",
                        fault
                    )
                )

    /// Takes the file's name away first and looks then whether somebody has kept it anew: whoever does that later finds
    /// no file and puts one in its place, and whoever did it just before has left the time of that on this one.
    let private delete folder (world: World) (hash: FileHash) (untouchedSince: DateTimeOffset) =
        match pathOf folder hash with
        | None -> true
        | Some path ->
            let isNewer (path: string) =
                File.GetLastWriteTimeUtc path >= untouchedSince.UtcDateTime

            try
                if not (File.Exists path) then
                    true
                elif isNewer path then
                    false
                else
                    let aside = Path.Combine(folder, incoming, world.NewId().ToString "N" + ".gone")
                    makeFolder (nonNull (Path.GetDirectoryName aside))
                    File.Move(path, aside)

                    if isNewer aside then
                        File.Move(aside, path, true)
                        false
                    else
                        File.Delete aside
                        true
            with
            | :? FileNotFoundException
            | :? DirectoryNotFoundException -> true

    let private older folder (before: DateTimeOffset) : FileHash list seq =
        if Directory.Exists folder then
            Directory.EnumerateFiles(folder, "*", EnumerationOptions(RecurseSubdirectories = true))
            |> Seq.filter (fun path ->
                isHash (string (Path.GetFileName path))
                && File.GetLastWriteTimeUtc path < before.UtcDateTime)
            |> Seq.map (fun path -> FileHash(string (Path.GetFileName path)))
            |> Seq.chunkBySize page
            |> Seq.map List.ofArray
        else
            Seq.empty

    let private dropUnfinished folder (before: DateTimeOffset) =
        let place = Path.Combine(folder, incoming)

        if Directory.Exists place then
            let old =
                Directory.GetFiles place
                |> Array.filter (fun path -> File.GetLastWriteTimeUtc path < before.UtcDateTime)

            Array.iter deleteQuietly old
            old.Length
        else
            0

    /// Files below this folder, which is made with the first one. The clock should be the one that all nodes share.
    let create (folder: string) (world: World) (scanner: ScannerPort) : FileStorePort = {
        Keep = keep folder world scanner
        Open = fun hash _ -> Task.FromResult(openFile folder hash)
        Delete = fun hash untouchedSince _ -> Task.FromResult(delete folder world hash untouchedSince)
        Older = older folder
        DropUnfinished = fun before _ -> Task.FromResult(dropUnfinished folder before)
    }

    /// Whether files can be kept here: writes one, has it scanned and deletes it. The error says what is wrong.
    let check (folder: string) (world: World) (scanner: ScannerPort) cancel : Task<Result<unit, string>> =
        task {
            let probe = Path.Combine(folder, incoming, world.NewId().ToString "N" + ".part")

            try
                try
                    makeFolder (nonNull (Path.GetDirectoryName probe))

                    let write () = task {
                        use file = createFile probe
                        do! file.WriteAsync(ReadOnlyMemory "A file that bot doctor wrote."B, cancel)
                        file.Flush true
                    }

                    do! write ()

                    match! scanner.Scan (Path.GetFullPath probe) cancel with
                    | Clean -> return Ok()
                    | Infected -> return Error "the scanner calls a harmless text infected"
                    | NotScanned reason -> return Error reason
                with
                | :? IOException as fault -> return Error $"it cannot be written (%s{fault.GetType().Name})"
                | :? UnauthorizedAccessException -> return Error "the bot may not write there"
            finally
                deleteQuietly probe
        }
