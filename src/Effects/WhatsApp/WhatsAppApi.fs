namespace FunctionalBot.Effects

open System
open System.Net.Http
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// What the Graph API tells about the business number.
type BusinessNumber = {
    /// As Meta writes it, for example "+34 600 11 22 33".
    DisplayNumber: string
    VerifiedName: string option
    /// "GREEN", "YELLOW", "RED" or "UNKNOWN".
    Quality: string option
}

/// The Cloud API over HTTP.
module WhatsAppApi =
    open LenientJson
    open WhatsAppAnswer

    let private post settings client (body: byte[]) (accepted: JsonElement -> MessageId option) token = task {
        let path = Uri.EscapeDataString settings.PhoneNumberId + "/messages"

        match! WhatsAppCall.send settings client HttpMethod.Post path (Some body) token with
        | Broken(false, reason) -> return RetryLater(None, "WhatsApp: nothing was sent, " + reason)
        | Broken(true, reason) -> return OutcomeUnknown("WhatsApp: " + reason)
        | Answered(status, after, answer) when isSuccess status ->
            match withJson answer accepted with
            | Some id -> return Accepted id
            | None -> return failed status after answer
        | Answered(status, after, answer) -> return failed status after answer
    }

    let private sentId root =
        list "messages" root
        |> List.tryHead
        |> Option.bind (filled "id")
        |> Option.map MessageId

    /// What Meta would refuse anyway is refused here, with words that say which part of it is wrong.
    let private send settings client (outgoing: Outgoing) token : Task<SendOutcome> =
        match OutboundLimits.problemsOf outgoing with
        | [] -> post settings client (WhatsAppRequest.message outgoing) sentId token
        | problems -> Task.FromResult(Refused(100, "WhatsApp: " + String.Join("; ", problems)))

    /// The channel of the messages that come to the configured number, as `WhatsAppInbound` names it.
    let channelOf (settings: WhatsAppSettings) : string = "whatsapp-" + settings.PhoneNumberId

    /// The number that a message came to is the only one that can mark it, and a file can be sent from the number
    /// that it was uploaded by only: for another, Meta would say that there is none.
    let private ofNumber (settings: WhatsAppSettings) channel (call: unit -> Task<'answer>) refused =
        if channel = channelOf settings then
            call ()
        else
            Task.FromResult(
                refused (
                    Refused(100, "WhatsApp: the channel is of another number than WHATSAPP_PHONE_NUMBER_ID")
                )
            )

    let private markRead (settings: WhatsAppSettings) client channel message token : Task<SendOutcome> =
        let accepted root =
            if text "success" root = Some "true" then
                Some message
            else
                None

        ofNumber
            settings
            channel
            (fun () -> post settings client (WhatsAppRequest.markRead message) accepted token)
            id

    /// The port over this client, whose own time limit must be longer than any upload; each call is limited by the
    /// settings. A call that the host cancels ends as a value too: RetryLater if nothing had been sent, else
    /// OutcomeUnknown. MarkRead's Accepted holds the message that was marked.
    let create (settings: WhatsAppSettings) (client: HttpClient) : WhatsAppPort = {
        Send = send settings client
        MarkRead = markRead settings client
        Upload =
            fun channel file token ->
                ofNumber settings channel (fun () -> WhatsAppUpload.send settings client file token) Error
    }

    /// Asks Meta for the business number: whether the address, the token and the number's id are right.
    /// Error with what is wrong and how to mend it; the token is never in it.
    let check
        (settings: WhatsAppSettings)
        (client: HttpClient)
        (token: CancellationToken)
        : Task<Result<BusinessNumber, string>> = task {
        let path =
            Uri.EscapeDataString settings.PhoneNumberId
            + "?fields=display_phone_number,verified_name,quality_rating"

        let number root =
            filled "display_phone_number" root
            |> Option.map (fun display -> {
                DisplayNumber = display
                VerifiedName = filled "verified_name" root
                Quality = filled "quality_rating" root
            })

        match! WhatsAppCall.send settings client HttpMethod.Get path None token with
        | Broken(_, reason) ->
            return
                Error $"%s{settings.GraphUrl.Host} cannot be reached: %s{reason}. Check WHATSAPP_GRAPH_URL."
        | Answered(status, after, body) when not (isSuccess status) ->
            match failed status after body, errorOf body with
            | _, (Some(33 | 100), _) ->
                let mend =
                    "Copy it from the app's page API Setup, and give the token's system user access to it."

                return Error $"The number with the id in WHATSAPP_PHONE_NUMBER_ID cannot be read. %s{mend}"
            | RetryLater(_, reason), _
            | RecipientBusy reason, _
            | HeldBack(_, reason), _
            | OutcomeUnknown reason, _
            | Refused(_, reason), _
            | ChannelStopped(_, reason), _ -> return Error reason
            | Accepted _, _ -> return Error "WhatsApp gave an answer that makes no sense."
        | Answered(_, _, body) ->
            match withJson body number with
            | Some number -> return Ok number
            | None -> return Error "The answer is not that of the Graph API. Check WHATSAPP_GRAPH_URL."
    }
