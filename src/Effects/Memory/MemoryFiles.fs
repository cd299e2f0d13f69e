namespace FunctionalBot.Effects.Memory

open System
open System.Collections.Generic
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

    /// Rows of their own; all of it as the store in PostgreSQL does it.
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
