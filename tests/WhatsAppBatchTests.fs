/// Whatever is in a body: each element by itself, and no neighbour of it the worse.
module FunctionalBot.Tests.WhatsAppBatchTests

open System
open System.Text
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.WhatsAppSamples
open Xunit

[<Fact>]
let ``a body that is no webhook is an error and not an exception`` () =
    for body in
        [
            ""
            "{"
            "nonsense"
            "[]"
            "3"
            "{}"
            """{"entry":3}"""
            String.replicate 100 "["
        ] do
        Assert.True(Result.isError (read body), body)

    Assert.Equal(Ok [], read """{"entry":[]}""")

[<Fact>]
let ``member names and texts that are no Unicode spoil only their own element`` () =
    let broken = message "b" """ "\ud800":1,"type":"text","text":{"body":"\udc00"} """
    let good = message "g" """ "type":"text","text":{"body":"bien"} """

    match read (bodyOf [ broken; good ]) with
    | Ok [ _; CustomerDid(_, _, "wamid.g", _, TextReceived { Text = "bien" }) ] -> ()
    | other -> failwith $"%A{other}"

    let bytes =
        Encoding.UTF8.GetBytes(bodyOf [ message "b" """ "type":"text","text":{"body":"#"} """; good ])

    let wrong =
        bytes |> Array.map (fun unit -> if unit = byte '#' then 0xFFuy else unit)

    match WhatsAppInbound.read (ReadOnlyMemory wrong) with
    | Ok [ CustomerDid(_, _, _, _, TextReceived { Text = "\uFFFD" }); CustomerDid(_, _, "wamid.g", _, _) ] ->
        ()
    | other -> failwith $"%A{other}"

/// JSON of exactly so many levels.
let private nested levels =
    String.replicate levels "[" + String.replicate levels "]"

let private good id =
    message id """ "type":"text","text":{"body":"bien"} """

/// Below, at and above what is read as it is, and far above.
let private depths = [ 63; 64; 65; 1_000; 100_000 ]

let private isGood id update =
    match update with
    | CustomerDid(_, _, sourceId, _, TextReceived { Text = "bien" }) -> sourceId = "wamid." + id
    | _ -> false

[<Fact>]
let ``a message that is nested too deep is read without what is so deep, and its neighbours as they are`` () =
    for levels in depths do
        // The message itself is the first level.
        let deep =
            message "2" $""" "type":"text","text":{{"body":"hondo"}},"more":%s{nested (levels - 1)} """

        match read (bodyOf [ good "1"; deep; good "3" ]) with
        | Ok [ first; CustomerDid(_, _, "wamid.2", _, fact); last ] ->
            Assert.True(isGood "1" first && isGood "3" last, $"%d{levels}")

            Assert.Equal(
                TextReceived {
                    Message = MessageId "wamid.2"
                    Text = "hondo"
                    Quoted = None
                },
                fact
            )
        | other -> failwith $"%d{levels}: %A{other}"

[<Fact>]
let ``a message whose own part is nested too deep is a message of another kind that says why`` () =
    for levels in depths do
        let deep =
            message "2" $""" "type":"image","image":{{"id":"700","more":%s{nested (levels - 2)}}} """

        match read (bodyOf [ good "1"; deep; good "3" ]) with
        | Ok [ first; CustomerDid(_, _, "wamid.2", _, MediaReceived media); last ] ->
            Assert.True(isGood "1" first && isGood "3" last, $"%d{levels}")
            Assert.Equal(Image, media.Kind)

            if levels <= LenientJson.maximumDepth then
                Assert.Equal(Some "700", media.MediaId)
            else
                Assert.Equal(None, media.MediaId)
                Assert.Contains("nested deeper than 64 levels", Option.defaultValue "" media.Content)
        | other -> failwith $"%d{levels}: %A{other}"

[<Fact>]
let ``what is nested too deep and names nobody ends with a reason`` () =
    for levels in depths do
        match read (bodyOf [ good "1"; nested levels; "{\"id\":" + nested levels + "}"; good "3" ]) with
        | Ok [ first; NothingToDo(None, array, raw); NothingToDo(None, object, _); last ] ->
            Assert.True(isGood "1" first && isGood "3" last, $"%d{levels}")
            Assert.Equal("an element that is no object", array)
            Assert.Equal("a message without an id", object)
            Assert.True(raw.Length <= LenientJson.longestKept + 1)
        | other -> failwith $"%d{levels}: %A{other}"

