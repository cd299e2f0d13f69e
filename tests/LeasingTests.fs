/// What a node takes on at once: the sharing out, and what both stores make of it.
module FunctionalBot.Tests.LeasingTests

open System
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open FSharp.Reflection
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes

let private lookUp =
    LookUpTickets {
        Id = CustomerId "ES.1"
        Phone = None
        Name = None
    }

let private actions = [|
    say "hola"
    MarkRead(MessageId "wamid.1")
    lookUp
    SetTimer(IdleTimer, DateTimeOffset.UnixEpoch)
|]

/// Decided commands out of numbers: customers with a few commands each, some of whom are being spoken to.
let private decidedOf (numbers: int list list) : DecidedCommands list =
    numbers
    |> List.mapi (fun index numbers ->
        let customer = CustomerId(string index)

        let session: SessionId = {
            Channel = "whatsapp-1"
            Customer = customer
            Ordinal = 1
        }

        {
            Customer = {
                Channel = "whatsapp-1"
                Customer = customer
            }
            Speaking = numbers.Length % 3 = 2
            Commands =
                numbers
                |> List.mapi (fun ordinal number -> {
                    Key = {
                        Session = session
                        Version = 1L
                        Ordinal = ordinal
                    }
                    Action = actions[abs number % actions.Length]
                })
        })

let private holds (law: Map<Service, int> -> DecidedCommands list -> Leasing -> bool) =
    let property messages assisting (numbers: int list list) =
        let room = Map [ Messaging, abs messages % 7; Ticketing, abs assisting % 3 ]
        let decided = decidedOf numbers
        law room decided (Leasing.choose room decided)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 1000, property)

let private isLeased (leasing: Leasing) (command: Command) = leasing.Leased.Contains command.Key

[<Fact>]
let ``no service is given more than it has room for`` () =
    holds (fun room decided leasing ->
        decided
        |> List.collect _.Commands
        |> List.filter (isLeased leasing)
        |> List.countBy (fun command -> Service.ofAction command.Action)
        |> List.forall (function
            | Some service, count -> count <= (room.TryFind service |> Option.defaultValue 0)
            | None, _ -> false))

[<Fact>]
let ``of what a customer is told only the first is leased, and nothing while something is open`` () =
    holds (fun _ decided leasing ->
        decided
        |> List.forall (fun customer ->
            let said = customer.Commands |> List.filter _.Action.IsSay

            match said with
            | first :: others ->
                others |> List.forall (isLeased leasing >> not)
                && not (customer.Speaking && isLeased leasing first)
            | [] -> true))

[<Fact>]
let ``whatever is not leased is told to be behind or too much`` () =
    holds (fun _ decided leasing ->
        decided
        |> List.forall (fun customer ->
            customer.Commands
            |> List.forall (fun command ->
                match Service.ofAction command.Action with
                | None -> true
                | Some service ->
                    isLeased leasing command
                    || leasing.Full.Contains service
                    || (command.Action.IsSay && List.contains customer.Customer leasing.Behind))))

let private idText (CustomerId text) = text

let private lease = TimeSpan.FromSeconds 30.

let private advance stage room customers decide =
    stage.Store.Advance
        {
            Results = []
            Known = customers
            Most = 10
            Room = room
            Lease = lease
        }
        decide

let private whole = Map [ Messaging, 10; Assisting, 10; Ticketing, 10 ]

let private deliver stage customer id =
    stage.Store.Receive [ bodyOf stage.Clock.Value [ textFrom customer id stage.Clock.Value "hola" ] ]

let private claim stage service =
    stage.Store.Claim service 100 stage.Clock.Value lease

let private actionsOf (claimed: ClaimedCommand list) = claimed |> List.map _.Command.Action

