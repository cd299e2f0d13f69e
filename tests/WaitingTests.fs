/// Speech that waits for its customer to write, at both stores; and the races that only PostgreSQL knows.
module FunctionalBot.Tests.WaitingTests

open System
open System.Threading.Tasks
open Npgsql
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.MemoryStoreTests
open FunctionalBot.Tests.WaitingScenes
open FunctionalBot.Tests.LateRefusalScenes

[<Fact>]
let ``memory: what is said too late waits, and goes out in order when the customer writes`` () : Task =
    inMemory waitsUntilTheCustomerWrites

[<Fact>]
let ``memory: waiting for the customer counts as no try`` () : Task = inMemory countsAsNoTry

[<Fact>]
let ``memory: what is said while something waits, waits behind it`` () : Task =
    inMemory keepsWhatIsSaidLaterBehindIt

[<Fact>]
let ``memory: of another customer nothing waits`` () : Task = inMemory othersDoNotWait

[<Fact>]
let ``memory: what the customer writes while a message is being refused lets it go`` () : Task =
    inMemory isNotMissedByWhatTheCustomerWroteMeanwhile

[<Fact>]
let ``memory: a reaction while a message is being refused lets it go`` () : Task =
    inMemory isNotMissedByWhatChangesNoSession

[<Fact>]
let ``memory: a reaction lets go what waits`` () : Task = inMemory isWokenByWhatChangesNoSession

[<Fact>]
let ``memory: a message that a status refuses is open again, and the books are right`` () : Task =
    inMemory isOpenAgainWhenAStatusRefusesIt

[<Fact>]
let ``memory: a message that a status refuses waits with what waits`` () : Task = inMemory waitsWithWhatWaits

[<Fact>]
let ``memory: a message that a late status refuses goes out at once where the customer wrote since``
    ()
    : Task =
    inMemory goesOutAgainWhereTheCustomerWroteBeforeTheStatus

[<Fact>]
let ``memory: a status that refuses ahead of the answer counts, and the answer does not`` () : Task =
    inMemory isKeptWhenTheStatusOvertakesTheAnswer

[<Fact>]
let ``memory: a message that answer and status refuse waits once`` () : Task = inMemory isRefusedTwice

[<Fact>]
let ``memory: the refusal of an earlier try sends nothing twice that is on its way`` () : Task =
    inMemory isNotSentTwiceByTheStatusOfAnEarlierTry

[<Fact>]
let ``memory: the refusal of an earlier try opens nothing that went out since`` () : Task =
    inMemory isNotOpenedByTheStatusOfAnEarlierTry

[<Fact>]
let ``memory: other statuses end what waits`` () : Task = inMemory endsByOtherStatuses

[<Fact>]
let ``memory: what waited for as long as messages are kept is given up, and the session hears of it``
    ()
    : Task =
    inMemory isGivenUpWhenTheCustomerStaysSilent

[<Fact>]
let ``memory: what waits for a contact that is merged into another is due`` () : Task =
    inMemory isDueWhenItsContactIsMerged

[<Fact>]
let ``memory: what is refused hour after hour since its contact was merged is given up like what waits``
    ()
    : Task =
    inMemory isGivenUpThoughItsContactWasMerged

[<Fact>]
let ``memory: a customer is asked by a template once between two messages`` () : Task =
    inMemory asksByTemplateOnceBetweenTwoMessages

[<Fact>]
let ``PostgreSQL: what is said too late waits, and goes out in order when the customer writes`` () : Task =
    inPostgres waitsUntilTheCustomerWrites

[<Fact>]
let ``PostgreSQL: waiting for the customer counts as no try`` () : Task = inPostgres countsAsNoTry

[<Fact>]
let ``PostgreSQL: what is said while something waits, waits behind it`` () : Task =
    inPostgres keepsWhatIsSaidLaterBehindIt

[<Fact>]
let ``PostgreSQL: of another customer nothing waits`` () : Task = inPostgres othersDoNotWait

[<Fact>]
let ``PostgreSQL: what the customer writes while a message is being refused lets it go`` () : Task =
    inPostgres isNotMissedByWhatTheCustomerWroteMeanwhile

[<Fact>]
let ``PostgreSQL: a reaction while a message is being refused lets it go`` () : Task =
    inPostgres isNotMissedByWhatChangesNoSession

[<Fact>]
let ``PostgreSQL: a reaction lets go what waits`` () : Task =
    inPostgres isWokenByWhatChangesNoSession

[<Fact>]
let ``PostgreSQL: a message that a status refuses is open again, and the books are right`` () : Task =
    inPostgres isOpenAgainWhenAStatusRefusesIt

[<Fact>]
let ``PostgreSQL: a message that a status refuses waits with what waits`` () : Task =
    inPostgres waitsWithWhatWaits

