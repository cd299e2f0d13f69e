/// The requests that an emulator answered, so that a test can ask what the bot really sent. It never holds a
/// key or a password: the emulators write only what came in the body, without its credentials.
module FunctionalBot.Emulators.Journal

open System
open System.Collections.Concurrent
open FunctionalBot.Emulators.Json

/// One request as it was understood and answered.
type Entry = {
    /// When it came in, UTC.
    At: DateTimeOffset
    /// What was asked for: `json2 helpdesk.ticket/load`, `POST /v1/responses`.
    Operation: string
    /// The named arguments or the body, without credentials, texts over 10,000 characters cut.
    Arguments: Json
    /// The HTTP status of the answer; 0 when the connection was cut instead.
    Status: int
    /// The error's own name or code, "" for a success.
    Error: string
}

/// The newest so many entries of any kind; may be used from several threads.
[<NoComparison; NoEquality>]
type Newest<'entry> = {
    /// Adds an entry and drops the oldest one when there are too many.
    Add: 'entry -> unit
    /// All entries that are kept, oldest first.
    All: unit -> 'entry list
    /// Forgets them.
    Clear: unit -> unit
}

/// The newest requests.
type Journal = Newest<Entry>

let private longest = 10_000

/// The arguments with long texts cut: an attachment of many megabytes does not belong into memory twice.
let rec private shortened (json: Json) : Json =
    match json with
    | Text text when text.Length > longest -> Text $"%s{text.Substring(0, 100)}… (%d{text.Length} characters)"
    | Items items -> Items(items |> List.map shortened)
    | Fields fields -> Fields(fields |> List.map (fun (name, value) -> name, shortened value))
    | other -> other

/// Keeps the newest `capacity` entries; none to begin with.
let newest (capacity: int) : Newest<'entry> =
    let entries = ConcurrentQueue<'entry>()

    {
        Add =
            fun entry ->
                entries.Enqueue entry

                while entries.Count > capacity do
                    entries.TryDequeue() |> ignore
        All = fun () -> List.ofSeq entries
        Clear = entries.Clear
    }

/// An empty journal.
let create (capacity: int) : Journal =
    let kept = newest capacity

    {
        kept with
            Add =
                fun entry ->
                    kept.Add {
                        entry with
                            Arguments = shortened entry.Arguments
                    }
    }

/// An entry as `GET /_emulator/requests` shows it.
let toJson (entry: Entry) : Json =
    Fields [
        "at", Text(entry.At.ToString "O")
        "operation", Text entry.Operation
        "arguments", entry.Arguments
        "status", Whole(int64 entry.Status)
        "error", Text entry.Error
    ]
