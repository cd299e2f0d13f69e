/// The words that `bot` understands.
module FunctionalBot.Web.CommandLine

open Argu

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
    | [<CliPrefix(CliPrefix.None); SubCommand>] Version
    | [<Inherit>] Env_File of path: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Serve _ -> "receive messages and work: the bot itself."
            | Doctor _ ->
                "check every setting against the service that it is for, and say how to mend what is wrong."
            | Version -> "print the version."
            | Env_File _ -> "the file with settings (default: .env in the current folder)."

/// The parser, with the exit code of `usage` for what it does not understand.
let parser =
    ArgumentParser.Create<Arguments>(
        programName = "bot",
        helpTextMessage =
            "FunctionalBot: a WhatsApp support bot for a business that runs Odoo.\n"
            + "Settings come from the environment or a .env file; .env.example explains each."
    )
