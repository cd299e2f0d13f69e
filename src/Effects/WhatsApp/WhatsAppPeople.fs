namespace FunctionalBot.Effects

open System
open System.Text.Json

/// The people that one `changes[].value` tells of.
[<NoComparison; NoEquality>]
type WhatsAppPeople = {
    Contacts: JsonElement list
    /// All messages of the value come from one person, so that a single contact must be that person.
    OneSender: bool
}

/// Finding out who wrote, wherever Meta puts the ids: since 2026 every one of them may be missing.
module WhatsAppPeople =
    open LenientJson

    let private isSafe (unit: char) =
        Char.IsAsciiLetterOrDigit unit
        || unit = '.'
        || unit = '-'
        || unit = '_'
        || unit = ':'

    /// An id that can be part of a stream's name. Any other is treated as if it were missing.
    let name (text: string) =
        let trimmed = text.Trim()

        if trimmed.Length > 0 && trimmed.Length <= 150 && String.forall isSafe trimmed then
            Some trimmed
        else
            None

    /// International digits of a number, however it was written. E.164 allows 15; a few more do no harm.
    let private phone (text: string) =
        let digits = String.filter Char.IsAsciiDigit text

        let isNumber =
            text
            |> Seq.forall (fun unit -> Char.IsAsciiDigit unit || " +-().".Contains unit)

        if isNumber && digits.Length >= 5 && digits.Length <= 20 then
            Some digits
        else
            None

    /// A business-scoped id begins with two letters of a country and a dot ("ES.1349…"), so a dotted number
    /// is none.
    let private scoped (text: string) =
        match phone text with
        | Some _ -> None
        | None -> name text

    /// Every id that an element names, of whatever kind. Ids of the sender stand in any of these fields.
    let private ids fields element =
        fields |> List.choose (fun field -> filled field element)

    let private messageIds = ids [ "from"; "from_user_id" ]
    let private contactIds = ids [ "wa_id"; "user_id" ]

    let private contactOf (people: WhatsAppPeople) (message: JsonElement) =
        let wanted = messageIds message |> List.map (fun id -> id.Trim().TrimStart '+')

        let isMatch contact =
            contactIds contact
            |> List.exists (fun id -> List.contains (id.Trim().TrimStart '+') wanted)

        match List.tryFind isMatch people.Contacts, people.Contacts with
        | Some contact, _ -> Some contact
        // WhatsApp's own id and the number that was written from may differ for the same person.
        | None, [ only ] when people.OneSender -> Some only
        | None, _ -> None

    /// Who sent a message. None if neither the message nor its contact holds an id that can be used.
    let sender (people: WhatsAppPeople) (message: JsonElement) : Person option =
        let contact = contactOf people message
        let own = messageIds message

        let others =
            match contact with
            | Some contact -> contactIds contact
            | None -> []

        let businessScoped =
            [ filled "from_user_id" message; contact |> Option.bind (filled "user_id") ]
            |> List.choose id

        let businessScopedId = List.tryPick scoped (businessScoped @ own @ others)
        let phone = List.tryPick phone (own @ others)

        match businessScopedId, phone with
        | None, None -> None
        | _ ->
            Some {
                BusinessScopedId = businessScopedId
                Phone = phone
                Name =
                    contact
                    |> Option.bind (field "profile")
                    |> Option.bind (filled "name")
                    |> Option.map _.Trim()
            }

    /// The people of a value that holds these messages.
    let ofValue (messages: JsonElement list) (value: JsonElement) : WhatsAppPeople =
        let isObject (part: JsonElement) = part.ValueKind = JsonValueKind.Object
        let senders = messages |> List.filter isObject |> List.map messageIds

        {
            Contacts = list "contacts" value |> List.filter isObject
            OneSender = List.length (List.distinct senders) <= 1
        }
