/// The emulated OpenAI over HTTP: its checks, its errors, its answers.
module FunctionalBot.Tests.OpenAIEmulatorTests

open System
open System.Net.Http
open System.Net.Http.Headers
open System.Text
open System.Threading.Tasks
open Xunit
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.OpenAI

let private standard = Settings.standard

let private withOpenAI (test: Emulator -> HttpClient -> Task<unit>) : Task<unit> = task {
    let! emulator = OpenAIEmulator.start standard
    use client = new HttpClient(BaseAddress = emulator.Address)
    client.DefaultRequestHeaders.Authorization <- AuthenticationHeaderValue("Bearer", standard.ApiKeys.Head)

    try
        do! test emulator client
    finally
        emulator.Stop().Wait()
}

let private json (document: string) : Json =
    match parse document with
    | Ok value -> value
    | Error problem -> failwith $"%s{problem}: %s{document}"

let private post (client: HttpClient) (path: string) (body: Json) : Task<int * Json> = task {
    use content = new StringContent(write body, Encoding.UTF8, "application/json")
    use! response = client.PostAsync(path, content)
    let! text = response.Content.ReadAsStringAsync()
    return int response.StatusCode, json text
}

/// The schema of a support turn, such as the bot asks for.
let private schema =
    json
        """{"type":"object","additionalProperties":false,
        "required":["reply","intent","sentiment","language","ticket_title","ticket_description","email","needs_person","sources"],
        "properties":{
          "reply":{"type":"string"},
          "intent":{"type":"string","enum":["greeting","question","ticket","person","status","cancel","thanks","other"]},
          "sentiment":{"type":"string","enum":["positive","neutral","negative"]},
          "language":{"type":"string","enum":["es","en","pt"]},
          "ticket_title":{"type":["string","null"]},
          "ticket_description":{"anyOf":[{"type":"string"},{"type":"null"}]},
          "email":{"type":["string","null"]},
          "needs_person":{"type":"boolean"},
          "sources":{"type":"array","items":{"type":"string"}}}}"""

let private format (schema: Json) =
    Fields [
        "format",
        Fields [
            "type", Text "json_schema"
            "name", Text "turn"
            "strict", Flag true
            "schema", schema
        ]
    ]

let private knowledge =
    "Answer from these passages only.\n\n[horario] Abrimos de lunes a viernes de 9 a 18 horas.\n\n"
    + "[envios] Los envíos tardan 48 horas y cuestan 5 euros."

let private request (text: string) =
    Fields [
        "model", Text "gpt-6-luna"
        "instructions", Text knowledge
        "store", Flag false
        "input", Items [ Fields [ "role", Text "user"; "content", Text text ] ]
        "text", format schema
    ]

let private outputText (response: Json) : string =
    itemsField "output" response
    |> List.collect (itemsField "content")
    |> List.choose (textField "text")
    |> String.concat ""

let private code (body: Json) = at [ "error"; "code" ] body

/// Asks with the standard schema and gives the structured answer.
let private turn (client: HttpClient) (text: string) : Task<Json> = task {
    let! status, response = post client "/v1/responses" (request text)
    Assert.Equal(200, status)
    return json (outputText response)
}

[<Fact>]
let ``a response has the shape of a real one and is the same for the same text`` () =
    withOpenAI (fun _ client -> task {
        let! status, response = post client "/v1/responses" (request "Hola")
        Assert.Equal(200, status)
        Assert.Equal(Some "response", textField "object" response)
        Assert.Equal(Some "completed", textField "status" response)
        Assert.StartsWith("resp_", textField "id" response |> Option.defaultValue "")
        Assert.Equal(Some(Text "message"), itemsField "output" response |> List.head |> field "type")
        let tokens name = at [ "usage"; name ] response

        match tokens "input_tokens", tokens "output_tokens", tokens "total_tokens" with
        | Some(Whole input), Some(Whole output), Some(Whole total) -> Assert.Equal(input + output, total)
        | other -> failwith $"%A{other}"

        let! first = turn client "Hola"
        let! second = turn client "Hola"
        Assert.Equal(first, second)
    })

[<Fact>]
let ``the answer fills the schema from the customer's words in three languages`` () =
    let cases = [
        "Hola, buenos días", "greeting", "es", false
        "Hello there", "greeting", "en", false
        "Olá, bom dia", "greeting", "pt", false
        "Quiero hablar con una persona", "person", "es", true
        "I want to talk to a human please", "person", "en", true
        "Quero falar com um atendente", "person", "pt", true
        "La impresora no funciona", "ticket", "es", false
        "My printer is broken", "ticket", "en", false
        "¿Cuánto cuestan los envíos?", "question", "es", false
        "Muchas gracias por todo", "thanks", "es", false
    ]

    withOpenAI (fun _ client -> task {
        for text, intent, language, person in cases do
            let! answer = turn client text

            Assert.Equal(
                (text, Some(Text intent), Some(Text language), Some(Flag person)),
                (text, field "intent" answer, field "language" answer, field "needs_person" answer)
            )

            Assert.NotEqual(Some(Text ""), field "reply" answer)
    })

