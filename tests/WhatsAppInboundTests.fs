module FunctionalBot.Tests.WhatsAppInboundTests

open System
open System.Text
open System.Text.Json
open System.Text.Json.Nodes
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.WhatsAppSamples
open Xunit

let private id = MessageId "wamid.1"

let private media kind : CustomerMedia = {
    Message = id
    Kind = kind
    MediaId = None
    MimeType = None
    Sha256 = None
    FileName = None
    Caption = None
    Content = None
}

let private file kind mime : CustomerMedia = {
    media kind with
        MediaId = Some "700"
        MimeType = Some mime
        Sha256 = Some "c2hh"
}

let private text words : Fact =
    TextReceived {
        Message = id
        Text = words
        Quoted = None
    }

let private choice choiceId title quoted : Fact =
    ChoicePicked {
        Message = id
        ChoiceId = choiceId
        Title = title
        Quoted = quoted |> Option.map MessageId
    }

/// Name, members of the message, and the fact it stands for.
let private readable: (string * string * Fact) list = [
    "text", """ "type":"text","text":{"body":"hola"} """, text "hola"
    "text with its type last", """ "text":{"body":"hola"},"type":"text" """, text "hola"
    "text without a type", """ "text":{"body":"hola"} """, text "hola"
    "text that is a number", """ "type":"text","text":{"body":42} """, text "42"
    "forwarded text", """ "type":"text","text":{"body":"hola"},"context":{"forwarded":true} """, text "hola"
    "text from an advertisement",
    """ "type":"text","text":{"body":"hola"},"referral":{"source_id":"1","source_type":"ad"} """,
    text "hola"
    "text with half an emoji and a NUL",
    """ "type":"text","text":{"body":"a\ud83d\u0000b"} """,
    text "a\uFFFD\uFFFDb"
    "text with a whole emoji and escapes",
    """ "type":"text","text":{"body":"\ud83d\ude00\/ \"x\"\n\u00e1"} """,
    text "😀/ \"x\"\ná"
    "reply",
    """ "type":"text","text":{"body":"sí"},"context":{"from":"34910000000","id":"wamid.0"} """,
    TextReceived {
        Message = id
        Text = "sí"
        Quoted = Some(MessageId "wamid.0")
    }
    "image",
    """ "type":"image","image":{"id":"700","mime_type":"image/jpeg","sha256":"c2hh","caption":"mira"} """,
    MediaReceived {
        file Image "image/jpeg" with
            Caption = Some "mira"
    }
    "image with a numeric id",
    """ "type":"image","image":{"id":700,"mime_type":"image/jpeg","sha256":"c2hh"} """,
    MediaReceived(file Image "image/jpeg")
    "video",
    """ "type":"video","video":{"id":"700","mime_type":"video/mp4","sha256":"c2hh"} """,
    MediaReceived(file Video "video/mp4")
    "voice note",
    """ "type":"audio","audio":{"id":"700","mime_type":"audio/ogg; codecs=opus","sha256":"c2hh","voice":true} """,
    MediaReceived(file VoiceNote "audio/ogg; codecs=opus")
    "audio",
    """ "type":"audio","audio":{"id":"700","mime_type":"audio/mpeg","sha256":"c2hh","voice":false} """,
    MediaReceived(file Audio "audio/mpeg")
    "document",
    """ "type":"document","document":{"id":"700","mime_type":"application/pdf","sha256":"c2hh","filename":"f.pdf","caption":"la factura"} """,
    MediaReceived {
        file Document "application/pdf" with
            FileName = Some "f.pdf"
            Caption = Some "la factura"
    }
    "sticker",
    """ "type":"sticker","sticker":{"id":"700","mime_type":"image/webp","sha256":"c2hh","animated":false} """,
    MediaReceived(file Sticker "image/webp")
    "location",
    """ "type":"location","location":{"latitude": 40.4, "longitude": -3.7, "name": "a b"} """,
    MediaReceived {
        media Location with
            Content = Some """{"latitude":40.4,"longitude":-3.7,"name":"a b"}"""
    }
    "contacts",
    """ "type":"contacts","contacts":[{"name":{"formatted_name":"Eva"}}] """,
    MediaReceived {
        media ContactCard with
            Content = Some """[{"name":{"formatted_name":"Eva"}}]"""
    }
    "reaction",
    """ "type":"reaction","reaction":{"message_id":"wamid.0","emoji":"👍"} """,
    ReactionReceived(id, MessageId "wamid.0", Some "👍")
    "reaction taken away",
    """ "type":"reaction","reaction":{"message_id":"wamid.0"} """,
    ReactionReceived(id, MessageId "wamid.0", None)
    "reaction taken away with an empty text",
    """ "type":"reaction","reaction":{"message_id":"wamid.0","emoji":""} """,
    ReactionReceived(id, MessageId "wamid.0", None)
    "pressed button",
    """ "type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"person","title":"Hablar"}},"context":{"id":"wamid.0"} """,
    choice "person" "Hablar" (Some "wamid.0")
    "chosen row",
    """ "type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"change:email","title":"El correo","description":"x"}} """,
    choice "change:email" "El correo" None
    "button without its id",
    """ "type":"interactive","interactive":{"type":"button_reply","button_reply":{"title":"Hablar"}} """,
    text "Hablar"
    "quick reply of a template",
    """ "type":"button","button":{"payload":"person","text":"Hablar"} """,
    choice "person" "Hablar" None
    "edit",
    """ "type":"edit","edit":{"original_message_id":"wamid.0","message":{"context":{"id":"M0"},"type":"text","text":{"body":"mejor"}}} """,
    MessageEdited(id, MessageId "wamid.0", "mejor")
    "edit of a caption",
    """ "type":"edit","edit":{"original_message_id":"wamid.0","message":{"type":"image","image":{"caption":"mejor"}}} """,
    MessageEdited(id, MessageId "wamid.0", "mejor")
    "revoke",
    """ "type":"revoke","revoke":{"original_message_id":"wamid.0"} """,
    MessageRevoked(id, MessageId "wamid.0")
]

