/// `bot whatsapp …`: setting numbers up from the command line. Nothing here needs the database.
module FunctionalBot.Web.WhatsAppVerbs

open System
open Argu
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.Setting
open FunctionalBot.Web.WhatsAppArguments

/// Runs the verb; returns the exit code. `data` is where the program finds its data folder.
let run (source: Source) (data: string) (given: ParseResults<WhatsAppArguments>) : int =
    match given.TryGetSubCommand() with
    | None ->
        Console.Out.WriteLine(given.Parser.PrintUsage())
        ExitCode.ok
    | Some(WhatsAppArguments.Subscribe given) -> AccountVerbs.subscribe source data given
    | Some(WhatsAppArguments.Profile given) -> AccountVerbs.profile source data given
    | Some(WhatsAppArguments.Templates given) -> TemplateVerbs.templates source data given
    | Some(WhatsAppArguments.Send_Template given) -> TemplateVerbs.sendTemplate source data given
    | Some(WhatsAppArguments.Flow given) -> FlowVerbs.run source data given