[<Fact>]
let ``ticket fields come from the text, and stay null where only the customer could know`` () =
    withOpenAI (fun _ client -> task {
        let! ticket = turn client "La impresora no funciona\nmi correo es ana@example.com"
        Assert.Equal(Some(Text "La impresora no funciona"), field "ticket_title" ticket)
        Assert.Equal(Some(Text "ana@example.com"), field "email" ticket)
        let! greeting = turn client "Hola"
        let fields = [ "ticket_title"; "ticket_description"; "email" ]
        Assert.All(fields, fun name -> Assert.Equal(Some Null, field name greeting))
        let! angry = turn client "ESTO ES UNA VERGÜENZA!!"
        Assert.Equal(Some(Text "negative"), field "sentiment" angry)
    })

[<Fact>]
let ``a question is answered with the passage that fits, and its source is named`` () =
    withOpenAI (fun _ client -> task {
        let! hours = turn client "¿Cuál es el horario?"
        Assert.Equal(Some(Items [ Text "horario" ]), field "sources" hours)
        Assert.Equal(Some(Text "Abrimos de lunes a viernes de 9 a 18 horas."), field "reply" hours)
        let! unknown = turn client "¿Cómo se llama el gato?"
        Assert.Equal(Some(Items []), field "sources" unknown)
    })

[<Fact>]
let ``requests that the real API refuses are refused in the same shape`` () =
    let good = request "Hola"

    let without name =
        match good with
        | Fields fields -> Fields(fields |> List.filter (fun (key, _) -> key <> name))
        | other -> other

    let schemaWith change =
        withField "text" (format (change schema)) good

    let open' (schema: Json) =
        match schema with
        | Fields fields -> Fields(fields |> List.filter (fun (name, _) -> name <> "additionalProperties"))
        | other -> other

    let cases = [
        withField "model" (Text "gpt-9") good, 404, Some(Text "model_not_found")
        without "model", 400, Some(Text "missing_required_parameter")
        without "input", 400, Some(Text "missing_required_parameter")
        withField "temperature" (Number 0.5) good, 400, Some Null
        withField "safety_identifier" (Text(String('a', 65))) good, 400, Some(Text "string_above_max_length")
        withField "max_output_tokens" (Whole 8L) good, 400, Some(Text "integer_below_min_value")
        schemaWith open', 400, Some(Text "invalid_json_schema")
        schemaWith (withField "required" (Items [ Text "reply" ])), 400, Some(Text "invalid_json_schema")
        schemaWith (withField "type" (Text "array")), 400, Some(Text "invalid_json_schema")
        withField
            "input"
            (json """[{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"}]""")
            good,
        400,
        Some Null
    ]

    withOpenAI (fun emulator client -> task {
        for body, expected, expectedCode in cases do
            let! status, answer = post client "/v1/responses" body
            Assert.Equal((expected, expectedCode), (status, code answer))
            Assert.Equal(Some(Text "invalid_request_error"), at [ "error"; "type" ] answer)

        let! status, _ =
            good
            |> withField "temperature" (Number 0.5)
            |> withField "reasoning" (Fields [ "effort", Text "none" ])
            |> post client "/v1/responses"

        Assert.Equal(200, status)
        Assert.Equal(cases.Length + 1, emulator.Requests().Length)
    })

[<Fact>]
let ``a missing or wrong key is refused, and what was switched off is not there`` () =
    withOpenAI (fun _ client -> task {
        let! gone, _ = post client "/v1/threads" (Fields [])
        Assert.Equal(404, gone)
        client.DefaultRequestHeaders.Authorization <- AuthenticationHeaderValue("Bearer", "sk-wrong")
        let! wrong, body = post client "/v1/responses" (request "Hola")
        Assert.Equal((401, Some(Text "invalid_api_key")), (wrong, code body))
        Assert.DoesNotContain("sk-wrong", write body)
        client.DefaultRequestHeaders.Authorization <- null
        let! missing, _ = post client "/v1/responses" (request "Hola")
        Assert.Equal(401, missing)
    })

[<Fact>]
let ``prepared answers come in order: output, refusal, incomplete, failed, function, then rules again`` () =
    withOpenAI (fun emulator client -> task {
        let steps = [
            Scripts.Output(json """{"reply":"exacto"}""")
            Scripts.Refusal "No puedo ayudar con eso."
            Scripts.Incomplete("max_output_tokens", "{\"rep")
            Scripts.Failed("server_error", "boom")
            Scripts.FunctionCall("look_up", Fields [ "id", Whole 1L ])
        ]

        steps |> List.iter (Scripts.now >> emulator.Enqueue)

        let ask () = task {
            let! status, response = post client "/v1/responses" (request "Hola")
            Assert.Equal(200, status)
            return response
        }

        let! output = ask ()
        Assert.Equal("""{"reply":"exacto"}""", outputText output)
        let! refusal = ask ()
        Assert.Contains("\"refusal\":\"No puedo ayudar con eso.\"", write refusal)
        let! incomplete = ask ()
        Assert.Equal(Some "incomplete", textField "status" incomplete)
        Assert.Equal(Some(Text "max_output_tokens"), at [ "incomplete_details"; "reason" ] incomplete)
        let! failed = ask ()
        Assert.Equal((Some "failed", Some(Text "server_error")), (textField "status" failed, code failed))
        let! called = ask ()
        Assert.Equal(Some(Text "look_up"), itemsField "output" called |> List.head |> field "name")
        let! usual = ask ()
        Assert.Contains("greeting", outputText usual)
    })

