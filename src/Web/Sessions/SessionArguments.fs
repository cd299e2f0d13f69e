/// The words of `bot session`.
module FunctionalBot.Web.SessionArguments

open Argu

/// `bot session list`
[<RequireQualifiedAccess>]
type ListArguments =
    | State of phase: string
    | Since of ``when``: string
    | Limit of sessions: int
    | Mask
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | State _ -> "only sessions in this phase: conversing, ticket, with-agent or closed."
            | Since _ ->
                "only those active since then: 90s, 30m, 24h, 7d, 2026-11-02 or 2026-11-02T09:30 (UTC)."
            | Limit _ -> "how many at most (default 50)."
            | Mask -> "hide the customers' ids."
            | Json -> "print JSON, for scripts."

/// `bot session show`
[<RequireQualifiedAccess>]
type ShowArguments =
    | [<MainCommand; ExactlyOnce>] Id of id: string
    | At of version: int64
    | Diff
    | Mask
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Id _ ->
                "session/<channel>/<customer>/<ordinal>, with or without \"session/\", or its unique beginning."
            | At _ -> "stop after this event."
            | Diff -> "only what each event changes, instead of the whole state after it."
            | Mask -> "put stand-ins in the place of personal data."
            | Json -> "print JSON, for scripts."

/// `bot session replay`
[<RequireQualifiedAccess>]
type ReplayArguments =
    | [<MainCommand; Unique>] Id of id: string
    | All
    | Since of ``when``: string
    | Limit of findings: int
    | Mask
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Id _ -> "one session, as in `show`."
            | All -> "every session."
            | Since _ -> "with --all: only sessions that took an event since then, as in `list`."
            | Limit _ -> "how many findings to list at most (default 1000); all are counted."
            | Mask -> "hide the customers' ids and what the fields hold."
            | Json -> "print JSON, for scripts."

/// `bot session whatif`
[<RequireQualifiedAccess>]
type WhatIfArguments =
    | [<MainCommand; Unique>] Id of id: string
    | All
    | Since of ``when``: string
    | Fail_On of kind: string
    | Limit of findings: int
    | Mask
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Id _ -> "one session, as in `show`."
            | All -> "every session."
            | Since _ -> "with --all: only sessions that took an event since then, as in `list`."
            | Fail_On _ ->
                "what ends with exit code 1: state (other commands or another end state; the default), commands, none."
            | Limit _ -> "how many sessions to list at most (default 1000); all are counted."
            | Mask -> "hide the customers' ids and what would be said."
            | Json -> "print JSON, for scripts."

/// `bot session export`
[<RequireQualifiedAccess>]
type ExportArguments =
    | [<MainCommand; ExactlyOnce>] Id of id: string
    | Mask
    | Out of file: string
    | Yes
    | Dry_Run
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Id _ -> "the session, as in `show`."
            | Mask -> "put stand-ins in the place of personal data."
            | Out _ -> "the file to write (default: standard output)."
            | Yes -> "write over a file that is there."
            | Dry_Run -> "with --out: say what would be written, and write nothing."
            | Json -> "with --out: print what was written as JSON, for scripts."

/// `bot session save-test`
[<RequireQualifiedAccess>]
type SaveTestArguments =
    | [<MainCommand; ExactlyOnce>] Id of id: string
    | Name of name: string
    | Yes
    | Dry_Run
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Id _ -> "the session, as in `show`."
            | Name _ ->
                "the file's name, of a-z, 0-9 and -; without it one is made of the phase and a digest."
            | Yes -> "write over a file that is there."
            | Dry_Run -> "say what would be written, and write nothing."
            | Json -> "print what was written as JSON, for scripts."

/// `bot session`
[<RequireQualifiedAccess>]
type SessionArguments =
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<ListArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ShowArguments>
    | [<CliPrefix(CliPrefix.None)>] Replay of ParseResults<ReplayArguments>
    | [<CliPrefix(CliPrefix.None); CustomCommandLine "whatif">] WhatIf of ParseResults<WhatIfArguments>
    | [<CliPrefix(CliPrefix.None)>] Export of ParseResults<ExportArguments>
    | [<CliPrefix(CliPrefix.None); CustomCommandLine "save-test">] SaveTest of ParseResults<SaveTestArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | List _ -> "the sessions, the last active first."
            | Show _ -> "one session: its events, the state after each, and what became of its commands."
            | Replay _ -> "fold sessions again and compare them with what is saved, queued and waited for."
            | WhatIf _ -> "what this build would have done with what was recorded; nothing is sent."
            | Export _ -> "one session as a regression file."
            | SaveTest _ ->
                "one session without personal data into data/regressions, where the tests check it."
