/// The words of `bot outbox`.
module FunctionalBot.Web.OutboxArguments

open Argu

/// Where a command stands.
type OutboxState =
    | Ready
    | Running
    | Unknown
    | Waiting
    | Dead
    | Dropped

/// Whose workers run a command.
type OutboxService =
    | Messaging
    | Assisting
    | Ticketing
    | Fetching

/// How a send ended.
type OutboxSettlement =
    | Sent
    | Failed

/// `bot outbox list`
[<RequireQualifiedAccess>]
type OutboxListArguments =
    | State of state: OutboxState
    | Service of service: OutboxService
    | Limit of count: int
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | State _ -> "only commands that stand so (default: all that are open or dead)."
            | Service _ ->
                "only WhatsApp's (messaging), the assistant's (assisting), Odoo's (ticketing) or files (fetching)."
            | Limit _ -> "how many at most, newest first (default: 50)."
            | Json -> "print JSON, for scripts."

/// `bot outbox show`
[<RequireQualifiedAccess>]
type OutboxShowArguments =
    | [<MainCommand; ExactlyOnce>] Key of key: string
    | Content
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Key _ -> "the command's key, or its number as in the list."
            | Content -> "show what is said or asked too."
            | Json -> "print JSON, for scripts."

/// `bot outbox retry`
[<RequireQualifiedAccess>]
type OutboxRetryArguments =
    | [<MainCommand>] Key of key: string
    | All_Dead
    | Since of time: string
    | Service of service: OutboxService
    | Reason of text: string
    | Dry_Run
    | Yes
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Key _ -> "the command's key, or its number as in the list."
            | All_Dead -> "all commands that ended dead."
            | Since _ ->
                "with --all-dead: only what ended since: 2026-11-02, 2026-11-02T09:30 (UTC), or 30m, 2h, 7d."
            | Service _ -> "with --all-dead: only of this service."
            | Reason _ -> "why; it is kept in the audit. Name no customer."
            | Dry_Run -> "say what would change, and change nothing."
            | Yes -> "do not ask; needed with --all-dead and where nobody can be asked."
            | Json -> "print JSON, for scripts."

/// `bot outbox cancel`
[<RequireQualifiedAccess>]
type OutboxCancelArguments =
    | [<MainCommand; ExactlyOnce>] Key of key: string
    | Reason of text: string
    | Dry_Run
    | Yes
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Key _ -> "the command's key, or its number as in the list."
            | Reason _ -> "why; it is kept in the audit. Name no customer."
            | Dry_Run -> "say what would change, and change nothing."
            | Yes -> "do not ask; needed where nobody can be asked."
            | Json -> "print JSON, for scripts."

/// `bot outbox settle`
[<RequireQualifiedAccess>]
type OutboxSettleArguments =
    | [<MainCommand; ExactlyOnce>] Key of key: string
    | [<Mandatory>] As of outcome: OutboxSettlement
    | Reason of text: string
    | Dry_Run
    | Yes
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Key _ -> "the command's key, or its number as in the list."
            | As _ -> "whether the customer has it."
            | Reason _ -> "why; it is kept in the audit. Name no customer."
            | Dry_Run -> "say what would change, and change nothing."
            | Yes -> "do not ask; needed where nobody can be asked."
            | Json -> "print JSON, for scripts."

/// `bot outbox`
[<RequireQualifiedAccess>]
type OutboxArguments =
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<OutboxListArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<OutboxShowArguments>
    | [<CliPrefix(CliPrefix.None)>] Retry of ParseResults<OutboxRetryArguments>
    | [<CliPrefix(CliPrefix.None)>] Cancel of ParseResults<OutboxCancelArguments>
    | [<CliPrefix(CliPrefix.None)>] Settle of ParseResults<OutboxSettleArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | List _ -> "what the bot is to do, and what it could not."
            | Show _ -> "everything that is kept of one command."
            | Retry _ -> "run a dead command again, or a waiting one now."
            | Cancel _ -> "end an open command without effect."
            | Settle _ -> "say how a send ended of which nobody knows it."
