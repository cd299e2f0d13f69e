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
        People: WhatsAppPeople
        /// The time to take where an element tells none.
        FallbackTime: DateTimeOffset
    }

    /// The time of something whose own time, and that of its entry, cannot be read: the start of Unix time.
    /// Whoever stores updates puts the time of arrival in its place.
    let unknownTime = DateTimeOffset.UnixEpoch

    // WhatsApp began in 2009; the other end only keeps nonsense out.
    let private firstSecond =
        DateTimeOffset(2009, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds()

    let private lastSecond =
        DateTimeOffset(2200, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds()

    /// Seconds since 1970, or milliseconds where the number only makes sense as such.
    let private time name element =
        let inRange seconds =
            seconds >= firstSecond && seconds <= lastSecond

        match whole name element with
        | Some number when inRange number -> Some(DateTimeOffset.FromUnixTimeSeconds number)
        | Some number when inRange (number / 1000L) ->
            Some(DateTimeOffset.FromUnixTimeSeconds(number / 1000L))
        | _ -> None

    let private message around (element: JsonElement) =
        match filled "id" element with
        | None -> NothingToDo(None, "a message without an id", compact element)
        | Some wamid ->
            let sourceId = wamid.Trim()

            let nothing reason =
                NothingToDo(Some sourceId, reason, compact element)

            match filled "group_id" element, WhatsAppPeople.sender around.People element with
            | Some _, _ -> nothing "a message to a group"
            | None, sender ->
                match WhatsAppMessage.fact (MessageId sourceId) element, sender with
                | Error reason, _ -> nothing reason
                | Ok _, None -> nothing "a message that names no sender to answer"
                | Ok fact, Some sender ->
                    let at = time "timestamp" element |> Option.defaultValue around.FallbackTime
                    CustomerDid(around.Channel, sender, sourceId, at, fact)

    let private failure element =
        match list "errors" element with
        | error :: _ ->
            let code = whole "code" error |> Option.defaultValue 0L

            let title =
                filled "title" error
                |> Option.orElse (filled "message" error)
                |> Option.defaultValue "no title given"

            (if abs code > int64 Int32.MaxValue then 0 else int code), title
        | [] -> 0, "no error given"

    let private status around (element: JsonElement) =
        let nothing reason =
            NothingToDo(None, reason, compact element)

        match filled "id" element, filled "status" element with
        | None, _ -> nothing "a status without a message id"
        | Some id, None -> nothing ("a status of " + id + " that says nothing")
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
                MessageId(id.Trim()),
                delivery,
                filled "biz_opaque_callback_data" element,
                at
            )

    /// Reads one element; what even the lenient readers stumble over (a member's name that is no Unicode)
    /// is kept too.
    let private guarded (read: JsonElement -> Update) (element: JsonElement) =
        try
            if element.ValueKind = JsonValueKind.Object then
                read element
            else
                NothingToDo(None, "an element that is no object", compact element)
        with :? InvalidOperationException as problem ->
            NothingToDo(None, "an element that cannot be read: " + problem.Message, compact element)

    let private error element =
        let code, title = failure element
        $"WhatsApp reports error %d{code}: %s{title}"

    /// One `changes[]` element: all that its value holds, in order.
    let private change (entryTime: DateTimeOffset option) (element: JsonElement) : Update list =
        let whole reason = [ NothingToDo(None, reason, compact element) ]
        let fieldName = filled "field" element |> Option.defaultValue "messages"

        match field "value" element with
        | _ when fieldName <> "messages" -> whole ("a notice of another field: " + fieldName)
        | None -> whole "a change without a value"
        | Some value ->
            let channel =
                field "metadata" value
                |> Option.bind (filled "phone_number_id")
                |> Option.bind WhatsAppPeople.name

            let messages = list "messages" value
            let statuses = list "statuses" value

            match channel with
            | None when messages <> [] || statuses <> [] ->
                whole "messages that do not say to which business number they came (metadata.phone_number_id)"
            | _ ->
                let around = {
                    Channel = "whatsapp-" + Option.defaultValue "" channel
                    People = WhatsAppPeople.ofValue messages value
                    FallbackTime = Option.defaultValue unknownTime entryTime
                }

                let read =
                    List.map (guarded (message around)) messages
                    @ List.map (guarded (status around)) statuses

                if not (List.isEmpty read) then read
                elif (field "errors" value).IsSome then whole (error value)
                else whole "a change without messages or statuses"

    let private entry (element: JsonElement) : Update list =
        match list "changes" element with
        | [] -> [ NothingToDo(None, "an entry without changes", compact element) ]
        | changes ->
            let entryTime = time "time" element

            changes
            |> List.collect (fun part ->
                try
                    change entryTime part
                with :? InvalidOperationException as problem -> [
                    NothingToDo(None, "a change that cannot be read: " + problem.Message, compact part)
                ])

    /// The updates of a body in their order. Error only where the body as a whole is no such thing: not
    /// JSON, nested deeper than `maximumDepth`, or without `entry`.
    /// Ids that cannot be part of a stream's name (white space, "/", more than 150 characters) count as
    /// missing. A timestamp that makes no sense is replaced by the entry's time, else by `unknownTime`.
    let read (body: ReadOnlyMemory<byte>) : Result<Update list, string> =
        try
            use document =
                JsonDocument.Parse(body, JsonDocumentOptions(MaxDepth = maximumDepth))

            match field "entry" document.RootElement with
            | Some entries when entries.ValueKind = JsonValueKind.Array ->
                let read part =
                    try
                        entry part
                    with :? InvalidOperationException as problem -> [
                        NothingToDo(None, "an entry that cannot be read: " + problem.Message, compact part)
                    ]

                Ok(entries |> items |> List.collect read)
            | _ -> Error "The body is JSON but holds no list named \"entry\"."
        with
        | :? JsonException as problem ->
            let line = problem.LineNumber.GetValueOrDefault() + 1L
            let position = problem.BytePositionInLine.GetValueOrDefault()
            Error $"The body is no JSON, or nested too deep: line %d{line}, byte %d{position}."
        | :? InvalidOperationException ->
            Error "The body's outermost object has a member whose name is no Unicode text."
