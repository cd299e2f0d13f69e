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

    let private send settings client (outgoing: Outgoing) token : Task<SendOutcome> =
        post settings client (WhatsAppRequest.message outgoing) sentId token

    /// The channel of a business number, as `WhatsAppInbound` names it.
    let channelOf (phoneNumberId: string) : string = "whatsapp-" + phoneNumberId

    let private markRead (settings: WhatsAppSettings) client message token : Task<SendOutcome> =
        let accepted root =
            if text "success" root = Some "true" then
                Some message
            else
                None

        post settings client (WhatsAppRequest.markRead message) accepted token

    /// A customer is answered from the number that he wrote to, or not at all: from another one Meta would take the
    /// message for the beginning of a conversation with a stranger.
    let private notSetUp =
        "WhatsApp: the business number is not set up; add it to the file of BOT_NUMBERS"

    /// The port over these numbers and one client, whose own time limit must be longer than any upload; each call is
    /// limited by the settings: each call goes to the number of its channel. For a channel that
    /// is none of them nothing is called: Send and Upload are held back, so that what waits goes once the number is
    /// set up, and MarkRead is refused. A call that the host cancels ends as a value too: RetryLater if nothing had
    /// been sent, else OutcomeUnknown. MarkRead's Accepted holds the message that was marked.
    let forNumbers (numbers: WhatsAppSettings list) (client: HttpClient) : WhatsAppPort =
        let byChannel =
            dict [ for settings in numbers -> channelOf settings.PhoneNumberId, settings ]

        {
            Send =
                fun outgoing token ->
                    match byChannel.TryGetValue outgoing.Key.Session.Channel with
                    | true, settings -> send settings client outgoing token
                    | _ -> Task.FromResult(HeldBack(TimeSpan.FromMinutes 5., notSetUp))
            MarkRead =
                fun channel message token ->
                    match byChannel.TryGetValue channel with
                    | true, settings -> markRead settings client message token
                    | _ -> Task.FromResult(Refused(100, notSetUp))
            // A file can be sent by the number only that it was uploaded by.
            Upload =
                fun channel file token ->
                    match byChannel.TryGetValue channel with
                    | true, settings -> WhatsAppUpload.send settings client file token
                    | _ -> Task.FromResult(Error(HeldBack(TimeSpan.FromMinutes 5., notSetUp)))
        }

    /// The port over one number.
    let create (settings: WhatsAppSettings) (client: HttpClient) : WhatsAppPort =
        forNumbers [ settings ] client

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

                return Error $"The number with the id %s{settings.PhoneNumberId} cannot be read. %s{mend}"
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
