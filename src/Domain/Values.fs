namespace FunctionalBot.Domain

open System

/// A language in which the bot speaks. Spanish is what it falls back to.
type Language =
    | Spanish
    | English
    | Portuguese

/// Whoever writes to the business. The text is opaque: Meta's business-scoped user id where there is one,
/// else the digits of the phone number (a WhatsApp user may have no phone number since 2026).
[<Struct>]
type CustomerId = CustomerId of string

/// Meta's id of one WhatsApp message ("wamid.…"), opaque.
[<Struct>]
type MessageId = MessageId of string

/// One conversation of one customer with one business number, from its first message to its end.
type SessionId = {
    /// The channel and business number that the customer writes to, for example "whatsapp-106540352242922".
    Channel: string
    Customer: CustomerId
    /// 1 for the customer's first session, then one more each time a closed one is followed by another.
    Ordinal: int
}

/// Names one command for ever: the session, the version of the event that asked for it, and its place among
/// the commands of that event. It is the idempotency key wherever the command takes effect.
type CommandKey = {
    Session: SessionId
    Version: int64
    Ordinal: int
}

/// What is known about the person, as far as tickets and greetings need it.
type Customer = {
    Id: CustomerId
    /// International digits without "+", where WhatsApp told them.
    Phone: string option
    /// The profile name that the customer chose on WhatsApp.
    Name: string option
}

/// What a business may set for its conversations. It is recorded when a session opens, so that a replay
/// decides with the same times as the day itself did.
type Policy = {
    /// How long the bot waits for another message before it takes what was written as one turn. Zero takes
    /// each message at once.
    Quiet: TimeSpan
    /// How long a customer may be silent before the session is closed.
    Idle: TimeSpan
}

/// The text forms of a session's name, which is also the name of its event stream.
module SessionId =
    /// `session/<channel>/<customer>/<ordinal>`
    let text (id: SessionId) =
        let (CustomerId customer) = id.Customer
        String.Concat("session/", id.Channel, "/", String.Concat(customer, "/", string id.Ordinal))

    /// Reads what `text` writes. None for any other text.
    let parse (text: string) : SessionId option =
        match text.Split '/' with
        | [| "session"; channel; customer; ordinal |] when channel <> "" && customer <> "" ->
            match Int32.TryParse ordinal with
            | true, number when number > 0 ->
                Some {
                    Channel = channel
                    Customer = CustomerId customer
                    Ordinal = number
                }
            | _ -> None
        | _ -> None

    /// The session that follows this one for the same customer.
    let next (id: SessionId) = { id with Ordinal = id.Ordinal + 1 }

/// The text form of a command's key.
module CommandKey =
    /// `<session>/<version>/<ordinal>`, at most about 220 characters; it travels as `biz_opaque_callback_data`.
    let text (key: CommandKey) =
        String.Concat(
            SessionId.text key.Session,
            "/",
            string key.Version,
            String.Concat("/", string key.Ordinal)
        )

    /// Reads what `text` writes. None for any other text.
    let parse (text: string) : CommandKey option =
        let parts = text.Split '/'

        if parts.Length <> 6 then
            None
        else
            match
                SessionId.parse (String.Join('/', parts, 0, 4)),
                Int64.TryParse parts[4],
                Int32.TryParse parts[5]
            with
            | Some session, (true, version), (true, ordinal) ->
                Some {
                    Session = session
                    Version = version
                    Ordinal = ordinal
                }
            | _ -> None

/// The two-letter names of languages (ISO 639-1), as stored data and phrase files use them.
module Language =
    /// "es", "en" or "pt".
    let code =
        function
        | Spanish -> "es"
        | English -> "en"
        | Portuguese -> "pt"

    /// Accepts a region too ("pt-BR", "en_US"). None for a language that the bot does not speak.
    let ofCode (code: string) =
        match code.Trim().ToLowerInvariant() with
        | name when name.StartsWith("es", StringComparison.Ordinal) -> Some Spanish
        | name when name.StartsWith("en", StringComparison.Ordinal) -> Some English
        | name when name.StartsWith("pt", StringComparison.Ordinal) -> Some Portuguese
        | _ -> None
