/// Days of the whole bot in simulated time: real engine, interpreter, reception and core over ports in
/// memory, with customers who write by chance and a world that fails by chance, all from one seed.
module FunctionalBot.Tests.Simulation

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Tests.SimulatedCustomers

/// How badly the world behaves.
type Weather =
    /// Everything fails at times, and statuses of messages always come within the time that a send of
    /// unknown outcome is parked for: nothing may arrive twice.
    | StatusesInTime
    /// The store, too, is away for hours. A status may then come too late to keep a send from being repeated.
    | LongOutages

/// What is simulated.
type Plan = {
    Seed: int
    Customers: int
    Length: TimeSpan
    Nodes: int
    Weather: Weather
}

/// What is left when it is quiet, for judging.
[<NoComparison; NoEquality>]
type Outcome = {
    Contents: StoreContents
    Accounting: Accounting
    Arrivals: Arrival list
    Tickets: DeskTicket list
    /// Ids of everything that customers sent.
    Written: MessageId list
    /// When the first status of a send was taken in for certain.
    StatusTaken: Map<CommandKey, DateTimeOffset>
    /// Customers who have to write first, since WhatsApp said so to the last thing that was said to them.
    Silent: Set<CustomerId>
    /// Sends that were accepted and then refused by a status, since their customer has to write first.
    RefusedLate: Set<CommandKey>
    /// What did not hold on the way.
    Broken: string list
    Ended: DateTimeOffset
}

let private start = DateTimeOffset(2026, 11, 2, 9, 0, 0, TimeSpan.Zero)
let private channel = "whatsapp-1"
let private never = CancellationToken.None

let private book =
    lazy
        (match Phrases.load (Repository.path "data/phrases") with
         | Ok book -> book
         | Error problems -> failwith (String.concat "\n" problems))

let private business: Business = {
    Name = "Ferretería Ejemplo"
    Contact = ""
}

/// Times at which a service is away.
let private outagesOf (chance: Chance) (plan: Plan) longest =
    let hours = plan.Length.TotalHours

    [
        for _ in 1 .. max 1 (int (hours / 12.)) ->
            let from = start.AddHours(chance.Between 0. hours)
            from, from + chance.Seconds 1. longest
    ]

/// Sessions that wait for something of which nothing is under way.
let private forgotten (contents: StoreContents) = [
    let open' =
        contents.Open |> List.map (fun command -> command.Command.Key) |> Set.ofList

    for session in contents.Sessions do
        if not (contents.Waiting.Contains(session.Id.Channel, session.Id.Customer)) then
            for command in Transition.resume session do
                let isUnderWay =
                    match command.Action with
                    | SetTimer(timer, due) ->
                        contents.Timers.TryFind(session.Id, timer) = Some(due, command.Key)
                    | _ -> open'.Contains command.Key

                if not isUnderWay then
                    $"%s{CommandKey.text command.Key} is waited for and not under way: %A{command.Action}"
]