/// Messages that are kept whole, as Other.
let private keptWhole = [
    "unsupported",
    """ "type":"unsupported","errors":[{"code":131051,"title":"Message type unknown"}],"unsupported":{"type":"poll_creation"} """
    "form answer",
    """ "type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{}"}} """
    "interactive without its object", """ "type":"interactive" """
    "order",
    """ "type":"order","order":{"catalog_id":"1","product_items":[{"quantity":1,"item_price":2.5}]} """
    "unknown type", """ "type":"hologram","hologram":{"x":1} """
    "text without a body", """ "type":"text","text":{} """
    "type that is an object", """ "type":{"a":1} """
    "edit without the original", """ "type":"edit","edit":{"message":{"type":"text","text":{"body":"x"}}} """
]

/// Messages that are no news for a session.
let private nothing = [
    "system", """ "type":"system","system":{"type":"user_changed_number","body":"x","wa_id":"34600999888"} """
    "request_welcome", """ "type":"request_welcome" """
    "group", """ "type":"text","text":{"body":"hola"},"group_id":"G1" """
    "reaction to nothing", """ "type":"reaction","reaction":{"emoji":"👍"} """
    "revoke of nothing", """ "type":"revoke" """
    "pinned", """ "type":"unsupported","unsupported":{"type":"pin"} """
]

[<Fact>]
let ``every type of message becomes the fact it stands for`` () =
    for name, members, expected in readable do
        match readOne (bodyOf [ message "1" members ]) with
        | CustomerDid(channel, person, sourceId, at, fact) ->
            Assert.True((fact = expected), $"%s{name}: %A{fact}")
            Assert.Equal("whatsapp-100200300", channel)
            Assert.Equal("wamid.1", sourceId)
            Assert.Equal(DateTimeOffset.FromUnixTimeSeconds 1790000001L, at)

            Assert.Equal(
                {
                    BusinessScopedId = Some "ES.13491208655302741918"
                    Phone = Some "34600111222"
                    Name = Some "Ana"
                },
                person
            )
        | other -> failwith $"%s{name}: %A{other}"

[<Fact>]
let ``what cannot be read is kept whole as a message of another kind`` () =
    for name, members in keptWhole do
        match readOne (bodyOf [ message "1" members ]) with
        | CustomerDid(_, _, _, _, MediaReceived { Kind = Other; Content = Some content }) ->
            use document = JsonDocument.Parse content
            Assert.Equal("wamid.1", document.RootElement.GetProperty("id").GetString())
        | other -> failwith $"%s{name}: %A{other}"

