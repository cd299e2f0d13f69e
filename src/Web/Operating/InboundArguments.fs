/// The words of `bot inbound`.
module FunctionalBot.Web.InboundArguments

open Argu

/// How an entry ended, or that it has not.
type InboundEnd =
    | Pending
    | Dead
    | Ignored
    | Applied
    | Duplicate
    | Settled
    | Dropped

/// `bot inbound list`
[<RequireQualifiedAccess>]
type InboundListArguments =
    | End of state: InboundEnd
    | Since of time: string
    | Limit of count: int
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | End _ -> "only what stands so."
            | Since _ ->
                "only what was received since: 2026-11-02, 2026-11-02T09:30 (UTC), or an age as 30m, 2h, 7d."
            | Limit _ -> "how many at most, newest first (default: 50)."
            | Json -> "print JSON, for scripts."

/// `bot inbound show`
[<RequireQualifiedAccess>]
type InboundShowArguments =
    | [<MainCommand; ExactlyOnce>] Id of number: int64
    | Content
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Id _ -> "the entry's number, as in the list."
            | Content -> "show what the customer wrote too: the fact, and the body as it was received."
            | Json -> "print JSON, for scripts."

/// `bot inbound retry` and `bot inbound drop`
[<RequireQualifiedAccess>]
type InboundChangeArguments =
    | [<MainCommand>] Id of number: int64
    | All_Dead
    | Since of time: string
    | Reason of text: string
    | Dry_Run
    | Yes
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Id _ -> "the entry's number, as in the list."
            | All_Dead -> "all entries that ended dead."
            | Since _ -> "with --all-dead: only what was received since (as in list)."
            | Reason _ -> "why; it is kept in the audit. Name no customer."
            | Dry_Run -> "say what would change, and change nothing."
            | Yes -> "do not ask; needed with --all-dead and where nobody can be asked."
            | Json -> "print JSON, for scripts."

/// `bot inbound`
[<RequireQualifiedAccess>]
type InboundArguments =
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<InboundListArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<InboundShowArguments>
    | [<CliPrefix(CliPrefix.None)>] Retry of ParseResults<InboundChangeArguments>
    | [<CliPrefix(CliPrefix.None)>] Drop of ParseResults<InboundChangeArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | List _ -> "what came in, and how it ended."
            | Show _ -> "everything that is kept of one entry."
            | Retry _ -> "put a dead entry back to be decided, or read a body again that was not understood."
            | Drop _ -> "say of a dead entry that nobody wants it any more."