[<Fact>]
let ``PostgreSQL: a message that a late status refuses goes out at once where the customer wrote since``
    ()
    : Task =
    inPostgres goesOutAgainWhereTheCustomerWroteBeforeTheStatus

[<Fact>]
let ``PostgreSQL: a status that refuses ahead of the answer counts, and the answer does not`` () : Task =
    inPostgres isKeptWhenTheStatusOvertakesTheAnswer

[<Fact>]
let ``PostgreSQL: a message that answer and status refuse waits once`` () : Task = inPostgres isRefusedTwice

[<Fact>]
let ``PostgreSQL: the refusal of an earlier try sends nothing twice that is on its way`` () : Task =
    inPostgres isNotSentTwiceByTheStatusOfAnEarlierTry

[<Fact>]
let ``PostgreSQL: the refusal of an earlier try opens nothing that went out since`` () : Task =
    inPostgres isNotOpenedByTheStatusOfAnEarlierTry

[<Fact>]
let ``PostgreSQL: other statuses end what waits`` () : Task = inPostgres endsByOtherStatuses

[<Fact>]
let ``PostgreSQL: what waited for as long as messages are kept is given up, and the session hears of it``
    ()
    : Task =
    inPostgres isGivenUpWhenTheCustomerStaysSilent

[<Fact>]
let ``PostgreSQL: what waits for a contact that is merged into another is due`` () : Task =
    inPostgres isDueWhenItsContactIsMerged

[<Fact>]
let ``PostgreSQL: what is refused hour after hour since its contact was merged is given up like what waits``
    ()
    : Task =
    inPostgres isGivenUpThoughItsContactWasMerged

[<Fact>]
let ``PostgreSQL: a customer is asked by a template once between two messages`` () : Task =
    inPostgres asksByTemplateOnceBetweenTwoMessages

[<Fact>]
let ``memory: who opted out is not asked by a template`` () : Task = inMemory asksNobodyWhoOptedOut

[<Fact>]
let ``PostgreSQL: who opted out is not asked by a template`` () : Task = inPostgres asksNobodyWhoOptedOut

[<Fact>]
let ``who is blocked, or known by another contact now, is not asked by a template`` () : Task = task {
    use! bench = startBench ()
    do! converse bench "ES.1" "w1" "hola"

    let take () =
        bench.Store.TakeTemplate
            {
                Channel = channel
                Customer = CustomerId "ES.1"
            }
            None
            bench.Now

    for change in [ "blocked_at = now()"; "blocked_at = NULL, merged_into = 'ES.2'" ] do
        let! _ = bench.Database.Cell $"UPDATE bot.contact SET %s{change} RETURNING 1"
        let! asked = take ()
        Assert.False(asked, change)

    let! _ = bench.Database.Cell "UPDATE bot.contact SET merged_into = NULL RETURNING 1"
    let! asked = take ()
    Assert.True asked
}

/// A message of ES.1 that is claimed a day late, in a database.
let private lateMessage (bench: Bench) = task {
    do! converse bench "ES.1" "w1" "hola"
    bench.Pass(TimeSpan.FromHours 25.)
    let! found = claim bench Messaging
    return found |> List.find (fun claimed -> claimed.Command.Action.IsSay)
}

let private state (bench: Bench) (command: ClaimedCommand) =
    bench.Database.Cell
        $"SELECT coalesce((SELECT state FROM bot.outbox WHERE id = %d{command.Place}), 'ended')"

/// Holds the customer's row as a decision does, until it is told to commit.
let private holding (bench: Bench) (work: unit -> Task<'result>) : Task<'result> =
    bench.Database.Transact(fun execute -> task {
        do! execute "SELECT 1 FROM bot.contact WHERE customer = 'ES.1' FOR NO KEY UPDATE"
        let! result = work ()
        // What the decision writes: the session with the time of the message.
        do! execute "UPDATE bot.session SET last_activity = last_activity + interval '25 hours'"
        return result
    })

[<Fact>]
let ``letting a message wait stands behind a decision that is being made, and sees what was written``
    ()
    : Task = task {
    use! bench = startBench ()
    let! command = lateMessage bench

    let! recording =
        holding bench (fun () -> task {
            let recording = record bench command (AwaitCustomer "too late")

            // It is seen to wait for the lock; nothing has been changed by then.
            do! bench.Database.SomebodyWaits(fun () -> recording.IsCompleted)
            let! standing = state bench command
            Assert.Equal("running", standing)
            return recording
        })

    let! recorded = recording
    Assert.Equal(1, recorded)
    let! standing = state bench command
    Assert.Equal("ready", standing)
}

[<Fact>]
let ``a decision passes by a customer for whom something is being let wait, and wakes it after that``
    ()
    : Task = task {
    use! bench = startBench ()
    let! command = lateMessage bench
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "w2" bench.Now "hola" ] ]
    let! _ = record bench command (AwaitCustomer "too late")
    // The message had come in and was not decided yet.
    let! standing = state bench command
    Assert.Equal("waiting", standing)
    let! _ = bench.Store.Decide 10 (decideAt bench.Now)
    let! standing = state bench command
    Assert.Equal("ready", standing)
}