[<Fact>]
let ``what is no news for a session is kept with its reason`` () =
    for name, members in nothing do
        match readOne (bodyOf [ message "1" members ]) with
        | NothingToDo(Some "wamid.1", reason, raw) ->
            Assert.NotEqual<string>("", reason)
            Assert.Contains("wamid.1", raw)
        | other -> failwith $"%s{name}: %A{other}"

let private personOf body =
    match readOne body with
    | CustomerDid(_, person, _, _, _) -> Some person
    | _ -> None

let private from members contacts =
    let sent =
        "{"
        + members
        + "\"id\":\"wamid.1\",\"type\":\"text\",\"text\":{\"body\":\"x\"}}"

    personOf (bodyWith ("\"contacts\":" + contacts + ",\"messages\":[" + sent + "]"))

let private known scoped phone name : Person option =
    Some {
        BusinessScopedId = scoped
        Phone = phone
        Name = name
    }

[<Fact>]
let ``the sender is found wherever Meta puts the ids`` () =
    let both = "[" + ana + "]"

    Assert.Equal(
        known (Some "ES.13491208655302741918") (Some "34600111222") (Some "Ana"),
        from "\"from\":\"34600111222\"," both
    )

    Assert.Equal(known None (Some "34600111222") None, from "\"from\":\"+34600111222\"," "null")
    Assert.Equal(known None (Some "34600111222") None, from "\"from\":34600111222," "{}")
    Assert.Equal(known (Some "ES.9a") None None, from "\"from_user_id\":\"ES.9a\",\"from\":\"\"," "[]")
    Assert.Equal(known (Some "ES.9a") None None, from "\"from\":\"ES.9a\"," "[]")

    Assert.Equal(
        known (Some "ES.9a") None (Some "Eva"),
        from "" """[{"wa_id":"ES.9a","profile":{"name":" Eva "}}]"""
    )

    Assert.Equal(
        known (Some "ES.9a") (Some "5491100") (Some "Eva"),
        from "\"from\":\"5491100\"," """[{"wa_id":"54911009","user_id":"ES.9a","profile":{"name":"Eva"}}]"""
    )

    Assert.Equal(None, from "" "[]")
    Assert.Equal(None, from "\"from\":null," "[null, 3]")
    Assert.Equal(None, from "\"from\":\"a/b\"," "[]")
    Assert.Equal(None, from "\"from\":\"a b\"," "[]")

[<Fact>]
let ``contacts belong to messages by id and not by position`` () =
    let eva = """{"profile":{"name":"Eva"},"user_id":"ES.2"}"""

    let fromEva =
        """{"from_user_id":"ES.2","id":"wamid.e","type":"text","text":{"body":"x"}}"""

    let fromAna = message "a" "\"type\":\"text\",\"text\":{\"body\":\"x\"}"

    match read (bodyWith $"\"contacts\":[%s{ana},%s{eva}],\"messages\":[%s{fromEva},%s{fromAna}]") with
    | Ok [ CustomerDid(_, first, _, _, _); CustomerDid(_, second, _, _, _) ] ->
        Assert.Equal(Some "Eva", first.Name)
        Assert.Equal(Some "Ana", second.Name)
    | other -> failwith $"%A{other}"

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
            "0"
            "\"99999999999999999999\""
            "{}"
            "9223372036854775807"
        ] do
        Assert.Equal(second 1790000000L, timeOf stamp "1790000000")
        Assert.Equal(WhatsAppInbound.unknownTime, timeOf stamp "\"never\"")

let private status members =
    readOne (
        bodyWith (
            "\"statuses\":[{\"id\":\"wamid.9\",\"timestamp\":\"1790000002\","
            + members
            + "}]"
        )
    )

