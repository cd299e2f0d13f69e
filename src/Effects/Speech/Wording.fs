namespace FunctionalBot.Effects

open System
open System.Text
open FSharp.Reflection
open FunctionalBot.Domain

/// One text of data/phrases/*.json. Its key there is the name in lower case with hyphens: `HowCanIHelp` is
/// "how-can-i-help". What each says is told by the phrase, question or notice of the same name in
/// `Speech.fs`.
[<RequireQualifiedAccess>]
type Wording =
    | Welcome
    | WelcomeNamed
    /// Put ahead of an assistant's answer that is the first thing said.
    | Introduction
    /// Put behind an answer of which the rest was left out.
    | AnswerWasCut
    | HowCanIHelp
    | Help
    | AssistantIsUnavailable
    | AskTitle
    | AskDescription
    | AskEmail
    | AskField
    /// The whole ticket, with the question whether it is right.
    | Summary
    /// Follows a description that is too long to be shown whole.
    | SummaryContinues
    /// Stands where the address would, if none was given.
    | EmailNone
    /// Follows the address where files go with the ticket.
    | SummaryFiles
    | ProblemBlank
    | ProblemWithoutWords
    | ProblemTooLong
    | ProblemNotAnAddress
    | KeptAsDescription
    | CannotRead
    | ButtonIsStale
    | FormIsStale
    | AlreadyAtFirstStep
    | PleaseConfirm
    | PrefilledFromYourWords
    | StillWithYourTicket
    | QuestionMayBeLost
    | FilesAdded
    | FileRejected
    | TooManyFiles
    | NothingToCancel
    | TicketDiscarded
    | TicketIsBeingCreated
    | TicketIsDelayed
    | TicketWasCreated
    | TicketWasRefused
    | AnotherTicketIsPending
    | YourTickets
    | TicketLine
    | ClosedTicketLine
    /// Follows a list of tickets that does not fit.
    | MoreTickets
    | YouHaveNoTickets
    | TicketsCannotBeRead
    | PersonIsComing
    | PersonTicketWasCreated
    | PassedOnToPerson
    | BackWithBot
    | CannotReadKind
    | FileIsKept
    | FilesAreKept
    | FileNotTaken
    | FileWasNotAttached
    | FilesAreTooMany
    /// What is wrong with a file, as a part of a sentence.
    | FileTooLarge
    | FileTypeRefused
    | FileDamaged
    | FileInfected
    | FileGone
    | FileUnreachable
    | WelcomeFromAd
    | WelcomeFromAdNamed
    | FillForm
    | TeamIsAway
    | TeamIsAwayForHoliday
    /// Follows where it is known when the team is back.
    | TeamReturns
    | SlowDown
    | MaybeABot
    | OptedOut
    | OptedOutUnsent
    | OptedIn
    | ThatButtonIsStale
    | ThatFormIsStale
    | MessageMayBeLost
    | Goodbye
    | IdleGoodbye
    | IdleGoodbyeUnsent
    /// The sentence that holds the business's contact, left out where there is none.
    | Contact
    /// Names the choices of a message that is too long to have buttons.
    | OptionsInWords
    /// The button that opens a list; at most 20 characters.
    | ListButton
    /// The button that opens the ticket's form; at most 20 characters.
    | FormButton
    | FieldTitle
    | FieldDescription
    | FieldEmail
    | KindImage
    | KindVideo
    | KindVoiceNote
    | KindAudio
    | KindDocument
    | KindSticker
    | KindLocation
    | KindContactCard
    | KindOther
    | DayMonday
    | DayTuesday
    | DayWednesday
    | DayThursday
    | DayFriday
    | DaySaturday
    | DaySunday
    // The ticket's form. WhatsApp's limits for each are in `limit`.
    | FormHeading
    | FormTitle
    | FormTitleHelp
    | FormDescription
    | FormDescriptionHelp
    | FormEmail
    | FormEmailHelp
    | FormPhotos
    | FormPhotosHelp
    /// The button that has the fields checked.
    | FormCheck
    /// Says that the fields are right, above the place for photos.
    | FormChecked
    /// The button that sends the form.
    | FormSend
    | FormBlank
    | FormWithoutWords
    | FormTooLong
    | FormNotAnAddress
    /// Said by WhatsApp to whoever opens a form that counts no more.
    | FormIsOver