[<Fact>]
let ``a script over HTTP gives errors with Retry-After and cuts connections`` () =
    withOpenAI (fun _ client -> task {
        let script =
            json
                """{"answers":[{"status":429,"code":"rate_limit_exceeded","retry_after":2},{"status":429,"code":"insufficient_quota"},
                {"status":503,"code":"server_is_overloaded"},{"status":400,"code":"conversation_locked"},{"cut":true}]}"""

        let! accepted, _ = post client "/_emulator/script" script
        Assert.Equal(200, accepted)

        use content =
            new StringContent(write (request "Hola"), Encoding.UTF8, "application/json")

        use! limited = client.PostAsync("/v1/responses", content)
        Assert.Equal(429, int limited.StatusCode)
        Assert.Equal("2", limited.Headers.GetValues "Retry-After" |> Seq.head)

        for status, kind, name in
            [
                429, "insufficient_quota", "insufficient_quota"
                503, "service_unavailable_error", "server_is_overloaded"
                400, "invalid_request_error", "conversation_locked"
            ] do
            let! answered, body = post client "/v1/responses" (request "Hola")

            Assert.Equal(
                (status, Some(Text kind), Some(Text name)),
                (answered, at [ "error"; "type" ] body, code body)
            )

        let! _ =
            Assert.ThrowsAnyAsync<HttpRequestException>(fun () ->
                post client "/v1/responses" (request "Hola"))

        let! usual, _ = post client "/v1/responses" (request "Hola")
        Assert.Equal(200, usual)

        let! wrong, _ =
            post client "/_emulator/script" (json """{"answers":[{"outptu":1}]}""")

        Assert.Equal(400, wrong)
    })

[<Fact>]
let ``models tell when they are switched off, and stored responses can be read and deleted`` () =
    withOpenAI (fun _ client -> task {
        let! text = client.GetStringAsync "/v1/models"
        let ids = itemsField "data" (json text) |> List.choose (textField "id")
        Assert.Contains("gpt-6-luna", ids)
        let! old = client.GetStringAsync "/v1/models/gpt-5-mini"
        Assert.Equal(Some "2026-12-11", textField "shutdown_date" (json old))
        use! missing = client.GetAsync "/v1/models/gpt-9"
        Assert.Equal(404, int missing.StatusCode)

        let! _, response =
            post client "/v1/responses" (withField "store" (Flag true) (request "Hola"))

        let id = textField "id" response |> Option.defaultValue ""
        let! again = client.GetStringAsync $"/v1/responses/%s{id}"
        Assert.Equal(response, json again)
        use! deleted = client.DeleteAsync $"/v1/responses/%s{id}"
        Assert.Equal(200, int deleted.StatusCode)
        use! gone = client.GetAsync $"/v1/responses/%s{id}"
        Assert.Equal(404, int gone.StatusCode)
    })

[<Fact>]
let ``a voice note is taken by its file's name: ogg goes, oga does not`` () =
    withOpenAI (fun _ client -> task {
        let send (name: string) = task {
            use form = new MultipartFormDataContent()
            form.Add(new StringContent "gpt-transcribe", "model")
            form.Add(new ByteArrayContent [| 79uy; 103uy; 103uy; 83uy |], "file", name)
            use! response = client.PostAsync("/v1/audio/transcriptions", form)
            let! text = response.Content.ReadAsStringAsync()
            return int response.StatusCode, json text
        }

        let! status, answer = send "voice.ogg"
        Assert.Equal(200, status)
        Assert.True((textField "text" answer).IsSome)
        let! refused, problem = send "voice.oga"

        Assert.Equal(
            (400, Some(Text "Unsupported file format oga")),
            (refused, at [ "error"; "message" ] problem)
        )
    })

[<Fact>]
let ``a body with half a surrogate pair or a number beyond all bounds is refused as JSON that cannot be read``
    ()
    =
    withOpenAI (fun _ client -> task {
        for body in [ "{\"model\":\"\\ud83d\"}"; "{\"temperature\":1e999}" ] do
            use content = new StringContent(body, Encoding.UTF8, "application/json")
            use! response = client.PostAsync("/v1/responses", content)
            Assert.Equal(400, int response.StatusCode)
    })
