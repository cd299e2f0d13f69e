/// What each type of message becomes.
module FunctionalBot.Tests.WhatsAppMessageTests

open System
open System.Text.Json
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
let readable: (string * string * Fact) list = [
    "text", """ "type":"text","text":{"body":"hola"} """, text "hola"
    "text with its type last", """ "text":{"body":"hola"},"type":"text" """, text "hola"
    "text without a type", """ "text":{"body":"hola"} """, text "hola"
    "text that is a number", """ "type":"text","text":{"body":42} """, text "42"
    "forwarded text", """ "type":"text","text":{"body":"hola"},"context":{"forwarded":true} """, text "hola"
    "text from an advertisement",
    """ "type":"text","text":{"body":"hola"},"referral":{"source_id":"1","source_type":"ad"} """,
    text "hola"
    "the chat was opened", """ "type":"request_welcome" """, ChatOpened id
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
            Content = Some "a b (40.4, -3.7) https://www.openstreetmap.org/?mlat=40.4&mlon=-3.7"
    }
    "contacts",
    """ "type":"contacts","contacts":[{"name":{"formatted_name":"Eva"}}] """,
    MediaReceived {
        media ContactCard with
            Content = Some "Eva"
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
    "form",
    """ "type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{\"flow_token\":\"t\",\"title\":\"Gotea\",\"photos\":[{\"id\":\"7\",\"mime_type\":\"image/png\"},{\"id\":\"8\"},{\"id\":\"9\",\"mime_type\":\"application/pdf\"},{\"id\":\"10\",\"mime_type\":\"video/mp4\"}]}"}} """,
    FormAnswered {
        Message = MessageId "wamid.1"
        Token = Some "t"
        Fields = [ "title", "Gotea" ]
        Files = [
            for place, kind, id, mimeType in
                [
                    0, Image, "7", Some "image/png"
                    1, Image, "8", None
                    2, Document, "9", Some "application/pdf"
                    3, Video, "10", Some "video/mp4"
                ] do
                {
                    Message = MessageId "wamid.1"
                    Place = place
                    Kind = kind
                    MediaId = id
                    MimeType = mimeType
                    Sha256 = None
                    FileName = None
                }
        ]
    }
]

/// Messages that are kept whole, as Unsupported.
let keptWhole = [
    "unsupported",
    """ "type":"unsupported","errors":[{"code":131051,"title":"Message type unknown"}],"unsupported":{"type":"poll_creation"} """
    "address answer",
    """ "type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"address_message","response_json":"{}"}} """
    "interactive without its object", """ "type":"interactive" """
    "order",
    """ "type":"order","order":{"catalog_id":"1","product_items":[{"quantity":1,"item_price":2.5}]} """
    "unknown type", """ "type":"hologram","hologram":{"x":1} """
    "place without coordinates", """ "type":"location","location":{"latitude":"north"} """
    "cards of nobody", """ "type":"contacts","contacts":[{"birthday":"1990-01-01"}, 3] """
    "text without a body", """ "type":"text","text":{} """
    "type that is an object", """ "type":{"a":1} """
    "edit without the original", """ "type":"edit","edit":{"message":{"type":"text","text":{"body":"x"}}} """
]

/// Messages that are no news for a session.
let nothing = [
    "system", """ "type":"system","system":{"type":"customer_identity_changed","body":"x","identity":{}} """
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
        | CustomerDid(_,
                      _,
                      _,
                      _,
                      MediaReceived {
                                        Kind = Unsupported
                                        Content = Some content
                                    }) ->
            use whole = JsonDocument.Parse("{" + members + "}")
            use document = JsonDocument.Parse content

            Assert.True(
                JsonElement.DeepEquals(whole.RootElement, document.RootElement),
                $"%s{name}: %s{content}"
            )
        | other -> failwith $"%s{name}: %A{other}"

[<Fact>]
let ``what is no news for a session is kept with its reason`` () =
    for name, members in nothing do
        match readOne (bodyOf [ message "1" members ]) with
        | NothingToDo(Some "wamid.1", reason, raw) ->
            Assert.NotEqual<string>("", reason)
            Assert.Contains("wamid.1", raw)
        | other -> failwith $"%s{name}: %A{other}"

[<Fact>]
let ``an advertisement stands ahead of the message that came from it`` () =
    let members =
        """ "type":"text","text":{"body":"hola"},"referral":{"source_url":"https://fb.me/x","source_id":120,"source_type":"ad",
            "headline":"Taladros\n\u202Ea mitad","body":"Solo hoy","ctwa_clid":"x"} """

    match read (bodyOf [ message "1" members ]) with
    | Ok [ CustomerDid(_, _, "wamid.1#referral", before, ReferredByAd referral)
           CustomerDid(_, _, "wamid.1", at, TextReceived _) ] ->
        Assert.Equal(before, at)

        Assert.Equal(
            {
                SourceId = Some "120"
                SourceUrl = Some "https://fb.me/x"
                Headline = Some "Taladros a mitad"
                Body = Some "Solo hoy"
            },
            referral
        )
    | other -> failwith $"%A{other}"

[<Fact>]
let ``an order is told in plain words`` () =
    let order members =
        match readOne (bodyOf [ message "1" $""" "type":"order","order":%s{members} """ ]) with
        | CustomerDid(_,
                      _,
                      _,
                      _,
                      MediaReceived {
                                        Kind = Unsupported
                                        Caption = caption
                                    }) -> caption
        | other -> failwith $"%A{other}"

    Assert.Equal(
        Some "para mañana\n2 × A-1 (19.9 EUR)\n1 × 7",
        order
            """{"catalog_id":"1","text":"para mañana","product_items":[
                {"product_retailer_id":"A-1","quantity":2,"item_price":19.9,"currency":"EUR"},
                {"product_retailer_id":7},{"quantity":3},"x"]}"""
    )

    Assert.Equal(None, order """{"catalog_id":"1","product_items":[]}""")
