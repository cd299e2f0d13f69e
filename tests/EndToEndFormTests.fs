/// The whole bot with a form: offered in the chat, asked for by a telephone, sent, confirmed.
module FunctionalBot.Tests.EndToEndFormTests

open System
open System.Net.Http
open System.Text
open System.Text.Json.Nodes
open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.FlowTelephone
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageCustomers
open FunctionalBot.Tests.StageLooks

let private client = new HttpClient()

let private withFlow = [
    "FLOW_ID", FunctionalBot.Emulators.WhatsApp.TicketForm.form.Id
    "FLOW_PRIVATE_KEY", pair.Value.ExportPkcs8PrivateKeyPem()
]

let private child (name: string) (node: JsonNode) : JsonNode = nonNull node[name]

let private textAt (path: string list) (node: JsonNode) : string =
    ((node, path) ||> List.fold (fun node name -> child name node)).GetValue<string>()

/// The parameters of the form that the customer sees last.
let private formSeen (customer: string) stage : Task<JsonNode> = task {
    let! body =
        client.GetStringAsync(Uri(stage.WhatsApp.Address, "/_emulator/messages?customer=" + customer))

    let root = nonNull (JsonNode.Parse body)

    let all =
        match root with
        | :? JsonArray as all -> all
        | found -> (child "messages" found).AsArray()

    let last = nonNull all[all.Count - 1]

    return
        last
        |> child "content"
        |> child "interactive"
        |> child "action"
        |> child "parameters"
}

/// Asks the bot as a telephone does, through Meta: the status and the decrypted answer.
let private asks (request: JsonObject) stage : Task<int * JsonNode> = task {
    let body, exchange = ask pair.Value (request.ToJsonString())
    let bytes = Encoding.UTF8.GetBytes body
    use sent = new HttpRequestMessage(HttpMethod.Post, Uri(stage.BotAddress, "/flow"))
    sent.Content <- new ByteArrayContent(bytes)

    sent.Headers.TryAddWithoutValidation("X-Hub-Signature-256", sign appSecret bytes)
    |> ignore

    use! response = client.SendAsync sent
    let! answer = response.Content.ReadAsStringAsync()
    return int response.StatusCode, readAnswer exchange answer
}

let private request (token: string) (action: string) (fields: (string * string) list) : JsonObject =
    let data = JsonObject()

    for name, value in fields do
        data[name] <- JsonValue.Create value

    let request = JsonObject()
    request["version"] <- JsonValue.Create "3.0"
    request["action"] <- JsonValue.Create action
    request["screen"] <- JsonValue.Create "TICKET"
    request["flow_token"] <- JsonValue.Create token
    request["data"] <- data
    request

/// The customer sends the form.
let private sendsForm (customer: string) (token: string) (fields: (string * string) list) stage : Task = task {
    let response = JsonObject()
    response["flow_token"] <- JsonValue.Create token

    for name, value in fields do
        response[name] <- JsonValue.Create value

    let message = {|
        customer = customer
        message = {|
            ``type`` = "interactive"
            interactive = {|
                ``type`` = "nfm_reply"
                nfm_reply = {|
                    name = "flow"
                    body = "Sent"
                    response_json = response.ToJsonString()
                |}
            |}
        |}
    |}

    use content =
        new StringContent(
            System.Text.Json.JsonSerializer.Serialize message,
            Encoding.UTF8,
            "application/json"
        )

    use! answer =
        client.PostAsync(Uri(stage.WhatsApp.Address, "/_emulator/send"), content)

    Assert.True answer.IsSuccessStatusCode
}

let private fields = [
    "title", "La taladradora no enciende"
    "description", "La compré ayer & hace <ruido>."
    "email", "ana@example.com"
]

