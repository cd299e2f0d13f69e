/// The message that opens a form: valid under Meta's contract, at its limits and beyond.
module FunctionalBot.Tests.FormMessageTests

open System
open System.IO
open System.Text
open System.Text.Json
open System.Text.Json.Nodes
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open Xunit

let private contract () =
    match ContractSchema.whatsApp () with
    | Some contract -> contract
    | None ->
        Assert.Skip(
            "Meta's OpenAPI file is not here: put the folder into BOT_CONTRACTS, "
            + "or in shared/contracts above."
        )

        failwith "skipped"

let private book =
    lazy
        (match Phrases.load (Repository.path "data/phrases") with
         | Ok book -> book
         | Error problems -> failwith (String.Join("\n", problems)))

let private usual: FormInvitation = {
    Body = "Rellena el formulario, o escribe *paso a paso*."
    Button = "Abrir formulario"
    Flow = FlowId "812345678901234"
    Mode = PublishedFlow
    Token = "session/whatsapp-100200300/ES.1349/3/12"
    Screen = None
}

let private json (invitation: FormInvitation) : string =
    use stream = new MemoryStream()

    (use writer = new Utf8JsonWriter(stream)
     writer.WriteStartObject()
     writer.WriteString("messaging_product", "whatsapp")
     writer.WriteString("recipient_type", "individual")
     writer.WriteString("to", "+34600111222")
     FormBody.write invitation writer
     writer.WriteEndObject())

    Encoding.UTF8.GetString(stream.ToArray())

let private parameters (invitation: FormInvitation) : JsonObject =
    let root = nonNull (JsonNode.Parse(json invitation))
    let interactive = nonNull root["interactive"]
    Assert.Equal("flow", (nonNull interactive["type"]).GetValue<string>())
    let action = nonNull interactive["action"]
    Assert.Equal("flow", (nonNull action["name"]).GetValue<string>())
    (nonNull action["parameters"]).AsObject()

let private text (name: string) (node: JsonObject) = (nonNull node[name]).GetValue<string>()

let private screenOf language =
    Some(FlowScreen.json (book.Value.Of language) true [])

[<Fact>]
let ``every kind of invitation is valid under Meta's contract`` () =
    let contract = contract ()

    for flow in [ FlowId "812345678901234"; FlowNamed "ticket" ] do
        for mode in [ DraftFlow; PublishedFlow ] do
            for screen in [ None; screenOf Spanish; screenOf English; screenOf Portuguese ] do
                for body in [ "¿Sí?"; String('x', 1023); String('x', 1024) ] do
                    for button in [ "Abrir"; String('x', 29); String('x', 30) ] do
                        let invitation = {
                            usual with
                                Body = body
                                Button = button
                                Flow = flow
                                Mode = mode
                                Screen = screen
                        }

                        Assert.Empty(ContractSchema.problems contract "Message" (json invitation))

[<Fact>]
let ``the checker finds what is wrong with a form's message`` () =
    let contract = contract ()

    let changed (change: JsonObject -> unit) =
        let root = (nonNull (JsonNode.Parse(json usual))).AsObject()
        let child (name: string) (node: JsonNode) : JsonNode = nonNull node[name]
        let parameters = root |> child "interactive" |> child "action" |> child "parameters"
        change (parameters.AsObject())
        ContractSchema.problems contract "Message" (root.ToJsonString())

    Assert.Empty(changed ignore)
    Assert.NotEmpty(changed (fun parameters -> parameters["flow_cta"] <- JsonValue.Create(String('x', 31))))
    Assert.NotEmpty(changed (fun parameters -> parameters["flow_message_version"] <- JsonValue.Create "4"))
    Assert.NotEmpty(changed (fun parameters -> parameters["flow_name"] <- JsonValue.Create "both"))
    Assert.NotEmpty(changed (fun parameters -> parameters.Remove "flow_id" |> ignore))
    Assert.NotEmpty(changed (fun parameters -> parameters["mode"] <- JsonValue.Create "live"))

