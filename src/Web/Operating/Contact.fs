/// `bot contact`: who the customers are, who is blocked, and who wants to hear nothing.
module FunctionalBot.Web.Contact

open System
open System.Globalization
open System.Threading.Tasks
open Argu
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.ContactArguments

/// Digits alone are the contact's number, since that is what lists show; a phone has its "+".
let private nameOf (text: string) : ContactName =
    match Int64.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
    | true, number -> ByContactNumber number
    | false, _ -> ByContactId(text.Trim().TrimStart('+').Replace(" ", ""))

/// Of what identifies somebody the last two characters are shown, unless all of it is asked for.
let private hidden personal (text: string) =
    if personal then
        text
    else
        "***" + text.Substring(max 0 (text.Length - 2))

let private fields personal (contact: ContactLine) = [
    "number", Document.number contact.Number
    "channel", Document.text contact.Channel
    "customer", Document.text (hidden personal contact.Customer)
    "business_scoped_id", Document.optionalText (contact.BusinessScopedId |> Option.map (hidden personal))
    "phone", Document.optionalText (contact.Phone |> Option.map (hidden personal))
    if personal then
        "name", Document.optionalText contact.Name
    "language", Document.optionalText contact.Language
    "sessions", Document.number (int64 contact.Sessions)
    "last_activity", Document.instant contact.LastActivity
    "opted_out", Document.truth contact.OptedOut
    "blocked_at", Document.optionalInstant contact.BlockedAt
    "blocked_reason", Document.optionalText contact.BlockedReason
]

let private standing (contact: ContactLine) =
    String.concat ", " [
        if contact.BlockedAt.IsSome then
            "blocked"
        if contact.OptedOut then
            "opted out"
    ]

let private list (given: ParseResults<ContactListArguments>) (operations: Operations) = task {
    let limit = given.GetResult(ContactListArguments.Limit, 50)
    let personal = given.Contains ContactListArguments.Personal

    if limit < 1 then
        Output.say "--limit must be 1 or more."
        return ExitCode.usage
    else
        let! contacts =
            operations.ListContacts {
                IsBlocked = given.Contains ContactListArguments.Blocked
                HasOptedOut = given.Contains ContactListArguments.Opted_Out
                Limit = limit
            }

        if given.Contains ContactListArguments.Json then
            Document.create [
                "contacts",
                Document.list [ for contact in contacts -> Document.fields (fields personal contact) ]
            ]
            |> Output.writeJson
        else
            Output.writeTable [
                "number"
                "channel"
                "phone"
                "id"
                if personal then
                    "name"
                "language"
                "sessions"
                "last active (UTC)"
                "standing"
            ] [
                for contact in contacts do
                    [
                        string contact.Number
                        contact.Channel
                        contact.Phone |> Option.map (hidden personal) |> Option.defaultValue ""
                        contact.BusinessScopedId
                        |> Option.map (hidden personal)
                        |> Option.defaultValue ""
                        if personal then
                            contact.Name |> Option.defaultValue ""
                        contact.Language |> Option.defaultValue ""
                        string contact.Sessions
                        Moment.show contact.LastActivity
                        standing contact
                    ]
            ]

            if contacts.Length = limit then
                Output.say $"These are the newest %d{limit}; --limit shows more."

        return ExitCode.ok
}

let private detailFields personal (detail: ContactDetail) =
    fields personal detail.Contact
    @ [
        "created", Document.instant detail.Created
        "merged",
        Document.list [
            for customer, sessions in detail.Merged do
                Document.fields [
                    "customer", Document.text (hidden personal customer)
                    "sessions", Document.number (int64 sessions)
                ]
        ]
        "former_ids", Document.number (int64 detail.FormerIds)
        "to_be_said", Document.number detail.Waiting
    ]

let private printDetail personal (detail: ContactDetail) =
    let contact = detail.Contact

    Output.writeTable [ "contact"; string contact.Number ] [
        for name, value in
            [
                "channel", Some contact.Channel
                "key of sessions", Some(hidden personal contact.Customer)
                "phone", contact.Phone |> Option.map (hidden personal)
                "business-scoped id", contact.BusinessScopedId |> Option.map (hidden personal)
                "name", (if personal then contact.Name else None)
                "language", contact.Language
                "sessions", Some(string contact.Sessions)
                "last active (UTC)", Some(Moment.show contact.LastActivity)
                "known since (UTC)", Some(Moment.show detail.Created)
                "to be said", Some(string detail.Waiting)
                "former ids", Some(string detail.FormerIds)
                "opted out", Some(if contact.OptedOut then "yes" else "no")
                "blocked since (UTC)", contact.BlockedAt |> Option.map Moment.show
                "blocked because", contact.BlockedReason
                for customer, sessions in detail.Merged do
                    "merged into it", Some $"%s{hidden personal customer} with %d{sessions} session(s)"
            ] do
            match value with
            | Some value -> [ name; value ]
            | None -> ()
    ]

let private show (given: ParseResults<ContactShowArguments>) (operations: Operations) = task {
    let personal = given.Contains ContactShowArguments.Personal

    match! operations.ShowContact(nameOf (given.GetResult ContactShowArguments.Contact)) with
    | [] ->
        Output.say "There is no such contact. A phone is given with its \"+\"."
        return ExitCode.notFound
    | [ detail ] when given.Contains ContactShowArguments.Json ->
        Document.create (detailFields personal detail) |> Output.writeJson
        return ExitCode.ok
    | [ detail ] ->
        printDetail personal detail
        return ExitCode.ok
    | several ->
        let numbers =
            several
            |> List.map (fun detail -> string detail.Contact.Number)
            |> String.concat ", "

        Output.say
            $"It is known at several business numbers: name one of the contacts by its number (%s{numbers})."

        return ExitCode.usage
}

let private change
    (what: string)
    (given: ParseResults<ContactChangeArguments>)
    (change: ContactChange)
    (operations: Operations)
    : Task<int> = task {
    let wish: Changing.Wish = {
        Reason = given.TryGetResult ContactChangeArguments.Reason
        IsRehearsal = given.Contains ContactChangeArguments.Dry_Run
        HasConsent = given.Contains ContactChangeArguments.Yes
        IsForMany = false
        IsJson = given.Contains ContactChangeArguments.Json
    }

    match Changing.request what wish with
    | Error code -> return code
    | Ok request ->
        let words = given.GetResult ContactChangeArguments.Contact
        let name = nameOf words
        let! outcome = operations.ChangeContact request name change

        let shown =
            match name with
            | ByContactNumber number -> string number
            | ByContactId id -> hidden false id

        return
            Changing.report "contact" wish [
                {
                    Changing.Result.Number = shown
                    Changing.Result.Outcome = outcome
                }
            ]
}

/// Runs the verb; returns the exit code.
let run (envFile: string) (given: ParseResults<ContactArguments>) : int =
    let work: Operations -> Task<int> =
        match given.GetSubCommand() with
        | ContactArguments.List given -> list given
        | ContactArguments.Show given -> show given
        | ContactArguments.Block given ->
            change "Nothing that the customer does would be answered any more." given Block
        | ContactArguments.Unblock given -> change "The customer would be answered again." given Unblock
        | ContactArguments.Opt_Out given ->
            change "The customer would hear nothing of the bot's own accord." given OptOut
        | ContactArguments.Opt_In given -> change "The customer would hear from the bot again." given OptIn

    DatabaseVerb.withOperations envFile work
