/// The response objects of `POST /v1/responses`, with the fields and the order of the real ones.
module FunctionalBot.Emulators.OpenAI.Responses

open System
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.OpenAI.Requests

/// About one token for four characters, at least one: a rule of thumb, good enough for numbers that look
/// right.
let private tokens (text: string) : int64 = int64 (max 1 ((text.Length + 3) / 4))

let private message (number: int64) (status: string) (content: Json) : Json =
    Fields [
        "id", Text $"msg_%048x{number}"
        "type", Text "message"
        "status", Text status
        "content", Items [ content ]
        "role", Text "assistant"
    ]

/// An output message with text.
let textMessage (number: int64) (status: string) (text: string) : Json =
    message
        number
        status
        (Fields [
            "type", Text "output_text"
            "annotations", Items []
            "logprobs", Items []
            "text", Text text
        ])

/// An output message that refuses.
let refusalMessage (number: int64) (text: string) : Json =
    message number "completed" (Fields [ "type", Text "refusal"; "refusal", Text text ])

/// A call of a function; its arguments are JSON in a string.
let functionCall (number: int64) (name: string) (arguments: Json) : Json =
    Fields [
        "id", Text $"fc_%048x{number}"
        "type", Text "function_call"
        "status", Text "completed"
        "arguments", Text(write arguments)
        "call_id", Text $"call_%024x{number}"
        "name", Text name
    ]

/// How a response ended.
type Ending =
    /// All is well.
    | Completed
    /// It stopped early for a reason.
    | StoppedEarly of reason: string
    /// It failed with a code and a message, although the HTTP status is 200.
    | FailedWith of code: string * message: string

/// The response object. `number` makes its id, so that ids repeat from run to run.
let create
    (number: int64)
    (at: DateTimeOffset)
    (question: Question)
    (ending: Ending)
    (output: Json list)
    : Json =
    let given name fallback =
        match field name question.Body with
        | Some Null
        | None -> fallback
        | Some value -> value

    let status, error, details =
        match ending with
        | Completed -> "completed", Null, Null
        | StoppedEarly reason -> "incomplete", Null, Fields [ "reason", Text reason ]
        | FailedWith(code, message) -> "failed", Fields [ "code", Text code; "message", Text message ], Null

    let inputTokens =
        (question.Instructions
         :: (question.Messages |> List.map (fun message -> message.Text)))
        |> List.sumBy tokens

    let outputTokens = output |> List.sumBy (write >> tokens)

    let usage =
        match ending with
        | FailedWith _ -> Null
        | _ ->
            Fields [
                "input_tokens", Whole inputTokens
                "input_tokens_details", Fields [ "cached_tokens", Whole 0L ]
                "output_tokens", Whole outputTokens
                "output_tokens_details", Fields [ "reasoning_tokens", Whole 0L ]
                "total_tokens", Whole(inputTokens + outputTokens)
            ]

    Fields [
        "id", Text $"resp_%048x{number}"
        "object", Text "response"
        "created_at", Whole(at.ToUnixTimeSeconds())
        "status", Text status
        "background", Flag false
        "error", error
        "incomplete_details", details
        "instructions", given "instructions" Null
        "max_output_tokens", given "max_output_tokens" Null
        "max_tool_calls", Null
        "model", Text question.Model
        "output", Items output
        "parallel_tool_calls", given "parallel_tool_calls" (Flag true)
        "previous_response_id", given "previous_response_id" Null
        "prompt_cache_key", given "prompt_cache_key" Null
        "reasoning", given "reasoning" (Fields [ "effort", Text "medium"; "summary", Null ])
        "safety_identifier", given "safety_identifier" Null
        "service_tier", Text "default"
        "store", Flag question.Store
        "temperature", given "temperature" (Number 1.0)
        "text", given "text" (Fields [ "format", Fields [ "type", Text "text" ]; "verbosity", Text "medium" ])
        "tool_choice", given "tool_choice" (Text "auto")
        "tools", given "tools" (Items [])
        "top_logprobs", Whole 0L
        "top_p", given "top_p" (Number 1.0)
        "truncation", given "truncation" (Text "disabled")
        "usage", usage
        "user", Null
        "metadata", given "metadata" (Fields [])
    ]