/// Many customers write at the moments at which their messages are refused, in all orders that chance makes; a message
/// that waits though its customer wrote after it was handed out would be lost.
[<Fact>]
let ``no message is left waiting by a customer who writes while it is refused`` () : Task = task {
    use! bench = startBench ()
    let customers = [ for number in 1..40 -> $"ES.%d{number}" ]

    for customer in customers do
        do! converse bench customer $"a-%s{customer}" "hola"

    bench.Pass(TimeSpan.FromHours 25.)
    let! found = claim bench Messaging
    let says = found |> List.filter _.Command.Action.IsSay
    Assert.Equal(customers.Length, says.Length)

    let write customer : Task = task {
        do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom customer $"b-%s{customer}" bench.Now "hola" ] ]

        // Whom somebody else holds at this moment is decided for later, as the engine does.
        let mutable waits = true

        while waits do
            let! _ = bench.Store.Decide 50 (decideAt bench.Now)

            let! left =
                bench.Database.Cell $"SELECT count(*) FROM bot.inbox_pending WHERE customer = '%s{customer}'"

            waits <- left <> "0"
    }

    let refuse (batch: ClaimedCommand[]) : Task = task {
        let! _ =
            bench.Store.Record [ for claimed in batch -> claimed, AwaitCustomer "too late" ] bench.Now

        return ()
    }

    do!
        [
            for batch in says |> List.toArray |> Array.chunkBySize 5 do
                Task.Run<unit>(fun () -> task { do! refuse batch })
            for customer in customers do
                Task.Run<unit>(fun () -> task { do! write customer })
        ]
        |> List.map (fun work -> work :> Task)
        |> List.toArray
        |> Task.WhenAll

    let! waiting =
        bench.Database.Cell "SELECT count(*) FROM bot.outbox WHERE state = 'waiting'"

    Assert.Equal("0", waiting)
    let! again = claim bench Messaging
    let again = again |> List.filter _.Command.Action.IsSay |> List.map _.Command.Key
    Assert.Equal<CommandKey list>(says |> List.map _.Command.Key |> List.sort, List.sort again)
}

[<Fact>]
let ``the books of a message that a status reopened are right by their own checks`` () : Task = task {
    use! bench = startBench ()
    let! command = lateMessage bench
    let! _ = record bench command (Done None)

    let check () = task {
        for check in BooksCheck.all do
            let! offences = bench.Database.Rows check.Offences
            Assert.True(offences.IsEmpty, $"%s{check.Name}: %A{offences}")
    }

    do! check ()

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [
                StatusCame(
                    channel,
                    MessageId "wamid.out",
                    Failed(131047, "Re-engagement message"),
                    Some(CommandKey.text command.Command.Key),
                    bench.Now
                )
            ]
        ]

    do! check ()
    let! again = claim bench Messaging

    Assert.True(
        again
        |> List.exists (fun claimed -> claimed.Place = command.Place && claimed.IsShut)
    )

    let! _ = record bench again.Head (AwaitCustomer "too late")
    do! check ()
    let! standing = state bench command
    Assert.Equal("waiting", standing)
}

[<Fact>]
let ``an operator who has a waiting message tried does not have its customer asked twice`` () : Task = task {
    use! bench = startBench ()
    let! command = lateMessage bench

    let take (claimed: ClaimedCommand) =
        bench.Store.TakeTemplate
            {
                Channel = channel
                Customer = CustomerId "ES.1"
            }
            claimed.LastHeard
            bench.Now

    let! asked = take command
    Assert.True asked
    let! _ = record bench command (AwaitCustomer "too late")
    bench.Pass(TimeSpan.FromHours 1.)

    let! outcome =
        (OperationScenes.operationsOf bench).RetryOutbox OperationScenes.request (ByNumber command.Place)

    OperationScenes.expectChanged outcome
    let! claimed = claim bench Messaging
    let again = claimed |> List.find (fun claimed -> claimed.Place = command.Place)
    // It is tried, though the customer has not written, and is refused once more.
    Assert.False(CustomerWindow.isShut bench.Now again)
    let! askedAgain = take again
    Assert.False askedAgain
    let! _ = record bench again (AwaitCustomer "too late")
    bench.Pass(TimeSpan.FromHours 1.)
    do! converse bench "ES.1" "w2" "hola"
    let! claimed = claim bench Messaging
    let heard = claimed |> List.find (fun claimed -> claimed.Place = command.Place)
    let! askedAnew = take heard
    Assert.True askedAnew
}
