/// The store in memory and the one in PostgreSQL live through the same random histories and agree on everything that
/// they tell: whom they decide for and on what, what they hand out and to which address, and all counts.
module FunctionalBot.Tests.StoreAgreementTests

open System
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes
open FunctionalBot.Tests.OperationScenes
open FunctionalBot.Tests.PeopleScenes
open FunctionalBot.Tests.PeopleStages
open FunctionalBot.Tests.PeopleLives

/// One thing that happens to both stores. Numbers choose among what there is then.
type private Step =
    | Arrives of ReceivedBody
    | Decides
    | Works of Service * outcomes: int list
    | IsTold of DeliveryStatus * command: int
    | IsChanged of ContactChange * customer: int
    | Passes of TimeSpan

/// Two people, of whom the second has numbers that the first had or has: who is who then is often a guess, and both
/// stores must make the same.
let private peopleOf channel : Gen<Update list> = gen {
    let! first = lives channel
    let! second = lives channel

    let another (person: Person) = {
        person with
            BusinessScopedId = person.BusinessScopedId |> Option.map (fun id -> id + "b")
    }

    let ofSecond update =
        match update with
        | CustomerDid(channel, person, id, at, fact) ->
            CustomerDid(channel, another person, id + "b", at, fact)
        | PersonMoved(channel, move, id, at) ->
            PersonMoved(
                channel,
                {
                    Before = another move.Before
                    After = another move.After
                },
                id + "b",
                at
            )
        | other -> other

    let! mixed = Gen.shuffle (first.Updates @ List.map ofSecond second.Updates)
    return List.ofArray mixed
}

/// What customers write; each text asks for something else.
let private texts = [
    "hola"
    "baja"
    "alta"
    "¿qué horario tenéis?"
    "mis tickets"
    "quiero hablar con una persona"
    "La taladradora no enciende"
    "abrir ticket"
    "adiós"
]

let private saying words update =
    match update with
    | CustomerDid(channel, person, id, at, TextReceived text) ->
        CustomerDid(channel, person, id, at, TextReceived { text with Text = words })
    | other -> other

let private stepBetween: Gen<Step> =
    Gen.frequency [
        4, Gen.constant Decides
        3,
        Gen.zip
            (Gen.elements [ Messaging; Messaging; Assisting; Ticketing ])
            (Gen.listOfLength 5 (Gen.choose (0, 5)))
        |> Gen.map Works
        1,
        Gen.zip
            (Gen.elements [ Delivered; Failed(131026, "undeliverable"); Failed(131047, "too late") ])
            (Gen.choose (0, 1000))
        |> Gen.map IsTold
        1,
        Gen.zip (Gen.elements [ Block; Unblock; OptOut; OptIn ]) (Gen.choose (0, 1000))
        |> Gen.map IsChanged
        2, Gen.choose (1, 45) |> Gen.map (float >> TimeSpan.FromMinutes >> Passes)
    ]

/// Everything arrives after the last of it was sent.
let private history channel : Gen<Step list> = gen {
    let! updates = peopleOf channel

    let! steps =
        updates
        |> List.map (fun update -> gen {
            let! words = Gen.elements texts
            let! count = Gen.choose (0, 3)
            let! between = Gen.listOfLength count stepBetween
            return Arrives(bodyOf longAfter [ saying words update ]) :: between
        })
        |> Gen.sequenceToList

    return List.concat steps @ [ Decides; Works(Messaging, [ 0 ]); Decides ]
}

/// What a store tells of a decision that it asks for.
let private toldOf (work: CustomerWork) =
    let nameOf (session: Session) =
        SessionId.text session.Id, session.Version

    (work.Channel, work.Customer, work.Language, work.OptedOut, work.Blocked),
    work.Current |> Option.map nameOf,
    work.Others.Values |> Seq.map nameOf |> List.ofSeq,
    work.Entries |> List.map (fun entry -> entry.Source, entry.SourceId, entry.At)

/// What a store tells of a command that it hands out: its place is its own, and only of speech it must know when the
/// customer was heard.
let private handed (claimed: ClaimedCommand) = {
    claimed with
        Place = 0L
        LastHeard =
            if claimed.Command.Action.IsSay then
                claimed.LastHeard
            else
                None
}

/// What becomes of a command, by a number.
let private outcomeOf (now: DateTimeOffset) (claimed: ClaimedCommand) number : CommandResult =
    let key = claimed.Command.Key

    match claimed.Command.Action, number with
    | _, 1 -> RunAgain(now.AddMinutes 1., "busy", None)
    | _, 2 -> PutOff(now.AddMinutes 2., "held back")
    | Say _, 3 -> Parked(now.AddMinutes 3., "no answer")
    | Say _, 4 -> AwaitCustomer "too late"
    | action, 5 -> GivenUp("refused", Interpreter.outcomeOfFault { Key = key; Action = action } "refused")
    | AskAssistant question, _ -> Done(Some(AssistantFailed(question.Turn, question.Assistant, "away")))
    | CreateTicket _, _ -> Done(Some(TicketCreated(key, { Id = 7L; Number = "HT7" })))
    | LookUpTickets _, _ -> Done(Some(TicketsFound(key, [])))
    | _ -> Done None

