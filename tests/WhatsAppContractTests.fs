module FunctionalBot.Tests.WhatsAppContractTests

open System
open System.Text
open System.Text.Json.Nodes
open FsCheck
open FsCheck.FSharp
open FSharp.Reflection
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.ContractYaml
open Xunit

let private loaded = lazy (ContractSchema.whatsApp ())

/// The contract, or the test is skipped: the file is not part of the repository.
let private contract () =
    match loaded.Force() with
    | Some contract -> contract
    | None ->
        Assert.Skip(
            "Meta's OpenAPI file is not here: put the folder into BOT_CONTRACTS, "
            + "or in shared/contracts above."
        )

        failwith "skipped"

let private key = {
    Session = {
        Channel = "whatsapp-100200300"
        Customer = CustomerId "ES.13491208655302741918"
        Ordinal = 3
    }
    Version = 12L
    Ordinal = 1
}

let private recipient: Recipient = {
    Phone = Some "34600111222"
    BusinessScopedId = Some "ES.13491208655302741918"
}

let private jsonOf message quoted =
    Outgoing.ofCommand key recipient quoted message
    |> WhatsAppRequest.message
    |> Encoding.UTF8.GetString

let private problemsOf json =
    ContractSchema.problems (contract ()) "Message" json

let private examples () =
    contract ()
    |> ContractSchema.at [
        "paths"
        "/{Version}/{Phone-Number-ID}/messages"
        "post"
        "requestBody"
        "content"
        "application/json"
        "examples"
    ]
    |> members
    |> List.choose (fun (name, example) -> tryField "value" example |> Option.map (fun value -> name, value))

let private uploaded: UploadedFile = {
    Id = "4490709327384033"
    MimeType = "image/jpeg"
    Name = "plano \"de\" casa.jpg"
}

let private filledIn: Template = {
    Name = "support_reply"
    Language = "es"
    Parameters = [ { Place = None; Text = "Ana" }; { Place = None; Text = "HT00042" } ]
    Payloads = [ "open-ticket"; "person" ]
}

let private buttons count = [ for number in 1..count -> $"id-%d{number}", $"Botón %d{number}" ]

let private rows count = [
    for number in 1..count -> $"id-%d{number}", $"Fila %d{number}", Some "Qué es"
]

[<Fact>]
let ``Meta's own examples of text, buttons and lists pass the checker`` () =
    let found =
        examples ()
        |> List.filter (fun (_, value) ->
            let kind = tryField "type" value |> Option.bind text

            let inner =
                tryField "interactive" value
                |> Option.bind (tryField "type")
                |> Option.bind text

            kind = Some "interactive" && (inner = Some "button" || inner = Some "list"))

    Assert.NotEmpty found

    for name, value in found do
        match problemsOf ((toJson value).ToJsonString()) with
        | [] -> ()
        | problems -> failwith $"%s{name}: %A{problems}"

