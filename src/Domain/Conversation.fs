namespace FunctionalBot.Domain

/// Talking outside the ticket dialogue: the rules, the assistant, a person, and the ends of a session.
module internal Conversation =
    open Decision

    let private openings = [ OpenTicket; CheckTickets; TalkToPerson ]

    let private noHints: TicketHints = {
        Title = None
        Description = None
        Email = None
    }

    let private leave decision =
        decision |> close CustomerLeft |> say Goodbye []

    /// A goodbye or a thank-you with which a session begins gets an emoji and no words: most follow our own goodbye,
    /// and another bot would answer words with words for ever, each time in a session of its own.
    let private nodOr (answer: Decision -> Decision) (emoji: string) decision =
        match decision.Answering with
        | Some message when not (Session.hasSpoken decision.Session) ->
            decision |> perform (React(message, emoji))
        | _ -> answer decision

    /// "Ana" of "Ana Ríos": by a greeting nobody is called by the whole name. None for a name without a
    /// letter.
    let private firstName (customer: Customer) =
        customer.Name
        |> Option.bind (fun name -> name.Split ' ' |> Array.tryFind (Seq.exists System.Char.IsLetter))

    /// The first words: for who comes from an advertisement they speak of it.
    let private firstWords (session: Session) =
        let name = firstName session.Customer

        match session.Referral |> Option.bind (fun referral -> referral.Headline) with
        | Some headline -> WelcomeFromAd(name, headline)
        | None -> Welcome name

    let private greet decision =
        if decision.Session.Introduced then
            decision |> offer NothingOffered HowCanIHelp openings
        else
            decision
            |> change (fun session -> { session with Referral = None })
            |> offer NothingOffered (firstWords decision.Session) openings

    /// Says something that takes nothing away: an open question to the assistant stays open.
    let private remark offered phrase choices decision =
        match Session.openTurn decision.Session with
        | Some _ -> decision |> say phrase choices
        | None -> decision |> offer offered phrase choices

    let private lookUpTickets decision =
        let key = nextKey decision

        let decision =
            match decision.Session.Phase with
            | Conversing _ -> decision |> enter (Conversing(None, NothingOffered))
            | TicketCreation _
            | WithAgent _
            | Closed _ -> decision

        decision
        |> perform (LookUpTickets decision.Session.Customer)
        |> change (fun session -> { session with LookUp = Some key })

    let private askAssistant assistant hint turn decision =
        let question = {
            Turn = turn
            Assistant = assistant
            Hint = hint
            Language = decision.Session.Language
            Message = decision.Answering
        }

        let openTurn: OpenTurn = {
            Key = nextKey decision
            Question = question
        }

        decision
        |> perform (AskAssistant question)
        |> enter (Conversing(Some openTurn, NothingOffered))

    /// Does what an intent asks for. None for one that only means something as an answer.
    let private follow intent decision =
        match intent with
        | WantsTicket -> Some(decision |> FormFilling.begin' noHints)
        | WantsTicketStatus -> Some(lookUpTickets decision)
        | WantsPerson -> Some(HandOver.begin' decision)
        | WantsHelp -> Some(decision |> offer NothingOffered Help openings)
        | WantsToCancel -> Some(decision |> offer NothingOffered NothingToCancel openings)
        | WantsSilence -> Some(Consent.optOut decision)
        | WantsToHear when Consent.isOptedOut decision -> Some(Consent.optIn decision)
        | Greets -> Some(greet decision)
        | Leaves -> Some(decision |> nodOr leave "👋")
        | WantsToGoBack
        | WantsToSkip
        | WantsToChange _
        | WantsBot
        // Who never wanted silence means something else by "alta".
        | WantsToHear
        | SaysYes
        | SaysNo
        | AsksSomething -> None

    /// How much beside the wish a text may say and still be done by rule alone; with more, the assistant
    /// reads it.
    let private patience intent =
        match intent with
        | WantsTicket -> 2
        | WantsPerson -> System.Int32.MaxValue
        | WantsTicketStatus -> 3
        | Greets
        | Leaves
        | WantsHelp
        | WantsToCancel
        | WantsToGoBack
        | WantsToSkip
        | WantsToChange _
        | WantsBot
        | WantsSilence
        | WantsToHear
        | SaysYes
        | SaysNo
        | AsksSomething -> 0

    /// A turn of text while the bot and the customer simply talk.
    let takeText (text: string) offered decision =
        let ask hint =
            decision |> askAssistant Primary hint decision.Session.Version

        let isThinking = Option.isSome (Session.openTurn decision.Session)

        match Rules.recognise text, offered with
        | None, _ when TypedText.isBlank text -> if isThinking then decision else greet decision
        // A "thank you" or a "hello" behind a question is part of it: the assistant sees both.
        | Some { Meaning = (Thanks | Means Greets) }, _ when isThinking -> ask None
        | Some { Meaning = Thanks; Surplus = 0 }, MoreHelpOffered
        | Some { Meaning = Means SaysNo; Surplus = 0 }, MoreHelpOffered -> leave decision
        | Some { Meaning = Thanks; Surplus = 0 }, _ ->
            decision |> nodOr (offer MoreHelpOffered HowCanIHelp openings) "🙏"
        | Some { Meaning = Means SaysYes; Surplus = 0 }, TicketOffered ->
            decision |> FormFilling.begin' noHints
        | Some { Meaning = Means SaysYes; Surplus = 0 }, PersonOffered -> HandOver.begin' decision
        | Some {
                   Meaning = Means(SaysYes | SaysNo)
                   Surplus = 0
               },
          (TicketOffered | PersonOffered | MoreHelpOffered) ->
            decision |> offer NothingOffered HowCanIHelp openings
        | Some {
                   Meaning = Means intent
                   Surplus = surplus
               },
          _ when surplus <= patience intent ->
            match follow intent decision with
            | Some decision -> decision
            | None -> ask None
        | Some {
                   Meaning = Means(WantsTicket | WantsTicketStatus as intent)
               },
          _ -> ask (Some intent)
        | _ -> ask None

    /// A message that cannot be read, while the bot and the customer simply talk.
    let takeMedia kind decision =
        decision
        |> remark TicketOffered (CannotReadKind kind) [ OpenTicket; TalkToPerson ]

    /// Files, while the bot and the customer simply talk: what can be done with them, and an offer to do it.
    let takeFiles kind count decision =
        decision
        |> remark TicketOffered (FilesAreKept(kind, count)) [ OpenTicket; TalkToPerson ]

    /// A file that is one too many.
    let tooManyFiles decision =
        decision
        |> remark TicketOffered (FilesAreTooMany CustomerFile.most) [ OpenTicket; TalkToPerson ]

    /// Whether the bot may begin to speak: nothing else is going on.
    let canBegin (session: Session) =
        match session.Phase with
        | Conversing(None, _) -> session.Gathering.IsNone
        | Conversing(Some _, _)
        | TicketCreation _
        | WithAgent _
        | Closed _ -> false

    /// The chat was opened and nothing written: the bot begins.
    let opened decision = greet decision

    /// A button that counts no more takes nothing away, nor the conversation from the team that has it.
    let takeStaleChoice decision =
        match decision.Session.Phase with
        | WithAgent _ -> decision |> say ThatButtonIsStale [ ReturnToBot ]
        | Conversing _
        | TicketCreation _
        | Closed _ -> decision |> remark NothingOffered ThatButtonIsStale openings

    /// A button outside the ticket dialogue.
    let takeChoice choice decision =
        match choice with
        | OpenTicket -> decision |> FormFilling.begin' noHints
        | CheckTickets -> lookUpTickets decision
        | TalkToPerson -> HandOver.begin' decision
        | AskSomethingElse -> decision |> remark NothingOffered HowCanIHelp openings
        | ReturnToBot -> decision |> offer NothingOffered BackWithBot openings
        | SayGoodbye -> leave decision
        | WriteToMeAgain -> Consent.optIn decision
        | SkipEmail
        | GoBack
        | CancelTicket
        | Confirm _
        | ChangeSomething
        | Change _
        | KeepTicket -> takeStaleChoice decision

    /// A turn of text while the team has the conversation.
    let takeTextForAgent (text: string) creation told decision =
        match Rules.recognise text with
        | Some {
                   Meaning = Means WantsBot
                   Surplus = 0
               }
        | Some {
                   Meaning = Means WantsToGoBack
                   Surplus = 0
               } -> decision |> takeChoice ReturnToBot
        | Some { Meaning = Means Leaves; Surplus = 0 } -> leave decision
        | Some {
                   Meaning = Means WantsSilence
                   Surplus = 0
               } -> Consent.optOut decision
        | Some {
                   Meaning = Means WantsToHear
                   Surplus = 0
               } when Consent.isOptedOut decision -> Consent.optIn decision
        | _ -> decision |> HandOver.passOn creation told text

    /// The message that an answer to this turn has to quote: where the customer has written behind it, it
    /// would not be clear what is answered.
    let private quoted (turn: OpenTurn option) (session: Session) =
        turn
        |> Option.bind (fun turn -> turn.Question.Message)
        |> Option.filter (fun message -> List.tryHead session.Recent <> Some message)

    /// What to press beside an answer: nothing when it was known, a way out when it was not. An answer that
    /// one message cannot hold becomes several, with the choices under the last.
    let private answer (answered: AssistantAnswer) decision =
        let offered, choices =
            if answered.NeedsPerson then
                PersonOffered, [ TalkToPerson; OpenTicket ]
            elif answered.Knows then
                NothingOffered, []
            else
                TicketOffered, [ OpenTicket; TalkToPerson ]

        let introduce = not decision.Session.Introduced
        let phrases = LongAnswer.phrases introduce (not choices.IsEmpty) answered.Reply
        let last = List.length phrases - 1
        let quoted = quoted (Session.openTurn decision.Session) decision.Session

        (decision |> enter (Conversing(None, offered)), List.indexed phrases)
        ||> List.fold (fun decision (place, phrase) ->
            decision
            |> sayTo (if place = 0 then quoted else None) phrase (if place = last then choices else []))

    /// The assistant answered the open turn.
    let answered (answered: AssistantAnswer) decision =
        let decision =
            decision
            |> change (fun session -> {
                session with
                    Language = answered.Language
            })

        match answered.Intent with
        | WantsTicket -> decision |> FormFilling.begin' answered.Hints
        | WantsTicketStatus -> lookUpTickets decision
        // The rules hear a plain wish for a person; where only the assistant hears one, the customer is
        // asked.
        | WantsPerson -> decision |> answer { answered with NeedsPerson = true }
        | _ -> decision |> answer answered

    /// The assistant could not answer the open turn: the stand-in is asked, and after it the customer is
    /// told.
    let assistantFailed (turn: OpenTurn) decision =
        match turn.Question.Assistant, turn.Question.Hint with
        | Primary, hint ->
            {
                decision with
                    Answering = turn.Question.Message
            }
            |> askAssistant StandIn hint turn.Question.Turn
        | StandIn, Some WantsTicket -> decision |> FormFilling.begin' noHints
        | StandIn, _ ->
            decision
            |> offer TicketOffered AssistantIsUnavailable [ OpenTicket; TalkToPerson ]

    /// The customer's tickets came back.
    let ticketsFound tickets decision =
        match tickets with
        | [] -> decision |> say YouHaveNoTickets [ OpenTicket; TalkToPerson ]
        | tickets -> decision |> say (YourTickets tickets) [ AskSomethingElse; TalkToPerson ]

    /// The idle time has passed: the session is closed with a friendly word, unless nothing was said in it. While
    /// something is still being done for the customer, the time begins again.
    let idle decision =
        let session = decision.Session
        let again = decision.At + session.Policy.Idle

        match session.Phase with
        | _ when session.LastActivity + session.Policy.Idle > decision.At ->
            decision |> setIdleTimer (session.LastActivity + session.Policy.Idle)
        | _ when session.Gathering.IsSome || session.LookUp.IsSome -> decision |> setIdleTimer again
        | Conversing(Some _, _)
        | TicketCreation(_, Creating _) -> decision |> setIdleTimer again
        | _ when not (Session.hasSpoken session) -> decision |> close WentIdle
        | TicketCreation _ -> decision |> close WentIdle |> Consent.unasked (say (IdleGoodbye true) [])
        | Conversing(None, _)
        | WithAgent _ -> decision |> close WentIdle |> Consent.unasked (say (IdleGoodbye false) [])
        | Closed _ -> decision