[<Fact>]
let ``what stands in the place of depth is no id, no text and no person`` () =
    let deep = nested 200

    for members in
        [
            $"\"id\":%s{deep},\"from\":\"34600111222\",\"type\":\"text\",\"text\":{{\"body\":\"x\"}}"
            $"\"id\":\"wamid.1\",\"from\":%s{deep},\"type\":\"text\",\"text\":{{\"body\":\"x\"}}"
        ] do
        match readOne (bodyWith ("\"messages\":[{" + members + "}]")) with
        | NothingToDo(None, "a message without an id", _)
        | NotUnderstood(Some "wamid.1", "a message that names no sender to answer", _) -> ()
        | other -> failwith $"%A{other}"

    for members in [ $"\"type\":%s{deep}"; $"\"type\":\"text\",\"text\":%s{deep}" ] do
        match readOne (bodyOf [ message "1" members ]) with
        | CustomerDid(_, _, "wamid.1", _, MediaReceived { Kind = Unsupported }) -> ()
        | other -> failwith $"%A{other}"

[<Fact>]
let ``a status that is nested too deep says all the same how far the message got`` () =
    let status id more =
        "{\"id\":\"wamid."
        + id
        + "\",\"status\":\"read\",\"timestamp\":\"1790000002\",\"errors\":"
        + more
        + "}"

    for levels in depths do
        match
            read (
                bodyWith (
                    "\"statuses\":["
                    + status "1" (nested (levels - 1))
                    + ","
                    + status "2" "[]"
                    + "]"
                )
            )
        with
        | Ok [ StatusCame(_, MessageId "wamid.1", Read, None, _)
               StatusCame(_, MessageId "wamid.2", Read, None, _) ] -> ()
        | other -> failwith $"%d{levels}: %A{other}"

[<Fact>]
let ``a contact that is nested too deep is still found by its ids`` () =
    for levels in depths do
        let contacts =
            "{\"wa_id\":\"34600111222\",\"profile\":{\"name\":\"Ana\",\"more\":"
            + nested (levels - 2)
            + "},\"user_id\":\"ES.9\"},[],null,"
            + nested levels

        let sent =
            """{"from":"34600111222","id":"wamid.1","type":"text","text":{"body":"x"}}"""

        match readOne (bodyWith $"\"contacts\":[%s{contacts}],\"messages\":[%s{sent}]") with
        | CustomerDid(_, person, _, _, _) ->
            Assert.Equal(Some "ES.9", person.BusinessScopedId)

            Assert.Equal(
                (if levels <= LenientJson.maximumDepth then
                     Some "Ana"
                 else
                     None),
                person.Name
            )
        | other -> failwith $"%d{levels}: %A{other}"

[<Fact>]
let ``what the envelope holds beside its elements may be as deep as it likes`` () =
    for levels in depths do
        let deep = nested levels

        let value =
            bodyWith ("\"more\":" + deep + ",\"errors\":" + deep + ",\"messages\":[" + good "1" + "]")

        let everywhere =
            value
                .Replace("{\"object\":", "{\"more\":" + deep + ",\"object\":")
                .Replace("{\"id\":\"900\",", "{\"id\":" + deep + ",")
                .Replace("{\"field\":\"messages\",", "{\"more\":" + deep + ",\"field\":\"messages\",")
                .Replace("\"metadata\":{", "\"metadata\":{\"more\":" + nested (min levels 60) + ",")

        match read everywhere with
        | Ok [ update ] ->
            match update with
            | CustomerDid(_, _, "wamid.1", _, TextReceived { Text = "bien" }) -> ()
            | other -> failwith $"%d{levels}: %A{other}"
        | other -> failwith $"%d{levels}: %A{other}"

        // An entry or a change that is nothing but depth is one thing that ends, and no more.
        match read ("{\"entry\":[" + deep + ",{\"changes\":[" + deep + "]}]}") with
        | Ok [ NothingToDo(_, entry, _); NothingToDo(_, change, _) ] ->
            Assert.Equal("an entry without changes", entry)
            Assert.Equal("a change without a value", change)
        | other -> failwith $"%d{levels}: %A{other}"

[<Fact>]
let ``members of the envelope that come twice count as they stand last, and null as missing`` () =
    let twice =
        bodyWith ("\"messages\":[" + good "1" + "],\"messages\":[" + good "2" + "]")

    match read twice with
    | Ok [ update ] -> Assert.True(isGood "2" update)
    | other -> failwith $"%A{other}"

    match readOne (bodyWith ("\"messages\":[" + good "1" + "],\"messages\":null")) with
    | NothingToDo(_, "a change without messages or statuses", _) -> ()
    | other -> failwith $"%A{other}"

    // An object stands for a list of one.
    match readOne (bodyWith ("\"contacts\":" + ana + ",\"messages\":" + good "1")) with
    | update -> Assert.True(isGood "1" update)

