module FunctionalBot.Tests.StoreReceiveTests

open System
open System.Threading.Tasks
open FsCheck.FSharp
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture

/// Received minus ended, which must be what is pending.
let private balanced (account: Accounting) =
    let ended = account.Ended |> Map.toSeq |> Seq.sumBy snd
    Assert.Equal(account.Pending, account.Received - ended)

[<Fact>]
let ``a message that comes three times is decided once and all three are accounted for`` () : Task = task {
    use! bench = startBench ()
    let update = textFrom "ES.1" "wamid.1" bench.Now "hola"
    do! bench.Store.Deliver [ bodyOf bench.Now [ update; update ] ]
    do! bench.Store.Deliver [ bodyOf bench.Now [ update ] ]
    let! before = bench.Store.Accounting()
    balanced before
    Assert.Equal(1L, before.Pending)
    Assert.Equal(Some bench.Now, before.OldestPending)
    let! ended = bench.Store.Decide 10 (decideAt bench.Now)
    Assert.Equal(1, ended)
    let! after = bench.Store.Accounting()
    balanced after
    Assert.Equal(3L, after.Received)
    Assert.Equal<Map<string, int64>>(Map [ "applied", 1L; "duplicate", 2L ], after.Ended)

    let! events =
        bench.Database.Cell "SELECT count(*) FROM mt_events WHERE type = 'text_received'"

    Assert.Equal("1", events)
}

[<Fact>]
let ``the same messages taken in by several receivers at once are kept once, and their sender too``
    ()
    : Task = task {
    use! bench = startBench ()

    let batch () = [
        for number in 1..20 -> textFrom $"ES.%d{number}" $"wamid.%d{number}" bench.Now "hola"
    ]

    let! _ =
        Task.WhenAll [
            for _ in 1..6 -> task { do! bench.Store.Deliver [ bodyOf bench.Now (batch ()) ] }
        ]

    let! account = bench.Store.Accounting()
    balanced account
    Assert.Equal(20L, account.Pending)
    Assert.Equal(120L, account.Received)
    let! contacts = bench.Database.Cell "SELECT count(*) FROM bot.contact"
    Assert.Equal("20", contacts)
}

[<Fact>]
let ``a body that cannot be read is kept byte for byte and ends dead with the reason`` () : Task = task {
    use! bench = startBench ()

    let body = {
        Body = [| 0uy; 255uy; 7uy |]
        At = bench.Now
        Trace = None
        Updates = Error "not JSON\u0000 at byte 0"
    }

    do! bench.Store.Deliver [ body; bodyOf bench.Now [ textFrom "ES.1" "wamid.1" bench.Now "hola" ] ]

    let! rows =
        bench.Database.Rows "SELECT source, state, reason FROM bot.inbox_state WHERE state <> 'pending'"

    Assert.Equal<string list list>([ [ "webhook"; "dead"; "not JSON\uFFFD at byte 0" ] ], rows)

    let! kept =
        bench.Database.Rows
            "SELECT encode(w.body, 'hex'), w.verdict FROM bot.webhook w JOIN bot.inbox i ON i.webhook = w.id
            WHERE i.ended = 'dead'"

    Assert.Equal<string list list>([ [ "00ff07"; "unreadable: not JSON\uFFFD at byte 0" ] ], kept)
    let! account = bench.Store.Accounting()
    balanced account
    Assert.Equal(Some 1L, account.Ended.TryFind "dead")
}

[<Fact>]
let ``what is of no use is kept with its reason and words, and what was not understood ends dead`` () : Task =
    task {
        use! bench = startBench ()

        do!
            bench.Store.Deliver [
                bodyOf bench.Now [
                    NothingToDo(Some "wamid.g", "a group message", "{\"a\":\"\u0000\"}")
                    NothingToDo(None, "another field", "x")
                    NotUnderstood(Some "wamid.n", "no sender", "{}")
                ]
            ]

        let! rows =
            bench.Database.Rows "SELECT state, reason FROM bot.inbox_state ORDER BY id"

        Assert.Equal<string list list>(
            [
                [ "ignored"; "a group message" ]
                [ "ignored"; "another field" ]
                [ "dead"; "no sender" ]
            ],
            rows
        )

        let! account = bench.Store.Accounting()
        balanced account
        let! raw = bench.Database.Cell "SELECT fact->>'Raw' FROM bot.inbox ORDER BY id"
        Assert.Equal("{\"a\":\"\uFFFD\"}", raw)
    }

