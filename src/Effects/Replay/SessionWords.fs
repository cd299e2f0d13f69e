namespace FunctionalBot.Effects.Replay

open FunctionalBot.Domain
open FunctionalBot.Effects

/// One field of a session that is not what it was, or not what it should be.
type FieldChange = {
    /// In words, for example "last activity".
    Field: string
    Before: string
    After: string
}

/// A session's state in words: for eyes, and as a stable text form for files and scripts.
module SessionWords =
    let private nothing = "-"

    let private orNothing words value =
        value |> Option.map words |> Option.defaultValue nothing

    let private emailWords answer =
        match answer with
        | NotAsked -> "not asked"
        | Declined -> "declined"
        | Given address -> EmailAddress.value address

    let private ticketWords (ticket: Ticket) =
        let purpose =
            match ticket.Purpose with
            | Support -> "support"
            | HandOver -> "for a person"

        String.concat " | " [
            purpose
            TicketTitle.value ticket.Title
            TicketDescription.value ticket.Description
            ticket.Email |> orNothing EmailAddress.value
            ticket.Files |> orNothing string
        ]

    let private owedWords (owed: OwedTicket) =
        let told = if owed.ToldDelay then ", told that it takes longer" else ""
        $"%s{CommandKey.text owed.Key}%s{told}: %s{ticketWords owed.Ticket}"

    let private draftWords (draft: Draft) =
        String.concat " | " [
            draft.Title |> orNothing TicketTitle.value
            draft.Description |> orNothing TicketDescription.value
            emailWords draft.Email
            draft.Files |> List.map CommandKey.text |> String.concat " "
        ]

    let private stepWords step =
        match step with
        | AskingTitle -> "asking for the title"
        | AskingDescription -> "asking for the description"
        | AskingEmail -> "asking for the e-mail"
        | Confirming(ticket, revision) -> $"confirming revision %d{revision}: %s{ticketWords ticket}"
        | Creating owed -> "creating " + owedWords owed

    let private offerWords offer =
        match offer with
        | NothingOffered -> "nothing"
        | TicketOffered -> "a ticket"
        | PersonOffered -> "a person"
        | MoreHelpOffered -> "more help"

    let private turnWords (turn: OpenTurn) =
        let hint = turn.Question.Hint |> orNothing StoredName.intent

        $"%s{CommandKey.text turn.Key}, turn %d{turn.Question.Turn}, "
        + $"%s{StoredName.assistant turn.Question.Assistant}, hint %s{hint}, "
        + Language.code turn.Question.Language

    /// The phase's short name, as `bot.session.phase` and `--state` have it.
    let phaseName (session: Session) : string =
        match session.Phase with
        | Conversing _ -> "conversing"
        | TicketCreation _ -> "ticket"
        | WithAgent _ -> "with-agent"
        | Closed _ -> "closed"

    /// Every name that `phaseName` gives.
    let phaseNames = [ "conversing"; "ticket"; "with-agent"; "closed" ]

    /// The phase and its step without any text of the customer.
    let outline (session: Session) : string =
        match session.Phase with
        | TicketCreation(_, (AskingTitle | AskingDescription | AskingEmail as step)) ->
            phaseName session + ": " + stepWords step
        | TicketCreation(_, Confirming _) -> phaseName session + ": confirming"
        | TicketCreation(_, Creating _) -> phaseName session + ": creating"
        | Closed reason -> $"%s{phaseName session}: %A{reason}"
        | Conversing(_, offer) -> phaseName session + ": " + offerWords offer
        | WithAgent _ -> phaseName session

    let private phaseWords (session: Session) =
        match session.Phase with
        | Conversing(turn, offer) ->
            $"conversing; offered %s{offerWords offer}; open turn %s{turn |> orNothing turnWords}"
        | TicketCreation(draft, step) -> $"ticket; %s{stepWords step}; draft %s{draftWords draft}"
        | WithAgent(creation, told) ->
            let told = if told then "told" else "not told"
            $"with-agent; %s{told}; ticket of %s{CommandKey.text creation}"
        | Closed CustomerLeft -> "closed; the customer left"
        | Closed WentIdle -> "closed; nobody wrote any more"

    let private customerWords (customer: Customer) =
        let (CustomerId id) = customer.Id

        String.concat " | " [
            id
            customer.Phone |> Option.defaultValue nothing
            customer.Name |> Option.defaultValue nothing
        ]

    let private gatheringWords (gathering: Gathering) =
        let items =
            gathering.Items
            |> List.map (function
                | GatheredText(MessageId message, text) -> $"%s{message}: %s{text}"
                | GatheredFile(MessageId message, kind, fetch) ->
                    $"%s{message}: %s{StoredName.mediaKind kind} of %s{CommandKey.text fetch}")
            |> String.concat " | "

        $"until %s{CommandWords.instant gathering.Due} (%s{CommandKey.text gathering.Timer}): %s{items}"

    let private circumstancesWords (circumstances: Circumstances) =
        let team =
            match circumstances.Opening with
            | OpenNow -> "team there"
            | ClosedUntil(next, holiday) ->
                let back = next |> orNothing CommandWords.instant
                $"team back %s{back}, holiday %s{holiday |> Option.defaultValue nothing}"

        let most = circumstances.MessagesAMinute |> orNothing string
        let optedOut = if circumstances.OptedOut then "opted out" else "opted in"
        let form = if circumstances.HasForm then "with form" else "no form"
        $"%s{team}; %s{optedOut}; %s{form}; messages a minute %s{most}"

    let private fileWords (file: CustomerFile) =
        let state =
            match file.State with
            | Awaited -> "awaited"
            | Kept stored ->
                let (FileHash hash) = stored.Hash
                $"kept as %s{hash}, %d{stored.Size} bytes, %s{stored.MimeType}"
            | NotKept problem ->
                let name, _, _, _ = StoredName.fileProblem problem
                "not kept: " + name

        let ticket = file.Ticket |> orNothing CommandKey.text
        $"%s{StoredName.mediaKind file.Request.Kind} of %s{CommandKey.text file.Fetch}: %s{state}, ticket %s{ticket}"

    let private pulseWords (pulse: Pulse) =
        let told = if pulse.Told then ", told" else ""

        let since = CommandWords.instant pulse.Since
        $"%d{pulse.Count} since %s{since}, text %x{pulse.LastText} %d{pulse.Repeats} times%s{told}"

    /// What was said last matters only beside what was lost.
    let private deliveryWords (delivery: Delivery) =
        match delivery.Lost, delivery.Apology with
        | [], None -> nothing
        | lost, apology ->
            String.concat "; " [
                "lost " + (lost |> List.map CommandKey.text |> String.concat " ")
                "told by " + (apology |> orNothing CommandKey.text)
                "last said " + (delivery.LastSaid |> orNothing CommandKey.text)
            ]

    /// Every field of a session, in a fixed order: its name and its value in words.
    let fields (session: Session) : (string * string) list = [
        "id", SessionId.text session.Id
        "version", string session.Version
        "phase", phaseWords session
        "customer", customerWords session.Customer
        "language", Language.code session.Language
        "policy", $"quiet %s{session.Policy.Quiet.ToString()}, idle %s{session.Policy.Idle.ToString()}"
        "last activity", CommandWords.instant session.LastActivity
        "idle timer",
        session.Idle
        |> orNothing (fun (key, due) -> $"%s{CommandWords.instant due} (%s{CommandKey.text key})")
        "recent messages",
        session.Recent
        |> List.map (fun (MessageId message) -> message)
        |> String.concat " "
        "gathering", session.Gathering |> orNothing gatheringWords
        "look-up", session.LookUp |> orNothing CommandKey.text
        "owed ticket", session.Owed |> orNothing owedWords
        "handed over", session.HandedOver |> orNothing CommandKey.text
        "introduced", (if session.Introduced then "yes" else "no")
        "undelivered", deliveryWords session.Delivery
        "circumstances", circumstancesWords session.Circumstances
        "advertisement",
        session.Referral
        |> orNothing (fun referral -> referral.Headline |> Option.defaultValue "without a headline")
        "files", session.Files |> List.map fileWords |> String.concat " | "
        "pulse", pulseWords session.Pulse
        "form", session.Form |> orNothing CommandKey.text
    ]

    /// The fields of two lists that differ, by name. A field that one of them lacks is "-" there.
    let changesOfFields (before: (string * string) list) (after: (string * string) list) : FieldChange list =
        let earlier = Map.ofList before
        let later = Map.ofList after

        (before @ after)
        |> List.map fst
        |> List.distinct
        |> List.map (fun name -> {
            Field = name
            Before = earlier.TryFind name |> Option.defaultValue nothing
            After = later.TryFind name |> Option.defaultValue nothing
        })
        |> List.filter (fun change -> change.Before <> change.After)

    /// The fields that differ.
    let changes (before: Session) (after: Session) : FieldChange list =
        if before = after then
            []
        else
            match changesOfFields (fields before) (fields after) with
            // Two values can differ in what no word tells, such as a line break.
            | [] -> [
                {
                    Field = "state"
                    Before = Json.write before
                    After = Json.write after
                }
              ]
            | changes -> changes