[<Fact>]
let ``with an endpoint it is asked, without one the screen goes along`` () =
    let asked = parameters usual
    Assert.Equal("data_exchange", text "flow_action" asked)
    Assert.False(asked.ContainsKey "flow_action_payload")
    Assert.Equal("3", text "flow_message_version" asked)
    Assert.Equal("812345678901234", text "flow_id" asked)
    Assert.Equal("published", text "mode" asked)
    Assert.Equal(usual.Token, text "flow_token" asked)

    let sent =
        parameters {
            usual with
                Flow = FlowNamed "ticket"
                Mode = DraftFlow
                Screen = screenOf English
        }

    Assert.Equal("navigate", text "flow_action" sent)
    Assert.Equal("ticket", text "flow_name" sent)
    Assert.Equal("draft", text "mode" sent)
    let payload = (nonNull sent["flow_action_payload"]).AsObject()
    Assert.Equal(FlowScreen.id, text "screen" payload)
    Assert.Equal("Tell us what happened", text "heading" ((nonNull payload["data"]).AsObject()))

[<Fact>]
let ``the button has no emoji and keeps its letters`` () =
    for words, expected in
        [
            "📝 Rellenar formulario", "Rellenar formulario"
            "Sí, así ✅", "Sí, así"
            "Si\u0301 ❤️", "Si\u0301"
            "👍🏽 1️⃣ ir", "1 ir"
            " dos\nlíneas ", "dos líneas"
            "👩‍👩‍👧‍👦", ""
        ] do
        Assert.Equal(expected, FormBody.button words)

    let property (words: string) =
        let button = FormBody.button words

        button.Length <= OutboundLimits.most LimitedPart.FormButton
        && not (button.Contains '\n')

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 300,
        Prop.forAll (Arb.fromGen Arbitraries.hostileText) property
    )


// -- What is offered
// -------------------------------------------------------------------------------------------------

let private business = {
    Name = "Tienda Aurora"
    Contact = "900 100 200"
}

let private offer: Utterance = {
    Phrase = FillForm
    Choices = []
    Language = English
    ReplyTo = None
    Invitation = Some(ToFillForm "session/whatsapp-100/ES.1/1/2/0")
    File = None
    Introduce = Some true
}

let private ticketFlow: TicketFlow = {
    Name = FlowId "8123"
    Mode = DraftFlow
    HasEndpoint = true
}

[<Fact>]
let ``the form is offered with its words, its token and who is speaking`` () =
    match FormSpeech.render book.Value business (Some ticketFlow) offer None with
    | FormMessage invitation ->
        Assert.Contains("automated assistant at Tienda Aurora", invitation.Body)
        Assert.Contains("step by step", invitation.Body)
        Assert.Equal("Open the form", invitation.Button)
        Assert.Equal("session/whatsapp-100/ES.1/1/2/0", invitation.Token)
        Assert.Equal((FlowId "8123", DraftFlow, None), (invitation.Flow, invitation.Mode, invitation.Screen))
    | other -> failwith $"%A{other}"

    match
        FormSpeech.render
            book.Value
            business
            (Some { ticketFlow with HasEndpoint = false })
            { offer with Language = Portuguese }
            None
    with
    | FormMessage { Screen = Some screen } ->
        let data = (nonNull (JsonNode.Parse screen)).AsObject()
        Assert.Equal("Conte para nós o que houve", text "heading" data)
        Assert.True((nonNull data["checked"]).GetValue<bool>())
    | other -> failwith $"%A{other}"

[<Fact>]
let ``what people can read of the offer says how to do without it`` () =
    for language, words in [ Spanish, "paso a paso"; English, "step by step"; Portuguese, "passo a passo" ] do
        let said = FlowScreen.words (book.Value.Of language) Wording.FillForm
        Assert.Contains(words, said)
        Assert.True(Rules.asksForSteps words)

[<Fact>]
let ``where the flow was taken out of the settings the first question is asked`` () =
    match FormSpeech.render book.Value business None offer None with
    | ButtonMessage(body, [ "cancel-ticket", _ ]) -> Assert.Contains("title of your ticket", body)
    | other -> failwith $"%A{other}"

[<Fact>]
let ``everything else is said as ever`` () =
    let property utterance =
        FormSpeech.render book.Value business (Some ticketFlow) utterance None =
            Phrases.render book.Value business utterance None

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 200,
        Prop.forAll (Arb.fromGen Utterances.utterance) property
    )
