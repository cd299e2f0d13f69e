/// The words that `bot` understands.
module FunctionalBot.Web.CommandLine

open Argu
open FunctionalBot.Web.DatabaseArguments
open FunctionalBot.Web.InboundArguments
open FunctionalBot.Web.OutboxArguments

/// Exit codes, the same for every command.
module ExitCode =
    let ok = 0

    /// It ran, and found problems.
    let problems = 1

    /// The command line was not understood.
    let usage = 2

    /// Settings are missing or wrong.
    let configuration = 3

    /// Something that it depends on cannot be reached.
    let unreachable = 4

    /// What was named does not exist.
    let notFound = 5

    /// It is not done: its state forbids it, or the consent is missing.
    let refused = 6

    /// Of several things some are done, and then it could not go on. The same command goes on.
    let partly = 7

    /// A fault of the program.
    let fault = 70

/// `bot doctor`
type DoctorArguments =
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Json -> "print the results as JSON, for scripts."

/// `bot serve`
[<RequireQualifiedAccess>]
type ServeArguments =
    | Urls of addresses: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Urls _ -> "where to listen, for example http://127.0.0.1:8080 (else BOT_URLS)."

/// `bot`
[<RequireQualifiedAccess>]
type Arguments =
    | [<CliPrefix(CliPrefix.None)>] Serve of ParseResults<ServeArguments>
    | [<CliPrefix(CliPrefix.None)>] Doctor of ParseResults<DoctorArguments>
    | [<CliPrefix(CliPrefix.None)>] Status of ParseResults<StatusArguments>
    | [<CliPrefix(CliPrefix.None)>] Inbound of ParseResults<InboundArguments>
    | [<CliPrefix(CliPrefix.None)>] Outbox of ParseResults<OutboxArguments>
    | [<CliPrefix(CliPrefix.None)>] Contact of ParseResults<ContactArguments.ContactArguments>
    | [<CliPrefix(CliPrefix.None)>] Db of ParseResults<DatabaseArguments>
    | [<CliPrefix(CliPrefix.None)>] Session of ParseResults<SessionArguments.SessionArguments>
    | [<CliPrefix(CliPrefix.None)>] WhatsApp of ParseResults<WhatsAppArguments.WhatsAppArguments>
    | [<CliPrefix(CliPrefix.None); SubCommand>] Version
    | [<Inherit>] Env_File of path: string
    | [<Inherit>] No_Color
    | [<Inherit>] No_Input
    | [<Inherit; AltCommandLine("-q")>] Quiet

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Serve _ -> "receive messages and work: the bot itself."
            | Doctor _ ->
                "check every setting against the service that it is for, and say how to mend what is wrong."
            | Status _ -> "how the bot stands: what came in, what is to be done, what is dead."
            | Inbound _ -> "what came in and how it ended; put dead entries back."
            | Outbox _ -> "what the bot is to do; retry, cancel or settle commands."
            | Contact _ -> "who has written; block somebody, or note who wants to hear nothing."
            | Db _ -> "the database: migrations, and whether everything in it is sound."
            | Session _ -> "look at conversations, fold them again, and make tests of them."
            | WhatsApp _ -> "set numbers up at Meta: webhooks, profile, templates, forms."
            | Version -> "print the version."
            | Env_File _ -> "the file with settings (default: .env in the current folder)."
            | No_Color -> "no colours and no bars; NO_COLOR and TERM=dumb say the same."
            | No_Input -> "ask nothing: what needs a yes is not done without --yes."
            | Quiet -> "no progress on standard error; problems are still told."

/// The parser, with the exit code of `usage` for what it does not understand.
let parser =
    ArgumentParser.Create<Arguments>(
        programName = "bot",
        helpTextMessage =
            "FunctionalBot: a WhatsApp support bot for a business that runs Odoo.\n"
            + "Settings come from the environment or a .env file; .env.example explains each."
    )
