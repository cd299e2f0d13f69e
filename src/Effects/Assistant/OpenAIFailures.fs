namespace FunctionalBot.Effects

open System
open System.Text.Json

/// What OpenAI's errors mean, decided by their code (developers.openai.com, guides/error-codes), not by
/// their type or status alone. Reasons hold codes and what to do, never OpenAI's message, which can repeat
/// parts of a key or prompt.
module OpenAIFailures =

    /// Longest time that a service's "retry after" is believed; hours have been seen.
    let private longestWait = TimeSpan.FromMinutes 10.

    // They come as 429 like a rate limit, and no waiting helps: somebody has to pay or raise a limit.
    let private billingCodes =
        set [
            "insufficient_quota"
            "credit_balance_exhausted"
            "organization_spend_limit_exceeded"
            "project_spend_limit_exceeded"
            "organization_usage_limit_exceeded"
        ]

    /// How long to wait by the headers "retry-after-ms" and "retry-after", of which the latter is seconds
    /// or a date; a date is taken relative to the answer's own "date", so that no clock of ours is asked.
    let retryAfter (header: string -> string option) : TimeSpan option =
        let number (text: string) =
            match
                Double.TryParse(
                    text,
                    Globalization.NumberStyles.Float,
                    Globalization.CultureInfo.InvariantCulture
                )
            with
            | true, value when Double.IsFinite value && value >= 0. -> Some(min value 1e9)
            | _ -> None

        let date (text: string) =
            match DateTimeOffset.TryParse(text, Globalization.CultureInfo.InvariantCulture) with
            | true, value -> Some value
            | _ -> None

        let milliseconds =
            header "retry-after-ms"
            |> Option.bind number
            |> Option.map TimeSpan.FromMilliseconds

        let secondsOrDate () =
            header "retry-after"
            |> Option.bind (fun text ->
                match number text with
                | Some seconds -> Some(TimeSpan.FromSeconds seconds)
                | None ->
                    match date text, header "date" |> Option.bind date with
                    | Some moment, Some now when moment > now -> Some(moment - now)
                    | _ -> None)

        milliseconds |> Option.orElseWith secondsOrDate |> Option.map (min longestWait)

    /// The error's code in an error body, or its type where it has no code. None for any other body.
    let codeOf (body: string) : string option =
        try
            use document = JsonDocument.Parse body

            LenientJson.field "error" document.RootElement
            |> Option.bind (fun error ->
                LenientJson.text "code" error
                |> Option.orElseWith (fun () -> LenientJson.text "type" error))
        with :? JsonException ->
            None

    /// What an HTTP status of 400 and above means.
    let ofStatus (status: int) (code: string option) (after: TimeSpan option) : AssistantFailure =
        let named = code |> Option.defaultValue "no code"

        match status, code with
        | _, Some code when billingCodes.Contains code ->
            CannotAnswer
                $"OpenAI's account is out of credit or at its limit (%s{code}). Top it up or raise the \
                  limit in its billing settings."
        | 400, Some "conversation_locked"
        | 408, _
        | 409, _
        | 425, _
        | 429, _ -> AskAgain(after, $"OpenAI asks to wait (HTTP %d{status}, %s{named})")
        | 401, _ -> CannotAnswer $"OpenAI refuses the key (%s{named}). Set OPENAI_API_KEY to a valid one."
        | 403, _ -> CannotAnswer $"OpenAI does not let this key or country use the model (%s{named})."
        | 404, Some "model_not_found" ->
            CannotAnswer
                "OpenAI has no such model for this key. Set OPENAI_MODEL to one that GET /v1/models lists."
        | 404, _ ->
            CannotAnswer
                $"OpenAI has nothing at this address (%s{named}). Check OPENAI_BASE_URL: it ends with /v1."
        | _ when status >= 500 -> AskAgain(after, $"OpenAI is not well (HTTP %d{status}, %s{named})")
        | _ -> CannotAnswer $"OpenAI does not take the request (HTTP %d{status}, %s{named})."

    /// What the error of a response means that came with HTTP 200 and the status "failed".
    let ofFailedResponse (code: string) : AssistantFailure =
        match code with
        | "server_error"
        | "rate_limit_exceeded"
        | "server_is_overloaded"
        | "slow_down" -> AskAgain(None, $"OpenAI failed while answering (%s{code})")
        | code when billingCodes.Contains code -> ofStatus 429 (Some code) None
        | code -> CannotAnswer $"OpenAI failed to answer and will again (%s{code})."
