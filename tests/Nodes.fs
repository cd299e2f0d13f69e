/// Several nodes of the bot on one database, behind one door: the real program, one process each.
module FunctionalBot.Tests.Nodes

open System
open System.Diagnostics
open System.Threading.Tasks
open Npgsql
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Tests.Door
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StoreFixture

/// These tests start many processes: they run after all others, one at a time.
[<Literal>]
let collection = "several nodes"

[<CollectionDefinition(collection, DisableParallelization = true)>]
type SeveralNodes() = class end

/// One node.
[<NoComparison; NoEquality>]
type Node = {
    /// The version in its Graph API address, by which the emulator's journal tells the nodes apart.
    Name: string
    Address: Uri
    Bot: BotProcess
}

/// A stage with a door and no node yet.
[<NoComparison; NoEquality>]
type Theatre = { Stage: Stage; Door: Door }

/// Invented people; half of them have a number only, as WhatsApp's customers have it.
let crowd (count: int) : WhatsApp.Customer list = [
    for number in 1..count do
        let userId =
            if number % 2 = 0 then
                Some $"ES.9000000000%06d{number}"
            else
                None

        WhatsApp.Customer.create $"c%04d{number}" $"Cliente %d{number}" (Some $"34600%06d{number}") userId
]

/// How often each test is played, each time with a seed of its own (BOT_NODES_RUNS; 1 where it is not set).
let private runs () =
    match Environment.GetEnvironmentVariable "BOT_NODES_RUNS" with
    | null
    | "" -> 1
    | text -> int text

/// The seed of the first run (BOT_NODES_SEED), if one is to be played again.
let private firstSeed () =
    match Environment.GetEnvironmentVariable "BOT_NODES_SEED" with
    | null
    | "" -> Random.Shared.Next()
    | text -> int text

/// Plays as often as asked for. The seed is written with the test's output, and with its failure.
let seeded (play: Random -> Task) : Task = task {
    for seed in Seq.init (runs ()) (fun run -> firstSeed () + run) do
        match TestContext.Current.TestOutputHelper with
        | null -> ()
        | output -> output.WriteLine $"BOT_NODES_SEED=%d{seed}"

        try
            do! play (Random seed)
        with fault when not (fault.GetType().Name.Contains "Skip") ->
            raise (Exception($"With BOT_NODES_SEED=%d{seed}: %s{fault.Message}", fault))
}

/// Settings of every node: each text is a turn, the assistant answers at once with the customer's words, and
/// what a lost node held is taken over soon.
let private pace = [
    "BOT_ASSISTANT", "echo"
    "BOT_QUIET_MS", "0"
    "BOT_LEASE_SECONDS", "2"
    "BOT_UNKNOWN_WAIT_SECONDS", "3"
]

/// Webhooks that are under way at the same time, at most.
let connections = 64

/// Plays with these customers on the database, behind a door.
let onNodesOf (customers: WhatsApp.Customer list) (database: Database) (play: Theatre -> Task<unit>) : Task =
    let adjust (settings: WhatsApp.Settings) = {
        settings with
            Customers = customers
            Connections = connections
            JournalLimit = 20_000
    }

    onStageWith adjust database (fun stage -> task {
        let! door = openAt stage.BotAddress.Port

        try
            do! play { Stage = stage; Door = door }
        finally
            door.Stop().GetAwaiter().GetResult()
    })

/// Plays with so many customers on a database of its own, behind a door.
let onNodes (count: int) (play: Theatre -> Task<unit>) : Task = task {
    let! database = createDatabase ()
    do! onNodesOf (crowd count) database play
}

/// Starts a node, with settings over those of all nodes, without opening the door to it.
let startNodeOutside (name: string) (settings: (string * string) list) (theatre: Theatre) : Task<Node> = task {
    let address = Uri $"http://127.0.0.1:%d{freePort ()}"
    let graph = Uri(theatre.Stage.WhatsApp.Address, "/" + name).ToString()

    // As in production, and not as where a test looks at tables.
    let database =
        NpgsqlConnectionStringBuilder(theatre.Stage.Database.ConnectionString, Pooling = true)
            .ConnectionString

    // The last of two with the same name counts.
    let own = [
        "DATABASE_URL", database
        "WHATSAPP_GRAPH_URL", graph
        "BOT_LOGS", IO.Path.Combine(theatre.Stage.Folder, "logs-" + name)
    ]

    let! bot = startBotAt address (pace @ own @ settings) theatre.Stage

    return {
        Name = name
        Address = address
        Bot = bot
    }
}

/// Lets requests through to the node.
let openTo (node: Node) (theatre: Theatre) =
    theatre.Door.Nodes.Value <- theatre.Door.Nodes.Value @ [ node.Address ]

/// Lets no more requests through to the node.
let closeTo (node: Node) (theatre: Theatre) =
    theatre.Door.Nodes.Value <-
        theatre.Door.Nodes.Value |> List.filter (fun address -> address <> node.Address)

/// Starts nodes side by side and opens the door to them.
let startNodes (count: int) (settings: (string * string) list) (theatre: Theatre) : Task<Node list> = task {
    let! nodes =
        Task.WhenAll [
            for number in 1..count -> startNodeOutside $"v1%d{number}.0" settings theatre
        ]

    for node in nodes do
        openTo node theatre

    return List.ofArray nodes
}

let private signal (name: string) (node: Node) : Task = task {
    use kill = Process.Start("kill", [ "-" + name; string node.Bot.Process.Id ])
    do! kill.WaitForExitAsync()
    Assert.Equal(0, kill.ExitCode)
}

/// Stops every thread of the node, as a frozen machine does. Nothing of it runs until `wake`.
let pause (node: Node) : Task = signal "STOP" node

/// Lets a paused node go on where it was.
let wake (node: Node) : Task = signal "CONT" node

/// How many messages this node has sent that the emulator answered 200.
let sentBy (node: Node) (theatre: Theatre) : int =
    theatre.Stage.WhatsApp.Requests()
    |> List.filter (fun request ->
        request.Path.StartsWith("/" + node.Name + "/")
        && request.Path.EndsWith "/messages"
        && request.Status = 200)
    |> List.length
