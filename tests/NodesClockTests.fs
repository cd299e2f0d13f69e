/// Nodes whose clocks are wrong by minutes work together all the same.
[<Xunit.Collection(FunctionalBot.Tests.Nodes.collection)>]
module FunctionalBot.Tests.NodesClockTests

open System
open System.IO
open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.Nodes
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageLooks
open FunctionalBot.Tests.Talk

/// Minutes by which the clock is wrong: far more than any lease or wait of these tests.
let private wrongBy (minutes: int) = [
    "BOT_TEST_SWITCHES", "allowed"
    "BOT_CLOCK_OFFSET_SECONDS", string (minutes * 60)
]

[<Fact>]
let ``what a node that is ahead has queued and set is done by the others in time`` () : Task =
    seeded (fun _ ->
        onNodes 4 (fun theatre -> task {
            // It waits for a burst to end, and dies before it does.
            let! ahead =
                startNodeOutside "v21.0" (("BOT_QUIET_MS", "1000") :: wrongBy 30) theatre

            openTo ahead theatre

            for customer in crowd 4 do
                write customer.Id (question customer.Id 1) theatre

            let! _ =
                eventually "the timers" (fun () -> task {
                    match!
                        theatre.Stage.Database.Cell
                            "SELECT count(*) FROM bot.timer WHERE name LIKE 'quiet%'"
                    with
                    | "4" -> return Some()
                    | _ -> return None
                })

            do! ahead.Bot.Kill()
            let! _ = startNodes 1 [] theatre

            for customer in crowd 4 do
                let! _ = hear customer.Id 1 theatre
                ()

            let each = Map [ for customer in crowd 4 -> customer.Id, 1 ]
            do! Audit.look { nothing with Answers = each } theatre
        }))

/// A send takes longer than these nodes look around, and no status tells of it: whoever takes the lease for run
/// out sends it again. Meanwhile something happens to the nodes' clocks.
let private doesNotSendTwice
    (settings: (string * string) list)
    (others: (string * string) list)
    (meanwhile: unit -> unit)
    : Task =
    seeded (fun _ ->
        onNodes 1 (fun theatre -> task {
            let! _ =
                whatsAppFaults """{"answerDelay": 4000, "statuses": "dropped"}""" theatre.Stage

            let! sender = startNodeOutside "v21.0" settings theatre
            openTo sender theatre
            let! other = startNodeOutside "v22.0" others theatre
            write "c0001" (question "c0001" 1) theatre
            let! _ = hear "c0001" 1 theatre
            meanwhile ()
            // Before its wait is over, the answer has come, if nobody meddles.
            do! quiet theatre.Stage
            openTo other theatre

            let! attempts =
                theatre.Stage.Database.Rows "SELECT reason FROM bot.command_end WHERE attempts > 1"

            Assert.Empty attempts
            // The session's idle time is half an hour, and was not over.
            let! idle =
                theatre.Stage.Database.Cell "SELECT count(*) FROM bot.timer WHERE name = 'idle'"

            Assert.Equal("1", idle)
            do! Audit.look (answered "c0001" 1) theatre
        }))

/// A node that gets such a clock, and whatever sets it wrong by so many minutes while the node works.
let private jumping (minutes: int) (play: (string * string) list -> (unit -> unit) -> Task) : Task = task {
    let file =
        Path.Combine(Path.GetTempPath(), "functionalbot-clock-" + Path.GetRandomFileName())

    let jump () =
        // In one step, so that the node never reads half a number.
        File.WriteAllText(file + ".new", string (minutes * 60))
        File.Move(file + ".new", file)

    try
        do! play [ "BOT_TEST_SWITCHES", "allowed"; "BOT_CLOCK_OFFSET_FILE", file ] jump
    finally
        File.Delete file
}

[<Fact>]
let ``a node whose clock jumps ahead takes no lease that has not run out, and fires no timer`` () : Task =
    jumping 40 (fun other jump -> doesNotSendTwice [] other jump)

[<Fact>]
let ``a node whose clock is behind, and jumps back further, keeps the leases that it has`` () : Task =
    jumping -40 (fun sender jump -> doesNotSendTwice (sender @ wrongBy -30) [] jump)

[<Fact>]
let ``switches that do harm are refused where nobody allowed tests`` () : Task =
    onNodes 1 (fun theatre -> task {
        let environment =
            theatre.Stage.Environment
            |> Map.add "BOT_CLOCK_OFFSET_SECONDS" "600"
            |> Map.add "BOT_CRASH_AT" "stored"

        let bot = launch environment theatre.Stage.Folder [ "serve" ]
        do! bot.Process.WaitForExitAsync()
        bot.Process.WaitForExit()
        Assert.Equal(3, bot.Process.ExitCode)
        Assert.Contains("BOT_CLOCK_OFFSET_SECONDS", bot.Output)
        Assert.Contains("BOT_CRASH_AT", bot.Output)
    })
