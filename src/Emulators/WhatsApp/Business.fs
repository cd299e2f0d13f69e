namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Threading
open FunctionalBot.Emulators

/// A send that was taken: the answer's ids, and what has to happen once it is answered.
[<NoComparison; NoEquality>]
type Taken = {
    Outbound: Outbound
    /// The customer, unless nobody has that number.
    Customer: Customer option
    Wamid: string
    /// Puts the statuses on their way.
    Announce: unit -> unit
}

/// WhatsApp between the bot and its customers: takes what the bot sends, and tells it what becomes of it.
[<Sealed>]
type Business
    (
        settings: Settings,
        conversations: Conversations,
        faults: FaultSwitches,
        sender: WebhookSender,
        live: Live
    ) =
    let limits = SendLimits()
    let mutable delivered = 0

    // A thousand free-form messages a month are free; the emulator counts from its start.
    let isFree () = Volatile.Read &delivered < 1000

    let announce (customer: Customer) (message: Message) progress =
        let free = isFree ()

        if progress = Delivered then
            Interlocked.Increment &delivered |> ignore

        sender.Enqueue {
            NumberId = message.NumberId
            Field = "messages"
            Value = Payload.ofStatus customer message conversations.Now progress free
            Lane = customer.Id
            Brings = None
            At = conversations.Now
        }

    let announceAll customer (message: Message) steps =
        let ordered =
            match faults.Current.Statuses with
            | InOrder -> steps
            | Dropped -> []
            | Reversed -> List.rev steps
            | Doubled -> steps |> List.collect (fun step -> [ step; step ])

        // A status that WhatsApp never sends is still true on the phone.
        for step in steps do
            conversations.Change message.Id (fun found -> { found with Progress = step })

        List.iter (announce customer message) ordered

    let follow customer (message: Message) =
        let failure =
            if customer.Blocked then
                None
            elif faults.Strikes _.FailAfterwards (fun all left -> { all with FailAfterwards = left }) then
                Some faults.Current.FailureCode
            else
                None

        let steps =
            match failure with
            | Some code -> [ Sent; Failed code ]
            | None when customer.Blocked || Message.kind message = "reaction" -> [ Sent ]
            | None when customer.ReadReceipts && not live.Watched -> [ Sent; Delivered; Read ]
            | None -> [ Sent; Delivered ]

        announceAll customer message steps

    let checkReaction (number: BusinessPhone) (outbound: Outbound) =
        match
            Json.textAt [ "reaction"; "message_id" ] outbound.Content
            |> Option.bind conversations.Find
        with
        | Some target when
            Message.kind target <> "reaction"
            && target.NumberId = number.Id
            && conversations.Now - target.At < TimeSpan.FromDays 30.0
            ->
            Ok()
        | _ ->
            Error(
                GraphError.invalid
                    "The message to react to is unknown, a reaction itself, or older than 30 days."
            )

    let checkContent number (outbound: Outbound) =
        match outbound.Type with
        | "template" -> Templates.render settings.Templates outbound.Content |> Result.map Some
        | "reaction" -> checkReaction number outbound |> Result.map (fun () -> None)
        | _ -> Ok None

    let checkRecipient (number: BusinessPhone) (outbound: Outbound) (customer: Customer option) =
        let late =
            match customer with
            | Some found ->
                outbound.Type <> "template"
                && not (conversations.WindowIsOpen found.Id number.Id)
            | None -> false

        if outbound.Recipient = Number number.Number then
            Error(GraphError.create 131021 "Recipient phone number cannot be the sender's.")
        elif late && not faults.Current.LateByStatus then
            Error(
                GraphError.create
                    131047
                    "Message failed to send because the customer last wrote more than 24 hours ago."
            )
        else
            Ok late

    let react (message: Message) target emoji =
        conversations.Change target (fun found -> {
            found with
                Reaction = if emoji = Some "" then None else emoji
        })

        conversations.Add message

    let nobody recipient =
        let phone, user =
            match recipient with
            | Number number -> Some number, None
            | User id -> None, Some id

        Customer.create "nobody" "" phone user

    let take (number: BusinessPhone) (outbound: Outbound) customer late rendered =
        let person = customer |> Option.defaultWith (fun () -> nobody outbound.Recipient)
        let id = Message.newId ByBusiness (Customer.address person)

        let message = {
            Message.create id person.Id number.Id ByBusiness conversations.Now outbound.Content with
                Context = outbound.Context
                Callback = outbound.Callback
                Rendered = rendered
        }

        let announceIt =
            if customer.IsNone then
                fun () -> announceAll person message [ Failed 131026 ]
            elif late then
                fun () -> announceAll person message [ Failed 131047 ]
            else
                fun () -> follow person message

        if customer.IsSome then
            match Json.textAt [ "reaction"; "message_id" ] outbound.Content with
            | Some target -> react message target (Json.textAt [ "reaction"; "emoji" ] outbound.Content)
            | None -> conversations.Add message

        {
            Outbound = outbound
            Customer = customer
            Wamid = id
            Announce = announceIt
        }

    /// Takes a send from one of the business's numbers, or says why not. The customer sees it at once; the
    /// statuses wait for `Announce`.
    member _.Take(number: BusinessPhone, outbound: Outbound) =
        let customer = conversations.Reach outbound.Recipient

        match checkRecipient number outbound customer, checkContent number outbound with
        | Error problem, _
        | _, Error problem -> Error problem
        | Ok late, Ok rendered ->
            limits.Count faults.Current number.Id outbound.Input (settings.Time.GetUtcNow())
            |> Result.map (fun () -> take number outbound customer late rendered)

    /// Marks a customer's message to this number as read, and shows "typing" if asked to.
    member _.MarkRead (number: BusinessPhone) (wamid: string) typing =
        match conversations.Find wamid with
        | Some message when message.Author = ByCustomer && message.NumberId = number.Id ->
            conversations.MarkRead message

            if typing then
                conversations.Type message.CustomerId number.Id

            Ok()
        | _ -> Error(GraphError.invalid $"Param message_id is no message from a customer: %s{wamid}.")

    /// The phone of this customer shows everything that this number has sent, or any number where none is
    /// named: `read` follows for each message that has arrived.
    member _.Shown(customer: Customer, numberId: string option) =
        let isShown (message: Message) =
            message.Author = ByBusiness
            && message.Progress = Delivered
            && Message.kind message <> "reaction"
            && (numberId.IsNone || numberId = Some message.NumberId)

        if customer.ReadReceipts then
            for message in conversations.Thread customer.Id |> List.filter isShown do
                announceAll customer message [ Read ]

    /// Forgets the counted sends.
    member _.Clear() =
        limits.Clear()
        Volatile.Write(&delivered, 0)
