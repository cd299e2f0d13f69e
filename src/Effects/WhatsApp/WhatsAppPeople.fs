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
[<NoComparison; NoEquality>]
type internal WhatsAppContact = {
    WhatsAppId: string option
    UserId: string option
    Name: string option
    /// Its place among the contacts of the value.
    Place: int
}

/// The people that one `changes[].value` tells of, found by id without a search.
[<NoComparison; NoEquality>]
type internal WhatsAppPeople = {
    /// The first contact that has the id.
    ById: Dictionary<string, WhatsAppContact>
    /// The only contact, where there is one and all messages of the value come from one person: then it is that
    /// person's, whatever its ids are.
    Only: WhatsAppContact option
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

    let private contact place (element: JsonElement) : WhatsAppContact = {
        WhatsAppId = identifier "wa_id" element
        UserId = identifier "user_id" element
        Name = field "profile" element |> Option.bind (WhatsAppText.line longestName "name")
        Place = place
    }

    let private contactOf (people: WhatsAppPeople) (ids: SenderIds) : WhatsAppContact option =
        let find (id: string voption) =
            match id with
            | ValueNone -> None
            | ValueSome id ->
                match people.ById.TryGetValue(compared id) with
                | true, found -> Some found
                | _ -> None

        match find ids.From, find ids.UserId with
        | Some first, Some second -> Some(if second.Place < first.Place then second else first)
        | Some found, None
        | None, Some found -> Some found
        // WhatsApp's own id and the number that was written from may differ for the same person.
        | None, None -> people.Only

    /// An id of a message; where its contact says the same, the contact's text, so that none is held twice.
    let private heldOnce (contact: WhatsAppContact option) (id: string voption) : string option =
        match id, contact with
        | ValueNone, _ -> None
        | ValueSome id, Some contact when contact.WhatsAppId = Some id -> contact.WhatsAppId
        | ValueSome id, Some contact when contact.UserId = Some id -> contact.UserId
        | ValueSome id, _ -> Some id

    /// Who sent a message with these ids. None if neither they nor their contact hold an id that can be used.
    let internal sender (people: WhatsAppPeople) (ids: SenderIds) : Person option =
        let contact = contactOf people ids
        let userId = heldOnce contact ids.UserId
        let own = [ heldOnce contact ids.From; userId ]

        let others =
            match contact with
            | Some contact -> [ contact.WhatsAppId; contact.UserId ]
            | None -> []

        let first read candidates =
            candidates |> List.tryPick (Option.bind read)

        // What stands where a business-scoped id belongs comes before what merely looks like one.
        let businessScopedId =
            [ userId; contact |> Option.bind _.UserId ] @ own @ others |> first scoped

        match businessScopedId, first phone (own @ others) with
        | None, None -> None
        | businessScopedId, phone ->
            Some {
                BusinessScopedId = businessScopedId
                Phone = phone
                Name = contact |> Option.bind _.Name
            }

    /// The people of a value with these contacts. Who its messages come from, in their order, is asked only where there
    /// is one contact.
    let internal ofValue (contacts: ResizeArray<Slice>) (senders: SenderIds seq) : WhatsAppPeople =
        let byId = Dictionary<string, WhatsAppContact>()
        let known = ResizeArray<WhatsAppContact>()

        for slice in contacts do
            let found =
                try
                    WhatsAppEnvelope.inside slice (fun element ->
                        if element.ValueKind = JsonValueKind.Object then
                            Some(contact known.Count element)
                        else
                            None)
                with _ ->
                    // A contact that cannot be read names nobody, and takes no message with it.
                    None

            match found with
            | None -> ()
            | Some contact ->
                known.Add contact

                for id in [ contact.WhatsAppId; contact.UserId ] do
                    match id with
                    | Some id -> byId.TryAdd(compared id, contact) |> ignore
                    | None -> ()

        let areOfOne () =
            match Seq.tryHead senders with
            | None -> true
            | Some first -> senders |> Seq.forall (fun ids -> ids = first)

        {
            ById = byId
            Only =
                if known.Count = 1 && areOfOne () then
                    Some known[0]
                else
                    None
        }
