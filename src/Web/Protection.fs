/// Puts limits, breakers and the stop of the channel around the services, and shows how they stand.
module FunctionalBot.Web.Protection

open System
open System.Text.Json.Nodes
open System.Threading.Tasks
open FunctionalBot.Effects
open FunctionalBot.Web.Configuration
open FunctionalBot.Web.NumberSettings
open FunctionalBot.Web.ServiceSettings

/// The limits as configured; 0 lifts one.
let limits (limits: LimitConfiguration) : PaceLimits = {
    Number =
        if limits.NumberRate > 0. then
            Some {
                Interval = TimeSpan.FromSeconds(1. / limits.NumberRate)
                Burst = 1
            }
        else
            None
    Pair =
        if limits.PairSeconds > 0. then
            Some {
                Interval = TimeSpan.FromSeconds limits.PairSeconds
                Burst = limits.PairBurst
            }
        else
            None
    Patience = TimeSpan.FromSeconds 2.
}

/// How a stopped channel is probed: the longest wait is ten times the first.
let stopSettings (limits: LimitConfiguration) : ChannelStop.StopSettings = {
    ChannelStop.defaultSettings with
        FirstProbe = limits.FirstProbe
        LongestProbe = limits.FirstProbe * 10.
}

/// Which numbers stop together: those that share a token, those of one account, and each by itself. The stop of
/// WHATSAPP_TOKEN is kept under the name that stops of everything have always had.
let stopPlan (numbers: NumberConfiguration list) : StopPlan =
    let named (kind: string) (name: string) =
        String.concat "/" [ ServiceState.whatsApp; kind; name ]

    {
        Numbers =
            Map [
                for number in numbers ->
                    WhatsAppApi.channelOf number.Id,
                    {
                        StopNames.Token =
                            if number.TokenVariable = standardToken then
                                ServiceState.whatsApp
                            else
                                named "token" number.TokenVariable
                        Account = number.Account |> Option.map (named "account")
                        Number = named "number" number.Id
                    }
            ]
        ReachOf = WhatsAppErrors.reachOf
    }

/// A name that tells the nodes of one database apart and stays over a restart.
let nodeName (configuration: Configuration) =
    Environment.MachineName + " " + configuration.Urls

/// Writes a change to the log: a stopped channel is an error that somebody must mend.
let private logChange (log: Serilog.ILogger) (state: ServiceState) =
    let reason = state.Reason |> Option.defaultValue ""

    match state.Condition with
    | ServiceCondition.Working -> log.Information("{Service} works again", state.Service)
    | ServiceCondition.Probing -> log.Debug("{Service} is tried again", state.Service)
    | ServiceCondition.Warned -> log.Warning("{Service} is to be looked at: {Reason}", state.Service, reason)
    | ServiceCondition.Paused ->
        log.Warning(
            "{Service} is left alone until {NextProbe:O}: {Reason}",
            state.Service,
            state.NextProbe |> Option.toNullable,
            reason
        )
    | ServiceCondition.Stopped ->
        log.Error(
            "{Service} is stopped until somebody acts: {Reason}. Messages wait and go out once it accepts them "
            + "again",
            state.Service,
            reason
        )

/// The services behind their protection. What WhatsApp's messages pass is, in this order: the check of what Meta would
/// refuse, the stop of the channel, the breaker, the limits. So a slot is only taken for a message that is really sent;
/// and one that all this kept for too long is not. What costs no call (such a refusal, a file that Meta has already)
/// ends ahead of them, since it is no proof that a service works.
let protect
    (configuration: Configuration)
    (store: StorePort)
    (engineLog: Engine.EngineLog)
    (log: Serilog.ILogger)
    (services: Interpreter.Services)
    : Interpreter.Services =
    let changed = logChange log

    let host: Breakers.BreakerHost = {
        World = services.World
        Node = nodeName configuration
        Report = store.ReportService
        Changed = changed
    }

    let waiting whatsApp =
        whatsApp
        |> Pace.create (limits configuration.Limits) services.World store engineLog
        |> Breakers.whatsApp host Breakers.whatsAppSettings
        |> ChannelStop.create
            (stopSettings configuration.Limits)
            (stopPlan configuration.Numbers)
            services.World
            store
            changed

    let assistant =
        match configuration.Assistant with
        | OpenAI _ -> Breakers.assistant host Breakers.assistantSettings
        // They are part of this process and cannot be away.
        | Local
        | Echo -> id

    let tickets = Breakers.tickets host Breakers.odooSettings

    let forNumber (number: Interpreter.NumberServices) = {
        number with
            Assistant = assistant number.Assistant
            Tickets = tickets number.Tickets
    }

    {
        services with
            WhatsApp =
                InTime.around
                    (InTime.limitFor services.Retry.UnknownWait)
                    services.World
                    waiting
                    services.WhatsApp
                |> Uploads.remembered services.World
                |> OutboundCheck.around
            For = fun channel -> services.For channel |> Option.map forNumber
    }

