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

/// What is done about an error besides, and who has to act.
[<RequireQualifiedAccess>]
type ErrorAction =
    /// Nobody has to act: the message goes again by itself, or a status tells what came of it.
    | GoesOn
    /// Operators are alarmed. Sending goes on by itself when the token is replaced or has its permissions.
    | MendToken
    /// Operators are alarmed. Sending goes on by itself when Meta takes messages of the account again.
    | MendAccount
    /// Operators are alarmed. Sending goes on by itself when the number is in order.
    | MendNumber
    /// This message is lost, and others will be for the same reason: operators are alarmed, the customer is told
    /// when he writes again.
    | Alarm
    /// Only this message is lost. The customer is told when he writes again.
    | TellCustomer
    /// The customer has to write first; then he is told.
    | AwaitCustomer
    /// The file has to be sent again. The customer is told when he writes again.
    | AskForFile
    /// The customer is not to be written to, or gets no such messages. It is not sent again and not spoken of.
    | LeaveAlone

/// What is known of one error code.
type KnownError = {
    /// Meta's.
    Code: int
    Class: ErrorClass
    Action: ErrorAction
    /// What it means or what to do, for operators. Ours: Meta's own texts may quote the message or the number, and
    /// reasons end up in logs.
    Words: string
}

/// Meta's error codes as data: code, class, action, and words for operators.
/// Source: Meta's error code page for the Cloud API (2026-09), and the rule that only 4, 80007, 130429 and
/// 131056 are refused before they are processed.
module WhatsAppErrors =
    let private newToken =
        "put a new one into the file of WHATSAPP_TOKEN_FILE, or set WHATSAPP_TOKEN and start the bot again"

    /// Every code that is known. `Undelivered` in the core knows which ones no customer hears of (LeaveAlone).
    let known: KnownError list =
        [
            0, Stopped, ErrorAction.MendToken, "the access token is not valid; " + newToken
            1, Unclear, ErrorAction.GoesOn, "an error that Meta does not name"
            2, Unclear, ErrorAction.GoesOn, "the service is down for a moment"
            3, Stopped, ErrorAction.MendToken, "the app may not use this call; check the token's permissions"
            4, NotYet, ErrorAction.GoesOn, "the app makes too many calls"
            10, Stopped, ErrorAction.MendToken, "the token lacks the permission whatsapp_business_messaging"
            33, Never, ErrorAction.Alarm, "the business number does not exist any more"
            100, Never, ErrorAction.Alarm, "a parameter is missing, misspelt or not supported"
            190, Stopped, ErrorAction.MendToken, "the access token has expired; " + newToken
            368, Stopped, ErrorAction.MendAccount, "the account is blocked for breaking a policy"
            80007, NotYet, ErrorAction.GoesOn, "the WhatsApp account makes too many calls"
            130403, Never, ErrorAction.LeaveAlone, "the business has blocked this customer"
            130429, NotYet, ErrorAction.GoesOn, "the number sends too many messages per second"
            130472,
            Never,
            ErrorAction.LeaveAlone,
            "the customer takes part in an experiment of Meta's and gets no such message"
            130497, Never, ErrorAction.LeaveAlone, "the business may not write to customers of this country"
            131000, Unclear, ErrorAction.GoesOn, "something went wrong at Meta"
            131005, Stopped, ErrorAction.MendToken, "the token may not use this number; check its permissions"
            131008, Never, ErrorAction.Alarm, "a parameter is missing"
            131009, Never, ErrorAction.Alarm, "a parameter has a value that is not allowed"
            131016, Unclear, ErrorAction.GoesOn, "the service is overloaded"
            131021, Never, ErrorAction.TellCustomer, "the customer's number is the business's own"
            131026, Never, ErrorAction.TellCustomer, "the message cannot be delivered to this customer"
            131031, Stopped, ErrorAction.MendAccount, "the account is locked"
            131037, Stopped, ErrorAction.MendNumber, "the number's display name is not approved"
            131042, Stopped, ErrorAction.MendAccount, "a payment problem; check the account's payment method"
            131045, Stopped, ErrorAction.MendNumber, "the number is not registered; register it again"
            131047,
            Never,
            ErrorAction.AwaitCustomer,
            "more than 24 hours have passed since the customer wrote"
            131048,
            Never,
            ErrorAction.Alarm,
            "too many customers reported the number as spam; look at its quality and write less"
            131049,
            Never,
            ErrorAction.LeaveAlone,
            "Meta limits how many marketing messages this customer gets"
            131050, Never, ErrorAction.LeaveAlone, "the customer wants no marketing messages"
            131051, Never, ErrorAction.TellCustomer, "a message type that is not supported"
            131052, Never, ErrorAction.AskForFile, "the customer's file could not be fetched"
            131053, Never, ErrorAction.AskForFile, "the file could not be uploaded"
            131056,
            NotYetForCustomer,
            ErrorAction.GoesOn,
            "too many messages to this customer in a short time"
            131057, Unclear, ErrorAction.GoesOn, "the number is being moved to a higher throughput"
            131060,
            Never,
            ErrorAction.TellCustomer,
            "the customer's message can be read on the business's phone only"
            131062, Never, ErrorAction.Alarm, "this kind of message needs a phone number"
            131063, Never, ErrorAction.Alarm, "marketing messages are switched off for the Cloud API"
            131064,
            Stopped,
            ErrorAction.MendAccount,
            "the account is limited for templates in the wrong category"
            132000, Never, ErrorAction.Alarm, "the template's parameters do not fit"
            132001, Never, ErrorAction.Alarm, "the template does not exist in this language"
            132005, Never, ErrorAction.Alarm, "the template's text is too long"
            132007, Never, ErrorAction.Alarm, "the template breaks a policy"
            132012, Never, ErrorAction.Alarm, "the template's parameters are of the wrong form"
            132015, Never, ErrorAction.Alarm, "the template is paused"
            132016, Never, ErrorAction.Alarm, "the template is disabled"
            132018, Never, ErrorAction.Alarm, "the template's parameters do not fit"
            132068, Never, ErrorAction.Alarm, "the form is blocked"
            132069, Never, ErrorAction.Alarm, "the form is sent too often"
            133000,
            Stopped,
            ErrorAction.MendNumber,
            "an earlier deregistration did not finish; register the number again"
            133004, Unclear, ErrorAction.GoesOn, "the server is down for a moment"
            133005, Stopped, ErrorAction.MendNumber, "the number's PIN is wrong"
            133006, Stopped, ErrorAction.MendNumber, "the number is not verified; verify it again"
            133008,
            Stopped,
            ErrorAction.MendNumber,
            "the number's PIN was guessed too often; wait as long as Meta says"
            133009,
            Stopped,
            ErrorAction.MendNumber,
            "the number's PIN was entered too fast; wait and try again"
            133010,
            Stopped,
            ErrorAction.MendNumber,
            "the number is not registered on the WhatsApp Business Platform"
            133015,
            Stopped,
            ErrorAction.MendNumber,
            "the number was deleted a short time ago; wait and register it again"
            133016,
            Stopped,
            ErrorAction.MendNumber,
            "the number was registered too often; wait as long as Meta says"
            134011, Never, ErrorAction.Alarm, "the terms of WhatsApp's payments are not accepted"
            135000, Never, ErrorAction.Alarm, "a parameter of the message is not understood"
            2494100, Unclear, ErrorAction.GoesOn, "the number is being maintained"
        ]
        |> List.map (fun (code, kind, action, words) -> {
            Code = code
            Class = kind
            Action = action
            Words = words
        })

    let private table = known |> List.map (fun error -> error.Code, error) |> Map.ofList

    /// What a code means, wherever it comes from: a known one, 200 to 299 as missing permissions, or one that is not
    /// known: that message is lost, and operators are told.
    let ofCode (code: int) : KnownError =
        match Map.tryFind code table with
        | Some known -> known
        | None when code >= 200 && code <= 299 -> {
            Code = code
            Class = Stopped
            Action = ErrorAction.MendToken
            Words = "the token lacks a permission"
          }
        | None -> {
            Code = code
            Class = Never
            Action = ErrorAction.Alarm
            Words = "an error that this version does not know"
          }

    /// How far a refusal reaches that stops sending, by its code: as far as what has to be mended. A token may lack the
    /// right to one number (131005) and serve others.
    let reachOf (code: int) : StopReach =
        match code, (ofCode code).Action with
        | 131005, _
        | _, ErrorAction.MendNumber -> StopReach.Number
        | _, ErrorAction.MendAccount -> StopReach.Account
        | _ -> StopReach.Token

    /// Class and words of an answer: by the code where one can be read, else by the HTTP status. Codes
    /// 200 to 299 are missing permissions. Whatever is not known is Unclear if the server failed (5xx),
    /// else Never.
    let classify (status: HttpStatusCode) (code: int option) : ErrorClass * string =
        let number = int status

        let isKnown code =
            Map.containsKey code table || (code >= 200 && code <= 299)

        match code with
        | Some code when isKnown code ->
            let error = ofCode code
            error.Class, error.Words
        | _ when number >= 500 || number = 408 -> Unclear, "the server failed"
        | _ when number = 429 -> NotYet, "too many calls"
        | Some code -> Never, (ofCode code).Words
        | None when number = 401 || number = 403 -> Stopped, "the token was refused"
        | None when number = 404 || (number >= 300 && number < 400) ->
            Stopped, "the address is not that of the Graph API; check WHATSAPP_GRAPH_URL"
        | None when number < 300 -> Unclear, "an answer without the message's id"
        | None -> Never, "an answer that does not say what is wrong"
