namespace FunctionalBot.Effects

open System
open System.Net
open System.Text.Json

/// What the Graph API answers.
module internal WhatsAppAnswer =
    open LenientJson

    /// Reads an answer as JSON and hands the root on. None for what is no JSON.
    let withJson (body: byte[]) (read: JsonElement -> 'a option) : 'a option =
        try
            use document =
                JsonDocument.Parse(ReadOnlyMemory body, JsonDocumentOptions(MaxDepth = maximumDepth))

            read document.RootElement
        with
        | :? JsonException
        | :? InvalidOperationException -> None

    /// The error's code, and its trace as far as it is plain.
    let errorOf (body: byte[]) : int option * string option =
        let read root =
            field "error" root
            |> Option.map (fun error ->
                let isPlain unit =
                    Char.IsAsciiLetterOrDigit unit || unit = '-' || unit = '_'

                number "code" error,
                filled "fbtrace_id" error
                |> Option.map (String.filter isPlain >> Graphemes.start 60))

        withJson body read |> Option.defaultValue (None, None)

    /// What an answer with an error means. Nothing of Meta's text goes into the reason, since that may
    /// quote the message.
    let failed (status: HttpStatusCode) after body : SendOutcome =
        let code, trace = errorOf body
        let kind, meaning = WhatsAppErrors.classify status code
        let number = code |> Option.defaultValue (int status)

        let reason =
            String.concat "" [
                "WhatsApp: "
                meaning
                " ("
                match code with
                | Some code -> "code " + string code + ", "
                | None -> ()
                "HTTP " + string (int status)
                match trace with
                | Some trace when trace <> "" -> ", trace " + trace
                | _ -> ()
                ")"
            ]

        match kind with
        | NotYet -> RetryLater(after, reason)
        | NotYetForCustomer -> RecipientBusy reason
        | Unclear -> OutcomeUnknown reason
        | Stopped -> ChannelStopped(number, reason)
        | Never -> Refused(number, reason)

    /// Whether the status is that of a success.
    let isSuccess (status: HttpStatusCode) = int status >= 200 && int status < 300
