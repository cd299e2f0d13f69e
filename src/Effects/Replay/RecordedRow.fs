namespace FunctionalBot.Effects.Replay

open System
open FunctionalBot.Domain
open FunctionalBot.Effects

/// One row of `mt_events`, as far as this program reads it.
[<Struct; NoComparison>]
type RecordedRow = {
    Version: int64
    Id: Guid
    /// `mt_events.type`.
    Alias: string
    /// The record as JSON.
    Data: string
    /// The row holds `bdata`, which this program does not read.
    Binary: bool
}

/// From the rows of a stream to its events. The running engine and the replay read by the same rules.
module RecordedRow =
    let private outOfTurn due (row: RecordedRow) =
        if row.Version < due then
            $"version %d{row.Version} stands twice"
        else
            $"version %d{row.Version} stands where %d{due} is due: the stream has a hole"

    let private eventOf session due (row: RecordedRow) : Result<Event, string> =
        if row.Version <> due then
            Error(outOfTurn due row)
        elif row.Binary then
            Error "the event is binary (bdata), which this program does not read"
        else
            Codec.read row.Alias row.Data
            |> Result.map (fun read -> {
                Id = row.Id
                At = read.At
                Session = session
                Version = due
                Cause = read.Cause
                Fact = read.Fact
            })

    /// The events up to the first row that cannot be one, and what is wrong with that row. The rows are given in the
    /// order of their versions.
    let readable (session: SessionId) (rows: RecordedRow seq) : Event list * StreamProblem option =
        let events = ResizeArray<Event>()
        let mutable problem = None

        for row in rows do
            if problem.IsNone then
                let due = int64 events.Count + 1L

                match eventOf session due row with
                | Ok event -> events.Add event
                | Error reason ->
                    problem <-
                        Some {
                            Stream = SessionId.text session
                            Version = due
                            Problem = reason
                        }

        List.ofSeq events, problem

    /// All events, or what is wrong with the stream.
    let decode (session: SessionId) (rows: RecordedRow seq) : Result<Event list, StreamProblem> =
        match readable session rows with
        | events, None -> Ok events
        | _, Some problem -> Error problem
