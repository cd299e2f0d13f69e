namespace FunctionalBot.Effects

open System.Text.Json

/// System messages that say by what a customer is reached from now on. They carry no contacts. `from` is the number of
/// before; `wa_id` (formerly `new_wa_id`) the new one. A number change may or may not tell the new business-scoped id
/// with it, though Meta makes one; an id change may come alone or beside a number change, in any order.
/// The text of such a message is never read for ids: it quotes the profile's name, which is the customer's to choose.
module WhatsAppMoves =
    open LenientJson

    let private ids candidates read =
        candidates |> List.tryPick (Option.bind read)

    /// The ids of before and after, without what stays the same.
    let private move (message: JsonElement) (part: JsonElement) : Result<PersonMove, string> =
        let from = filled "from" message
        let fromId = filled "from_user_id" message
        let number = [ filled "wa_id" part; filled "new_wa_id" part ]

        let phoneAfter = ids number WhatsAppPeople.phone

        let scopedAfter = ids (filled "user_id" part :: number) WhatsAppPeople.scoped

        let phoneBefore = ids [ from; filled "customer" part ] WhatsAppPeople.phone

        let scopedBefore =
            ids [ filled "previous_user_id" part; fromId; from ] WhatsAppPeople.scoped

        let without kept id = if id = kept then None else id

        let move = {
            Before = {
                BusinessScopedId = without scopedAfter scopedBefore
                Phone = without phoneAfter phoneBefore
                Name = None
            }
            After = {
                BusinessScopedId = scopedAfter
                Phone = phoneAfter
                Name = None
            }
        }

        match move.Before, move.After with
        | _,
          {
              BusinessScopedId = None
              Phone = None
          } -> Error "a customer's number or id changed, and the new one is not told"
        | {
              BusinessScopedId = None
              Phone = None
          },
          _ -> Error "a customer's number or id changed, and the one of before is not told"
        | _ -> Ok move

    /// The move that a message tells of, or why it tells of none. None for a message of another type.
    let read (message: JsonElement) : Result<PersonMove, string> option =
        match text "type" message, field "system" message with
        | Some "system", Some part when part.ValueKind = JsonValueKind.Object ->
            match filled "type" part with
            | Some("user_changed_number" | "customer_changed_number" | "user_changed_user_id") ->
                Some(move message part)
            | Some("customer_identity_changed" | "user_identity_changed") ->
                Some(Error "the customer's encryption key changed: a new phone, or WhatsApp installed anew")
            | _ -> None
        | _ -> None