[<Fact>]
let ``statuses carry our key back`` () =
    let at = DateTimeOffset.FromUnixTimeSeconds 1790000002L

    let came status callback =
        StatusCame("whatsapp-100200300", MessageId "wamid.9", status, callback, at)

    Assert.Equal(came Sent (Some "k"), status """ "status":"sent","biz_opaque_callback_data":"k" """)
    Assert.Equal(came Delivered None, status """ "status":"delivered","recipient_id":"34600111222" """)
    Assert.Equal(came Read None, status """ "status":"read" """)
    Assert.Equal(came Played None, status """ "status":"played" """)
    Assert.Equal(came (UnknownStatus "warning") None, status """ "status":"warning" """)

    Assert.Equal(
        came (Failed(131047, "Re-engagement message")) None,
        status """ "status":"failed","errors":[{"code":131047,"title":"Re-engagement message"}] """
    )

    Assert.Equal(
        came (Failed(131026, "no title given")) None,
        status """ "status":"failed","errors":{"code":"131026"} """
    )

    Assert.Equal(came (Failed(0, "no error given")) None, status """ "status":"failed" """)

    match status """ "status":"read","recipient_type":"group" """ with
    | NothingToDo _ -> ()
    | other -> failwith $"%A{other}"

[<Fact>]
let ``other notices are kept with their reason`` () =
    let reason body =
        match readOne body with
        | NothingToDo(_, reason, _) -> reason
        | other -> failwith $"%A{other}"

    Assert.Contains(
        "131000",
        reason (bodyWith """ "errors":[{"code":131000,"title":"Something went wrong"}] """)
    )

    Assert.Contains("calls", reason """{"entry":[{"changes":[{"field":"calls","value":{}}]}]}""")

    Assert.Contains(
        "phone_number_id",
        reason """{"entry":[{"changes":[{"field":"messages","value":{"messages":[{}]}}]}]}"""
    )

    Assert.Contains(
        "without a value",
        reason """{"entry":[{"changes":[{"field":"messages","value":null}]}]}"""
    )

    Assert.Contains("without changes", reason """{"entry":[7]}""")
    Assert.Contains("without an id", reason (bodyOf [ """{"from":"34600111222"}""" ]))

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

    Assert.True(
        Result.isError (read ("{\"entry\":" + String.replicate 100 "[" + String.replicate 100 "]" + "}"))
    )

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

[<Fact>]
let ``a member of a message that became anything else is read without an exception`` () =
    // JsonNode, which makes the change, cannot write half an emoji back.
    let samples = [
        for _, members, _ in readable do
            if not (members.Contains "\\u0000") then
                message "1" members
    ]

    let mutate (sample: string) (position: int) (replacement: string) =
        let root = nonNull (JsonNode.Parse sample)
        let spots = ResizeArray<JsonObject * string>()

        let rec visit (part: JsonNode | null) =
            match part with
            | :? JsonObject as found ->
                for pair in found do
                    spots.Add(found, pair.Key)
                    visit pair.Value
            | :? JsonArray as found ->
                for item in found do
                    visit item
            | _ -> ()

        visit root
        let owner, name = spots[position % spots.Count]
        let mark = "here comes something else"
        owner[name] <- JsonValue.Create mark
        root.ToJsonString().Replace("\"" + mark + "\"", replacement)

    let inputs =
        Gen.zip3 (Gen.elements samples) (Gen.choose (0, 1000)) json |> Arb.fromGen

    let property (sample, position, node) =
        match
            read (
                bodyOf [
                    mutate sample position node
                    message "2" """ "type":"text","text":{"body":"bien"} """
                ]
            )
        with
        | Ok [ _; CustomerDid(_, _, "wamid.2", _, _) ] -> true
        | _ -> false

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 1000, Prop.forAll inputs property)

[<Fact>]
let ``bytes that were changed anywhere are read without an exception`` () =
    let bytes =
        Encoding.UTF8.GetBytes(bodyOf [ for _, members, _ in readable -> message "1" members ])

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

[<Fact>]
let ``every customer can be named in a stream`` () =
    let property node =
        match
            read (bodyOf [ "{\"id\":\"wamid.1\",\"from\":" + node + ",\"from_user_id\":" + node + "}" ])
        with
        | Ok updates ->
            updates
            |> List.forall (function
                | CustomerDid(channel, person, _, _, _) ->
                    let customer =
                        person.BusinessScopedId |> Option.orElse person.Phone |> Option.defaultValue ""

                    let session = {
                        Channel = channel
                        Customer = CustomerId customer
                        Ordinal = 1
                    }

                    SessionId.parse (SessionId.text session) = Some session
                | _ -> true)
        | Error _ -> false

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll (Arb.fromGen json) property)