/// Lets what waits for a stopped channel go at once: the first message finds out whether it is accepted again.
/// `isOver` tells of a stop that it holds nothing any more.
let private probeAtOnce (isOver: ServiceState -> bool) (store: StorePort) (now: DateTimeOffset) : Task = task {
    let! states = store.ServiceStates()

    for stop in states |> List.filter ServiceState.isStopOfMessages do
        do! store.ResumeMessages stop.Service now

        if not (isOver stop) then
            do! store.ReportService { stop with NextProbe = Some now }
}

/// A token was replaced: a channel that is stopped is probed at once. Never fails: the stop ends by its own probes too.
let tokenReplaced (world: World) (log: Serilog.ILogger) (store: StorePort) : Task = task {
    log.Information "WhatsApp's token was replaced"

    try
        do! probeAtOnce (fun _ -> false) store (world.Now())
    with
    | StoreUnavailable _ -> ()
    | fault -> log.Warning(fault, "The stopped channel could not be probed at once")
}

/// A node that starts knows nothing bad of any service; what it told before it ended is taken back. A channel
/// that is stopped is probed at once by what waits: the start may be with a new token.
let announce (configuration: Configuration) (world: World) (store: StorePort) : Task = task {
    let node = nodeName configuration
    let now = world.Now()

    try
        for service in [ ServiceState.whatsApp; ServiceState.assistant; ServiceState.odoo ] do
            do!
                store.ReportService {
                    Service = service
                    Node = Some node
                    Condition = ServiceCondition.Working
                    Since = now
                    Reason = None
                    NextProbe = None
                }

        // The stop of a number that is not set up any more would stay for ever, since nothing probes it.
        let plan = stopPlan configuration.Numbers
        do! probeAtOnce (fun stop -> not (StopPlan.concerns plan stop.Service)) store now
    with StoreUnavailable _ ->
        // The engine waits for the store by itself. States are for eyes, and the stop ends by its own probes.
        ()
}

/// What does not work, in words: "whatsapp is stopped since …: reason; next try at …".
let describeTrouble (now: DateTimeOffset) (states: ServiceState list) : string list =
    states
    |> List.filter (ServiceState.isTrouble now)
    |> List.map (fun state ->
        String.concat "" [
            state.Service
            match state.Condition with
            | ServiceCondition.Warned -> " is to be looked at"
            | condition -> " is " + ServiceState.word condition
            match state.Node with
            | Some node -> " for the node " + node
            | None -> ""
            " since "
            state.Since.ToString "u"
            match state.Reason with
            | Some reason -> ": " + reason
            | None -> ""
            match state.NextProbe with
            | Some _ when state.Condition = ServiceCondition.Warned -> ""
            | Some next -> "; next try at " + next.ToString "u"
            | None -> ""
        ])

/// The states as JSON, one object each.
let describe (states: ServiceState list) : JsonArray =
    let list = JsonArray()

    let textOrNull (value: string option) : JsonNode | null =
        match value with
        | Some text -> JsonValue.Create text
        | None -> null

    for state in states do
        let node = JsonObject()
        node["service"] <- JsonValue.Create state.Service
        node["node"] <- textOrNull state.Node
        node["state"] <- JsonValue.Create(ServiceState.word state.Condition)
        node["since"] <- JsonValue.Create(state.Since.ToString "O")
        node["reason"] <- textOrNull state.Reason
        node["next_probe"] <- textOrNull (state.NextProbe |> Option.map (fun at -> at.ToString "O"))
        list.Add node

    list
