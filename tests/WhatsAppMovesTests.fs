/// What system messages say of numbers and ids.
module FunctionalBot.Tests.WhatsAppMovesTests

open System
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Effects
open FunctionalBot.Tests.WhatsAppSamples
open Xunit

let private person scoped phone : Person = {
    BusinessScopedId = scoped
    Phone = phone
    Name = None
}

let private notice members part =
    bodyWith (
        "\"messages\":[{"
        + members
        + "\"id\":\"wamid.1\",\"timestamp\":\"1790000001\",\"type\":\"system\",\"system\":"
        + part
        + "}]"
    )

/// A name, what the message says of its sender, what stands in `system`, and the ids of before and after.
let private moves = [
    "number",
    """ "from":"34600111222", """,
    """{"body":"User Ana changed from 34600111222 to 34600999888","wa_id":"34600999888","type":"user_changed_number"}""",
    person None (Some "34600111222"),
    person None (Some "34600999888")

    "number, as it was called before",
    """ "from":"34600111222", """,
    """{"new_wa_id":"34600999888","type":"customer_changed_number"}""",
    person None (Some "34600111222"),
    person None (Some "34600999888")

    "number, its owner named inside",
    "",
    """{"customer":"+34 600 111 222","wa_id":34600999888,"type":"user_changed_number"}""",
    person None (Some "34600111222"),
    person None (Some "34600999888")

    "number and id",
    """ "from":"34600111222","from_user_id":"ES.1", """,
    """{"wa_id":"34600999888","user_id":"ES.2","previous_user_id":"ES.1","type":"user_changed_number"}""",
    person (Some "ES.1") (Some "34600111222"),
    person (Some "ES.2") (Some "34600999888")

    "number, with the id that goes on",
    """ "from":"34600111222","from_user_id":"ES.1", """,
    """{"wa_id":"34600999888","user_id":"ES.1","type":"user_changed_number"}""",
    person None (Some "34600111222"),
    person (Some "ES.1") (Some "34600999888")

    "number of somebody known by the id",
    """ "from_user_id":"ES.1", """,
    """{"wa_id":"34600999888","type":"user_changed_number"}""",
    person (Some "ES.1") None,
    person None (Some "34600999888")

    "id",
    "",
    """{"user_id":"ES.2","previous_user_id":"ES.1","parent_user_id":"ES.ENT.2","previous_parent_user_id":"ES.ENT.1",
        "type":"user_changed_user_id"}""",
    person (Some "ES.1") None,
    person (Some "ES.2") None

    "id, the number stays",
    """ "from":"34600111222", """,
    """{"user_id":"ES.2","previous_user_id":"ES.1","wa_id":"34600111222","type":"user_changed_user_id"}""",
    person (Some "ES.1") None,
    person (Some "ES.2") (Some "34600111222")

    "id, the one of before is not told",
    """ "from":"34600111222","from_user_id":"ES.2", """,
    """{"user_id":"ES.2","type":"user_changed_user_id"}""",
    person None (Some "34600111222"),
    person (Some "ES.2") None

    "ids where numbers belong",
    """ "from":"ES.1", """,
    """{"wa_id":"ES.2","type":"user_changed_user_id"}""",
    person (Some "ES.1") None,
    person (Some "ES.2") None
]

[<Fact>]
let ``a change of number or id says by what the customer was and is reached`` () =
    for name, members, part, before, after in moves do
        match readOne (notice members part) with
        | PersonMoved(channel, move, sourceId, at) ->
            Assert.True((move.Before = before), $"%s{name}: %A{move.Before}")
            Assert.True((move.After = after), $"%s{name}: %A{move.After}")
            Assert.Equal("whatsapp-" + numberId, channel)
            Assert.Equal("wamid.1", sourceId)
            Assert.Equal(DateTimeOffset.FromUnixTimeSeconds 1790000001L, at)
        | other -> failwith $"%s{name}: %A{other}"

/// What says too little, or another thing.
let private nothing = [
    """ "from":"34600111222", """, """{"type":"user_changed_number"}""", "the new one is not told"
    """ "from":"34600111222", """,
    """{"wa_id":"","user_id":null,"type":"user_changed_number"}""",
    "is not told"
    "", """{"wa_id":"34600999888","type":"user_changed_number"}""", "the one of before is not told"
    """ "from":"34600111222", """,
    """{"wa_id":"34600111222","type":"user_changed_number"}""",
    "the one of before is not told"
    """ "from":"34600111222", """, """{"identity":"x","type":"customer_identity_changed"}""", "encryption key"
    """ "from":"34600111222", """, """{"type":"user_changed_shoes"}""", "user_changed_shoes"
    """ "from":"34600111222", """, """{"body":"User changed from 1 to 34600999888"}""", "no named type"
    """ "from":"34600111222", """, "[3]", "no named type"
    """ "from":"34600111222", """, "null", "no named type"
]

[<Fact>]
let ``what says too little moves nobody, and says why`` () =
    for members, part, reason in nothing do
        match readOne (notice members part) with
        | NothingToDo(Some "wamid.1", told, _) -> Assert.Contains(reason, told)
        | other -> failwith $"%s{part}: %A{other}"

[<Fact>]
let ``the words of a notice are never read for ids, since the name in them is the customer's own`` () =
    let body =
        "User changed from 34600111222 to 34600777666 changed from 34600111222 to 34600999888"

    match
        readOne (
            notice
                """ "from":"34600111222", """
                ("{\"body\":\""
                 + body
                 + "\",\"wa_id\":\"34600999888\",\"type\":\"user_changed_number\"}")
        )
    with
    | PersonMoved(_, move, _, _) -> Assert.Equal(person None (Some "34600999888"), move.After)
    | other -> failwith $"%A{other}"

[<Fact>]
let ``whatever stands in a notice, it is read, and a move has ids on both sides that differ`` () =
    let samples =
        moves |> List.map (fun (_, members, part, _, _) -> notice members part)

    let mutated = gen {
        let! sample = Gen.elements samples
        let! position = Gen.choose (0, 60)
        let! replacement = json
        return MutatedJson.changed (MutatedJson.Replaced replacement) position sample
    }

    let holds body =
        match read body with
        | Error _ -> true
        | Ok updates ->
            updates
            |> List.forall (fun update ->
                match update with
                | PersonMoved(_, move, _, _) ->
                    let before, after = move.Before, move.After

                    (before.BusinessScopedId.IsSome || before.Phone.IsSome)
                    && (after.BusinessScopedId.IsSome || after.Phone.IsSome)
                    && (before.BusinessScopedId.IsNone
                        || before.BusinessScopedId <> after.BusinessScopedId)
                    && (before.Phone.IsNone || before.Phone <> after.Phone)
                | _ -> true)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 2000, Prop.forAll (Arb.fromGen mutated) holds)
