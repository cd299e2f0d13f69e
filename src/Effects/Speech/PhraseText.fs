namespace FunctionalBot.Effects

open System
open System.Globalization
open FunctionalBot.Domain

/// What customers are told about the business.
type Business = {
    Name: string
    /// How else a person can be reached (phone, e-mail, hours), as it is to be read. Blank leaves the
    /// sentence out.
    Contact: string
}

/// One language's words, and how to put in what people wrote.
[<NoComparison; NoEquality>]
type internal Voice = {
    Book: LanguageBook
    Business: Business
    Safe: string -> string
    /// The longest body.
    Limit: int
}

/// The words of each phrase.
module internal PhraseText =
    let private oneLine (text: string) =
        text.Split(Array.empty<char>, StringSplitOptions.RemoveEmptyEntries)
        |> String.concat " "
        |> String.filter (Char.IsControl >> not)

    let private short speaker limit text =
        speaker.Safe(Graphemes.cut limit (oneLine text))

    /// A text with its places filled in.
    let say (speaker: Voice) wording (values: (string * string) list) =
        let values = ("business", short speaker 60 speaker.Business.Name) :: values

        let part =
            function
            | Literal text -> text
            | Placeholder name ->
                values
                |> List.tryFind (fun (known, _) -> known = name)
                |> Option.map snd
                |> Option.defaultValue ""

        match Map.tryFind wording speaker.Book.Texts with
        | Some parts -> (parts |> List.map part |> String.concat "").Trim()
        | None -> ""

    /// A text without places of its own.
    let simply speaker wording = say speaker wording []

    let private contact speaker =
        if String.IsNullOrWhiteSpace speaker.Business.Contact then
            []
        else
            let text = Graphemes.cut 300 (speaker.Business.Contact.Trim())
            [ "contact", say speaker Wording.Contact [ "contact", speaker.Safe text ] ]

    let private paragraphs texts =
        texts |> List.filter (fun text -> text <> "") |> String.concat "\n\n"

    let private problem speaker field problem =
        let field = "field", simply speaker (Wording.ofField field)

        match problem with
        | Blank -> say speaker Wording.ProblemBlank [ field ]
        | WithoutWords -> say speaker Wording.ProblemWithoutWords [ field ]
        | TooLong(length, limit) ->
            say speaker Wording.ProblemTooLong [ field; "length", string length; "limit", string limit ]
        | NotAnAddress -> simply speaker Wording.ProblemNotAnAddress

    let private fileProblem speaker problem =
        let limit =
            match problem with
            // Megabytes as BOT_FILE_MEGABYTES and WhatsApp count them.
            | FileTooLarge limit -> [ "limit", string (max 1L (limit / 1_048_576L)) ]
            | _ -> []

        say speaker (Wording.ofFileProblem problem) limit

    let private notice speaker notice =
        match notice with
        | FieldRejected(field, reason) -> problem speaker field reason
        | KeptAsDescription -> simply speaker Wording.KeptAsDescription
        | CannotRead kind -> say speaker Wording.CannotRead [ "kind", simply speaker (Wording.ofKind kind) ]
        | ButtonIsStale -> simply speaker Wording.ButtonIsStale
        | FormIsStale -> simply speaker Wording.FormIsStale
        | AlreadyAtFirstStep -> simply speaker Wording.AlreadyAtFirstStep
        | PleaseConfirm -> simply speaker Wording.PleaseConfirm
        | PrefilledFromYourWords -> simply speaker Wording.PrefilledFromYourWords
        | StillWithYourTicket -> simply speaker Wording.StillWithYourTicket
        | QuestionMayBeLost -> simply speaker Wording.QuestionMayBeLost
        | FilesAdded count -> say speaker Wording.FilesAdded [ "count", string count ]
        | FileRejected(_, problem) ->
            say speaker Wording.FileRejected [ "problem", fileProblem speaker problem ]
        | TooManyFiles limit -> say speaker Wording.TooManyFiles [ "limit", string limit ]

    /// The ticket as it would be sent. A description that does not fit `limit` is shown from its beginning,
    /// with a sentence that says that the ticket carries all of it.
    let private summary speaker limit (ticket: Ticket) =
        let description = TicketDescription.value ticket.Description

        let email =
            match ticket.Email with
            | Some address -> speaker.Safe(EmailAddress.value address)
            | None -> simply speaker Wording.EmailNone

        let files =
            match ticket.Files with
            | Some count -> "\n\n" + say speaker Wording.SummaryFiles [ "count", string count ]
            | None -> ""

        let showing (shown: string) =
            say speaker Wording.Summary [
                "title", speaker.Safe(TicketTitle.value ticket.Title)
                "description", shown
                "email", email
                "files", files
            ]

        let whole = showing (speaker.Safe description)

        if whole.Length <= limit then
            whole
        else
            let continues =
                say speaker Wording.SummaryContinues [ "length", string description.Length ]

            let room = limit - (showing "").Length - continues.Length - 1
            // Cut first and made safe after, as what is cut off needs no room.
            let shown = speaker.Safe(Graphemes.cutAtSentence (max 1 (room - 40)) description)
            showing (shown + "\n" + continues)

    let private ask speaker question about =
        let before = about |> Option.map (notice speaker) |> Option.toList

        let asked =
            match question with
            | WhichTitle -> simply speaker Wording.AskTitle
            | WhichDescription -> simply speaker Wording.AskDescription
            | WhichEmail -> simply speaker Wording.AskEmail
            | WhichField -> simply speaker Wording.AskField
            | IsThisRight ticket ->
                let taken = before |> List.sumBy (fun text -> text.Length + 2)
                summary speaker (speaker.Limit - taken) ticket

        paragraphs (before @ [ asked ])

    let private ticketLine speaker (ticket: TicketSummary) =
        say
            speaker
            (if ticket.Closed then
                 Wording.ClosedTicketLine
             else
                 Wording.TicketLine)
            [
                "number", short speaker 40 ticket.Reference.Number
                "title", short speaker 60 ticket.Title
                "stage", short speaker 30 ticket.Stage
            ]

    /// As many whole lines as fit, and how many more there are.
    let private tickets speaker (found: TicketSummary list) =
        let lines = found |> List.map (ticketLine speaker)
        let count = List.length lines

        let showing shown =
            let more =
                if shown = count then
                    []
                else
                    [ say speaker Wording.MoreTickets [ "count", string (count - shown) ] ]

            paragraphs [
                simply speaker Wording.YourTickets
                String.concat "\n" (List.truncate shown lines @ more)
            ]

        seq { count .. -1 .. 0 }
        |> Seq.map showing
        |> Seq.tryFind (fun text -> text.Length <= speaker.Limit)
        |> Option.defaultValue (simply speaker Wording.YourTickets)

    let private answer speaker text introduce =
        if String.IsNullOrWhiteSpace text then
            simply speaker Wording.AssistantIsUnavailable
        else
            paragraphs [
                if introduce then
                    simply speaker Wording.Introduction
                text
            ]

    let private fromAd speaker name headline =
        let headline = "headline", short speaker 120 headline

        match name |> Option.map (short speaker 40) |> Option.defaultValue "" with
        | "" -> say speaker Wording.WelcomeFromAd [ headline ]
        | name -> say speaker Wording.WelcomeFromAdNamed [ "name", name; headline ]

    /// Times are the business's own: the calendar that told them did so with their offset.
    let private away speaker opening =
        match opening with
        | OpenNow -> say speaker Wording.PersonIsComing (contact speaker)
        | ClosedUntil(next, holiday) ->
            let closed =
                match holiday with
                | Some name ->
                    say
                        speaker
                        Wording.TeamIsAwayForHoliday
                        (("holiday", short speaker 60 name) :: contact speaker)
                | None -> say speaker Wording.TeamIsAway (contact speaker)

            let back =
                match next with
                | Some next ->
                    say speaker Wording.TeamReturns [
                        "day", simply speaker (Wording.ofDay next.DayOfWeek)
                        "date", next.ToString("d/M", CultureInfo.InvariantCulture)
                        "time", next.ToString("H:mm", CultureInfo.InvariantCulture)
                    ]
                | None -> ""

            paragraphs [ back; closed ]

    /// Who is speaking and how to reach a person, ahead of something else.
    let introduction speaker = simply speaker Wording.Introduction

    /// The words of a phrase, as a rule within the speaker's limit; whoever sends them cuts the exceptions.
    let body (speaker: Voice) (phrase: Phrase) : string =
        match phrase with
        | Welcome name ->
            match name |> Option.map (short speaker 40) |> Option.defaultValue "" with
            | "" -> simply speaker Wording.Welcome
            | name -> say speaker Wording.WelcomeNamed [ "name", name ]
        | HowCanIHelp -> simply speaker Wording.HowCanIHelp
        | Help -> simply speaker Wording.Help
        | Answer(text, introduce) -> answer speaker text introduce
        | AnswerCutShort text -> paragraphs [ text; simply speaker Wording.AnswerWasCut ]
        | AssistantIsUnavailable -> simply speaker Wording.AssistantIsUnavailable
        | Ask(question, about) -> ask speaker question about
        | NothingToCancel -> simply speaker Wording.NothingToCancel
        | TicketDiscarded -> simply speaker Wording.TicketDiscarded
        | TicketIsBeingCreated -> simply speaker Wording.TicketIsBeingCreated
        | TicketIsDelayed -> simply speaker Wording.TicketIsDelayed
        | TicketWasCreated ticket ->
            say speaker Wording.TicketWasCreated [ "number", short speaker 40 ticket.Number ]
        | TicketWasRefused -> say speaker Wording.TicketWasRefused (contact speaker)
        | AnotherTicketIsPending -> simply speaker Wording.AnotherTicketIsPending
        | YourTickets []
        | YouHaveNoTickets -> simply speaker Wording.YouHaveNoTickets
        | YourTickets found -> tickets speaker found
        | TicketsCannotBeRead -> simply speaker Wording.TicketsCannotBeRead
        | PersonIsComing -> say speaker Wording.PersonIsComing (contact speaker)
        | PersonTicketWasCreated ticket ->
            say speaker Wording.PersonTicketWasCreated [ "number", short speaker 40 ticket.Number ]
        | PassedOnToPerson -> simply speaker Wording.PassedOnToPerson
        | BackWithBot -> simply speaker Wording.BackWithBot
        | CannotReadKind kind ->
            say speaker Wording.CannotReadKind [ "kind", simply speaker (Wording.ofKind kind) ]
        | FilesAreKept(_, 1) -> simply speaker Wording.FileIsKept
        | FilesAreKept(_, count) -> say speaker Wording.FilesAreKept [ "count", string count ]
        | FileNotTaken(_, problem) ->
            say speaker Wording.FileNotTaken [ "problem", fileProblem speaker problem ]
        | FileWasNotAttached -> simply speaker Wording.FileWasNotAttached
        | FilesAreTooMany limit -> say speaker Wording.FilesAreTooMany [ "limit", string limit ]
        | WelcomeFromAd(name, headline) -> fromAd speaker name headline
        | FillForm -> simply speaker Wording.FillForm
        | TeamIsAway opening -> away speaker opening
        | SlowDown -> simply speaker Wording.SlowDown
        | MaybeABot -> simply speaker Wording.MaybeABot
        | OptedOut -> simply speaker Wording.OptedOut
        | OptedOutUnsent -> simply speaker Wording.OptedOutUnsent
        | OptedIn -> simply speaker Wording.OptedIn
        | ThatButtonIsStale -> simply speaker Wording.ThatButtonIsStale
        | ThatFormIsStale -> simply speaker Wording.ThatFormIsStale
        | MessageMayBeLost -> simply speaker Wording.MessageMayBeLost
        | Goodbye -> simply speaker Wording.Goodbye
        | IdleGoodbye false -> simply speaker Wording.IdleGoodbye
        | IdleGoodbye true -> simply speaker Wording.IdleGoodbyeUnsent