let private leasesAtOnce stage : Task = task {
    let! woken = deliver stage "ES.1" "w1"
    Assert.Single woken |> ignore
    let asked = [ say "uno"; say "dos"; lookUp ]

    let! advanced =
        advance stage whole woken (decideWith stage.Clock.Value (fun _ -> asked))

    Assert.Equal<Action list>([ say "uno"; lookUp ], actionsOf advanced.Leased)
    Assert.Equal<CustomerKey list>(woken, advanced.Behind)
    Assert.Equal<int list>([ 1; 1 ], advanced.Leased |> List.map _.Attempt)
    Assert.Equal(1, advanced.Ended)
    Assert.Single advanced.Events |> ignore

    // They are leased: nobody else is given them, and nothing overtakes.
    let! none = claim stage Messaging
    Assert.Empty none
    let! none = claim stage Ticketing
    Assert.Empty none

    let! recorded =
        stage.Store.Record [ for command in advanced.Leased -> command, Done None ] stage.Clock.Value

    Assert.Equal(2, recorded)
    let! next = claim stage Messaging
    Assert.Equal<Action list>([ say "dos" ], actionsOf next)
    Assert.Equal(advanced.Leased.Head.Recipient, next.Head.Recipient)
}

let private saysNothingBesideWhatIsOpen stage : Task = task {
    let! woken = deliver stage "ES.1" "w1"

    let decide text =
        decideWith stage.Clock.Value (fun _ -> [ say text ])

    let! first = advance stage whole woken (decide "uno")
    let! woken = deliver stage "ES.1" "w2"
    let! second = advance stage whole woken (decide "dos")
    Assert.Equal<Action list>([ say "uno" ], actionsOf first.Leased)
    Assert.Empty second.Leased
    Assert.Equal<CustomerKey list>(woken, second.Behind)
}

let private leavesToOthersWhatItHasNoRoomFor stage : Task = task {
    let! woken = deliver stage "ES.1" "w1"
    let asked = [ MarkRead(MessageId "w1"); lookUp ]
    let little = Map [ Ticketing, 1 ]

    let! advanced =
        advance stage little woken (decideWith stage.Clock.Value (fun _ -> asked))

    Assert.Equal<Action list>([ lookUp ], actionsOf advanced.Leased)
    Assert.Equal<Set<Service>>(Set [ Messaging ], advanced.Full)
    let! claimed = claim stage Messaging
    Assert.Equal<Action list>([ MarkRead(MessageId "w1") ], actionsOf claimed)
}

let private looksOnlyAtWhomItKnows stage : Task = task {
    let! one = deliver stage "ES.1" "w1"
    let! two = deliver stage "ES.2" "w2"
    let decide = decideWith stage.Clock.Value (fun _ -> [])

    let stranger: CustomerKey = {
        Channel = channel
        Customer = CustomerId "ES.nobody"
    }

    let! known = advance stage whole (stranger :: two @ two) decide
    Assert.Equal<string list>([ "ES.2" ], [ for event in known.Events -> idText event.Session.Customer ])
    let! again = advance stage whole two decide
    Assert.Equal(0, again.Ended)
    let! searched = advance stage whole [] decide
    Assert.Equal<string list>([ "ES.1" ], [ for event in searched.Events -> idText event.Session.Customer ])
    Assert.Equal<string list>([ "ES.1" ], [ for customer in one -> idText customer.Customer ])
}

let private takesBackWhatALostNodeHad stage : Task = task {
    let! woken = deliver stage "ES.1" "w1"

    let! lost =
        advance stage whole woken (decideWith stage.Clock.Value (fun _ -> [ say "uno"; lookUp ]))

    Assert.Equal(2, lost.Leased.Length)
    stage.Clock.Value <- stage.Clock.Value.AddSeconds 31.
    let! tickets = claim stage Ticketing
    Assert.Equal<int list>([ 2 ], tickets |> List.map _.Attempt)

    // The first node wakes up: its result is of a try that is over.
    let late =
        lost.Leased |> List.filter (fun command -> not command.Command.Action.IsSay)

    let! recorded =
        stage.Store.Record [ for command in late -> command, Done None ] stage.Clock.Value

    Assert.Equal(0, recorded)

    // A send may have been sent: it waits for a status first.
    let! said = claim stage Messaging
    Assert.Empty said
    stage.Clock.Value <- stage.Clock.Value.AddMinutes 10.
    let! said = claim stage Messaging
    Assert.Equal<Action list>([ say "uno" ], actionsOf said)
}