[<Fact>]
let ``the checker finds what is wrong`` () =
    let wrong message = problemsOf (jsonOf message None) <> []
    Assert.True(wrong (ButtonMessage("¿Sí?", buttons 4)))
    Assert.True(wrong (ButtonMessage("¿Sí?", [])))
    Assert.True(wrong (ButtonMessage("¿Sí?", [ "a", String('x', 21) ])))
    Assert.True(wrong (ButtonMessage(String('x', 1025), buttons 1)))
    Assert.True(wrong (ListMessage("Elige", String('x', 21), rows 3)))
    Assert.True(wrong (ListMessage("Elige", "Ver", rows 11)))
    Assert.True(wrong (ListMessage("Elige", "Ver", [ "a", String('x', 25), None ])))
    Assert.True(wrong (ListMessage("Elige", "Ver", [ "a", "b", Some(String('x', 73)) ])))
    Assert.True(wrong (LinkMessage("Mira", "Ver", "javascript:alert(1)")))
    Assert.True(wrong (LinkMessage("Mira", "", "https://example.com")))
    Assert.True(wrong (ContactRequest ""))
    Assert.True(wrong (ImageMessage({ uploaded with Id = "" }, None)))
    Assert.True(wrong (DocumentMessage({ uploaded with Name = "" }, None)))
    Assert.True(wrong (ReactionMessage(MessageId "", "👍")))

    Assert.True(
        wrong (
            TemplateMessage {
                filledIn with
                    Parameters = [ { Place = None; Text = "" } ]
                    Payloads = [ "" ]
            }
        )
    )

    let changed (change: JsonObject -> unit) =
        let root = (nonNull (JsonNode.Parse(jsonOf (TextMessage "Hola") None))).AsObject()
        change root
        problemsOf (root.ToJsonString())

    Assert.Empty(changed ignore)
    // The id does where there is no phone, and somebody must be written to.
    Assert.Empty(changed (fun root -> root.Remove "to" |> ignore))

    Assert.NotEmpty(
        changed (fun root ->
            root.Remove "to" |> ignore
            root.Remove "recipient" |> ignore)
    )

    Assert.NotEmpty(changed (fun root -> root.Remove "text" |> ignore))
    Assert.NotEmpty(changed (fun root -> root["surprise"] <- JsonValue.Create 1))
    Assert.NotEmpty(changed (fun root -> root["recipient_type"] <- JsonValue.Create "crowd"))
    Assert.NotEmpty(changed (fun root -> root["to"] <- JsonValue.Create 34600111222L))
    Assert.NotEmpty(changed (fun root -> root["recipient"] <- JsonValue.Create "34600111222"))

    let interactive message (change: JsonObject -> unit) =
        let root = (nonNull (JsonNode.Parse(jsonOf message None))).AsObject()
        change ((nonNull root["interactive"]).AsObject())
        problemsOf (root.ToJsonString())

    for message in
        [
            LinkMessage("Mira", "Ver", "https://example.com")
            LocationRequest "¿Dónde?"
            ContactRequest "¿Tu número?"
        ] do
        Assert.Empty(interactive message ignore)
        // A kind's own action, and nothing that it has not.
        Assert.NotEmpty(
            interactive message (fun part ->
                (nonNull part["action"]).["name"] <- JsonValue.Create "call_permission_request")
        )

        Assert.NotEmpty(interactive message (fun part -> part.Remove "body" |> ignore))
        Assert.NotEmpty(interactive message (fun part -> part["type"] <- JsonValue.Create "surprise"))
        Assert.NotEmpty(interactive message (fun part -> part["surprise"] <- JsonValue.Create 1))

    // What no message of ours has, and what a later one may have.
    let footer = JsonObject()
    footer["text"] <- JsonValue.Create(String('x', 61))

    Assert.NotEmpty(interactive (ButtonMessage("¿Sí?", buttons 1)) (fun part -> part["footer"] <- footer))

let private form: FormInvitation = {
    Body = "¿Lo rellenas?"
    Button = "Rellenar"
    Flow = FlowId "812345678901234"
    Mode = PublishedFlow
    Token = CommandKey.text key
    Screen = None
}

/// Each kind of message, at its ends.
let private messages: OutboundMessage list = [
    TextMessage "Hola *mundo* \"x\" \u2028 😀"
    TextMessage(String('x', 4096))
    for count in 1..3 do
        ButtonMessage("¿Seguimos?", buttons count)
    for count in [ 1; 4; 10 ] do
        ListMessage(String('x', 1024), "Ver opciones", rows count)
    ListMessage("Elige", "Ver opciones", [ "a", "A", None ])
    LinkMessage("Aquí está", "Ver la ayuda", "https://example.com/a_(b)?c=d&e=ñ")
    LocationRequest "¿Dónde estás?"
    ContactRequest "¿Me das tu número?"
    ImageMessage(uploaded, None)
    ImageMessage(uploaded, Some "El plano")
    DocumentMessage(uploaded, None)
    DocumentMessage(uploaded, Some(String('x', 1024)))
    TemplateMessage filledIn
    TemplateMessage { filledIn with Parameters = [] }
    TemplateMessage {
        filledIn with
            Parameters = []
            Payloads = []
    }
    ReactionMessage(MessageId "wamid.HBgL", "👍🏽")
    ReactionMessage(MessageId "wamid.HBgL", "")
    FormMessage form
]

