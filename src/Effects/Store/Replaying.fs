namespace FunctionalBot.Effects.Store

open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay

/// What one look at some streams found.
type Findings<'Found> = {
    Streams: int64
    Events: int64
    /// Streams without a saved session of this build's shape: the engine folds those anew, and there is nothing to
    /// compare.
    NotSaved: int64
    /// Streams that are not as they should be, with what was found.
    Found: (string * 'Found) list
    /// Streams that cannot be folded.
    Bad: StreamProblem list
}

/// Looking at recorded streams: are they what the database says beside them, and what would another step have made of
/// them? Nothing is written.
module Replaying =
    /// This build's shape of a saved session.
    let private shape = Json.shape<Session>

    let private heldBy (snapshot: Snapshot) (refolded: (RecordedStream * Refolded)[]) : Task<CommandFacts> =
        task {
            let keys = refolded |> Array.collect (snd >> Refold.queuedKeys >> List.toArray)
            let! notQueued = RecordedCommands.notQueued snapshot keys
            // Commands that ended long ago are deleted; their absence says nothing.
            let! forgotten = RecordedCommands.forgottenBefore snapshot

            let tooOld =
                match forgotten with
                | Some line when not notQueued.IsEmpty ->
                    refolded
                    |> Seq.collect (fun (_, each) -> Refold.askedBefore line each)
                    |> Set.ofSeq
                | _ -> Set.empty

            let notQueued = Set.difference notQueued tooOld
            let waiting = refolded |> Array.collect (snd >> Refold.waitingKeys >> List.toArray)
            let! notOpen = RecordedCommands.notOpen snapshot waiting

            let timers = [|
                for recorded, each in refolded do
                    for command, _ in Refold.timersNotSet recorded each do
                        match command.Action with
                        | SetTimer(timer, _) -> CommandKey.text command.Key, StoredName.timer timer
                        | _ -> ()
            |]

            let! fired = RecordedCommands.fired snapshot timers

            return {
                NotQueued = notQueued
                NotOpen = notOpen
                Fired = fired
            }
        }

    let private summary (streams: RecordedStream[]) found bad = {
        Streams = streams.LongLength
        Events = streams |> Array.sumBy _.Rows.LongLength
        NotSaved =
            streams
            |> Array.filter (fun recorded ->
                match recorded.Saved with
                | Some saved -> saved.Shape <> shape
                | None -> true)
            |> Array.length
            |> int64
        Found = found
        Bad = bad
    }

    let private lookOnce (step: FoldStep) (names: string[]) (snapshot: Snapshot) = task {
        let! streams = RecordedStreams.read snapshot names

        let refolded =
            streams |> Array.map (fun recorded -> recorded, Refold.stream step recorded)

        let good =
            refolded
            |> Array.choose (fun (recorded, outcome) ->
                match outcome with
                | Ok each -> Some(recorded, each)
                | Error _ -> None)

        let! held = heldBy snapshot good

        let found = [
            for recorded, each in good do
                match Refold.differences shape held recorded each with
                | [] -> ()
                | differences -> recorded.Stream, differences
        ]

        let bad =
            refolded
            |> Array.choose (fun (_, outcome) ->
                match outcome with
                | Error problem -> Some problem
                | Ok _ -> None)

        return summary streams found (List.ofArray bad)
    }

    /// Looks, and looks again at what is not as it should be: what a stream is called is what the second look, of a
    /// moment of its own, says.
    let private lookTwice source (look: string[] -> Snapshot -> Task<Findings<'Found>>) (names: string[]) =
        task {
            let! first = RecordedStreams.at source (look names)
            let suspects = List.map fst first.Found @ (first.Bad |> List.map _.Stream)

            if suspects.IsEmpty then
                return first
            else
                let! second = RecordedStreams.at source (look (Array.ofList suspects))

                return {
                    first with
                        Found = second.Found
                        Bad = second.Bad
                }
        }

    /// Folds these streams with the step and compares them with their saved sessions, with the commands that were
    /// queued, and with what their sessions wait for. All rows of these streams are held at once.
    let replay
        (source: NpgsqlDataSource)
        (step: FoldStep)
        (names: string[])
        : Task<Findings<Difference list>> =
        lookTwice source (lookOnce step) names

    let private wonderOnce (step: FoldStep) (names: string[]) (snapshot: Snapshot) = task {
        let! streams = RecordedStreams.read snapshot names
        let! commands = RecordedCommands.all snapshot streams
        let! forgotten = RecordedCommands.forgottenBefore snapshot

        let outcomes =
            streams
            |> Array.map (fun recorded ->
                WhatIf.compare step shape forgotten recorded commands[recorded.Stream])

        let found =
            outcomes
            |> Array.choose (function
                | Ok(Some parting) -> Some(parting.Stream, parting)
                | Ok None
                | Error _ -> None)

        let bad =
            outcomes
            |> Array.choose (function
                | Error problem -> Some problem
                | Ok _ -> None)

        return summary streams (List.ofArray found) (List.ofArray bad)
    }

    /// Runs the step over these streams, does nothing, and finds those of which commands or end state would differ from
    /// what was recorded.
    let whatIf (source: NpgsqlDataSource) (step: FoldStep) (names: string[]) : Task<Findings<Parting>> =
        lookTwice source (wonderOnce step) names
