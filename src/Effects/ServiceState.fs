namespace FunctionalBot.Effects

open System

/// How a service stands.
[<RequireQualifiedAccess>]
type ServiceCondition =
    /// Calls are made.
    | Working
    /// It failed too often: no calls are made until the next probe.
    | Paused
    /// One call finds out whether it works again.
    | Probing
    /// It refuses everything until somebody acts; it is probed at a slow pace.
    | Stopped
    /// It works, and something was told of it that somebody should look at; `NextProbe` is the end of the warning.
    | Warned

/// How a service stands, as a node sees it or as it is for all nodes.
type ServiceState = {
    /// "whatsapp", "assistant" or "odoo"; "whatsapp/number/…" and the like for stops that reach less far;
    /// "whatsapp-account" and the like for what Meta tells of them.
    Service: string
    /// The node that sees it so; None where it is so for all nodes.
    Node: string option
    Condition: ServiceCondition
    /// Since when it works, or does not (UTC).
    Since: DateTimeOffset
    /// Why it does not work, for operators; nothing personal.
    Reason: string option
    /// When the next call finds out whether it works again (UTC).
    NextProbe: DateTimeOffset option
}

/// The names of services, and the words for their conditions.
module ServiceState =
    let whatsApp = "whatsapp"

    /// Whether messages to customers depend on it: WhatsApp as a whole, or a token, an account or a number of it
    /// ("whatsapp/number/1234").
    let isWhatsApp (service: string) =
        service = whatsApp
        || service.StartsWith(whatsApp + "/", StringComparison.Ordinal)

    let assistant = "assistant"
    let odoo = "odoo"

    let private words = [
        ServiceCondition.Working, "working"
        ServiceCondition.Paused, "paused"
        ServiceCondition.Probing, "probing"
        ServiceCondition.Stopped, "stopped"
        ServiceCondition.Warned, "warned"
    ]

    /// The condition as it is stored and shown.
    let word (condition: ServiceCondition) : string =
        words |> List.find (fun (known, _) -> known = condition) |> snd

    /// A stored condition. None for one of a newer build.
    let ofWord (text: string) : ServiceCondition option =
        words |> List.tryFind (fun (_, known) -> known = text) |> Option.map fst

    /// Whether this is a stop of messages for all nodes.
    let isStopOfMessages (state: ServiceState) =
        isWhatsApp state.Service
        && state.Node.IsNone
        && state.Condition = ServiceCondition.Stopped

    /// What a node told of a service says nothing any more when nobody has looked for so long after the time at
    /// which the next call may find out: nobody calls it, or the node is gone.
    let private stale = TimeSpan.FromMinutes 10.

    /// Whether operators are to be told: it does not work.
    let isTrouble (now: DateTimeOffset) (state: ServiceState) =
        match state.Condition with
        | ServiceCondition.Working -> false
        | ServiceCondition.Stopped -> true
        | ServiceCondition.Warned -> now <= (state.NextProbe |> Option.defaultValue state.Since)
        | ServiceCondition.Paused
        | ServiceCondition.Probing -> now - (state.NextProbe |> Option.defaultValue state.Since) <= stale
