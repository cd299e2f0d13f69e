/// `bot contact` as operators run it, and what it does to the decisions.
module FunctionalBot.Tests.ContactVerbTests

open System
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.BotRuns
open FunctionalBot.Tests.OperationScenes
open FunctionalBot.Tests.PeopleScenes

let private ana = {
    BusinessScopedId = Some "ES.13491208655302741918"
    Phone = Some "34600111222"
    Name = Some "Ana Invented"
}

let private words (bench: Bench) id who text =
    bench.Store.Deliver [ bodyOf bench.Now [ textOf who id bench.Now text ] ]

let private decide (bench: Bench) =
    bench.Store.Decide 10 (decideAt bench.Now)

[<Fact>]
let ``contacts are listed and shown without what identifies anybody, unless it is asked for`` () : Task = task {
    use! bench = startBench ()
    do! words bench "1" ana "hola"
    do! words bench "2" (ids None (Some "34600333444")) "hola"
    let! _ = decide bench

    for verb in
        [
            [ "contact"; "list" ]
            [ "contact"; "list"; "--json" ]
            [ "contact"; "show"; "1" ]
        ] do
        let! run = on bench.Database verb
        Assert.Equal(0, run.Code)
        Assert.Contains("***22", run.Results)
        Assert.DoesNotContain("34600111222", run.Results)
        Assert.DoesNotContain("13491208655302741918", run.Results)
        Assert.DoesNotContain("Invented", run.Results)

    let! run = on bench.Database [ "contact"; "list"; "--json"; "--personal" ]
    use document = JsonDocument.Parse run.Results
    let contacts = document.RootElement.GetProperty "contacts"
    Assert.Equal(2, contacts.GetArrayLength())
    Assert.Equal("34600111222", contacts[1].GetProperty("phone").GetString())
    Assert.Equal("Ana Invented", contacts[1].GetProperty("name").GetString())
    Assert.Equal(1, contacts[1].GetProperty("sessions").GetInt32())

    let! run = on bench.Database [ "contact"; "show"; "+34 600 111 222"; "--json" ]

    Assert.Equal(0, run.Code)
    use document = JsonDocument.Parse run.Results
    Assert.Equal(1L, document.RootElement.GetProperty("number").GetInt64())

    let! run = on bench.Database [ "contact"; "show"; "99" ]
    Assert.Equal(5, run.Code)
    Assert.Contains("no such contact", run.Talk)
}

[<Fact>]
let ``a block needs a reason and a yes, is audited by number, and the next decision keeps to it`` () : Task =
    task {
        use! bench = startBench ()
        do! words bench "1" ana "hola"
        let! _ = decide bench

        let! run = on bench.Database [ "contact"; "block"; "1" ]
        Assert.Equal(2, run.Code)
        Assert.Contains("--reason", run.Talk)

        let! run = on bench.Database [ "contact"; "block"; "1"; "--reason"; "insults" ]

        Assert.Equal(6, run.Code)
        Assert.Contains("--yes", run.Talk)
        let! run = on bench.Database [ "contact"; "block"; "1"; "--dry-run" ]
        Assert.Equal(0, run.Code)
        Assert.Contains("would be changed: blocked", run.Results)

        let! blocked =
            bench.Database.Cell "SELECT count(*) FROM bot.contact WHERE blocked_at IS NOT NULL"

        Assert.Equal("0", blocked)

        let! run =
            on bench.Database [ "contact"; "block"; "+34600111222"; "--reason"; "insults"; "--yes" ]

        Assert.Equal(0, run.Code)
        Assert.DoesNotContain("34600111222", run.Results)

        let! run =
            on bench.Database [ "contact"; "block"; "1"; "--reason"; "again"; "--yes" ]

        Assert.Equal(1, run.Code)
        Assert.Contains("blocked already", run.Talk)

        let! audit = audit bench
        Assert.Equal<string list>([ "contact block"; "contact 1"; "insults" ], audit.Head.Tail)
        Assert.Single audit |> ignore

        do! words bench "2" ana "hola?"
        let! _ = decide bench

        let! states =
            bench.Database.Rows "SELECT state, reason FROM bot.inbox_state WHERE source_id = '2'"

        Assert.Equal<string list list>([ [ "ignored"; "blocked" ] ], states)

        let! run = on bench.Database [ "contact"; "list"; "--blocked" ]
        Assert.Equal(0, run.Code)
        Assert.Contains("blocked", run.Results)

        let! run =
            on bench.Database [ "contact"; "unblock"; "1"; "--reason"; "sorry"; "--yes" ]

        Assert.Equal(0, run.Code)
        do! words bench "3" ana "hola!"
        let! _ = decide bench

        let! state =
            bench.Database.Cell "SELECT state FROM bot.inbox_state WHERE source_id = '3'"

        Assert.Equal("applied", state)
        let operations = operationsOf bench
        do! expectSound operations
        do! operations.Close()
    }

let private optedOut (bench: Bench) =
    bench.Database.Cell "SELECT opted_out FROM bot.contact WHERE merged_into IS NULL"

