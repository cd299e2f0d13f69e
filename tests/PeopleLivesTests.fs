/// One person is one contact, whatever order things come in.
module FunctionalBot.Tests.PeopleLivesTests

open System.Collections.Generic
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.OperationScenes
open FunctionalBot.Tests.PeopleScenes
open FunctionalBot.Tests.PeopleStages
open FunctionalBot.Tests.PeopleLives

[<Fact>]
let ``whatever the order of moves and messages, one person is one contact and nothing is lost`` () =
    let holds life =
        (play (inMemory ()).Stage channel life).GetAwaiter().GetResult()

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 5000, Prop.forAll (Arb.fromGen (lives channel)) holds)

/// Plays both lives mixed, and tells to whom the ids of each lead in the end.
let private playBoth (first: Life, second: Life) order : Task<Set<string> * Set<string>> = task {
    let stage = (inMemory ()).Stage
    let told = List()

    for update, decides in order do
        do! deliver stage update

        if decides then
            do! decideAll stage told

    do! decideAll stage told
    Assert.Equal(first.Messages + second.Messages, told.Count)

    let ends life = task {
        for probe in probesOf channel life do
            do! deliver stage probe

        let! decided = decidedFor stage (fun _ -> [])
        return decided |> Map.toSeq |> Seq.map fst |> Set.ofSeq
    }

    let! ofFirst = ends first
    let! ofSecond = ends second
    return ofFirst, ofSecond
}

[<Fact>]
let ``whatever the order, two people with ids of their own stay two, though one has a number that was the other's``
    ()
    =
    let both = gen {
        let! first, second = neighbours channel

        let things =
            List.zip first.Updates first.Decides @ List.zip second.Updates second.Decides

        let! order = Gen.shuffle things
        return first, second, List.ofArray order
    }

    let holds (first: Life, second: Life, order) =
        let ofFirst, ofSecond = (playBoth (first, second) order).GetAwaiter().GetResult()

        Assert.Single ofFirst |> ignore
        Assert.Single ofSecond |> ignore
        Assert.NotEqual<Set<string>>(ofFirst, ofSecond)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 3000, Prop.forAll (Arb.fromGen both) holds)

[<Fact>]
let ``one person is one contact at PostgreSQL too, and ends with the same ids as in memory`` () : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench

    for number in 1..40 do
        let channel = $"whatsapp-%d{number}"
        let life = lives channel |> Gen.sampleWithSeed (Rnd(uint64 number)) 10 1 |> Seq.head

        do! play (storeOf bench) channel life

        let memory = (inMemory ()).Stage
        do! play memory channel life

        let! expected = memory.Store.Claim Messaging 1 longAfter lease

        let! rows =
            bench.Database.Rows
                $"SELECT business_scoped_id, phone FROM bot.contact
                WHERE channel = '%s{channel}' AND merged_into IS NULL"

        let recipient = expected.Head.Recipient

        Assert.Equal<string list list>(
            [
                [
                    Option.defaultValue "" recipient.BusinessScopedId
                    Option.defaultValue "" recipient.Phone
                ]
            ],
            rows
        )

    do! expectSound operations
    do! operations.Close()
}
