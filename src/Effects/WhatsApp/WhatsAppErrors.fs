namespace FunctionalBot.Effects

open System.Net

/// What an error of the Graph API means for what was to be sent.
type ErrorClass =
    /// Refused before anything was done; the same may be sent again after a while.
    | NotYet
    /// The same, but only for this customer.
    | NotYetForCustomer
    /// It may have been sent all the same.
    | Unclear
    /// Nothing can be sent until somebody acts.
    | Stopped
    /// This will never be sent as it is.
    | Never

/// Meta's error codes as data: code, class, and what to do or know, for operators.
/// Source: Meta's error code page for the Cloud API (2026-09), and the rule that only 4, 80007, 130429 and
/// 131056 are refused before they are processed.
module WhatsAppErrors =
    /// Every code that is known, with its class and its meaning. The meaning is ours: Meta's own texts may
    /// quote the message or the number, and reasons end up in logs.
    let known: (int * ErrorClass * string) list = [
        0, Stopped, "the access token is not valid; set a new WHATSAPP_TOKEN"
        1, Unclear, "an error that Meta does not name"
        2, Unclear, "the service is down for a moment"
        3, Stopped, "the app may not use this call; check the token's permissions"
        4, NotYet, "the app makes too many calls"
        10, Stopped, "the token lacks the permission whatsapp_business_messaging"
        33, Never, "the business number does not exist any more"
        100, Never, "a parameter is missing, misspelt or not supported"
        190, Stopped, "the access token has expired; set a new WHATSAPP_TOKEN"
        368, Stopped, "the account is blocked for breaking a policy"
        80007, NotYet, "the WhatsApp account makes too many calls"
        130403, Never, "the business has blocked this customer"
        130429, NotYet, "the number sends too many messages per second"
        130472, Never, "the customer takes part in an experiment of Meta's and gets no such message"
        130497, Never, "the business may not write to customers of this country"
        131000, Unclear, "something went wrong at Meta"
        131005, Stopped, "the token may not use this number; check its permissions"
        131008, Never, "a parameter is missing"
        131009, Never, "a parameter has a value that is not allowed"
        131016, Unclear, "the service is overloaded"
        131021, Never, "the customer's number is the business's own"
        131026, Never, "the message cannot be delivered to this customer"
        131031, Stopped, "the account is locked"
        131037, Stopped, "the number's display name is not approved"
        131042, Stopped, "a payment problem; check the account's payment method"
        131045, Stopped, "the number is not registered; register it again"
        131047, Never, "more than 24 hours have passed since the customer wrote"
        131048, Never, "too many customers reported the number as spam; check its quality"
        131049, Never, "Meta limits how many marketing messages this customer gets"
        131050, Never, "the customer wants no marketing messages"
        131051, Never, "a message type that is not supported"
        131052, Never, "the customer's file could not be fetched"
        131053, Never, "the file could not be uploaded"
        131056, NotYetForCustomer, "too many messages to this customer in a short time"
        131057, Unclear, "the number is being moved to a higher throughput"
        131062, Never, "this kind of message needs a phone number"
        131063, Never, "marketing messages are switched off for the Cloud API"
        131064, Stopped, "the account is limited for templates in the wrong category"
        132000, Never, "the template's parameters do not fit"
        132001, Never, "the template does not exist in this language"
        132005, Never, "the template's text is too long"
        132007, Never, "the template breaks a policy"
        132012, Never, "the template's parameters are of the wrong form"
        132015, Never, "the template is paused"
        132016, Never, "the template is disabled"
        132018, Never, "the template's parameters do not fit"
        132068, Never, "the form is blocked"
        132069, Never, "the form is sent too often"
        133000, Stopped, "an earlier deregistration did not finish; register the number again"
        133004, Unclear, "the server is down for a moment"
        133005, Stopped, "the number's PIN is wrong"
        133006, Stopped, "the number is not verified; verify it again"
        133008, Stopped, "the number's PIN was guessed too often; wait as long as Meta says"
        133009, Stopped, "the number's PIN was entered too fast; wait and try again"
        133010, Stopped, "the number is not registered on the WhatsApp Business Platform"
        133015, Stopped, "the number was deleted a short time ago; wait and register it again"
        133016, Stopped, "the number was registered too often; wait as long as Meta says"
        135000, Never, "a parameter of the message is not understood"
        2494100, Unclear, "the number is being maintained"
    ]

    let private table =
        known
        |> List.map (fun (code, kind, meaning) -> code, (kind, meaning))
        |> Map.ofList

    /// Class and meaning of an answer: by the code where one can be read, else by the HTTP status. Codes
    /// 200 to 299 are missing permissions. Whatever is not known is Unclear if the server failed (5xx),
    /// else Never.
    let classify (status: HttpStatusCode) (code: int option) : ErrorClass * string =
        let number = int status

        match code |> Option.bind (fun code -> Map.tryFind code table), code with
        | Some known, _ -> known
        | None, Some code when code >= 200 && code <= 299 -> Stopped, "the token lacks a permission"
        | None, _ when number >= 500 || number = 408 -> Unclear, "the server failed"
        | None, _ when number = 429 -> NotYet, "too many calls"
        | None, Some _ -> Never, "an error that this version does not know"
        | None, None when number = 401 || number = 403 -> Stopped, "the token was refused"
        | None, None when number = 404 || (number >= 300 && number < 400) ->
            Stopped, "the address is not that of the Graph API; check WHATSAPP_GRAPH_URL"
        | None, None when number < 300 -> Unclear, "an answer without the message's id"
        | None, None -> Never, "an answer that does not say what is wrong"
