namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Security.Cryptography
open FunctionalBot.Emulators

/// Customers who get another number or another user id. Every number of the business that they have a chat
/// with is told by a system message (references/whatsapp-cloud-api.md, section 2).
[<RequireQualifiedAccess>]
module Identities =

    let private newUserId (before: string) =
        let country = before.Split('.')[0]

        let digits =
            Array.init 20 (fun _ -> char (int '0' + RandomNumberGenerator.GetInt32 10))

        $"%s{country}.%s{String digits}"

    let private announce
        (conversations: Conversations)
        (sender: WebhookSender)
        (before: Customer)
        (after: Customer)
        kind
        (body: string)
        =
        let now = conversations.Now

        let chats = conversations.Thread before.Id |> List.map _.NumberId |> List.distinct

        let changed (first: string option) (second: string option) =
            if first = second then None else Option.map Json.Text second

        for number in chats do
            let id = Message.newId ByCustomer (Customer.address after)

            let system =
                Json.sparse [
                    "body", Some(Json.Text body)
                    "type", Some(Json.Text kind)
                    "wa_id", changed before.Phone after.Phone
                    "user_id", changed before.UserId after.UserId
                    "previous_user_id",
                    (if before.UserId = after.UserId then
                         None
                     else
                         before.UserId |> Option.map Json.Text)
                ]

            let content = Contents.typed "system" system

            conversations.Add(Message.create id before.Id number ByCustomer now content)

            sender.Enqueue {
                NumberId = number
                Field = "messages"
                // From the number or id as it was: the new one is in the system part.
                Value = Payload.ofMessage before (Json.over (Payload.messageHead before id now None) content)
                Lane = before.Id
                Brings = Some id
                At = now
            }

    let private find (conversations: Conversations) id =
        match conversations.Customer id with
        | Some customer -> Ok customer
        | None -> Error $"There is no customer `%s{id}`; GET /_emulator/state lists them."

    /// The customer has another number from now on: the old one reaches nobody, and the user id is a new one.
    let changeNumber (conversations: Conversations) sender id (phone: string) =
        let digits = String.filter Char.IsAsciiDigit phone

        match find conversations id with
        | Error problem -> Error problem
        | Ok customer when customer.Phone.IsNone ->
            Error "The business does not see this customer's number; change the user id instead."
        | Ok _ when digits.Length < 5 || digits.Length > 20 ->
            Error "`phone` must be a number with its country code, 5 to 20 digits."
        | Ok _ when (conversations.Reach(Number digits)).IsSome -> Error $"+%s{digits} is somebody's number."
        | Ok customer ->
            let after = {
                customer with
                    Phone = Some digits
                    UserId = customer.UserId |> Option.map newUserId
            }

            let before = customer.Phone |> Option.defaultValue ""
            let body = $"User %s{customer.Name} changed from %s{before} to %s{digits}"
            announce conversations sender customer after "user_changed_number" body
            conversations.Put after
            Ok after

    /// The customer has another user id from now on; a number stays.
    let changeUserId (conversations: Conversations) sender id =
        match find conversations id with
        | Error problem -> Error problem
        | Ok customer ->
            match customer.UserId with
            | None -> Error "This customer has no user id."
            | Some before ->
                let after = {
                    customer with
                        UserId = Some(newUserId before)
                }

                let body = $"User %s{customer.Name} changed their user id"
                announce conversations sender customer after "user_changed_user_id" body
                conversations.Put after
                Ok after
