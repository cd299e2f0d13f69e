/// What the program exports: one trace from the webhook to the call of WhatsApp, and nothing personal.
module FunctionalBot.Tests.TelemetryServeTests

open System
open System.IO
open System.Text
open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.Collector
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageCustomers
open FunctionalBot.Tests.StageLooks

/// Plays with a bot that exports to a collector, stops it, and judges what came.
let private exported
    (settings: (string * string) list)
    (play: Stage -> Task<unit>)
    (judge: Stage -> Export list -> Task<unit>)
    =
    onStage (fun stage -> task {
        let! collector = start ()

        let! bot =
            startBotWith
                ([
                    "OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address.ToString()
                    "OTEL_EXPORTER_OTLP_HEADERS", "x-key=for-the-collector"
                 ]
                 @ settings)
                stage

        do! play stage
        do! quiet stage
        // What is left is sent before the program ends.
        let! code = bot.Stop()
        Assert.Equal(0, code)
        do! collector.Stop()
        do! judge stage (collector.Exports())
    })

/// The spans from this one up to the first of its trace.
let rec private upwards (all: Span list) (span: Span) : Span list =
    match all |> List.tryFind (fun other -> other.Id = span.Parent) with
    | Some parent -> span :: upwards all parent
    | None -> [ span ]

let private isMessageCall (span: Span) =
    span.Scope = "System.Net.Http"
    && (span.Attributes.TryFind "url.full"
        |> Option.exists (fun url -> url.EndsWith "/messages"))

/// The ways from the calls of WhatsApp to the first spans of their traces, by name.
let private waysToGraph (all: Span list) : string list list =
    all
    |> List.filter isMessageCall
    |> List.map (upwards all >> List.map _.Name >> List.rev)

/// Everything that the database knows of who wrote, and what was written.
let private personal (stage: Stage) (words: string list) = task {
    let! people =
        stage.Database.Rows "SELECT customer, phone, business_scoped_id, name FROM bot.contact"

    let! ids =
        stage.Database.Rows "SELECT source_id FROM bot.inbox WHERE source = 'whatsapp'"

    let! keys = stage.Database.Rows "SELECT key FROM bot.command"

    let found =
        List.concat (people @ ids @ keys)
        |> List.filter (fun text -> text <> "")
        |> List.distinct

    Assert.True(found.Length > 4, "The database knows too little for this test.")
    return words @ found @ [ "session/"; "wamid" ]
}

[<Fact>]
let ``a message and its answer are one trace, from the webhook over the quiet time and the assistant to WhatsApp``
    ()
    =
    exported
        []
        (fun stage -> task {
            do! writes "ana" "¿A qué hora abren los sábados?" stage
            let! answer = hears "ana" 1 stage
            Assert.Contains("sábado", answer.Text)
        })
        (fun _ exports -> task {
            let all = spans exports
            let ways = waysToGraph all
            // The read mark goes out at once; the answer after the quiet time and the assistant.
            Assert.Contains([ "POST /webhook"; "mark-read"; "POST" ], ways)
            Assert.Contains([ "POST /webhook"; "ask-assistant"; "say"; "POST" ], ways)

            // What is exported is not itself traced.
            Assert.DoesNotContain(
                all,
                (fun span ->
                    span.Attributes.TryFind "url.full"
                    |> Option.exists (fun url -> url.EndsWith "/v1/traces" || url.EndsWith "/v1/metrics"))
            )

            let say = all |> List.find (fun span -> span.Name = "say")
            Assert.Equal("FunctionalBot", say.Scope)
            Assert.Equal(3, say.Kind)
            Assert.Equal(Some "messaging", say.Attributes.TryFind "bot.service")
            Assert.Equal(Some "1", say.Attributes.TryFind "bot.attempt")
            Assert.Equal(Some "done", say.Attributes.TryFind "bot.outcome")
            let ofTrace = all |> List.filter (fun span -> span.Trace = say.Trace)
            let webhook = ofTrace |> List.find (fun span -> span.Name = "POST /webhook")
            Assert.Equal("", webhook.Parent)
            Assert.Equal(2, webhook.Kind)
            Assert.Equal(Some "200", webhook.Attributes.TryFind "http.response.status_code")
            Assert.True(ofTrace |> List.exists (fun span -> span.Name = "decide" && span.Kind = 5))
            Assert.All(exports, (fun export -> Assert.Equal("for-the-collector", export.Key)))
        })

[<Fact>]
let ``a trace goes on after a crash`` () =
    onStage (fun stage -> task {
        let! collector = start ()

        let settings = [
            "OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address.ToString()
            "OTEL_BSP_SCHEDULE_DELAY", "20"
        ]
        // Decided and queued, and the process is gone.
        let! first =
            startBotWith ([ "BOT_CRASH_AT", "started"; "BOT_TEST_SWITCHES", "allowed" ] @ settings) stage

        do! writes "ana" "hola" stage
        do! first.Process.WaitForExitAsync()

        let! traces =
            stage.Database.Rows "SELECT DISTINCT trace FROM bot.inbox WHERE source = 'whatsapp'"

        let trace = traces.Head.Head.Split('-')[1]

        let! second = startBotWith settings stage
        let! _ = hears "ana" 1 stage
        do! quiet stage
        let! _ = second.Stop()
        do! collector.Stop()
        let all = spans (collector.Exports())

        Assert.Contains(all, (fun span -> span.Trace = trace && span.Name = "say"))
        Assert.Contains(all, (fun span -> span.Trace = trace && isMessageCall span))
    })

