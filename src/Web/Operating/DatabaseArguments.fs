/// The words of `bot db` and `bot status`.
module FunctionalBot.Web.DatabaseArguments

open Argu

/// `bot db status` and `bot db check`
[<RequireQualifiedAccess>]
type DatabaseShowArguments =
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Json -> "print JSON, for scripts."

/// `bot db migrate`
[<RequireQualifiedAccess>]
type DatabaseMigrateArguments =
    | Dry_Run
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Dry_Run -> "print the SQL files that would run, and change nothing."
            | Json -> "print JSON, for scripts."

/// `bot db`
[<RequireQualifiedAccess>]
type DatabaseArguments =
    | [<CliPrefix(CliPrefix.None)>] Status of ParseResults<DatabaseShowArguments>
    | [<CliPrefix(CliPrefix.None)>] Migrate of ParseResults<DatabaseMigrateArguments>
    | [<CliPrefix(CliPrefix.None)>] Check of ParseResults<DatabaseShowArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Status _ -> "which migrations are applied and which are waiting."
            | Migrate _ -> "bring the database to this build's schema, as serve does when it starts."
            | Check _ -> "check the layout of the event streams and the books: nothing lost, counters right."

/// `bot status`
[<RequireQualifiedAccess>]
type StatusArguments =
    | Watch of seconds: float
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Watch _ -> "look again every so many seconds, until Ctrl-C."
            | Json -> "print JSON, for scripts; with --watch one document a line."