/// The keys and placeholders of the texts, and the keys of the choices.
module Wording =
    let private hyphenated (name: string) =
        let key = StringBuilder name.Length

        for letter in name do
            if Char.IsUpper letter && key.Length > 0 then
                key.Append '-' |> ignore

            key.Append(Char.ToLowerInvariant letter) |> ignore

        key.ToString()

    /// Every text with its key.
    let all: (Wording * string) list =
        FSharpType.GetUnionCases typeof<Wording>
        |> Array.map (fun case -> unbox<Wording>(FSharpValue.MakeUnion(case, [||])), hyphenated case.Name)
        |> List.ofArray

    /// The names in braces that the text must hold, each at least once, and no others.
    let placeholders wording : string list =
        match wording with
        | Wording.Welcome
        | Wording.Introduction
        | Wording.Help
        | Wording.OptedOut
        | Wording.OptedOutUnsent
        | Wording.MessageMayBeLost -> [ "business" ]
        | Wording.WelcomeNamed -> [ "business"; "name" ]
        | Wording.Summary -> [ "title"; "description"; "email"; "files" ]
        | Wording.SummaryFiles
        | Wording.FilesAdded
        | Wording.FilesAreKept -> [ "count" ]
        | Wording.FileRejected
        | Wording.FileNotTaken -> [ "problem" ]
        | Wording.FileTooLarge
        | Wording.TooManyFiles
        | Wording.FilesAreTooMany -> [ "limit" ]
        | Wording.WelcomeFromAd -> [ "business"; "headline" ]
        | Wording.WelcomeFromAdNamed -> [ "business"; "name"; "headline" ]
        | Wording.TeamIsAway -> [ "contact" ]
        | Wording.TeamIsAwayForHoliday -> [ "holiday"; "contact" ]
        | Wording.TeamReturns -> [ "day"; "date"; "time" ]
        | Wording.SummaryContinues -> [ "length" ]
        | Wording.ProblemBlank
        | Wording.ProblemWithoutWords -> [ "field" ]
        | Wording.ProblemTooLong -> [ "field"; "length"; "limit" ]
        | Wording.CannotRead
        | Wording.CannotReadKind -> [ "kind" ]
        | Wording.TicketWasCreated
        | Wording.PersonTicketWasCreated -> [ "number" ]
        | Wording.TicketLine
        | Wording.ClosedTicketLine -> [ "number"; "title"; "stage" ]
        | Wording.MoreTickets -> [ "count" ]
        | Wording.TicketWasRefused
        | Wording.PersonIsComing
        | Wording.Contact -> [ "contact" ]
        | Wording.OptionsInWords -> [ "options" ]
        | Wording.FormTooLong -> [ "limit" ]
        | _ -> []

    /// The longest that a text may be, in UTF-16 units, so that a message still has room for what is put in.
    let limit wording =
        match wording with
        | Wording.ListButton
        | Wording.FormButton
        | Wording.FormTitle
        | Wording.FormDescription
        | Wording.FormEmail -> OutboundLimits.most LimitedPart.ListButton
        // The limit of the field goes in, in four digits.
        | Wording.FormTooLong -> 26
        | Wording.FormBlank
        | Wording.FormWithoutWords
        | Wording.FormNotAnAddress -> 30
        | Wording.FormCheck
        | Wording.FormSend -> 35
        | Wording.FormHeading
        | Wording.FormTitleHelp
        | Wording.FormDescriptionHelp
        | Wording.FormEmailHelp
        | Wording.FormPhotos -> 80
        | Wording.FormPhotosHelp -> 300
        | Wording.Summary
        | Wording.SummaryContinues
        | Wording.ProblemBlank
        | Wording.ProblemWithoutWords
        | Wording.ProblemTooLong
        | Wording.ProblemNotAnAddress
        | Wording.KeptAsDescription
        | Wording.CannotRead
        | Wording.ButtonIsStale
        | Wording.FormIsStale
        | Wording.AlreadyAtFirstStep
        | Wording.PleaseConfirm
        | Wording.PrefilledFromYourWords
        | Wording.StillWithYourTicket
        | Wording.QuestionMayBeLost
        | Wording.SummaryFiles
        | Wording.FilesAdded
        | Wording.FileRejected
        | Wording.TooManyFiles
        | Wording.FileTooLarge
        | Wording.FileTypeRefused
        | Wording.FileDamaged
        | Wording.FileInfected
        | Wording.FileGone
        | Wording.FileUnreachable -> 140
        | _ -> 500

    /// The key of a choice: its id, without what differs from one message to the next.
    let choiceKey (choice: Choice) =
        match choice with
        | Confirm _ -> "confirm"
        | other -> Choice.id other

    /// One of every kind of choice, in the order of `Choice`.
    let choices: Choice list = [
        OpenTicket
        CheckTickets
        TalkToPerson
        SkipEmail
        GoBack
        CancelTicket
        Confirm 0L
        ChangeSomething
        Change TitleField
        Change DescriptionField
        Change EmailField
        KeepTicket
        AskSomethingElse
        ReturnToBot
        SayGoodbye
        WriteToMeAgain
    ]

    /// The text that names a field, with its article.
    let ofField field =
        match field with
        | TitleField -> Wording.FieldTitle
        | DescriptionField -> Wording.FieldDescription
        | EmailField -> Wording.FieldEmail

    /// The text that names a kind of message, in the plural.
    let ofKind kind =
        match kind with
        | Image -> Wording.KindImage
        | Video -> Wording.KindVideo
        | VoiceNote -> Wording.KindVoiceNote
        | Audio -> Wording.KindAudio
        | Document -> Wording.KindDocument
        | Sticker -> Wording.KindSticker
        | Location -> Wording.KindLocation
        | ContactCard -> Wording.KindContactCard
        | Unsupported -> Wording.KindOther

    /// What is wrong with a file.
    let ofFileProblem problem =
        match problem with
        | FileTooLarge _ -> Wording.FileTooLarge
        | FileTypeRefused _
        | FileTypeLies _ -> Wording.FileTypeRefused
        | FileDamaged -> Wording.FileDamaged
        | FileInfected -> Wording.FileInfected
        | FileGone -> Wording.FileGone
        | FileUnreachable _ -> Wording.FileUnreachable

    /// The name of a day of the week.
    let ofDay (day: DayOfWeek) =
        match day with
        | DayOfWeek.Monday -> Wording.DayMonday
        | DayOfWeek.Tuesday -> Wording.DayTuesday
        | DayOfWeek.Wednesday -> Wording.DayWednesday
        | DayOfWeek.Thursday -> Wording.DayThursday
        | DayOfWeek.Friday -> Wording.DayFriday
        | DayOfWeek.Saturday -> Wording.DaySaturday
        | _ -> Wording.DaySunday
