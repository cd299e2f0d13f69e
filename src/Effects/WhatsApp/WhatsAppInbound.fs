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

    /// What one message comes to.
    [<NoComparison; NoEquality>]
    type private Content =
        /// What somebody did. Who it was is not known yet. With it, the advertisement that the customer came from.
        | Deed of sourceId: string * DateTimeOffset * AdReferral option * Fact
        /// It does not matter, or cannot be known, who its ids belong to.
        | Settled of Update

    /// A message that was read by itself.
    [<NoComparison; NoEquality>]
    type private Letter = {
        Slice: Slice
        /// None for what is no object.
        Sender: SenderIds voption
        Content: Content
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

    let private contentOf around (slice: Slice) (element: JsonElement) : Content =
        let nothing sourceId reason =
            Settled(NothingToDo(sourceId, reason, raw slice))

        let at = time "timestamp" element |> Option.defaultValue around.FallbackTime

        match identifier "id" element with
        | None -> nothing None "a message without an id"
        | Some sourceId when (filled "group_id" element).IsSome ->
            nothing (Some sourceId) "a message to a group"
        | Some sourceId ->
            match WhatsAppMoves.read element with
            | Some(Ok move) -> Settled(PersonMoved(around.Channel, move, sourceId, at))
            | Some(Error reason) -> nothing (Some sourceId) reason
            | None ->
                match WhatsAppMessage.fact (MessageId sourceId) element with
                | Ok fact -> Deed(sourceId, at, WhatsAppMessage.referral element, fact)
                | Error reason -> nothing (Some sourceId) reason

    /// Reads one message; whatever becomes of it, its neighbours do not hear of it.
    let private letter around (slice: Slice) : Letter =
        let fromNobody update = {
            Slice = slice
            Sender = ValueNone
            Content = Settled update
        }

        try
            WhatsAppEnvelope.inside slice (fun element ->
                if element.ValueKind = JsonValueKind.Object then
                    {
                        Slice = slice
                        Sender = ValueSome(WhatsAppPeople.senderIds element)
                        Content = contentOf around slice element
                    }
                else
                    fromNobody (NothingToDo(None, "an element that is no object", raw slice)))
        with fault ->
            fromNobody (NotUnderstood(None, unreadable fault, raw slice))

    /// What a letter comes to among these people. An advertisement is an update of its own, ahead of the message.
    let private updatesOf around people (letter: Letter) : Update list =
        match letter.Content with
        | Settled update -> [ update ]
        | Deed(sourceId, at, referral, fact) ->
            match ValueOption.toOption letter.Sender |> Option.bind (WhatsAppPeople.sender people) with
            | None -> [
                NotUnderstood(Some sourceId, "a message that names no sender to answer", raw letter.Slice)
              ]
            | Some sender -> [
                match referral with
                | Some referral ->
                    CustomerDid(around.Channel, sender, sourceId + "#referral", at, ReferredByAd referral)
                | None -> ()

                CustomerDid(around.Channel, sender, sourceId, at, fact)
              ]

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

    let private statusOf around (slice: Slice) (element: JsonElement) =
        let nothing reason = NothingToDo(None, reason, raw slice)

        match identifier "id" element, note "status" element with
        | None, _ -> nothing "a status without a message id"
        | Some _, None -> nothing "a status that says nothing"
        | Some _, Some _ when text "recipient_type" element = Some "group" ->
            nothing "a status of a group message"
        | Some id, Some word ->
            let delivery =
                match word with
                | "sent" -> Sent
                | "delivered" -> Delivered
                | "read" -> Read
                | "played" -> Played
                | "failed" -> Failed(failure element)
                | other -> UnknownStatus other

            let at = time "timestamp" element |> Option.defaultValue around.FallbackTime

            StatusCame(
                around.Channel,
                MessageId id,
                delivery,
                identifier "biz_opaque_callback_data" element,
                at
            )

    let private status around (slice: Slice) : Update =
        try
            WhatsAppEnvelope.inside slice (fun element ->
                if element.ValueKind = JsonValueKind.Object then
                    statusOf around slice element
                else
                    NothingToDo(None, "an element that is no object", raw slice))
        with fault ->
            NotUnderstood(None, unreadable fault, raw slice)

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

                let letters = value.Messages.ConvertAll(fun slice -> letter around slice)

                let senders =
                    letters |> Seq.choose (fun letter -> ValueOption.toOption letter.Sender)

                let people = WhatsAppPeople.ofValue value.Contacts senders

                let read = [
                    for letter in letters do
                        yield! updatesOf around people letter
                    for slice in value.Statuses do
                        status around slice
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
