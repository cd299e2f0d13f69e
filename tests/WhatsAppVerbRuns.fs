/// What the tests of `bot whatsapp …` share: the built program against a scripted Graph API.
module FunctionalBot.Tests.WhatsAppVerbRuns

open System
open System.Text.Json
open Xunit

/// All that the verbs read.
let settings (server: ScriptedServer.Server) = [
    "WHATSAPP_GRAPH_URL", Uri(server.Address, "/v25.0").ToString()
    "WHATSAPP_TOKEN", "EAAB-very-secret"
    "WHATSAPP_VERIFY_TOKEN", "the-verify-token"
    "WHATSAPP_PHONE_NUMBER_ID", "100"
    "WHATSAPP_BUSINESS_ACCOUNT_ID", "900"
    "BOT_BUSINESS_NAME", "Ferretería"
    "BOT_BUSINESS_CONTACT", "x"
]

let template =
    """{"name":"ready","language":"es","status":"APPROVED","category":"UTILITY","components":[{"type":"BODY","text":"Hola {{1}}, listo {{2}}."}]}"""

/// An account with these apps and these templates, where everything else succeeds.
let graph (apps: string) (templates: string) (asked: ScriptedServer.Asked) =
    match asked.Method, asked.Path with
    | "GET", "/v25.0/debug_token" ->
        ScriptedServer.json """{"data":{"app_id":"7","is_valid":true,"expires_at":0}}"""
    | "GET", "/v25.0/900/subscribed_apps" -> ScriptedServer.json $"""{{"data":[%s{apps}]}}"""
    | "GET", "/v25.0/900/message_templates" -> ScriptedServer.json $"""{{"data":[%s{templates}]}}"""
    | "GET", "/v25.0/100/whatsapp_business_profile" ->
        ScriptedServer.json """{"data":[{"about":"Hola","websites":["https://a.example.com"]}]}"""
    | "POST", ("/v25.0/100/messages" | "/v25.0/1/messages") ->
        ScriptedServer.json """{"messages":[{"id":"wamid.7"}]}"""
    | "POST", ("/v25.0/900/subscribed_apps" | "/v25.0/100/whatsapp_business_profile") ->
        ScriptedServer.json """{"success":true}"""
    | _ -> ScriptedServer.failure 404 """{"error":{"code":100,"message":"no such path"}}"""

/// Runs `bot whatsapp` with these words; no secret may be in what it says.
let whatsapp more server words = task {
    let! run = BotRuns.bot (settings server @ more) ("whatsapp" :: words)

    for secret in [ "very-secret"; "the-verify-token" ] do
        Assert.DoesNotContain(secret, run.Results + run.Talk)

    return run
}

let posts (server: ScriptedServer.Server) =
    server.Asked() |> List.filter (fun asked -> asked.Method = "POST")

let field (name: string) (run: BotRuns.Run) =
    use document = JsonDocument.Parse run.Results
    string (document.RootElement.GetProperty name)

let ours = """{"whatsapp_business_api_data":{"id":"7","name":"Bot"}}"""

let others = """{"whatsapp_business_api_data":{"id":"8","name":"Another"}}"""
