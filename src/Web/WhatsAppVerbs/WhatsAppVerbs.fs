/// `bot whatsapp …`: setting numbers up from the command line. Nothing here needs the database.
module FunctionalBot.Web.WhatsAppVerbs

open Argu
open FunctionalBot.Web.Setting
open FunctionalBot.Web.WhatsAppArguments

/// Runs the verb; returns the exit code. `data` is where the program finds its data folder.
let run (source: Source) (data: string) (given: ParseResults<WhatsAppArguments>) : int =
    match given.GetSubCommand() with
    | WhatsAppArguments.Subscribe given -> AccountVerbs.subscribe source data given
    | WhatsAppArguments.Profile given -> AccountVerbs.profile source data given
    | WhatsAppArguments.Templates given -> TemplateVerbs.templates source data given
    | WhatsAppArguments.Send_Template given -> TemplateVerbs.sendTemplate source data given
    | WhatsAppArguments.Flow given -> FlowVerbs.run source data given
