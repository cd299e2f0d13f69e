namespace FunctionalBot.Effects

open FunctionalBot.Domain

/// Which part of the world a command goes to. Each has its own workers, so that a slow one holds up no other.
type Service =
    /// WhatsApp: Say, MarkRead and React.
    | Messaging
    /// The assistant: AskAssistant.
    | Assisting
    /// Odoo: CreateTicket, AddToTicket, AttachToTicket and LookUpTickets.
    | Ticketing
    /// Meta's media: FetchFile. Files are large, and no message waits for one.
    | Fetching

module Service =
    let all = [ Messaging; Assisting; Ticketing; Fetching ]

    /// As `bot.outbox.service`, metrics and `--json` name it.
    let name (service: Service) : string =
        match service with
        | Messaging -> "messaging"
        | Assisting -> "assisting"
        | Ticketing -> "ticketing"
        | Fetching -> "fetching"

    /// The service of that name.
    let named (text: string) : Service option =
        all |> List.tryFind (fun service -> name service = text)

    /// Whose workers run an action; None for timers, which are rows of `bot.timer` and not queued.
    let ofAction (action: Action) : Service option =
        match action with
        | Say _
        | MarkRead _
        | React _ -> Some Messaging
        | FetchFile _ -> Some Fetching
        | AskAssistant _ -> Some Assisting
        | CreateTicket _
        | AddToTicket _
        | AttachToTicket _
        | LookUpTickets _ -> Some Ticketing
        | SetTimer _
        | CancelTimer _ -> None

/// The names that actions are stored and measured under.
module CommandKind =
    /// As in `bot.command.kind`; timers have one too, though they are not queued.
    let ofAction (action: Action) : string =
        match action with
        | Say _ -> "say"
        | MarkRead _ -> "mark-read"
        | AskAssistant _ -> "ask-assistant"
        | CreateTicket _ -> "create-ticket"
        | AddToTicket _ -> "add-to-ticket"
        | LookUpTickets _ -> "look-up-tickets"
        | FetchFile _ -> "fetch-file"
        | AttachToTicket _ -> "attach-to-ticket"
        | React _ -> "react"
        | SetTimer _ -> "set-timer"
        | CancelTimer _ -> "cancel-timer"

    /// The kinds that become rows of `bot.command`, with whose workers run them.
    let queued: (string * Service) list = [
        "say", Messaging
        "mark-read", Messaging
        "ask-assistant", Assisting
        "create-ticket", Ticketing
        "add-to-ticket", Ticketing
        "look-up-tickets", Ticketing
        "fetch-file", Fetching
        "attach-to-ticket", Ticketing
        "react", Messaging
    ]

    /// Whether the action becomes a row of `bot.command`.
    let isQueued (action: Action) : bool = (Service.ofAction action).IsSome
