/// What customers fill in, read from `nfm_reply`; most of it hostile.
module FunctionalBot.Tests.FormReplyTests

open System
open System.Text.Json
open System.Text.Json.Nodes
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Effects
open Xunit

let private replyOf (interactive: string) =
    use document = JsonDocument.Parse interactive
    FormReply.read document.RootElement

/// The reply whose `response_json` is this text.
let private answered (response: string) : FormReply =
    let reply = JsonObject()
    reply["name"] <- JsonValue.Create "flow"
    reply["body"] <- JsonValue.Create "Sent"
    reply["response_json"] <- JsonValue.Create response
    let interactive = JsonObject()
    interactive["type"] <- JsonValue.Create "nfm_reply"
    interactive["nfm_reply"] <- reply

    match replyOf (interactive.ToJsonString()) with
    | Some reply -> reply
    | None -> failwith "no reply of a form"

let private nothing = {
    Token = None
    Fields = []
    Files = []
}

[<Fact>]
let ``a filled form is read with its token, its texts and its photos`` () =
    let reply =
        answered
            """{"photos":[{"file_name":"IMG_1.jpg","mime_type":"image/jpeg","sha256":"PqHgadp8","id":"36311"},{"id":36312}],
                "flow_token":"session/whatsapp-1/346/1/4","title":"La lavadora gotea","description":"Desde ayer.\nMucho.",
                "email":"","warranty":true,"floor":3,"when":["lunes","martes"]}"""

    Assert.Equal(
        {
            Token = Some "session/whatsapp-1/346/1/4"
            Fields = [
                "title", "La lavadora gotea"
                "description", "Desde ayer.\nMucho."
                "email", ""
                "warranty", "true"
                "floor", "3"
                "when", "lunes, martes"
            ]
            Files = [
                {
                    Id = "36311"
                    MimeType = Some "image/jpeg"
                    Sha256 = Some "PqHgadp8"
                    FileName = Some "IMG_1.jpg"
                }
                {
                    Id = "36312"
                    MimeType = None
                    Sha256 = None
                    FileName = None
                }
            ]
        },
        reply
    )

[<Fact>]
let ``what is no object is a form without fields`` () =
    for response in
        [
            ""
            " "
            "null"
            "3"
            "[]"
            "\"text\""
            "[{\"title\":\"x\"}]"
            "{"
            "{\"title\":"
            "not json"
            "{\"title\":\"\uD83D\"}x"
            String('[', 100_000)
            String.replicate 1000 "{\"a\":" + "1" + String('}', 1000)
        ] do
        Assert.Equal(nothing, answered response)

    for interactive in
        [
            """{"nfm_reply":{}}"""
            """{"nfm_reply":{"name":"flow","response_json":null}}"""
            """{"nfm_reply":{"name":"","response_json":7}}"""
            """{"nfm_reply":{"name":"flow","response_json":[1]}}"""
            """{"nfm_reply":"text"}"""
        ] do
        Assert.Equal(Some nothing, replyOf interactive)

[<Fact>]
let ``an object in place of its text is read all the same`` () =
    Assert.Equal(
        Some {
            nothing with
                Fields = [ "title", "x" ]
                Token = Some "t"
        },
        replyOf """{"nfm_reply":{"response_json":{"title":"x","flow_token":"t"}}}"""
    )

[<Fact>]
let ``other things to fill in are no forms`` () =
    Assert.Equal(
        None,
        replyOf """{"nfm_reply":{"name":"address_message","response_json":"{\"city\":\"x\"}"}}"""
    )

    Assert.Equal(None, replyOf """{"button_reply":{"id":"a","title":"b"}}""")
    Assert.Equal(None, replyOf "[]")

[<Fact>]
let ``too many, too long and odd names are cut`` () =
    let long = String('ñ', 5000)

    let members =
        String.Join(",", [ for number in 1..50 -> $"\"f%d{number}\":\"%d{number}\"" ])

    let photos =
        String.Join(",", [ for number in 1..30 -> $"{{\"id\":\"%d{number}\"}}" ])

    let reply = answered ("{\"long\":\"" + long + "\"," + members + "}")
    Assert.Equal(FormReply.mostFields, reply.Fields.Length)
    Assert.Equal(("long", String('ñ', FormReply.longestField)), reply.Fields.Head)

    let withPhotos = answered ("{\"a\":[" + photos + "],\"b\":[" + photos + "]}")
    Assert.Equal(FormReply.mostFiles, withPhotos.Files.Length)

    let odd =
        answered (
            "{\"\":\"x\",\"\\u0000\":\"x\",\"\\ud800\":\"x\",\""
            + String('n', 65)
            + "\":\"x\",\"nul\":\"a\\u0000b\",\"half\":\"\\ud83d\",\"deep\":{\"a\":1},\"none\":null,"
            + "\"file\":[{\"id\":\"\"},{\"name\":\"no id\"},{\"id\":\""
            + String('9', LenientJson.longestIdentifier + 1)
            + "\"}],\"flow_token\":{\"a\":1}}"
        )

    Assert.Equal<(string * string) list>([ "nul", "a\uFFFDb"; "half", "\uFFFD" ], odd.Fields)
    Assert.Empty odd.Files
    Assert.Equal(None, odd.Token)

    let family = "👩‍👩‍👧‍👦"
    let cut = answered ("{\"x\":\"" + String.replicate 400 family + "\"}")
    let text = snd cut.Fields.Head
    Assert.Equal(FormReply.longestField / family.Length * family.Length, text.Length)

[<Fact>]
let ``a file's name turns no direction and its type is one line`` () =
    match
        (answered """{"p":[{"id":"1","file_name":"a\u202efdp.exe\n","mime_type":"image/\njpeg"}]}""").Files
    with
    | [ file ] ->
        Assert.Equal(Some "afdp.exe", file.FileName)
        Assert.Equal(Some "image/ jpeg", file.MimeType)
    | other -> failwith $"%A{other}"

let private within (reply: FormReply) =
    let isFit limit (text: string) =
        text.Length <= limit && not (text.Contains '\000')

    reply.Fields.Length <= FormReply.mostFields
    && reply.Files.Length <= FormReply.mostFiles
    && reply.Fields
       |> List.forall (fun (name, text) ->
           name <> ""
           && isFit FormReply.longestName name
           && isFit FormReply.longestField text)
    && reply.Files
       |> List.forall (fun file -> file.Id <> "" && isFit LenientJson.longestIdentifier file.Id)
    && reply.Token |> Option.forall (isFit 400)

[<Fact>]
let ``any JSON and any text is read within the limits`` () =
    let property (text: string) = within (answered text)
    let config = Config.QuickThrowOnFailure.WithMaxTest 300
    Check.One(config, Prop.forAll (Arb.fromGen WhatsAppSamples.json) property)
    Check.One(config, Prop.forAll (Arb.fromGen Arbitraries.hostileText) property)
