/// When it was said.
module FunctionalBot.Tests.WhatsAppTimeTests

open System
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.WhatsAppSamples
open Xunit

let private timeOf stamp entryTime =
    let sent =
        "{\"from\":\"34600111222\",\"id\":\"wamid.1\",\"timestamp\":"
        + stamp
        + ",\"type\":\"text\",\"text\":{\"body\":\"x\"}}"

    let body =
        (bodyWith ("\"messages\":[" + sent + "]")).Replace("\"time\":1790000000", "\"time\":" + entryTime)

    match readOne body with
    | CustomerDid(_, _, _, at, _) -> at
    | other -> failwith $"%A{other}"

[<Fact>]
let ``a time that makes no sense is replaced by the entry's, else by the marker`` () =
    let second = DateTimeOffset.FromUnixTimeSeconds
    Assert.Equal(second 1790000005L, timeOf "\"1790000005\"" "1790000000")
    Assert.Equal(second 1790000005L, timeOf "1790000005" "1790000000")
    Assert.Equal(second 1790000005L, timeOf "\"1790000005123\"" "1790000000")

    for stamp in
        [
            "null"
            "\"\""
            "\"soon\""
            "-1"
            "\"-86400\""
            "-1000000000000000"
            "0"
            // The year 2286, and 1969 in milliseconds.
            "9999999999"
            "\"10000000000\""
            "-1000"
            "\"99999999999999999999\""
            "{}"
            "9223372036854775807"
        ] do
        Assert.Equal(second 1790000000L, timeOf stamp "1790000000")
        Assert.Equal(WhatsAppInbound.unknownTime, timeOf stamp "\"never\"")

[<Fact>]
let ``milliseconds are told from seconds, and both ends of the range hold`` () =
    let second = DateTimeOffset.FromUnixTimeSeconds
    Assert.Equal(second 1230768000L, timeOf "1230768000" "1790000000")
    Assert.Equal(second 1790000000L, timeOf "1230767999" "1790000000")
    Assert.Equal(second 7258118400L, timeOf "7258118400" "1790000000")
    Assert.Equal(second 1790000000L, timeOf "7258118401" "1790000000")
    Assert.Equal(second 1790000005L, timeOf "1790000005999" "1790000000")

let private arrival = DateTimeOffset(2026, 11, 2, 9, 0, 0, TimeSpan.Zero)

[<Fact>]
let ``a time that is unknown or still to come is that of the arrival`` () =
    let body = StoreFixture.bodyOf arrival []
    let timeOf = ReceivedBody.timeOf body

    for at in
        [
            WhatsAppInbound.unknownTime
            arrival.AddSeconds 61.
            arrival.AddYears 173
            DateTimeOffset.MaxValue
        ] do
        Assert.Equal(arrival, timeOf at)

    for at in [ arrival.AddYears -9; arrival.AddDays -7.; arrival; arrival.AddSeconds 60. ] do
        Assert.Equal(at, timeOf at)

/// The order in which the store hands these times to the decision; every message comes in a body of its own, and the
/// clock moves on by a second each time.
let private orderOf (times: (string * DateTimeOffset) list) (stage: StoreScenes.Stage) : Task = task {
    for id, at in times do
        do!
            stage.Store.Deliver [
                StoreFixture.bodyOf stage.Clock.Value [ StoreFixture.textFrom "ES.1" id at "hola" ]
            ]

        stage.Clock.Value <- stage.Clock.Value.AddSeconds 1.

    let told = ResizeArray<string * DateTimeOffset>()

    let! _ =
        stage.Store.Decide 10 (fun work ->
            for entry in work.Entries do
                told.Add(entry.SourceId, entry.At)

            StoreFixture.decideWith stage.Clock.Value (fun _ -> []) work)

    let start = StoreFixture.start

    Assert.Equal<(string * DateTimeOffset) list>(
        [
            "in time", start.AddSeconds -30.
            "without a time", start
            "of the year 2199", start.AddSeconds 1.
            "a little ahead", start.AddSeconds 5.
            "written later", start.AddSeconds 6.
        ],
        List.ofSeq told
    )
}

let private strangeTimes = [
    "without a time", WhatsAppInbound.unknownTime
    "of the year 2199", DateTimeOffset(2199, 12, 31, 0, 0, 0, TimeSpan.Zero)
    "written later", StoreFixture.start.AddSeconds 6.
    "a little ahead", StoreFixture.start.AddSeconds 5.
    "in time", StoreFixture.start.AddSeconds -30.
]

[<Fact>]
let ``memory: a message without a time keeps its place, and so does one from the future`` () =
    MemoryStoreTests.inMemory (orderOf strangeTimes)

[<Fact>]
let ``PostgreSQL: a message without a time keeps its place, and so does one from the future`` () =
    MemoryStoreTests.inPostgres (orderOf strangeTimes)

/// A status of a send of ours, with this time.
let private failedStatus at (stage: StoreScenes.Stage) : Task = task {
    let start = StoreFixture.start
    do! stage.Store.Deliver [ StoreFixture.bodyOf start [ StoreFixture.textFrom "ES.1" "1" start "hola" ] ]

    let! _ =
        stage.Store.Decide 10 (StoreFixture.decideWith start (fun _ -> [ StoreFixture.say "uno" ]))

    let! claimed = stage.Store.Claim Messaging 10 start StoreFixture.lease
    let key = claimed.Head.Command.Key

    do!
        stage.Store.Deliver [
            StoreFixture.bodyOf start [ StoreFixture.textFrom "ES.1" "2" (start.AddSeconds -5.) "hola" ]
            StoreFixture.bodyOf start [
                StatusCame(
                    StoreFixture.channel,
                    MessageId "wamid.s",
                    Failed(131026, "x"),
                    Some(CommandKey.text key),
                    at
                )
            ]
        ]

    let told = ResizeArray<string * DateTimeOffset>()

    let! _ =
        stage.Store.Decide 10 (fun work ->
            for entry in work.Entries do
                told.Add(entry.Source, entry.At)

            StoreFixture.decideWith start (fun _ -> []) work)

    Assert.Equal<(string * DateTimeOffset) list>(
        [ "whatsapp", start.AddSeconds -5.; "status", start ],
        List.ofSeq told
    )
}

[<Fact>]
let ``memory: a status without a time is of the moment of its arrival`` () =
    MemoryStoreTests.inMemory (failedStatus WhatsAppInbound.unknownTime)

[<Fact>]
let ``PostgreSQL: a status without a time is of the moment of its arrival`` () =
    MemoryStoreTests.inPostgres (failedStatus (StoreFixture.start.AddDays 400.))
