namespace FunctionalBot.Effects.Memory

open System
open System.Collections.Generic
open System.IO
open System.Security.Cryptography
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// The rows about kept files, in memory.
module MemoryFiles =
    [<NoComparison>]
    type private Row = { Use: FileUse; Until: DateTimeOffset }

    let private forget
        (uses: Dictionary<SessionId * MessageId * int, Row>)
        (files: HashSet<FileHash>)
        now
        most
        =
        let gone =
            uses
            |> Seq.filter (fun row -> row.Value.Until <= now)
            |> Seq.sortBy _.Value.Until
            |> Seq.truncate most
            |> Seq.map _.Key
            |> List.ofSeq

        for key in gone do
            uses.Remove key |> ignore

        let used = uses.Values |> Seq.map _.Use.File.Hash |> Set.ofSeq

        let unused =
            files |> Seq.filter (used.Contains >> not) |> Seq.truncate most |> List.ofSeq

        for hash in unused do
            files.Remove hash |> ignore

        gone.Length, unused

    /// Files that are made of the ids by which they are asked for, the same each time. `latency` is the time that one
    /// takes; `fate` says why one does not come.
    let create
        (world: World)
        (latency: unit -> TimeSpan)
        (fate: FileRequest -> FileFailure option)
        : FilesPort =
        let kept = Dictionary<FileHash, byte[]>()

        let bytesOf (request: FileRequest) =
            Array.append "%PDF-1.7\n"B (Text.Encoding.UTF8.GetBytes request.MediaId)

        let fetch (request: FileRequest) (cancel: CancellationToken) = task {
            do! world.Delay (latency ()) cancel

            match fate request with
            | Some failure -> return Error failure
            | None ->
                let bytes = bytesOf request
                let hash = FileHash(Convert.ToHexStringLower(SHA256.HashData bytes))
                lock kept (fun () -> kept[hash] <- bytes)

                return
                    Ok {
                        Hash = hash
                        MimeType = "application/pdf"
                        Size = int64 bytes.Length
                        Name = "documento.pdf"
                    }
        }

        {
            Fetch = fun _ request cancel -> fetch request cancel
            Open =
                fun hash _ ->
                    lock kept (fun () ->
                        match kept.TryGetValue hash with
                        | true, bytes -> Some(new MemoryStream(bytes, false) :> Stream)
                        | _ -> None)
                    |> Task.FromResult
        }

    /// Rows of their own; all of it as the store in PostgreSQL does it, but that no outbox is asked whether a file is
    /// still to go to a ticket.
    let records () : FileRecordsPort =
        let gate = obj ()
        let uses = Dictionary<SessionId * MessageId * int, Row>()
        let files = HashSet<FileHash>()

        {
            Remember =
                fun file until ->
                    lock gate (fun () ->
                        let key = file.Session, file.Message, file.Place

                        let until =
                            match uses.TryGetValue key with
                            | true, row -> max until row.Until
                            | _ -> until

                        uses[key] <- { Use = file; Until = until }
                        files.Add file.File.Hash |> ignore)

                    Task.CompletedTask
            Find =
                fun session message place ->
                    lock gate (fun () ->
                        match uses.TryGetValue((session, message, place)) with
                        | true, row -> Some row.Use.File
                        | _ -> None)
                    |> Task.FromResult
            Forget = fun now most -> Task.FromResult(lock gate (fun () -> forget uses files now most))
            Known =
                fun hashes ->
                    lock gate (fun () -> hashes |> List.filter files.Contains |> Set.ofList)
                    |> Task.FromResult
        }
