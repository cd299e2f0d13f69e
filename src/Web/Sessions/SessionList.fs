/// `bot session list`
module FunctionalBot.Web.SessionList

open System.Text.Json.Nodes
open Argu
open FunctionalBot.Effects.Replay
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.SessionArguments
open FunctionalBot.Web.SessionDesk

let private phase (given: ParseResults<ListArguments>) =
    match given.TryGetResult ListArguments.State with
    | Some phase when not (List.contains phase SessionWords.phaseNames) ->
        let known = String.concat ", " SessionWords.phaseNames

        Error {
            ExitCode = ExitCode.usage
            Reason = $"--state %s{phase} is no phase. There are: %s{known}."
        }
    | phase -> Ok phase

let private print mask (lines: SessionLine list) =
    Output.writeTable [ "session"; "phase"; "version"; "last activity" ] [
        for line in lines ->
            [
                hidden mask line.Stream
                line.Phase |> Option.defaultValue "-"
                string line.Version
                CommandWords.instant line.LastActivity
            ]
    ]

let private printJson mask (lines: SessionLine list) =
    let sessions = JsonArray()

    for line in lines do
        let node = JsonObject()
        node["stream"] <- JsonValue.Create(hidden mask line.Stream)
        node["phase"] <- optional line.Phase
        node["stream_version"] <- JsonValue.Create line.Version
        node["last_activity"] <- Document.instant line.LastActivity
        sessions.Add node

    let root = document "list"
    root["sessions"] <- sessions
    Output.writeJson root

/// Lists sessions, the last active first.
let run (connection: string) (given: ParseResults<ListArguments>) : int =
    let limit = given.GetResult(ListArguments.Limit, 50)

    match phase given, since (given.TryGetResult ListArguments.Since) with
    | Error refusal, _
    | _, Error refusal -> refuse refusal
    | Ok _, Ok _ when limit < 1 ->
        refuse {
            ExitCode = ExitCode.usage
            Reason = "--limit is a whole number from 1."
        }
    | Ok phase, Ok since ->
        withDatabase connection (fun source -> task {
            let! lines =
                RecordedStreams.at source (fun snapshot -> SessionLookUp.list snapshot phase since limit)

            let mask = given.Contains ListArguments.Mask

            if given.Contains ListArguments.Json then
                printJson mask lines
            else
                print mask lines

                if lines.Length = limit then
                    Output.say $"There may be more than these %d{limit}; --limit shows more."

            return ExitCode.ok
        })