[<Fact>]
let ``what is kept as it was written is cut to 64 KB, and an element at the limit is whole`` () =
    let unknown (padding: int) =
        "{\"type\":\"hologram\",\"words\":\"" + String('ñ', padding) + "\"}"

    let contentOf (padding: int) =
        match readOne (bodyOf [ message "1" ((unknown padding).Trim('{', '}')) ]) with
        | CustomerDid(_, _, _, _, MediaReceived { Content = Some content }) -> content
        | other -> failwith $"%A{other}"

    let bare = Encoding.UTF8.GetByteCount(unknown 0)
    let fitting = (LenientJson.longestKept - bare) / 2
    Assert.Equal(unknown fitting, contentOf fitting)

    for more in [ 1; 2; 100_000 ] do
        let content = contentOf (fitting + more)
        Assert.EndsWith("…", content)
        let kept = content.TrimEnd '…'
        let length = Encoding.UTF8.GetByteCount kept
        Assert.True(length <= LenientJson.longestKept && length > LenientJson.longestKept - 4)
        Assert.StartsWith(kept, unknown (fitting + more), StringComparison.Ordinal)

[<Fact>]
let ``a fault of the reader is the end of the body and no exception`` () =
    let faulty: exn list = [
        NullReferenceException "x"
        IndexOutOfRangeException "x"
        ArgumentException "x"
        OutOfMemoryException "x"
        OverflowException "x"
    ]

    for fault in faulty do
        match WhatsAppInbound.settled (fun _ -> raise fault) (ReadOnlyMemory [| 1uy |]) with
        | Error reason ->
            Assert.Contains(fault.GetType().Name, reason)
            Assert.DoesNotContain("x.", reason)
        | Ok updates -> failwith $"%A{updates}"

[<Fact>]
let ``arbitrary JSON is read without an exception`` () =
    let property node =
        read (node) |> ignore
        read ("{\"entry\":" + node + "}") |> ignore

        read (bodyWith ("\"messages\":" + node + ",\"contacts\":" + node)) |> ignore

        read (bodyWith ("\"statuses\":" + node)) |> ignore

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 500, Prop.forAll (Arb.fromGen json) property)

[<Fact>]
let ``one bad element never takes its neighbours with it`` () =
    let good id =
        message id """ "type":"text","text":{"body":"bien"} """

    let property node =
        match read (bodyOf [ good "1"; node; good "2" ]) with
        | Ok [ CustomerDid(_, _, "wamid.1", _, _); _; CustomerDid(_, _, "wamid.2", _, _) ] -> true
        | _ -> false

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 500, Prop.forAll (Arb.fromGen json) property)

/// A message of every type, changed anywhere.
let private mutatedMessage =
    Gen.elements [ for _, members, _ in WhatsAppMessageTests.readable -> message "1" members ]
    |> Gen.bind (MutatedJson.mutated names json)

[<Fact>]
let ``changes are made where they are meant, and the rest stays as it was written`` () =
    let sample = """{"a":[1,{"b":"\ud83d\u0000"}],"\ud800":1.50}"""

    for change, place, expected in
        [
            MutatedJson.Replaced "null", 0, """{"a":null,"\ud800":1.50}"""
            MutatedJson.Removed, 1, """{"a":[{"b":"\ud83d\u0000"}],"\ud800":1.50}"""
            MutatedJson.Doubled, 3, """{"a":[1,{"b":"\ud83d\u0000","b":"\ud83d\u0000"}],"\ud800":1.50}"""
            MutatedJson.Contradicted "3", 4, """{"a":[1,{"b":"\ud83d\u0000"}],"\ud800":1.50,"\ud800":3}"""
            MutatedJson.Renamed "c", 3, """{"a":[1,{"c":"\ud83d\u0000"}],"\ud800":1.50}"""
            MutatedJson.Deepened 2, 9, """{"a":[1,{"b":"\ud83d\u0000"}],"\ud800":[[1.50]]}"""
        ] do
        Assert.Equal(expected, MutatedJson.changed change place sample)

[<Fact>]
let ``a message in which anything was changed takes no neighbour with it`` () =
    let property node =
        match read (bodyOf [ node; message "2" """ "type":"text","text":{"body":"bien"} """ ]) with
        | Ok [ _; CustomerDid(_, _, "wamid.2", _, _) ]
        | Ok [ CustomerDid(_, _, _, _, ReferredByAd _); _; CustomerDid(_, _, "wamid.2", _, _) ] -> true
        | _ -> false

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 1000, Prop.forAll (Arb.fromGen mutatedMessage) property)

[<Fact>]
let ``bytes that were changed anywhere are read without an exception`` () =
    let bytes =
        Encoding.UTF8.GetBytes(
            bodyOf [ for _, members, _ in WhatsAppMessageTests.readable -> message "1" members ]
        )

    let inputs =
        Gen.zip (Gen.choose (0, bytes.Length - 1)) (Gen.choose (0, 255))
        |> Gen.listOfLength 3
        |> Arb.fromGen

    let property changes =
        let changed = Array.copy bytes

        for position, value in changes do
            changed[position] <- byte value

        WhatsAppInbound.read (ReadOnlyMemory changed) |> ignore

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 1000, Prop.forAll inputs property)