[<Fact>]
let ``every kind of body is valid under Meta's contract`` () =
    for replyTo in [ None; Some(MessageId "wamid.HBgL/+=") ] do
        for message in messages do
            Assert.Empty(problemsOf (jsonOf message replyTo))

            for one in
                [
                    { recipient with Phone = None }
                    {
                        recipient with
                            BusinessScopedId = None
                    }
                ] do
                let outgoing = Outgoing.ofCommand key one replyTo message
                Assert.Empty(problemsOf (Encoding.UTF8.GetString(WhatsAppRequest.message outgoing)))

[<Fact>]
let ``no kind of body is forgotten there`` () =
    let kinds =
        FSharpType.GetUnionCases typeof<OutboundMessage>
        |> Array.map _.Name
        |> Set.ofArray

    let tried =
        messages
        |> List.map (fun message ->
            let kind, _ = FSharpValue.GetUnionFields(message, typeof<OutboundMessage>)
            kind.Name)
        |> Set.ofList

    Assert.Equal<Set<string>>(kinds, tried)

[<Fact>]
let ``a template and a reaction quote nothing, everything else does`` () =
    let quotes message =
        (jsonOf message (Some(MessageId "wamid.1"))).Contains "context"

    Assert.True(quotes (LinkMessage("Mira", "Ver", "https://example.com")))
    Assert.True(quotes (ImageMessage(uploaded, None)))
    Assert.False(quotes (TemplateMessage filledIn))
    Assert.False(quotes (ReactionMessage(MessageId "wamid.1", "👍")))

[<Fact>]
let ``our own schemas stand only where Meta's file lacks something or is wrong`` () =
    let alone =
        match ContractSchema.whatsAppAlone () with
        | Some alone -> alone
        | None -> contract ()

    let problems message =
        ContractSchema.problems alone "Message" (jsonOf message None)

    // What the file knows is valid under the file alone, too.
    for message in
        [
            TextMessage "Hola"
            ButtonMessage("¿Seguimos?", buttons 3)
            ListMessage("Elige", "Ver opciones", rows 10)
            ImageMessage(uploaded, Some "El plano")
            DocumentMessage(uploaded, Some "El plano")
            TemplateMessage { filledIn with Payloads = [] }
            ReactionMessage(MessageId "wamid.HBgL", "👍")
        ] do
        Assert.Empty(problems message)

    for message in
        [
            LinkMessage("Mira", "Ver", "https://example.com")
            LocationRequest "¿Dónde?"
            ContactRequest "¿Tu número?"
        ] do
        Assert.Contains(problems message, _.Contains("none of its values"))

    // The misprint is in Meta's own example, too: button 0.
    let misprint = "does not match ^[2-6, 11-14]$"
    Assert.Contains(problems (TemplateMessage filledIn), _.Contains(misprint))

    let component' =
        """{"type":"button","sub_type":"quick_reply","index":"0","parameters":[]}"""

    Assert.Contains(ContractSchema.problems alone "TemplateComponent" component', _.Contains(misprint))

[<Fact>]
let ``whatever the bot says is valid under Meta's contract`` () =
    contract () |> ignore

    let book =
        match Phrases.load (Repository.path "data/phrases") with
        | Ok book -> book
        | Error problems -> failwith $"%A{problems}"

    let business = {
        Name = "Tienda Aurora"
        Contact = "900 100 200"
    }

    let property utterance =
        match problemsOf (jsonOf (Phrases.render book business utterance None) utterance.ReplyTo) with
        | [] -> true
        | problems -> failwith $"%A{problems}"

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 300,
        Prop.forAll (Arb.fromGen Utterances.utterance) property
    )

[<Fact>]
let ``marking as read is what Meta's example shows`` () =
    let _, example =
        examples ()
        |> List.find (fun (name, _) -> name = "Send typing indicator and read receipt")

    let expected = (toJson example).AsObject()
    expected["message_id"] <- JsonValue.Create "wamid.1"

    let actual =
        JsonNode.Parse(Encoding.UTF8.GetString(WhatsAppRequest.markRead (MessageId "wamid.1")))

    Assert.True(JsonNode.DeepEquals(expected, actual))
