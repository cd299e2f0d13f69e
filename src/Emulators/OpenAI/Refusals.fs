/// The errors of OpenAI's API: their statuses, types and codes.
module FunctionalBot.Emulators.OpenAI.Refusals

open FunctionalBot.Emulators.Json

/// An answer that is an error. `Code` decides what a caller should do; `RetryAfter` is in seconds.
type Refusal = {
    Status: int
    Type: string
    Code: string option
    Param: string option
    Message: string
    RetryAfter: int option
}

/// A request that the API does not take: 400 with the parameter that is wrong.
let invalid (param: string) (code: string option) (message: string) : Refusal = {
    Status = 400
    Type = "invalid_request_error"
    Code = code
    Param = Some param
    Message = message
    RetryAfter = None
}

/// 401 without any key.
let noKey: Refusal = {
    Status = 401
    Type = "invalid_request_error"
    Code = None
    Param = None
    Message =
        "You didn't provide an API key. "
        + "You need to provide your API key in an Authorization header using Bearer auth."
    RetryAfter = None
}

/// 401 with a key that is none. The real one shows a part of the key; this one never does.
let wrongKey: Refusal = {
    noKey with
        Code = Some "invalid_api_key"
        Message = "Incorrect API key provided."
}

/// 404 for a model that there is not.
let unknownModel (model: string) : Refusal = {
    invalid
        "model"
        (Some "model_not_found")
        $"The model `%s{model}` does not exist or you do not have access to it." with
        Status = 404
}

/// 404 for an object or address that there is not.
let notFound (what: string) : Refusal = {
    invalid "id" None what with
        Status = 404
        Param = None
}

/// The type and message that go with a code, where a script names only status and code.
let ofCode (status: int) (code: string) (retryAfter: int option) : Refusal =
    let kind, message =
        match code with
        | "rate_limit_exceeded" -> "requests", "Rate limit reached for requests. Please try again later."
        | "slow_down" -> "rate_limit_error", "Slow down: the rate of requests rose too fast."
        | "insufficient_quota"
        | "credit_balance_exhausted"
        | "organization_spend_limit_exceeded"
        | "project_spend_limit_exceeded"
        | "organization_usage_limit_exceeded" ->
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details."
        | "server_is_overloaded" ->
            "service_unavailable_error", "The server is overloaded. Please try again later."
        | "conversation_locked" ->
            "invalid_request_error",
            "Another process is currently operating on this conversation. Please retry in a few seconds."
        | "invalid_api_key" -> "invalid_request_error", "Incorrect API key provided."
        | _ when status >= 500 -> "server_error", "The server had an error while processing your request."
        | _ -> "invalid_request_error", $"The request failed: %s{code}."

    {
        Status = status
        Type = kind
        Code = if code = "" then None else Some code
        Param =
            if code = "conversation_locked" then
                Some "conversation"
            else
                None
        Message = message
        RetryAfter = retryAfter
    }

/// The error's body.
let toJson (refusal: Refusal) : Json =
    let orNull value =
        value |> Option.map Text |> Option.defaultValue Null

    Fields [
        "error",
        Fields [
            "message", Text refusal.Message
            "type", Text refusal.Type
            "param", orNull refusal.Param
            "code", orNull refusal.Code
        ]
    ]