[<Fact>]
let ``a ticket is told in the form, checked on the telephone, confirmed in the chat and created once`` () =
    onStage (fun stage -> task {
        let! _ = startBotWith withFlow stage
        do! writes "ana" "quiero abrir un ticket" stage
        let! offer = hears "ana" 1 stage
        Assert.Contains("paso a paso", offer.Text)
        Assert.Contains("asistente automático", offer.Text)
        let! form = formSeen "ana" stage
        Assert.Equal(FunctionalBot.Emulators.WhatsApp.TicketForm.form.Id, textAt [ "flow_id" ] form)
        Assert.Equal("Abrir formulario", textAt [ "flow_cta" ] form)
        let token = textAt [ "flow_token" ] form

        let! status, opened = asks (request token "INIT" []) stage
        Assert.Equal(200, status)
        Assert.Equal("Título", textAt [ "data"; "title_label" ] opened)

        let! _, wrong = asks (request token "data_exchange" [ "title", "😀" ]) stage
        Assert.Equal("Escribe algunas palabras", textAt [ "data"; "title_error" ] wrong)

        let! _, right = asks (request token "data_exchange" fields) stage
        Assert.True((right |> child "data" |> child "checked").GetValue<bool>())

        do! sendsForm "ana" token fields stage
        let! summary = hears "ana" 2 stage
        Assert.Contains("La taladradora no enciende", summary.Text)
        Assert.Contains("ana@example.com", summary.Text)
        let! none = tickets stage
        Assert.Empty none

        do! presses "ana" summary (summary.Choices |> List.find (fun id -> id.StartsWith "confirm:")) stage

        let! created = hears "ana" 3 stage
        let! found = tickets stage
        let ticket = Assert.Single found
        Assert.Equal("La taladradora no enciende", ticket.Name)
        Assert.Equal("ana@example.com", ticket.Email)
        Assert.Contains(ticket.Number, created.Text)

        let! status, over = asks (request token "INIT" []) stage
        Assert.Equal(427, status)
        Assert.Contains("ya no sirve", textAt [ "error_msg" ] over)

        do! sendsForm "ana" token fields stage
        let! old = hears "ana" 4 stage
        Assert.Contains("ya no sirve", old.Text)
        do! quiet stage
        let! still = tickets stage
        Assert.Single still |> ignore
    })

[<Fact>]
let ``a form that WhatsApp has blocked is asked for step by step`` () =
    onStage (fun stage -> task {
        let! _ = startBotWith withFlow stage
        let! _ = whatsAppFaults """{"sendError": 1, "sendErrorCode": 132068}""" stage
        do! writes "ana" "quiero abrir un ticket" stage
        let! question = hears "ana" 1 stage
        Assert.Contains("título de tu ticket", question.Text)
        do! writes "ana" "La taladradora no enciende" stage
        let! next = hears "ana" 2 stage
        Assert.Contains("describe", next.Text)
        do! quiet stage
    })

[<Fact>]
let ``without a key there is no endpoint, and the form goes out with its screen`` () =
    onStage (fun stage -> task {
        let! _ = startBotWith [ "FLOW_NAME", "ticket" ] stage
        do! writes "ana" "quiero abrir un ticket" stage
        let! _ = hears "ana" 1 stage
        let! form = formSeen "ana" stage
        Assert.Equal("navigate", textAt [ "flow_action" ] form)
        Assert.Equal("Título", textAt [ "flow_action_payload"; "data"; "title_label" ] form)
        use content = new StringContent "{}"
        use! answer = client.PostAsync(Uri(stage.BotAddress, "/flow"), content)
        Assert.Equal(404, int answer.StatusCode)
        do! sendsForm "ana" (textAt [ "flow_token" ] form) fields stage
        let! summary = hears "ana" 2 stage
        Assert.Contains("La taladradora no enciende", summary.Text)
    })

[<Fact>]
let ``the doctor looks whether the form is the account's and open to customers`` () =
    onStage (fun stage -> task {
        for flow, expected in
            [
                FunctionalBot.Emulators.WhatsApp.TicketForm.form.Id, (0, true)
                "404", (1, false)
            ] do
            let! code, checks = doctor (stage.Environment |> Map.add "FLOW_ID" flow) stage
            Assert.Equal((flow, expected), (flow, (code, checks["flow"])))
    })
