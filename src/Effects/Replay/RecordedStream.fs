namespace FunctionalBot.Effects.Replay

open System
open FunctionalBot.Domain
open FunctionalBot.Effects

/// A row of `bot.session`.
type SavedSession = {
    Version: int64
    /// The shape of the type that it was saved as; see `Json.shape`.
    Shape: int64
    Phase: string
    /// JSON.
    Data: string
}

/// A row of `bot.timer`.
type RecordedTimer = {
    /// "quiet" or "idle".
    Name: string
    /// The key of the command that set it, as text.
    Key: string
    /// 100 ns, UTC.
    DueTicks: int64
}

/// One stream with what the database holds beside it, all of one moment.
[<NoComparison>]
type RecordedStream = {
    /// `mt_streams.id`.
    Stream: string
    /// `mt_streams.version`.
    Version: int64
    Archived: bool
    /// In the order of their versions.
    Rows: RecordedRow[]
    Saved: SavedSession option
    Timers: RecordedTimer list
}

/// Where a queued command stands.
type Standing =
    /// In the outbox: "ready", "running" or "unknown".
    | OpenCommand of state: string * attempts: int * reason: string option
    /// "done", "dead" or "dropped".
    | EndedCommand of state: string * attempts: int * reason: string option
    /// Neither open nor ended, which must never be.
    | LostCommand

/// A row of `bot.command`, with where it stands.
type RecordedCommand = {
    Key: string
    Kind: string
    /// JSON.
    Payload: string
    Standing: Standing
}

/// Reading what was recorded.
module RecordedStream =
    /// The session that the stream is of, or why it is none.
    let sessionOf (recorded: RecordedStream) : Result<SessionId, StreamProblem> =
        match SessionId.parse recorded.Stream with
        | Some session -> Ok session
        | None ->
            Error {
                Stream = recorded.Stream
                Version = 0L
                Problem = "the name is not of the form session/<channel>/<customer>/<ordinal>"
            }

    /// All events of a stream that takes events, or what is wrong with it.
    let events (recorded: RecordedStream) : Result<Event list, StreamProblem> =
        let bad version problem =
            Error {
                Stream = recorded.Stream
                Version = version
                Problem = problem
            }

        match sessionOf recorded with
        | Error problem -> Error problem
        | Ok _ when recorded.Archived -> bad recorded.Version "the stream is archived and takes no events"
        | Ok session ->
            match RecordedRow.decode session recorded.Rows with
            | Error problem -> Error problem
            | Ok events when int64 events.Length <> recorded.Version ->
                bad
                    (int64 events.Length + 1L)
                    $"the stream says it has version %d{recorded.Version}, its events fold to another"
            | Ok events -> Ok events

    /// The saved session as a value. None where there is none of this build's shape; an error where the row is of
    /// this shape and cannot be read.
    let saved (recorded: RecordedStream) (shape: int64) : Result<Session, string> option =
        recorded.Saved
        |> Option.filter (fun saved -> saved.Shape = shape)
        |> Option.map (fun saved -> Json.read<Session> saved.Data)
