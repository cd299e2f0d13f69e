namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Collections.Generic
open FunctionalBot.Emulators

/// The customers and what has been said: the phones' own memory. Safe to use from any thread.
[<Sealed>]
type Conversations(settings: Settings, live: Live) =
    let gate = obj ()
    let customers = Dictionary<string, Customer>()
    let order = List<string>()
    // Customer ids by user id, and by number without the digit that some countries add.
    let reached = Dictionary<string, string>()
    let messages = Dictionary<string, Message>()
    let threads = Dictionary<string, List<string>>()
    // By customer and phone number id.
    let lastWritten = Dictionary<struct (string * string), DateTimeOffset>()
    let typing = Dictionary<struct (string * string), DateTimeOffset>()
    let mutable ahead = TimeSpan.Zero

    let publishMessage message =
        live.Publish("message", Message.toJson message)

    let customerJson (customer: Customer) =
        Json.sparse [
            "id", Some(Json.Text customer.Id)
            "name", Some(Json.Text customer.Name)
            "phone", customer.Phone |> Option.map Json.Text
            "userId", customer.UserId |> Option.map Json.Text
            "readReceipts", Some(Json.Flag customer.ReadReceipts)
            "blocked", Some(Json.Flag customer.Blocked)
        ]

    let typingJson id number (until: DateTimeOffset) =
        Json.Fields [
            "customer", Json.Text id
            "number", Json.Text number
            "until", Json.Whole(until.ToUnixTimeMilliseconds())
        ]

    // Argentina and Mexico: WhatsApp writes mobile numbers with a digit that people leave out.
    let withoutMobileDigit (number: string) =
        if number.StartsWith "549" && number.Length = 13 then
            "54" + number.Substring 3
        elif number.StartsWith "521" && number.Length = 13 then
            "52" + number.Substring 3
        else
            number

    let addresses (customer: Customer) = [
        yield! Option.toList customer.UserId
        yield! customer.Phone |> Option.map withoutMobileDigit |> Option.toList
    ]

    let put (customer: Customer) =
        match customers.TryGetValue customer.Id with
        | true, before -> addresses before |> List.iter (reached.Remove >> ignore)
        | false, _ -> order.Add customer.Id

        customers[customer.Id] <- customer

        for address in addresses customer do
            reached[address] <- customer.Id

    let thread id =
        match threads.TryGetValue id with
        | true, found -> found
        | false, _ ->
            let created = List<string>()
            threads[id] <- created
            created

    let keep (message: Message) =
        let ids = thread message.CustomerId

        if not (messages.ContainsKey message.Id) then
            ids.Add message.Id

            // Trimmed by a tenth at a time: removing from the front of a list moves all that follows.
            if ids.Count > settings.ConversationLimit + settings.ConversationLimit / 10 + 1 then
                let surplus = ids.Count - settings.ConversationLimit

                for index in 0 .. surplus - 1 do
                    messages.Remove ids[index] |> ignore

                ids.RemoveRange(0, surplus)

        messages[message.Id] <- message

        // A change of number is no word of the customer's: it opens no window.
        if message.Author = ByCustomer && Message.kind message <> "system" then
            lastWritten[struct (message.CustomerId, message.NumberId)] <- message.At

    do settings.Customers |> List.iter put

    /// The emulator's time: the real one, moved ahead by `MoveClock`.
    member _.Now = settings.Time.GetUtcNow() + lock gate (fun () -> ahead)

    /// Moves the emulator's time ahead, for windows and time stamps.
    member _.MoveClock by =
        lock gate (fun () -> ahead <- ahead + by)
        live.Publish("clock", Json.Fields [])

    /// The customers in the order of their coming.
    member _.Customers = lock gate (fun () -> [ for id in order -> customers[id] ])

    /// The customer with this id.
    member _.Customer id =
        lock gate (fun () ->
            match customers.TryGetValue id with
            | true, found -> Some found
            | false, _ -> None)

    /// The customer that a send is for.
    member _.Reach recipient =
        lock gate (fun () ->
            let address =
                match recipient with
                | User id -> id
                | Number number -> withoutMobileDigit number

            match reached.TryGetValue address with
            | true, id -> Some customers[id]
            | false, _ -> None)

    /// Adds a customer, or changes the one with the same id.
    member _.Put(customer: Customer) =
        lock gate (fun () -> put customer)
        live.Publish("customer", customerJson customer)

    /// Keeps a message.
    member _.Add message =
        lock gate (fun () ->
            keep message

            if message.Author = ByBusiness then
                typing.Remove(struct (message.CustomerId, message.NumberId)) |> ignore)

        publishMessage message

    /// The message with this id.
    member _.Find id =
        lock gate (fun () ->
            match messages.TryGetValue id with
            | true, found -> Some found
            | false, _ -> None)

    /// Changes one message, if it is still kept.
    member _.Change id (change: Message -> Message) =
        let changed =
            lock gate (fun () ->
                match messages.TryGetValue id with
                | true, before ->
                    let after = change before
                    messages[id] <- after
                    if after = before then None else Some after
                | false, _ -> None)

        changed |> Option.iter publishMessage

    /// Marks a customer's message and all of that customer's before it as read by the business.
    member _.MarkRead(message: Message) =
        let changed =
            lock gate (fun () ->
                let ids = thread message.CustomerId

                [
                    for index in ids.IndexOf message.Id .. -1 .. 0 do
                        let found = messages[ids[index]]

                        let isSame = found.NumberId = message.NumberId

                        if isSame && found.Author = ByCustomer && found.Progress <> Read then
                            messages[found.Id] <- { found with Progress = Read }
                            messages[found.Id]
                ])

        List.iter publishMessage changed

    /// Shows "typing" to a customer for 25 seconds or until the next message from this number.
    member conversations.Type id number =
        let until = conversations.Now.AddSeconds 25.0
        lock gate (fun () -> typing[struct (id, number)] <- until)
        live.Publish("typing", typingJson id number until)

    /// Until when the business is typing to this customer, and from which numbers.
    member conversations.TypingOf id =
        let now = conversations.Now

        lock gate (fun () -> [
            for KeyValue(struct (customer, number), until) in typing do
                if customer = id && until > now then
                    number, until
        ])

    /// Until when the business is typing to this customer.
    member conversations.TypingUntil id =
        conversations.TypingOf id |> List.tryHead |> Option.map snd

    /// Whether the customer has written to this number within the last 24 hours.
    member conversations.WindowIsOpen id number =
        let now = conversations.Now

        lock gate (fun () ->
            match lastWritten.TryGetValue(struct (id, number)) with
            | true, at -> now - at < TimeSpan.FromHours 24.0
            | false, _ -> false)

    /// One customer's messages, oldest first.
    member _.Thread id =
        lock gate (fun () -> [ for message in thread id -> messages[message] ])

    /// Every customer's messages, as they are kept in the data file.
    member _.All =
        lock gate (fun () -> [
            for id in List.ofSeq threads.Keys do
                for message in threads[id] -> messages[message]
        ])

    /// Puts customers and messages back that a data file has kept. One of a version that knew a single number
    /// is of the main one.
    member _.Restore (kept: Customer list) (said: Message list) =
        let numbered (message: Message) =
            if message.NumberId = "" then
                {
                    message with
                        NumberId = settings.PhoneNumberId
                }
            else
                message

        lock gate (fun () ->
            List.iter put kept
            said |> List.iter (numbered >> keep))

    /// Forgets everything but the customers of the settings.
    member _.Reset() =
        lock gate (fun () ->
            customers.Clear()
            order.Clear()
            reached.Clear()
            messages.Clear()
            threads.Clear()
            lastWritten.Clear()
            typing.Clear()
            ahead <- TimeSpan.Zero
            List.iter put settings.Customers)

        live.Publish("reset", Json.Fields [])

    /// What the page needs to show everything: customers, their messages, and who is typing.
    member conversations.ToJson() =
        let typing (number, until: DateTimeOffset) =
            number, Json.Whole(until.ToUnixTimeMilliseconds())

        let phone (customer: Customer) =
            Json.over
                (customerJson customer)
                (Json.Fields [
                    "messages", Json.Items(conversations.Thread customer.Id |> List.map Message.toJson)
                    "typing", Json.Fields(conversations.TypingOf customer.Id |> List.map typing)
                ])

        Json.Items(conversations.Customers |> List.map phone)