[<Fact>]
let ``a customer is found by the business-scoped id, else by the phone, which is then joined to it``
    ()
    : Task = task {
    use! bench = startBench ()

    let from id scoped phone =
        let who = {
            BusinessScopedId = scoped
            Phone = phone
            Name = None
        }

        let text =
            TextReceived {
                Message = MessageId id
                Text = "hola"
                Quoted = None
            }

        CustomerDid(channel, who, id, bench.Now, text)

    let receive updates =
        bench.Store.Deliver [ bodyOf bench.Now updates ]

    do! receive [ from "1" None (Some "34600"); from "2" (Some "ES.1") (Some "34600") ]
    do! receive [ from "3" (Some "ES.1") None; from "4" None (Some "34600") ]
    // The number now belongs to another account: that is another person.
    do! receive [ from "5" (Some "ES.2") (Some "34600") ]
    do! receive [ from "6" None (Some "34600"); from "7" (Some "ES.1") None ]
    do! receive [ from "8" (Some "a/b") None ]

    let! entries =
        bench.Database.Rows "SELECT source_id, customer FROM bot.inbox ORDER BY id"

    Assert.Equal<string list list>(
        [
            [ "1"; "34600" ]
            [ "2"; "34600" ]
            [ "3"; "34600" ]
            [ "4"; "34600" ]
            [ "5"; "ES.2" ]
            [ "6"; "ES.2" ]
            [ "7"; "34600" ]
            [ "8"; "a_b" ]
        ],
        entries
    )

    let! contacts =
        bench.Database.Rows "SELECT customer, business_scoped_id, phone FROM bot.contact ORDER BY 1"

    Assert.Equal<string list list>(
        [ [ "34600"; "ES.1"; "" ]; [ "a_b"; "a/b"; "" ]; [ "ES.2"; "ES.2"; "34600" ] ]
        |> List.sortBy List.head,
        contacts |> List.sortBy List.head
    )
}

[<Fact>]
let ``any fact with any text reaches the decision as a replay will see it`` () : Task = task {
    use! bench = startBench ()

    let facts =
        Arbitraries.anyHostile<Fact>.Generator
        |> Gen.sampleWithSize 20 300
        |> Seq.toList

    let updates =
        facts
        |> List.mapi (fun index fact ->
            CustomerDid(channel, person "ES.1\u0000", $"wamid.%d{index}\u0000\uD800", bench.Now, fact))

    do! bench.Store.Deliver [ bodyOf bench.Now updates ]
    let seen = ResizeArray()

    let decide work =
        for entry in work.Entries do
            seen.Add entry.Fact

        decideWith bench.Now (fun _ -> []) work

    let mutable ended = 0

    while ended < facts.Length do
        let! more = bench.Store.Decide 10 decide
        Assert.True(more > 0)
        ended <- ended + more

    let expected =
        facts
        |> List.map (fun fact ->
            let stored = Codec.write bench.Now "" fact

            match Codec.read stored.Alias stored.Data with
            | Ok read -> read.Fact
            | Error reason -> failwith reason)

    Assert.Equal<Fact list>(expected, List.ofSeq seen)
    let! stream = bench.Store.ReadStream(sessionOf "ES.1\uFFFD" 1)

    match stream with
    | Ok events -> Assert.Equal<Fact list>(expected, events |> List.map _.Fact)
    | Error problem -> failwith $"%A{problem}"
}

[<Fact>]
let ``the accounting says since when each service has something open, tried or not`` () : Task = task {
    use! bench = startBench ()
    let since = bench.Now
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.1" "w1" bench.Now "hola" ] ]
    let! _ = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> [ say "1"; say "2" ]))
    bench.Pass(TimeSpan.FromMinutes 5.)
    do! bench.Store.Deliver [ bodyOf bench.Now [ textFrom "ES.2" "w2" bench.Now "hola" ] ]
    let! _ = bench.Store.Decide 10 (decideWith bench.Now (fun _ -> [ say "3" ]))
    let! account = bench.Store.Accounting()
    Assert.Equal<Map<Service, DateTimeOffset>>(Map [ Messaging, since ], account.OldestOpen)
}