let private session (bench: Bench) = task {
    match! bench.Store.ReadStream(sessionOf "ES.13491208655302741918" 1) with
    | Ok events ->
        let initial = Session.initial (sessionOf "ES.13491208655302741918" 1)
        return events |> List.fold Transition.evolve initial
    | Error problem -> return failwith $"%A{problem}"
}

[<Fact>]
let ``what a customer says of wanting silence is kept at the contact, and what an operator notes reaches the session``
    ()
    : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    do! words bench "1" ana "hola"
    let! _ = decide bench
    let! before = optedOut bench
    Assert.Equal("False", before)

    do! words bench "2" ana "baja"
    let! _ = decide bench
    let! after = optedOut bench
    Assert.Equal("True", after)
    let! heard = session bench
    Assert.True heard.Circumstances.OptedOut

    let! outcome = operations.ChangeContact request (ByContactNumber 1L) OptIn
    expectChanged outcome
    do! words bench "3" ana "¿qué horario tenéis?"
    let! _ = decide bench
    let! heard = session bench
    Assert.False heard.Circumstances.OptedOut
    let! after = optedOut bench
    Assert.Equal("False", after)

    // Both in one decision: the last word counts.
    do! words bench "4" ana "baja"
    do! words bench "5" ana "alta"
    let! _ = decide bench
    let! after = optedOut bench
    Assert.Equal("False", after)
    do! operations.Close()
}

[<Fact>]
let ``a move reaches the open session, and a closed one is left alone`` () : Task = task {
    use! bench = startBench ()
    do! words bench "1" ana "hola"
    let! _ = decide bench

    let moved id after =
        bench.Store.Deliver [ bodyOf bench.Now [ movedAt channel bench.Now id (ids None ana.Phone) after ] ]

    do! moved "m1" (ids (Some "ES.2") (Some "34600999888"))
    let! _ = decide bench
    let! heard = session bench
    Assert.Equal(Some "34600999888", heard.Customer.Phone)
    Assert.Equal(CustomerId "ES.13491208655302741918", heard.Customer.Id)

    do! words bench "2" (ids (Some "ES.2") None) "adiós"
    let! _ = decide bench

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [
                movedAt
                    channel
                    (bench.Now.AddMinutes 1.)
                    "m2"
                    (ids (Some "ES.2") None)
                    (ids None (Some "34600777666"))
            ]
        ]

    let! _ = decide bench

    let! states =
        bench.Database.Rows
            "SELECT source_id, state, reason FROM bot.inbox_state WHERE source_id IN ('m1', 'm2') ORDER BY id"

    Assert.Equal<string list list>(
        [ [ "m1"; "applied"; "" ]; [ "m2"; "ignored"; "session is closed" ] ],
        states
    )

    let! phone =
        bench.Database.Cell "SELECT phone FROM bot.contact WHERE merged_into IS NULL"

    Assert.Equal("34600777666", phone)
}

[<Fact>]
let ``a move that an older build did not understand is taken in when its body is read again`` () : Task = task {
    use! bench = startBench ()

    let move =
        movedAt channel bench.Now "m1" (ids None ana.Phone) (ids None (Some "34600999888"))

    let operations = operationsWith bench (fun _ -> Ok [ move ])
    do! words bench "1" (ids None ana.Phone) "hola"
    let! _ = decide bench

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [ NothingToDo(Some "m1", "a notice of WhatsApp itself", "{}") ]
        ]

    let! entry = bench.Database.Cell "SELECT id FROM bot.inbox WHERE source_id = 'm1'"
    let! outcome = operations.RetryInbound request (int64 entry)
    expectChanged outcome
    let! _ = decide bench

    match! bench.Store.ReadStream(sessionOf "34600111222" 1) with
    | Ok events ->
        Assert.Contains(
            CustomerMoved(
                MessageId "m1",
                {
                    Id = CustomerId "34600111222"
                    Phone = Some "34600999888"
                    Name = None
                }
            ),
            events |> List.map _.Fact
        )
    | Error problem -> failwith $"%A{problem}"

    do! expectSound operations
    do! operations.Close()
}

[<Fact>]
let ``a phone leads to who has it now, though somebody else is known under it as a key`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    let phone = Some "34600111222"
    do! words bench "1" (ids None phone) "hola"

    do!
        bench.Store.Deliver [
            bodyOf bench.Now [
                movedAt channel bench.Now "m1" (ids None phone) (ids None (Some "34600999888"))
            ]
        ]

    bench.Pass(TimeSpan.FromDays 90.)
    do! words bench "2" (ids (Some "ES.9") phone) "hola"

    match! operations.ShowContact(ByContactId "34600111222") with
    | [ found ] -> Assert.Equal(Some "ES.9", found.Contact.BusinessScopedId)
    | several -> failwith $"%A{several}"

    let! outcome = operations.ChangeContact request (ByContactId "34600111222") Block
    expectChanged outcome

    let! blocked =
        bench.Database.Rows "SELECT business_scoped_id FROM bot.contact WHERE blocked_at IS NOT NULL"

    Assert.Equal<string list list>([ [ "ES.9" ] ], blocked)
    do! operations.Close()
}
