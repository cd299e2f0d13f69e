namespace FunctionalBot.Effects

open System
open System.Text.Json
open FunctionalBot.Domain

/// Reads webhook bodies. Nothing that Meta, or anybody with Meta's signature, can send makes it throw, and
/// one element that cannot be read never takes its neighbours with it.
module WhatsAppInbound =
    open LenientJson

    /// What every element of one `changes[].value` shares.
    [<NoComparison; NoEquality>]
    type private Surroundings = {
        Channel: string
        /// The time to take where an element tells none.
        FallbackTime: DateTimeOffset
    }

    /// The time of something whose own time, and that of its entry, cannot be read: the start of Unix time.
    /// Whoever stores updates puts the time of arrival in its place (`ReceivedBody.timeOf`).
    let unknownTime = ReceivedBody.unknownTime

    // WhatsApp began in 2009; the other end only keeps nonsense out.
    let private firstSecond =
        DateTimeOffset(2009, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds()

    let private lastSecond =
        DateTimeOffset(2200, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds()

    let private inRange seconds =
        seconds >= firstSecond && seconds <= lastSecond

    /// Seconds since 1970, or milliseconds where the number only makes sense as such.
    let private moment (number: int64) =
        if inRange number then
            Some(DateTimeOffset.FromUnixTimeSeconds number)
        elif inRange (number / 1000L) then
            Some(DateTimeOffset.FromUnixTimeSeconds(number / 1000L))
        else
            None

    let private time name element =
        whole name element |> Option.bind moment

    let private timeOf element = asWhole element |> Option.bind moment

    let private raw (slice: Slice) =
        LenientJson.compactBytes slice.Bytes.Span

    /// What a fault of the reader is called. Its message may hold a part of what was read.
    let private unreadable (fault: exn) =
        "an element that cannot be read: " + fault.GetType().Name

    /// What an element comes to. Whatever becomes of it, its neighbours do not hear of it.
    let private element (slice: Slice) (read: JsonElement -> Update list) : Update list =
        try
            WhatsAppEnvelope.inside slice (fun element ->
                if element.ValueKind = JsonValueKind.Object then
                    read element
                else
                    [ NothingToDo(None, "an element that is no object", raw slice) ])
        with fault -> [ NotUnderstood(None, unreadable fault, raw slice) ]

    /// The ids by which a message names its sender; None for what is no object or cannot be read.
    let private senderIds (slice: Slice) : SenderIds option =
        try
            WhatsAppEnvelope.inside slice (fun element ->
                if element.ValueKind = JsonValueKind.Object then
                    Some(WhatsAppPeople.senderIds element)
                else
                    None)
        with _ ->
            None

    /// What a customer did. An advertisement that he came from is an update of its own, ahead of the message.
    let private deed around people sourceId at (slice: Slice) (message: JsonElement) fact : Update list =
        match WhatsAppPeople.sender people (WhatsAppPeople.senderIds message) with
        | None -> [
            NotUnderstood(Some sourceId, "a message that names no sender to answer", raw slice)
          ]
        | Some sender -> [
            match WhatsAppMessage.referral message with
            | Some referral ->
                CustomerDid(around.Channel, sender, sourceId + "#referral", at, ReferredByAd referral)
            | None -> ()

            CustomerDid(around.Channel, sender, sourceId, at, fact)
          ]

    let private messageOf around people (slice: Slice) (message: JsonElement) : Update list =
        let nothing sourceId reason = [ NothingToDo(sourceId, reason, raw slice) ]

        let at = time "timestamp" message |> Option.defaultValue around.FallbackTime

        match identifier "id" message with
        | None -> nothing None "a message without an id"
        | Some sourceId when (filled "group_id" message).IsSome ->
            nothing (Some sourceId) "a message to a group"
        | Some sourceId ->
            match WhatsAppMoves.read message with
            // It does not matter who its ids belong to.
            | Some(Ok move) -> [ PersonMoved(around.Channel, move, sourceId, at) ]
            | Some(Error reason) -> nothing (Some sourceId) reason
            | None ->
                match WhatsAppMessage.fact (MessageId sourceId) message with
                | Ok fact -> deed around people sourceId at slice message fact
                | Error reason -> nothing (Some sourceId) reason

    /// Words of Meta's that stand in reasons are kept to a line.
    let private note = WhatsAppText.line 200

    /// Code and title of the first of these errors.
    let private failureIn (errors: JsonElement) =
        match items errors with
        | error :: _ ->
            let title =
                note "title" error
                |> Option.orElseWith (fun () -> note "message" error)
                |> Option.defaultValue "no title given"

            number "code" error |> Option.defaultValue 0, title
        | [] -> 0, "no error given"

    let private failure element =
        match field "errors" element with
        | Some errors -> failureIn errors
        | None -> 0, "no error given"

    let private statusOf around (slice: Slice) (status: JsonElement) : Update list =
        let nothing reason = [ NothingToDo(None, reason, raw slice) ]

        match identifier "id" status, note "status" status with
        | None, _ -> nothing "a status without a message id"
        | Some _, None -> nothing "a status that says nothing"
        | Some _, Some _ when text "recipient_type" status = Some "group" ->
            nothing "a status of a group message"
        | Some id, Some word ->
            let delivery =
                match word with
                | "sent" -> Sent
                | "delivered" -> Delivered
                | "read" -> Read
                | "played" -> Played
                | "failed" -> Failed(failure status)
                | other -> UnknownStatus other

            let at = time "timestamp" status |> Option.defaultValue around.FallbackTime

            [
                StatusCame(
                    around.Channel,
                    MessageId id,
                    delivery,
                    identifier "biz_opaque_callback_data" status,
                    at
                )
            ]

    /// Reads a part of the envelope; None where it is missing, or is a thing that cannot be read.
    let private part (slice: Slice voption) (read: JsonElement -> 'result option) : 'result option =
        match slice with
        | ValueNone -> None
        | ValueSome slice ->
            try
                WhatsAppEnvelope.inside slice read
            with _ ->
                None

    /// One `changes[]` element: all that its value holds, in order.
    let private change (entryTime: DateTimeOffset option) (found: EnvelopeChange) : Update list =
        let whole reason = [ NothingToDo(None, reason, raw found.Whole) ]

        let fieldName =
            part found.Field (asTextUpTo 200)
            |> Option.filter (String.IsNullOrWhiteSpace >> not)
            |> Option.defaultValue "messages"

        match found.Value with
        | _ when fieldName <> "messages" ->
            let written = raw found.Whole

            [
                NothingToDo(None, WhatsAppNotice.reasonOf (Graphemes.cut 200 fieldName) written, written)
            ]
        | ValueNone -> whole "a change without a value"
        | ValueSome value ->
            let channel =
                part value.Metadata (filled "phone_number_id")
                |> Option.bind WhatsAppPeople.name

            match channel with
            | None when value.Messages.Count > 0 || value.Statuses.Count > 0 -> [
                NotUnderstood(
                    None,
                    "messages that do not say to which business number they came (metadata.phone_number_id)",
                    raw found.Whole
                )
              ]
            | _ ->
                let around = {
                    Channel = "whatsapp-" + Option.defaultValue "" channel
                    FallbackTime = Option.defaultValue unknownTime entryTime
                }

                let people =
                    value.Messages |> Seq.choose senderIds |> WhatsAppPeople.ofValue value.Contacts

                // Where the contacts stand in the body nobody asks again.
                value.Contacts.Clear()
                value.Contacts.TrimExcess()

                let read = [
                    for slice in value.Messages do
                        yield! element slice (messageOf around people slice)
                    for slice in value.Statuses do
                        yield! element slice (statusOf around slice)
                ]

                if not (List.isEmpty read) then
                    read
                else
                    match part value.Errors (fun errors -> Some(failureIn errors)) with
                    | Some(code, title) -> whole $"WhatsApp reports error %d{code}: %s{title}"
                    | None -> whole "a change without messages or statuses"

    let private entry (found: EnvelopeEntry) : Update list =
        if found.Changes.Count = 0 then
            [ NothingToDo(None, "an entry without changes", raw found.Whole) ]
        else
            let entryTime = part found.Time timeOf

            found.Changes |> Seq.collect (change entryTime) |> List.ofSeq

    let private readEnvelope (body: ReadOnlyMemory<byte>) : Result<Update list, string> =
        try
            match WhatsAppEnvelope.read body with
            | ValueSome entries ->
                Ok [
                    for found in entries do
                        yield! entry found
                ]
            | ValueNone -> Error "The body is JSON but holds no list named \"entry\"."
        with :? JsonException as problem ->
            let line = problem.LineNumber.GetValueOrDefault() + 1L
            let position = problem.BytePositionInLine.GetValueOrDefault()
            Error $"The body is no JSON: line %d{line}, byte %d{position}."

    /// What a reader makes of a body, where a fault of the reader itself is an Error too: the body is kept, ends dead
    /// with the fault's type, and is read again by hand (`bot inbound retry`) once the fault is mended. Meta would send
    /// it for seven days and meet the same fault each time.
    let settled
        (read: ReadOnlyMemory<byte> -> Result<Update list, string>)
        (body: ReadOnlyMemory<byte>)
        : Result<Update list, string> =
        try
            read body
        with fault ->
            Error $"The body cannot be read by this version: %s{fault.GetType().Name}."

    /// The updates of a body in their order. Error only where the body as a whole is no such thing: not JSON, or
    /// without `entry`. An element that is nested deeper than `LenientJson.maximumDepth` is read without the members
    /// that are so deep, in whose place stands a list that says so.
    /// Ids that cannot be part of a stream's name (white space, "/", more than 150 characters) count as
    /// missing. A timestamp that makes no sense is replaced by the entry's time, else by `unknownTime`.
    let read (body: ReadOnlyMemory<byte>) : Result<Update list, string> = settled readEnvelope body
