/// The whole bot with OpenAI's Responses behind it: answers, tickets from one sentence, and what happens when it fails.
module FunctionalBot.Tests.EndToEndAssistantTests

open System
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageCustomers
open FunctionalBot.Tests.StageLooks

let private contains (expected: string) (actual: string) =
    Assert.Contains(expected, actual, StringComparison.OrdinalIgnoreCase)

/// A stage whose bot asks an emulated OpenAI.
let private withOpenAI (play: Stage -> OpenAI.Emulator -> Task<unit>) : Task =
    onStage (fun stage -> task {
        let! openAI = OpenAI.OpenAIEmulator.start OpenAI.Settings.standard

        try
            let! _ =
                startBotWith
                    [
                        "BOT_ASSISTANT", "openai"
                        "OPENAI_API_KEY", OpenAI.Settings.standard.ApiKeys.Head
                        "OPENAI_BASE_URL", Uri(openAI.Address, "/v1").ToString()
                    ]
                    stage

            do! play stage openAI
        finally
            openAI.Stop().Wait()
    })

/// An answer as the model writes it for the bot's own schema; "" stands for null.
let private output (reply: string) (intent: string) (title: string) (description: string) =
    let orNull (text: string) : string | null = if text = "" then null else text

    OpenAI.Scripts.now (
        OpenAI.Scripts.OutputText(
            JsonSerializer.Serialize {|
                reply = reply
                intent = intent
                sentiment = "neutral"
                language = "es"
                ticket = {|
                    title = orNull title
                    description = orNull description
                    email = orNull ""
                |}
                needs_person = false
                knows = true
                sources = Array.empty<string>
            |}
        )
    )

[<Fact>]
let ``a question is answered by the model`` () =
    withOpenAI (fun stage openAI -> task {
        openAI.Enqueue(output "Los sábados te esperamos desde las 9:30." "asks_something" "" "")
        do! writes "ana" "¿A qué hora abren los sábados?" stage
        let! answer = hears "ana" 1 stage
        contains "te esperamos desde las 9:30" answer.Text
        contains "asistente automático" answer.Text
    })

[<Fact>]
let ``what the model understood of a problem is not asked for again`` () =
    withOpenAI (fun stage openAI -> task {
        openAI.Enqueue(
            output
                "Vamos a abrir un ticket."
                "wants_ticket"
                "La taladradora no enciende"
                "La compré ayer y desde hoy no enciende."
        )

        do! writes "ana" "la taladradora que compré ayer no enciende y necesito que alguien la revise" stage
        let! email = hears "ana" 1 stage
        contains "correo" email.Text
        do! presses "ana" email "skip-email" stage
        let! summary = hears "ana" 2 stage
        contains "La taladradora no enciende" summary.Text
        do! presses "ana" summary (summary.Choices |> List.find (fun id -> id.StartsWith "confirm:")) stage
        let! created = hears "ana" 3 stage
        let! found = tickets stage
        contains (Assert.Single found).Number created.Text

        do! writes "ana" "¿cómo va mi ticket?" stage
        let! status = hears "ana" 4 stage
        contains (Assert.Single found).Number status.Text
        contains "La taladradora no enciende" status.Text
    })

[<Fact>]
let ``while the model is away the business's own texts answer, and nobody waits in silence`` () =
    withOpenAI (fun stage openAI -> task {
        for _ in 1..2 do
            openAI.Enqueue(OpenAI.Scripts.now (OpenAI.Scripts.HttpError(503, "server_is_overloaded", None)))

        do! writes "ana" "¿A qué hora abren los sábados?" stage
        let! answer = hears "ana" 1 stage
        contains "sábado" answer.Text

        openAI.Enqueue(OpenAI.Scripts.now (OpenAI.Scripts.HttpError(429, "insufficient_quota", None)))
        do! writes "tomas" "¿Cuánto cuesta el envío?" stage
        let! other = hears "tomas" 1 stage
        contains "envío" other.Text
    })

[<Fact>]
let ``once the model is known to be away, the next customer is answered without asking it`` () =
    withOpenAI (fun stage openAI -> task {
        for _ in 1..2 do
            openAI.Enqueue(OpenAI.Scripts.now (OpenAI.Scripts.HttpError(503, "server_is_overloaded", None)))

        do! writes "ana" "¿A qué hora abren los sábados?" stage
        let! answer = hears "ana" 1 stage
        contains "sábado" answer.Text

        // The model would be there again, but answer after a time that no test waits for.
        openAI.Enqueue {
            Answer = OpenAI.Scripts.Usual
            Delay = TimeSpan.FromMinutes 5.
        }

        do! writes "tomas" "¿Cuánto cuesta el envío?" stage
        let! other = hears "tomas" 1 stage
        contains "envío" other.Text
        Assert.Equal(2, openAI.Requests().Length)
        let! state = accounting stage
        Assert.Equal("degraded", (state.GetProperty "status").GetString())
        contains "assistant is paused" (string ((state.GetProperty "reason").GetString()))
    })

[<Fact>]
let ``an answer that comes after a cancel says nothing`` () =
    withOpenAI (fun stage openAI -> task {
        openAI.Enqueue {
            Answer = OpenAI.Scripts.Usual
            Delay = TimeSpan.FromSeconds 2.
        }

        do! writes "ana" "¿A qué hora abren los sábados?" stage

        let counted sql expected =
            eventually $"%s{sql} to be %s{expected}" (fun () -> task {
                let! count = stage.Database.Cell sql
                return if count = expected then Some() else None
            })

        do! counted "SELECT count(*) FROM bot.outbox WHERE service = 'assisting' AND state = 'running'" "1"
        do! writes "ana" "cancelar" stage
        let! answer = hears "ana" 1 stage
        contains "cancelar" answer.Text
        do! counted "SELECT count(*) FROM bot.inbox_state WHERE reason = 'late answer'" "1"
        let! all = said "ana" stage
        Assert.Single all |> ignore
    })
