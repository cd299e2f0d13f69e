/// `bot session …`: looking at sessions, and replaying them. Nothing here changes the database.
module FunctionalBot.Web.SessionVerbs

open System
open Argu
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.Setting
open FunctionalBot.Web.SessionArguments

/// Runs the verb. Of the settings only DATABASE_URL is read, and for `save-test` BOT_DATA; `data` is the folder where
/// that is not set.
let run (source: Source) (data: string) (given: ParseResults<SessionArguments>) : Result<int, Problem list> =
    let withConnection (work: string -> int) =
        DatabaseSettings.read source |> Result.map work

    match given.TryGetSubCommand() with
    | None ->
        Console.Out.WriteLine(given.Parser.PrintUsage())
        Ok ExitCode.ok
    | Some(SessionArguments.List given) -> withConnection (fun connection -> SessionList.run connection given)
    | Some(SessionArguments.Show given) -> withConnection (fun connection -> SessionShow.run connection given)
    | Some(SessionArguments.Replay given) ->
        withConnection (fun connection -> SessionReplay.replay connection given)
    | Some(SessionArguments.WhatIf given) ->
        withConnection (fun connection -> SessionReplay.whatIf connection given)
    | Some(SessionArguments.Export given) ->
        withConnection (fun connection -> SessionFiles.export connection given)
    | Some(SessionArguments.SaveTest given) ->
        withDefault source "BOT_DATA" data
        |> Result.bind (fun data ->
            withConnection (fun connection -> SessionFiles.saveTest connection data given))