/// Runs a plan until everything is quiet.
let run (plan: Plan) : Outcome =
    let virtualWorld = VirtualWorld.create plan.Seed start
    let world = virtualWorld.World
    let chance = Chance world.Random
    let calm = ref false
    let underWay = ref 0
    let statusTaken = Dictionary<CommandKey, DateTimeOffset>()
    let broken = ResizeArray<string>()
    let written = ResizeArray<MessageId>()
    let silent = HashSet<CustomerId>()
    let heard = Dictionary<CustomerId, int>()
    let asked = Dictionary<CustomerId, int>()

    let timesIn (counts: Dictionary<CustomerId, int>) customer =
        match counts.TryGetValue customer with
        | true, count -> count
        | false, _ -> 0

    let refusedLate = HashSet<CommandKey>()
    let hours = 3600.

    let storeAway =
        outagesOf chance plan (if plan.Weather = LongOutages then 2. * hours else 10.)

    let whatsAppAway = outagesOf chance plan (3. * hours)
    let ticketsAway = outagesOf chance plan (5. * hours)
    let assistantAway = outagesOf chance plan (3. * hours)

    let isAway outages =
        not calm.Value
        && outages
           |> List.exists (fun (from, until) -> from <= world.Now() && world.Now() < until)

    let happens share = not calm.Value && chance.Happens share

    let storeFault _ =
        if isAway storeAway || happens 0.01 then FailsBefore
        elif happens 0.01 then FailsAfter
        else Works

    let store = MemoryStore.create world (TimeSpan.FromSeconds 60.) storeFault
    let nodes: SimulatedNode.Node[] = Array.zeroCreate plan.Nodes

    /// Lets something go on beside everything else, and counts it until it ends.
    let beside (work: unit -> Task) =
        underWay.Value <- underWay.Value + 1

        task {
            do! work ()
            underWay.Value <- underWay.Value - 1
        }
        |> ignore

    /// A webhook: WhatsApp repeats it until it is taken.
    let deliver (updates: Update list) : Task = task {
        let body = {
            Body = world.NewId().ToByteArray()
            At = world.Now()
            Trace = None
            Updates = Ok updates
        }

        let mutable taken = false
        let mutable waiting = []
        let mutable pause = 1.

        while not taken do
            try
                let! received = store.Port.Receive [ { body with At = world.Now() } ]
                waiting <- received
                taken <- true
            with StoreUnavailable _ ->
                do! world.Delay (chance.Seconds pause (pause * 2.)) never
                pause <- min (pause * 2.) (if plan.Weather = LongOutages then 900. else 2.)

        for update in updates do
            match update with
            | StatusCame(status = Failed _) -> ()
            | StatusCame(callback = Some callback) ->
                match CommandKey.parse callback with
                | Some key -> statusTaken.TryAdd(key, world.Now()) |> ignore
                | None -> ()
            | _ -> ()

        (chance.OneOf(List.ofArray nodes)).Wake waiting
    }

    /// Delivers after a while, and sometimes again much later.
    let deliverSoon least most updates =
        beside (fun () -> task {
            do! world.Delay (chance.Seconds least most) never
            do! deliver updates

            if happens 0.15 then
                do! world.Delay (chance.Seconds 1. (6. * hours)) never
                do! deliver updates
        })

    let customers =
        Array.init plan.Customers (fun index -> {
            Person = {
                BusinessScopedId = Some $"ES.%d{index}"
                Phone = if index % 3 = 0 then None else Some $"3460000%04d{index}"
                Name = Some "Ana"
            }
            Offered = []
            Written = []
        })

    let arrived (arrival: Arrival) =
        customers
        |> Array.tryFind (fun customer ->
            customer.Person.BusinessScopedId = arrival.Recipient.BusinessScopedId)
        |> Option.iter (fun customer -> see customer arrival.Message)

        let status name =
            StatusCame(channel, arrival.Id, name, Some(CommandKey.text arrival.Key), world.Now())

        // The first comes soon; the others when they like, in any order.
        deliverSoon 0.1 8. [ status (chance.OneOf [ Sent; Delivered ]) ]
        deliverSoon 0.1 600. [ status Delivered; status Sent ]

        if chance.Happens 0.7 then
            deliverSoon 1. hours [ status Read ]

    /// As if the customer's last message were a day old, which it would seldom be here.
    let tooLate (key: CommandKey) =
        if chance.Happens 0.5 then
            RefusesMessage(131047, "the customer has to write first")
        else
            let id = MessageId("wamid.vain." + world.NewId().ToString "N")
            let failed = Failed(131047, "Re-engagement message")
            refusedLate.Add key |> ignore

            deliverSoon 0.1 20. [ StatusCame(channel, id, failed, Some(CommandKey.text key), world.Now()) ]

            AcceptsInVain id

    let messageFate (key: CommandKey) =
        if happens 0.03 then
            silent.Add key.Session.Customer |> ignore

        if isAway whatsAppAway then
            chance.OneOf [ LosesRequest; StopsChannel(190, "token"); LosesRequest ]
        elif silent.Contains key.Session.Customer then
            tooLate key
        elif happens 0.04 then
            LosesAnswer
        elif happens 0.04 then
            LosesRequest
        elif happens 0.04 then
            PutsOff(chance.OneOf [ None; Some(TimeSpan.FromSeconds 20.) ])
        elif happens 0.01 then
            RefusesMessage(131026, "undeliverable")
        else
            Arrives

    let whatsApp =
        MemoryWhatsApp.create world (fun () -> chance.Seconds 0.05 2.) messageFate arrived

    // A desk that has refused a ticket once refuses it always, and one that has taken it keeps it.
    let refuses = Dictionary<CommandKey, bool>()

    let ticketFate call =
        let refused =
            match call with
            | Notes _
            | Attaches _ -> false
            | Finds _ -> happens 0.02
            | Creates key ->
                match refuses.TryGetValue key with
                | true, verdict -> verdict
                | false, _ ->
                    refuses[key] <- happens 0.08
                    refuses[key]

        if isAway ticketsAway || happens 0.04 then IsDown
        elif refused then RefusesCall "ValidationError"
        elif happens 0.05 then LosesItsAnswer
        else Serves

    let tickets =
        MemoryTickets.create world (fun () -> chance.Seconds 0.05 3.) ticketFate

    /// Why a file does not come, where it does not.
    let fileFate (_: FileRequest) =
        if happens 0.1 then
            Some(FetchAgain(None, "the files in memory are set to fail"))
        elif happens 0.05 then
            Some(FetchHeldBack(TimeSpan.FromMinutes 1., "the files in memory are set to wait"))
        elif happens 0.05 then
            Some(WillNeverCome FileGone)
        else
            None

    let assistant isDown =
        MemoryAssistant.create world (fun () -> chance.Seconds 0.3 10.) isDown (answer chance)

    /// No customer is asked by two templates to write without having written between.
    let sendTemplate (claimed: ClaimedCommand) (cancel: CancellationToken) : Task<SendOutcome> = task {
        do! world.Delay (chance.Seconds 0.05 2.) cancel
        let customer = claimed.Command.Key.Session.Customer

        if chance.Happens 0.2 then
            return RetryLater(None, "put off")
        else
            let count = timesIn asked customer + 1
            asked[customer] <- count

            if count > timesIn heard customer then
                broken.Add $"%A{customer} is asked by a template more often than he has written"

            return chance.OneOf [ Accepted(MessageId "wamid.template"); OutcomeUnknown "no answer" ]
    }

    let number: Interpreter.NumberServices = {
        Render = Phrases.render (book.Force()) business
        RenderText = Phrases.renderText (book.Force()) business
        Assistant = assistant (fun () -> isAway assistantAway)
        StandIn = assistant (fun () -> false)
        Tickets = tickets.Port
    }

    let services: Interpreter.Services = {
        World = world
        WhatsApp = whatsApp.Port
        For = fun _ -> Some number
        Files = MemoryFiles.create world (fun () -> chance.Seconds 0.1 20.) fileFate
        ReadStream = store.Port.ReadStream
        ReadThread = (Threads.create 50 store.Port.ReadStream).Read
        Said = store.Port.Said
        SafetyIdentifier = fun (CustomerId id) -> "safe-" + id
        Retry = Interpreter.defaultRetry
    }

    let reception =
        Reception.always
            {
                Quiet = TimeSpan.FromSeconds(if plan.Seed % 2 = 0 then 2. else 0.)
                Idle = TimeSpan.FromMinutes 30.
            }
            Spanish

    let lateTemplate =
        if plan.Seed % 2 = 0 then
            Some(LateTemplate.create world store.Port sendTemplate)
        else
            None

    let startNode index =
        nodes[index] <- SimulatedNode.start world store.Port services lateTemplate reception

    let write index (customer: Customer) =
        let message = MessageId $"wamid.%d{index}.%d{written.Count}"
        let fact = act chance customer message
        written.Add message

        customer.Person.BusinessScopedId
        |> Option.iter (fun id ->
            let id = CustomerId id
            silent.Remove id |> ignore
            heard[id] <- timesIn heard id + 1)

        let now = world.Now()
        let sentAt = now.AddTicks -(now.Ticks % TimeSpan.TicksPerSecond)
        let (MessageId id) = message
        let most = if chance.Happens 0.05 then 120. else 4.
        deliverSoon 0.1 most [ CustomerDid(channel, customer.Person, id, sentAt, fact) ]

    let until = start + plan.Length

    let live index (customer: Customer) () : Task = task {
        while world.Now() < until do
            do! world.Delay (chance.Seconds 0. (8. * hours)) never

            for _ in 1 .. int (chance.Between 1. 20.) do
                if world.Now() < until then
                    write index customer
                    let most = if chance.Happens 0.03 then hours else 90.
                    do! world.Delay (chance.Seconds 0.2 most) never
    }

    /// Nodes crash, or are stopped in an orderly way, and are started again after a while.
    let disturb index () : Task = task {
        while world.Now() < until do
            do! world.Delay (chance.Seconds 60. (6. * hours)) never

            if chance.Happens 0.7 then
                nodes[index].Crash()
            else
                do! nodes[index].Stop()

            do! world.Delay (chance.Seconds 1. 600.) never
            startNode index
    }

    /// Looks in now and then: nothing that is waited for is forgotten, and no try of a command, which takes
    /// seconds, is still leased ten minutes later.
    let watch () : Task = task {
        let mutable held = Set.empty

        while world.Now() < until do
            do! world.Delay (chance.Seconds 600. 5400.) never
            let contents = store.Look()
            broken.AddRange(forgotten contents)

            let leased =
                contents.Open
                |> List.filter (fun command -> command.State = Running && command.Wake > world.Now())
                |> List.map (fun command -> CommandKey.text command.Command.Key, command.Attempts)
                |> Set.ofList

            for key, attempt in Set.intersect leased held do
                broken.Add $"try %d{attempt} of %s{key} is leased and nobody runs it"

            held <- leased
    }

    let isQuiet () =
        let contents = store.Look()

        underWay.Value = 0
        && contents.Waiting.IsEmpty
        && contents.Open |> List.forall (fun command -> command.State = Awaiting)
        && contents.Timers.IsEmpty

    let body () : Task = task {
        for index in 0 .. plan.Nodes - 1 do
            startNode index
            beside (disturb index)

        customers |> Array.iteri (fun index customer -> beside (live index customer))
        beside watch
        do! world.Delay plan.Length never
        calm.Value <- true
        let patience = until.AddDays 3.

        while not (isQuiet ()) && world.Now() < patience do
            do! world.Delay (TimeSpan.FromMinutes 10.) never

        if not (isQuiet ()) then
            let contents = store.Look()
            broken.Add $"it does not become quiet: %d{underWay.Value} under way, %A{contents.Open} open"
            broken.Add $"%A{contents.Waiting} waiting, %A{contents.Timers} timers"

        broken.AddRange(forgotten (store.Look()))

        for node in nodes do
            do! node.Stop()
    }

    virtualWorld.Run body

    {
        Contents = store.Look()
        Accounting = store.Port.Accounting().Result
        Arrivals = whatsApp.Arrivals()
        Tickets = tickets.Tickets()
        Written = List.ofSeq written
        Silent = Set.ofSeq silent
        RefusedLate = Set.ofSeq refusedLate
        StatusTaken = statusTaken |> Seq.map (|KeyValue|) |> Map.ofSeq
        Broken = List.ofSeq broken
        Ended = world.Now()
    }
