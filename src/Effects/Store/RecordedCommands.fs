namespace FunctionalBot.Effects.Store

open System.Collections.Generic
open System.Data.Common
open System.Threading.Tasks
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay

/// Reading what was queued for recorded streams, and what became of it. `bot.command` is reached by its key alone.
module RecordedCommands =
    let private notQueuedSql =
        "SELECT n.key FROM unnest($1) AS n(key)
        WHERE NOT EXISTS (SELECT 1 FROM bot.command c WHERE c.key = n.key)"

    let private forgottenSql = "SELECT before FROM bot.forgotten WHERE what = 'command'"

    /// Of what was queued before this time, what ended was deleted by its age, and cannot be missed. None where
    /// nothing was deleted yet.
    let forgottenBefore (snapshot: Snapshot) : Task<System.DateTimeOffset option> = task {
        let! found =
            RecordedStreams.rows snapshot forgottenSql [] (fun reader -> Database.instantOf reader 0)

        return Seq.tryHead found
    }

    /// Those of the keys that are not in `bot.command`.
    let notQueued (snapshot: Snapshot) (keys: string[]) : Task<Set<string>> = task {
        if keys.Length = 0 then
            return Set.empty
        else
            let! found =
                RecordedStreams.rows snapshot notQueuedSql [ Statement.texts keys ] (fun reader ->
                    reader.GetString 0)

            return Set.ofSeq found
    }

    /// An outcome that waits in the inbox has ended its command already.
    let private notOpenSql =
        "SELECT n.key, c.id IS NOT NULL, e.state, e.reason
        FROM unnest($1, $2) AS n(key, source_id)
        LEFT JOIN bot.command c ON c.key = n.key
        LEFT JOIN bot.command_end e ON e.id = c.id
        WHERE NOT EXISTS (SELECT 1 FROM bot.outbox o WHERE o.id = c.id)
            AND NOT EXISTS (SELECT 1 FROM bot.inbox i JOIN bot.inbox_pending p ON p.id = i.id
                WHERE i.source = 'command' AND i.source_id = n.source_id)"

    /// Those of the keys that are neither open in the outbox nor have an outcome that waits to be decided, with what
    /// became of each.
    let notOpen (snapshot: Snapshot) (keys: string[]) : Task<Map<string, string>> = task {
        if keys.Length = 0 then
            return Map.empty
        else
            let why (reader: DbDataReader) =
                match Database.textOrNone reader 2, Database.textOrNone reader 3 with
                | Some state, Some reason -> $"ended %s{state}: %s{reason}"
                | Some state, None -> $"ended %s{state}, and its outcome does not wait in the inbox"
                | None, _ when reader.GetBoolean 1 -> "is neither open nor ended"
                | None, _ -> "is not in bot.command"

            let! found =
                RecordedStreams.rows
                    snapshot
                    notOpenSql
                    [ Statement.texts keys; Statement.texts (Seq.map StoredText.name keys) ]
                    (fun reader -> reader.GetString 0, why reader)

            return Map.ofSeq found
    }

    let private firedSql =
        "SELECT n.key FROM unnest($1, $2) AS n(key, source_id)
        JOIN bot.inbox i ON i.source = 'timer' AND i.source_id = n.source_id
        JOIN bot.inbox_pending p ON p.id = i.id"

    /// Those of the timers, each given by its key and its name, that have fired and wait to be decided.
    let fired (snapshot: Snapshot) (timers: (string * string)[]) : Task<Set<string>> = task {
        if timers.Length = 0 then
            return Set.empty
        else
            let sourceId (key: string, name: string) = StoredText.name (key + "/" + name)

            let! found =
                RecordedStreams.rows
                    snapshot
                    firedSql
                    [
                        Statement.texts (Seq.map fst timers)
                        Statement.texts (Seq.map sourceId timers)
                    ]
                    (fun reader -> reader.GetString 0)

            return Set.ofSeq found
    }

    let private commandsSql =
        "SELECT c.key, c.kind, c.payload::text, o.state, o.attempts, o.reason, e.state, e.attempts, e.reason
        FROM unnest($1) AS n(key) JOIN bot.command c ON c.key = n.key
        LEFT JOIN bot.outbox o ON o.id = c.id LEFT JOIN bot.command_end e ON e.id = c.id"

    let private standing (reader: DbDataReader) =
        if not (reader.IsDBNull 3) then
            OpenCommand(reader.GetString 3, reader.GetInt32 4, Database.textOrNone reader 5)
        elif not (reader.IsDBNull 6) then
            EndedCommand(reader.GetString 6, reader.GetInt32 7, Database.textOrNone reader 8)
        else
            LostCommand

    let private commandsOfKeys snapshot (keys: string seq) =
        RecordedStreams.rows snapshot commandsSql [ Statement.texts keys ] (fun reader -> {
            Key = reader.GetString 0
            Kind = reader.GetString 1
            Payload = reader.GetString 2
            Standing = standing reader
        })

    /// How many places are tried behind the last one that is known. Timers take places and are not queued; no event
    /// asks for so many timers in a row.
    let private gap = 4

    /// Everything that is queued for the events of these streams, whatever this build would ask for. `bot.command` is
    /// reached by its key alone, so places are tried one after the other, and further on where something is found.
    let all
        (snapshot: Snapshot)
        (streams: RecordedStream[])
        : Task<Dictionary<string, ResizeArray<RecordedCommand>>> = task {
        let found = Dictionary<string, ResizeArray<RecordedCommand>>()

        for recorded in streams do
            found[recorded.Stream] <- ResizeArray()

        let mutable wanted = [|
            for recorded in streams do
                for row in recorded.Rows do
                    struct (recorded.Stream + "/" + string row.Version + "/", 0)
        |]

        while wanted.Length > 0 do
            let keys =
                wanted
                |> Seq.collect (fun struct (prefix, first) ->
                    Seq.init gap (fun index -> prefix + string (first + index)))

            let! commands = commandsOfKeys snapshot keys
            let met = HashSet<string>()

            for command in commands do
                let at = command.Key.LastIndexOf '/'
                met.Add(command.Key.Substring(0, at + 1)) |> ignore
                let stream = command.Key.Substring(0, command.Key.LastIndexOf('/', at - 1))
                found[stream].Add command

            wanted <-
                wanted
                |> Array.filter (fun struct (prefix, _) -> met.Contains prefix)
                |> Array.map (fun struct (prefix, first) -> struct (prefix, first + gap))

        return found
    }