let private inMemory scene : Task = MemoryStoreTests.inMemory scene
let private inPostgres scene : Task = MemoryStoreTests.inPostgres scene

[<Fact>]
let ``memory: commands are leased as they are decided, what is said in order`` () = inMemory leasesAtOnce

[<Fact>]
let ``memory: nothing is said beside what is open`` () = inMemory saysNothingBesideWhatIsOpen

[<Fact>]
let ``memory: what a node has no room for is left to be claimed`` () =
    inMemory leavesToOthersWhatItHasNoRoomFor

[<Fact>]
let ``memory: customers that are known of are looked at without a search`` () =
    inMemory looksOnlyAtWhomItKnows

[<Fact>]
let ``memory: what a lost node had leased is taken back, and its late result does not count`` () =
    inMemory takesBackWhatALostNodeHad

[<Fact>]
let ``PostgreSQL: commands are leased as they are decided, what is said in order`` () =
    inPostgres leasesAtOnce

[<Fact>]
let ``PostgreSQL: nothing is said beside what is open`` () = inPostgres saysNothingBesideWhatIsOpen

[<Fact>]
let ``PostgreSQL: what a node has no room for is left to be claimed`` () =
    inPostgres leavesToOthersWhatItHasNoRoomFor

[<Fact>]
let ``PostgreSQL: customers that are known of are looked at without a search`` () =
    inPostgres looksOnlyAtWhomItKnows

[<Fact>]
let ``PostgreSQL: who is held by another worker is told, and who has nothing waiting is not`` () : Task = task {
    use! bench = startBench ()

    let stage = {
        Store = bench.Store
        Clock = bench.Clock
    }

    let! one = deliver stage "ES.1" "w1"
    let! two = deliver stage "ES.2" "w2"
    use source = Npgsql.NpgsqlDataSource.Create bench.Database.ConnectionString
    use! connection = source.OpenConnectionAsync()
    use! transaction = connection.BeginTransactionAsync()

    use hold =
        new Npgsql.NpgsqlCommand(
            "SELECT 1 FROM bot.contact WHERE customer = 'ES.1' FOR UPDATE",
            connection,
            transaction
        )

    let! _ = hold.ExecuteScalarAsync()
    let decide = decideWith stage.Clock.Value (fun _ -> [])
    let! both = advance stage whole (one @ two) decide
    Assert.Equal(1, both.Ended)
    Assert.Equal<CustomerKey list>(one, both.Busy)
    let! alone = advance stage whole (one @ two) decide
    Assert.Equal(0, alone.Ended)
    Assert.Equal<CustomerKey list>(one, alone.Busy)
    do! transaction.RollbackAsync()
    let! free = advance stage whole one decide
    Assert.Equal(1, free.Ended)
    Assert.Empty free.Busy
}

[<Fact>]
let ``PostgreSQL: what a lost node had leased is taken back, and its late result does not count`` () =
    inPostgres takesBackWhatALostNodeHad

[<Fact>]
let ``every action that is queued has its kind and its workers in the table of kinds`` () =
    let emptyOf (case: UnionCaseInfo) =
        let fields =
            case.GetFields()
            |> Array.map (fun field ->
                if field.PropertyType.IsValueType then
                    Activator.CreateInstance field.PropertyType
                else
                    null)

        unbox<Action>(FSharpValue.MakeUnion(case, fields))

    let found =
        FSharpType.GetUnionCases typeof<Action>
        |> Array.toList
        |> List.map emptyOf
        |> List.choose (fun action ->
            Service.ofAction action
            |> Option.map (fun service -> CommandKind.ofAction action, service))

    Assert.Equal<(string * Service) list>(List.sort CommandKind.queued, List.sort found)

    Assert.Equal<Service option list>(
        List.map Some Service.all,
        Service.all |> List.map (Service.name >> Service.named)
    )
