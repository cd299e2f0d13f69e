namespace FunctionalBot.Effects

open System
open System.Collections.Generic
open System.Text.Json

/// The ids under which a message names its sender, as they were written; any of them may be missing.
[<Struct; NoComparison>]
type internal SenderIds = {
    From: string voption
    UserId: string voption
}

/// One of `contacts[]`.
[<Struct; NoComparison; NoEquality>]
type internal WhatsAppContact = {
    WhatsAppId: string option
    UserId: string option
    Name: string option
}

/// The people that one `changes[].value` tells of, found by id without a search.
[<NoComparison; NoEquality>]
type internal WhatsAppPeople = {
    /// In their order.
    Contacts: ResizeArray<WhatsAppContact>
    /// The place of the first contact that has the id.
    ById: Dictionary<string, int>
    /// Whether there is one contact, and all messages of the value come from one person: then it is that person's,
    /// whatever its ids are.
    IsOfOne: bool
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
    let internal phone (text: string) : string option =
        let isNumber =
            text
            |> String.forall (fun unit -> Char.IsAsciiDigit unit || " +-().".Contains unit)

        if not isNumber then
            None
        else
            let digits =
                if String.forall Char.IsAsciiDigit text then
                    text
                else
                    String.filter Char.IsAsciiDigit text

            if digits.Length >= 5 && digits.Length <= 20 then
                Some digits
            else
                None

    /// A business-scoped id begins with two letters of a country and a dot ("ES.1349…"), so a dotted number
    /// is none.
    let internal scoped (text: string) : string option =
        match phone text with
        | Some _ -> None
        | None -> name text

    let private valueOf (id: string option) =
        match id with
        | Some id -> ValueSome id
        | None -> ValueNone

    /// The ids that a message names its sender by.
    let internal senderIds (message: JsonElement) : SenderIds = {
        From = valueOf (identifier "from" message)
        UserId = valueOf (identifier "from_user_id" message)
    }

    /// The form in which ids are compared.
    let private compared (id: string) = id.TrimStart '+'

    /// WhatsApp allows 25 characters in a profile's name.
    let private longestName = 100

    let private contact (element: JsonElement) : WhatsAppContact = {
        WhatsAppId = identifier "wa_id" element
        UserId = identifier "user_id" element
        Name = field "profile" element |> Option.bind (WhatsAppText.line longestName "name")
    }

    let private nobody: WhatsAppContact = {
        WhatsAppId = None
        UserId = None
        Name = None
    }

    let private contactOf (people: WhatsAppPeople) (ids: SenderIds) : WhatsAppContact =
        let find (id: string voption) =
            match id with
            | ValueNone -> ValueNone
            | ValueSome id ->
                match people.ById.TryGetValue(compared id) with
                | true, place -> ValueSome place
                | _ -> ValueNone

        match find ids.From, find ids.UserId with
        | ValueSome first, ValueSome second -> people.Contacts[min first second]
        | ValueSome found, ValueNone
        | ValueNone, ValueSome found -> people.Contacts[found]
        // WhatsApp's own id and the number that was written from may differ for the same person.
        | ValueNone, ValueNone when people.IsOfOne -> people.Contacts[0]
        | ValueNone, ValueNone -> nobody

    /// An id of a message; where its contact says the same, the contact's text, so that none is held twice.
    let private heldOnce (contact: WhatsAppContact) (id: string voption) : string option =
        match id with
        | ValueNone -> None
        | ValueSome id when contact.WhatsAppId = Some id -> contact.WhatsAppId
        | ValueSome id when contact.UserId = Some id -> contact.UserId
        | ValueSome id -> Some id

    /// Who sent a message with these ids. None if neither they nor their contact hold an id that can be used.
    let internal sender (people: WhatsAppPeople) (ids: SenderIds) : Person option =
        let contact = contactOf people ids
        let userId = heldOnce contact ids.UserId
        let all = [ heldOnce contact ids.From; userId; contact.WhatsAppId; contact.UserId ]

        // The candidate itself where it was written as it is read, so that it is not held twice.
        let first read candidates =
            candidates
            |> List.tryPick (fun candidate ->
                match Option.bind read candidate with
                | Some found when Some found = candidate -> candidate
                | found -> found)

        // What stands where a business-scoped id belongs comes before what merely looks like one.
        let businessScopedId = userId :: contact.UserId :: all |> first scoped

        match businessScopedId, first phone all with
        | None, None -> None
        | businessScopedId, phone ->
            Some {
                BusinessScopedId = businessScopedId
                Phone = phone
                Name = contact.Name
            }

    /// Meta puts no more updates into a body: room for so many contacts is made ahead.
    let private mostUpdates = 1000

    /// The people of a value with these contacts. Who its messages come from, in their order, is asked only where there
    /// is one contact.
    let internal ofValue (contacts: ResizeArray<Slice>) (senders: SenderIds seq) : WhatsAppPeople =
        let room = min mostUpdates contacts.Count
        let known = ResizeArray<WhatsAppContact> room
        let byId = Dictionary<string, int>(2 * room)

        for slice in contacts do
            let found =
                try
                    WhatsAppEnvelope.inside slice (fun element ->
                        if element.ValueKind = JsonValueKind.Object then
                            ValueSome(contact element)
                        else
                            ValueNone)
                with _ ->
                    // A contact that cannot be read names nobody, and takes no message with it.
                    ValueNone

            match found with
            | ValueNone -> ()
            | ValueSome contact ->
                for id in [ contact.WhatsAppId; contact.UserId ] do
                    match id with
                    | Some id -> byId.TryAdd(compared id, known.Count) |> ignore
                    | None -> ()

                known.Add contact

        let areOfOne () =
            match Seq.tryHead senders with
            | None -> true
            | Some first -> senders |> Seq.forall (fun ids -> ids = first)

        {
            Contacts = known
            ById = byId
            IsOfOne = known.Count = 1 && areOfOne ()
        }