[<Fact>]
let ``nothing personal and no secret is in what is exported`` () =
    let words = [ "Ramona Prueba"; "ramona@example.com"; "La taladradora"; "compré ayer" ]

    exported
        [ "BOT_QUIET_MS", "0" ]
        (fun stage -> task {
            do! writes "ana" "quiero abrir un ticket" stage
            let! _ = hears "ana" 1 stage
            do! writes "ana" "La taladradora no enciende" stage
            let! _ = hears "ana" 2 stage
            do! writes "ana" "Soy Ramona Prueba y la compré ayer" stage
            let! _ = hears "ana" 3 stage
            do! writes "ana" "ramona@example.com" stage
            let! summary = hears "ana" 4 stage
            let confirm = summary.Choices |> List.find (fun id -> id.StartsWith "confirm:")
            do! presses "ana" summary confirm stage
            let! _ = hears "ana" 5 stage
            let! refused = postWebhook (Some "sha256=00") (Encoding.UTF8.GetBytes "{}") stage
            Assert.Equal(401, refused)
        })
        (fun stage exports -> task {
            let all = spans exports
            let told = metrics exports
            let! private' = personal stage words

            let secrets = [
                for name in [ "WHATSAPP_TOKEN"; "WHATSAPP_VERIFY_TOKEN"; "ODOO_API_KEY"; "ODOO_USER" ] do
                    stage.Environment[name]

                appSecret
                "for-the-collector"
                // Npgsql would name its pool by the whole connection string.
                "Database="
            ]

            let bytes =
                exports
                |> List.map (fun export -> Encoding.UTF8.GetString export.Body)
                |> String.concat "\n"

            for text in private' @ secrets do
                Assert.False(
                    bytes.Contains(text, StringComparison.OrdinalIgnoreCase),
                    $"%s{text} is exported"
                )

            // What is looked through is the real thing.
            Assert.Contains(all, (fun span -> span.Name = "create-ticket"))

            for name, unit in
                [
                    "bot.webhook.received", "{body}"
                    "bot.webhook.rejected", "{body}"
                    "bot.webhook.duration", "s"
                    "bot.command.outcomes", "{try}"
                    "bot.command.duration", "s"
                    "bot.command.wait", "s"
                    "bot.store.duration", "s"
                    "bot.inbox.received", "{entry}"
                    "bot.inbox.ended", "{entry}"
                    "bot.inbox.pending", "{entry}"
                    "bot.inbox.unaccounted", "{entry}"
                    "bot.inbox.oldest", "s"
                    "bot.commands", "{command}"
                    "bot.commands.oldest", "s"
                    "bot.services.trouble", "{node}"
                    "bot.timers", "{timer}"
                ] do
                Assert.Contains((name, unit), told |> List.map (fun metric -> metric.Name, metric.Unit))

            Assert.Contains(told, (fun metric -> metric.Scope = "Npgsql"))

            Assert.Contains(
                told,
                (fun metric ->
                    metric.Name = "bot.webhook.received"
                    && List.contains ("bot.verdict", "rejected") metric.Attributes)
            )
        })

[<Fact>]
let ``log lines of a failure name its trace`` () =
    exported
        []
        (fun stage -> task {
            let! _ = odooFaults """{"down": true}""" stage
            do! writes "ana" "¿cómo van mis tickets?" stage
            let! _ = hears "ana" 1 stage
            ()
        })
        (fun stage exports -> task {
            let lines =
                Directory.GetFiles(Path.Combine(stage.Folder, "logs"))
                |> Array.collect File.ReadAllLines
                |> Array.filter (fun line -> line.Contains "look-up-tickets")

            Assert.NotEmpty lines
            let ids = spans exports |> List.map _.Id |> Set.ofList

            for line in lines do
                use document = Text.Json.JsonDocument.Parse line
                Assert.Contains(string ((document.RootElement.GetProperty "SpanId").GetString()), ids)
        })

[<Fact>]
let ``no service that the bot calls is told the numbers of its traces`` () =
    onStage (fun stage -> task {
        let! collector = start ()
        let accepted = ScriptedServer.json """{"messages":[{"id":"wamid.x"}]}"""

        do!
            ScriptedServer.using (fun _ -> accepted) (fun graph -> task {
                let! bot =
                    startBotWith
                        [
                            "OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address.ToString()
                            "WHATSAPP_GRAPH_URL", graph.Address.ToString()
                            "BOT_QUIET_MS", "0"
                        ]
                        stage

                do! writes "ana" "hola" stage

                let! call =
                    eventually "a call of WhatsApp" (fun () ->
                        graph.Asked()
                        |> List.tryFind (fun asked -> asked.Path.EndsWith "/messages")
                        |> Task.FromResult)

                let! _ = bot.Stop()
                Assert.Contains(spans (collector.Exports()), isMessageCall)
                Assert.True(call.Headers.ContainsKey "authorization")
                Assert.False(call.Headers.ContainsKey "traceparent")
            })

        do! collector.Stop()
    })

[<Fact>]
let ``with no collector named no trace begins`` () =
    onStage (fun stage -> task {
        let! _ = startBot stage
        do! writes "ana" "hola" stage
        let! _ = hears "ana" 1 stage
        do! quiet stage

        let! received =
            stage.Database.Cell "SELECT count(*) FROM bot.inbox WHERE source = 'whatsapp'"

        Assert.Equal("1", received)

        let! traced =
            stage.Database.Cell "SELECT count(*) FROM bot.inbox WHERE trace IS NOT NULL"

        Assert.Equal("0", traced)
    })
