namespace FunctionalBot.Domain

open System

/// What a customer can press: a reply button, or a row of a list.
type Choice =
    | OpenTicket
    | CheckTickets
    | TalkToPerson
    | SkipEmail
    | GoBack
    | CancelTicket
    /// Confirms exactly the ticket that was shown at this revision; a later change makes the button stale.
    | Confirm of revision: int64
    | ChangeSomething
    | Change of TicketField
    /// Leaves the list of fields and keeps the ticket as it was shown.
    | KeepTicket
    | AskSomethingElse
    | ReturnToBot
    | SayGoodbye
    /// Takes the wish to hear nothing back.
    | WriteToMeAgain

/// Whether the team is there, as the host's calendar says.
type Opening =
    | OpenNow
    /// The next opening in the business's own time, and the holiday's name, where they are known.
    | ClosedUntil of next: DateTimeOffset option * holiday: string option

/// What the ticket dialogue asks at one of its steps.
type Question =
    | WhichTitle
    | WhichDescription
    | WhichEmail
    /// Shows the whole ticket and asks for a yes.
    | IsThisRight of Ticket
    | WhichField

/// What is said ahead of a question when the last message could not be taken as its answer, or changed
/// something.
type Notice =
    | FieldRejected of TicketField * FieldProblem
    /// What was written for the title was long enough to be the description, and was kept as that.
    | KeptAsDescription
    | CannotRead of MediaKind
    | ButtonIsStale
    | FormIsStale
    | AlreadyAtFirstStep
    | PleaseConfirm
    | PrefilledFromYourWords
    /// Answers a person-like remark within the dialogue, such as a greeting.
    | StillWithYourTicket
    /// The question was asked before and did not arrive.
    | QuestionMayBeLost
    /// So many files go with the ticket now.
    | FilesAdded of count: int
    /// A file does not go with the ticket.
    | FileRejected of MediaKind * FileProblem
    /// More files came than a ticket takes.
    | TooManyFiles of limit: int

/// What the bot says, as meaning. The wording is data/phrases/{es,en,pt}.json, chosen and cut at the edge.
type Phrase =
    /// The first words to somebody: says that this is a bot and how to reach a person.
    | Welcome of name: string option
    | HowCanIHelp
    | Help
    /// The assistant's words. `introduce` adds who is speaking, when it is the first thing said in a session.
    | Answer of text: string * introduce: bool
    /// The last part of an answer that is too long even for several messages; says that it was cut.
    | AnswerCutShort of text: string
    /// Neither the assistant nor its stand-in could answer.
    | AssistantIsUnavailable
    | Ask of Question * Notice option
    | NothingToCancel
    | TicketDiscarded
    | TicketIsBeingCreated
    | TicketIsDelayed
    | TicketWasCreated of TicketReference
    | TicketWasRefused
    | AnotherTicketIsPending
    | YourTickets of TicketSummary list
    | YouHaveNoTickets
    | TicketsCannotBeRead
    /// The request for a person was taken; the wording adds the business's own contact.
    | PersonIsComing
    | PersonTicketWasCreated of TicketReference
    | PassedOnToPerson
    | BackWithBot
    | CannotReadKind of MediaKind
    /// Files were taken in outside of a ticket: says what the bot can do with them.
    | FilesAreKept of MediaKind * count: int
    /// A file could not be taken.
    | FileNotTaken of MediaKind * FileProblem
    /// A file was kept and could not be put to its ticket.
    | FileWasNotAttached
    /// More files came than one conversation takes.
    | FilesAreTooMany of limit: int
    /// The first words to somebody who comes from an advertisement; `headline` is the ad's.
    | WelcomeFromAd of name: string option * headline: string
    /// Offers the ticket's form; the wording says that the ticket can be told step by step as well.
    | FillForm
    /// The request for a person was taken while nobody of the team is there.
    | TeamIsAway of Opening
    /// Messages come faster than anybody reads; the ones behind this are not taken for a while.
    | SlowDown
    /// The same text came again and again, as from another bot.
    | MaybeABot
    /// The customer will hear nothing that he did not ask for.
    | OptedOut
    /// The same, where the ticket that was being told was not sent.
    | OptedOutUnsent
    | OptedIn
    | ThatButtonIsStale
    /// A form that was sent counts no more.
    | ThatFormIsStale
    /// Something that was said before did not arrive; who speaks is said again, since that may have been it.
    | MessageMayBeLost
    | Goodbye
    /// The friendly last word of a session that nobody wrote to. `unsentTicket` tells that a draft was not
    /// sent.
    | IdleGoodbye of unsentTicket: bool

/// Something that a message asks the customer to do by WhatsApp's own means. It takes the place of choices.
type Invitation =
    /// `label` is what the button says, at most 20 UTF-16 units.
    | ToOpenLink of label: string * url: string
    | ToShareLocation
    | ToSharePhone
    /// The ticket's form; the token comes back with the answer.
    | ToFillForm of token: string

/// One message to the customer.
type Utterance = {
    Phrase: Phrase
    /// Up to three become reply buttons, more become a list.
    Choices: Choice list
    Language: Language
    /// The message that is quoted, where an earlier one of a burst is answered.
    ReplyTo: MessageId option
    /// Never together with choices. None in what an older version said, as the two that follow.
    Invitation: Invitation option
    /// An image or a document, with the phrase as its caption.
    File: StoredFile option
    /// Some true says ahead of the phrase who is speaking and how to reach a person.
    Introduce: bool option
}

/// The text ids under which choices travel to WhatsApp and back.
module Choice =
    let private ofField =
        function
        | TitleField -> "title"
        | DescriptionField -> "description"
        | EmailField -> "email"

    /// Stable for ever: buttons of old messages can be pressed years later.
    let id =
        function
        | OpenTicket -> "open-ticket"
        | CheckTickets -> "check-tickets"
        | TalkToPerson -> "person"
        | SkipEmail -> "skip-email"
        | GoBack -> "back"
        | CancelTicket -> "cancel-ticket"
        | Confirm revision -> "confirm:" + string revision
        | ChangeSomething -> "change"
        | Change field -> "change:" + ofField field
        | KeepTicket -> "keep-ticket"
        | AskSomethingElse -> "something-else"
        | ReturnToBot -> "return-to-bot"
        | SayGoodbye -> "goodbye"
        | WriteToMeAgain -> "opt-in"

    /// None for an id that this bot never offered.
    let ofId (id: string) : Choice option =
        match id with
        | "open-ticket" -> Some OpenTicket
        | "check-tickets" -> Some CheckTickets
        | "person" -> Some TalkToPerson
        | "skip-email" -> Some SkipEmail
        | "back" -> Some GoBack
        | "cancel-ticket" -> Some CancelTicket
        | "change" -> Some ChangeSomething
        | "change:title" -> Some(Change TitleField)
        | "change:description" -> Some(Change DescriptionField)
        | "change:email" -> Some(Change EmailField)
        | "keep-ticket" -> Some KeepTicket
        | "something-else" -> Some AskSomethingElse
        | "return-to-bot" -> Some ReturnToBot
        | "goodbye" -> Some SayGoodbye
        | "opt-in" -> Some WriteToMeAgain
        | _ when id.StartsWith("confirm:", StringComparison.Ordinal) ->
            match Int64.TryParse(id.Substring 8) with
            | true, revision -> Some(Confirm revision)
            | _ -> None
        | _ -> None
