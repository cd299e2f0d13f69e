/// The words of `bot contact`.
module FunctionalBot.Web.ContactArguments

open Argu

/// `bot contact list`
[<RequireQualifiedAccess>]
type ContactListArguments =
    | Blocked
    | Opted_Out
    | Limit of count: int
    | Personal
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Blocked -> "only those who are blocked."
            | Opted_Out -> "only those who want to hear nothing of the bot's own accord."
            | Limit _ -> "how many at most, newest first (default: 50)."
            | Personal -> "show phones, ids and names in full."
            | Json -> "print JSON, for scripts."

/// `bot contact show`
[<RequireQualifiedAccess>]
type ContactShowArguments =
    | [<MainCommand; ExactlyOnce>] Contact of contact: string
    | Personal
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Contact _ ->
                "the contact's number as in the list, a phone with its \"+\", or a business-scoped id."
            | Personal -> "show phone, ids and name in full."
            | Json -> "print JSON, for scripts."

/// `bot contact block|unblock|opt-out|opt-in`
[<RequireQualifiedAccess>]
type ContactChangeArguments =
    | [<MainCommand; ExactlyOnce>] Contact of contact: string
    | Reason of text: string
    | Dry_Run
    | Yes
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Contact _ ->
                "the contact's number as in the list, a phone with its \"+\", or a business-scoped id."
            | Reason _ -> "why; it is kept in the audit. Name no customer."
            | Dry_Run -> "say what would change, and change nothing."
            | Yes -> "do not ask; needed where nobody can be asked."
            | Json -> "print JSON, for scripts."

/// `bot contact`
[<RequireQualifiedAccess>]
type ContactArguments =
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<ContactListArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ContactShowArguments>
    | [<CliPrefix(CliPrefix.None)>] Block of ParseResults<ContactChangeArguments>
    | [<CliPrefix(CliPrefix.None)>] Unblock of ParseResults<ContactChangeArguments>
    | [<CliPrefix(CliPrefix.None)>] Opt_Out of ParseResults<ContactChangeArguments>
    | [<CliPrefix(CliPrefix.None)>] Opt_In of ParseResults<ContactChangeArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | List _ -> "who has written, newest first."
            | Show _ -> "everything that is kept of one contact."
            | Block _ -> "answer nothing that the customer does any more, and send nothing."
            | Unblock _ -> "answer the customer again."
            | Opt_Out _ -> "say nothing to the customer of the bot's own accord."
            | Opt_In _ -> "the customer wants to hear from the bot again."
