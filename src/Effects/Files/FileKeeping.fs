namespace FunctionalBot.Effects

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// What is kept of customers' files, and for how long.
type FileSettings = {
    /// The largest file that is taken, in bytes, of whatever kind.
    Largest: int64
    /// How long a file is kept for the message that it came with.
    Keep: TimeSpan
}

/// Fetching, checking and keeping customers' files.
module FileKeeping =
    let private typeOf (request: FileRequest) (downloaded: Downloaded) =
        FileRules.typeOf request.Kind request.MimeType request.FileName (FileTypes.find downloaded.Begin)

    /// What is known before a byte was fetched: a name of something that runs.
    let private refusedAtOnce (request: FileRequest) =
        request.FileName
        |> Option.bind FileNames.programEnding
        |> Option.map (fun ending -> Error(WillNeverCome(FileTypeRefused ending)))

    let private fetchOnce
        settings
        (source: FileSourcePort)
        (store: FileStorePort)
        (request: FileRequest)
        cancel
        =
        let write (stream: Stream) : Task<Result<Downloaded, FileFailure>> = task {
            let! downloaded = source.Download request settings.Largest stream cancel

            return
                match downloaded with
                | Error failure -> Error failure
                | Ok downloaded ->
                    typeOf request downloaded
                    |> Result.map (fun _ -> downloaded)
                    |> Result.mapError WillNeverCome
        }

        store.Keep write cancel

    /// What was cut off or changed on its way may come whole the second time.
    let private fetchTwice settings source store request cancel = task {
        match! fetchOnce settings source store request cancel with
        | Error(WillNeverCome FileDamaged) -> return! fetchOnce settings source store request cancel
        | answer -> return answer
    }

    /// What cannot be read counts as not there: keeping it anew mends that, or says what is wrong.
    let private isThere (store: FileStorePort) hash (cancel: CancellationToken) = task {
        try
            match! store.Open hash cancel with
            | Some(stream: Stream) ->
                do! stream.DisposeAsync()
                return true
            | None -> return false
        with :? IOException ->
            return false
    }

    let private fetch
        settings
        (world: World)
        source
        (store: FileStorePort)
        (records: FileRecordsPort)
        (key: CommandKey)
        (request: FileRequest)
        cancel
        : Task<Result<StoredFile, FileFailure>> = task {
        let session = key.Session
        let! known = records.Find session request.Message request.Place

        let! kept =
            match known with
            | Some file -> isThere store file.Hash cancel
            | None -> Task.FromResult false

        match known, refusedAtOnce request with
        | Some file, _ when kept -> return Ok file
        | _, Some refused -> return refused
        | _ ->
            match! fetchTwice settings source store request cancel with
            | Error failure -> return Error failure
            | Ok downloaded ->
                match typeOf request downloaded with
                | Error problem -> return Error(WillNeverCome problem)
                | Ok mimeType ->
                    let endings = FileRules.endingsOf mimeType

                    let file: StoredFile = {
                        Hash = downloaded.Hash
                        MimeType = mimeType
                        Size = downloaded.Size
                        Name = FileNames.shownName request.Kind request.FileName downloaded.Hash endings
                    }

                    do!
                        records.Remember
                            {
                                File = file
                                Session = session
                                Message = request.Message
                                Place = request.Place
                            }
                            (world.Now() + settings.Keep)

                    return Ok file
    }

    /// The port over a source, a place for bytes and their rows. The rows' StoreUnavailable goes through to the
    /// caller; whatever else can happen is a value.
    let create
        (settings: FileSettings)
        (world: World)
        (source: FileSourcePort)
        (store: FileStorePort)
        (records: FileRecordsPort)
        : FilesPort = {
        Fetch = fetch settings world source store records
        Open = store.Open
    }