/// A store, and what it told last.
[<NoComparison; NoEquality>]
type private Player = {
    People: PeopleStage
    /// The customers whom it decided for, in the order of their names.
    mutable Known: CustomerKey list
    /// What it handed out, in the order of the keys.
    mutable Claimed: ClaimedCommand list
}

let private choose number (all: 'thing list) =
    match all with
    | [] -> None
    | all -> Some all[number % all.Length]

/// Does one step; what came of it, as far as both stores must agree.
let private act (player: Player) (step: Step) : Task<string> = task {
    let store, clock = player.People.Stage.Store, player.People.Stage.Clock
    let now = clock.Value

    match step with
    | Passes span ->
        clock.Value <- now + span
        let! fired = store.FireTimers 1000 clock.Value
        return $"%A{List.sort fired}"
    | Arrives body ->
        let! waiting = store.Receive [ { body with At = now } ]
        return $"%A{List.sort waiting}"
    | IsTold(status, number) ->
        match choose number player.Claimed with
        | None -> return ""
        | Some claimed ->
            let callback = CommandKey.text claimed.Command.Key
            let message = MessageId("wamid." + callback)

            do!
                store.Deliver [
                    bodyOf now [
                        StatusCame(claimed.Command.Key.Session.Channel, message, status, Some callback, now)
                    ]
                ]

            return ""
    | IsChanged(change, number) ->
        match choose number player.Known with
        | None -> return ""
        | Some customer ->
            do! player.People.Change customer change
            return ""
    | Decides ->
        let works = ResizeArray<CustomerWork>()
        let mutable more = true

        // One by one: what is decided for one customer of a round may concern another.
        while more do
            let! ended =
                store.Decide 1 (fun work ->
                    works.Add work
                    decideAt now work)

            more <- ended > 0

        let keyOf (work: CustomerWork) : CustomerKey = {
            Channel = work.Channel
            Customer = work.Customer.Id
        }

        player.Known <-
            player.Known @ (works |> Seq.map keyOf |> List.ofSeq)
            |> List.distinct
            |> List.sort

        return $"%A{works |> Seq.map toldOf |> Seq.sort |> List.ofSeq}"
    | Works(service, outcomes) ->
        let! claimed = store.Claim service 1000 now lease

        let claimed =
            claimed |> List.sortBy (fun command -> CommandKey.text command.Command.Key)

        player.Claimed <- player.Claimed @ claimed |> List.distinctBy _.Command.Key

        let results =
            claimed
            |> List.mapi (fun index command ->
                command, outcomeOf now command outcomes[index % outcomes.Length])
            |> List.sortBy (fun (command, _) -> command.Place)

        let! recorded = store.Record results now
        return $"%d{recorded} %A{claimed |> List.map handed}"
}

let private playBoth (memory: Player) (postgres: Player) number (steps: Step list) : Task = task {
    for place, step in List.indexed steps do
        let! expected = act memory step
        let! found = act postgres step

        Assert.True(
            (expected = found),
            $"history %d{number}, step %d{place}: %A{step}\nmemory: %s{expected}\nPostgreSQL: %s{found}"
        )

        let! expected = memory.People.Stage.Store.Accounting()
        let! found = postgres.People.Stage.Store.Accounting()

        Assert.True(
            (expected = found),
            $"history %d{number}, step %d{place}: %A{step}\nmemory: %A{expected}\nPostgreSQL: %A{found}"
        )
}

[<Fact>]
let ``whatever happens to customers and commands, the store in memory and PostgreSQL tell the same``
    ()
    : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    bench.Now <- longAfter

    // The same ids are known at all of these channels.
    let change (customer: CustomerKey) change : Task = task {
        let (CustomerId key) = customer.Customer

        let! number =
            bench.Database.Cell
                $"SELECT number FROM bot.contact WHERE channel = '%s{customer.Channel}' AND customer = '%s{key}'"

        match! operations.ChangeContact request (ByContactNumber(int64 number)) change with
        | Changed _
        | Unchanged _ -> ()
        | other -> failwith $"%A{other}"
    }

    let postgres = {
        People = {
            Stage = storeOf bench
            Change = change
        }
        Known = []
        Claimed = []
    }

    let memory = {
        People = inMemory ()
        Known = []
        Claimed = []
    }

    memory.People.Stage.Clock.Value <- longAfter

    for number in 1..20 do
        let steps =
            history $"whatsapp-%d{number}"
            |> Gen.sampleWithSeed (Rnd(uint64 (900 + number))) 10 1
            |> Seq.head

        do! playBoth memory postgres number steps

    do! expectSound operations
    do! operations.Close()
}
