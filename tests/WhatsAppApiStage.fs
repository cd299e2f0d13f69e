/// What the tests of calls to the Cloud API share: one number, one customer, and words that must never come back.
module FunctionalBot.Tests.WhatsAppApiStage

open System
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open Xunit

/// The token of the calls.
let token = "EAAG-invented-token"

/// The number, at the server of this address.
let settingsFor (address: Uri) : WhatsAppSettings = {
    GraphUrl = Uri(address, "/v25.0")
    Token = fun () -> token
    PhoneNumberId = "100200300"
    Timeout = TimeSpan.FromSeconds 20.
}

/// A command of that number.
let key: CommandKey = {
    Session = {
        Channel = "whatsapp-100200300"
        Customer = CustomerId "ES.1"
        Ordinal = 1
    }
    Version = 2L
    Ordinal = 0
}

/// A customer with both ids.
let ana: Recipient = {
    Phone = Some "34600111222"
    BusinessScopedId = Some "ES.1"
}

/// Says this to Ana, in answer to nothing.
let saying message = Outgoing.ofCommand key ana None message

/// Sends words that nobody else may see, in answer to a message.
let sendVia (settings: WhatsAppSettings) recipient (cancel: CancellationToken) : Task<SendOutcome> = task {
    use client = FunctionalBot.Web.Composition.newClient (TimeSpan.FromSeconds 60.)
    let port = WhatsAppApi.create settings client

    let outgoing =
        Outgoing.ofCommand key recipient (Some(MessageId "wamid.0")) (TextMessage "secreto del cliente")

    return! port.Send outgoing cancel
}

/// The same to Ana at this address.
let send (address: Uri) : Task<SendOutcome> =
    sendVia (settingsFor address) ana CancellationToken.None

/// An error of Meta's that quotes what was said and to whom.
let errorBody (code: int) =
    $"""{{"error":{{"message":"(#%d{code}) secreto del cliente 34600111222","type":"OAuthException","code":%d{code},"error_data":{{"details":"secreto del cliente"}},"fbtrace_id":"AbC-1"}}}}"""

/// The name of an outcome, and what operators read of it.
let nameAndReason (outcome: SendOutcome) : string * string =
    match outcome with
    | Accepted _ -> "Accepted", ""
    | RetryLater(_, reason) -> "RetryLater", reason
    | RecipientBusy reason -> "RecipientBusy", reason
    | HeldBack(_, reason) -> "HeldBack", reason
    | OutcomeUnknown reason -> "OutcomeUnknown", reason
    | Refused(_, reason) -> "Refused", reason
    | ChannelStopped(_, reason) -> "ChannelStopped", reason

/// Neither what was said, nor to whom, nor the token is told.
let assertDiscreet (outcome: SendOutcome) =
    let _, reason = nameAndReason outcome

    for secret in [ "secreto"; "34600111222"; token ] do
        Assert.DoesNotContain(secret, reason)

/// An address of this machine where nobody listens.
let closedAddress () : Uri =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    let port = (listener.LocalEndpoint :?> IPEndPoint).Port
    listener.Stop()
    Uri $"http://127.0.0.1:%d{port}/"
