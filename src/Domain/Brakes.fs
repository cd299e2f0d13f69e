namespace FunctionalBot.Domain

open System

/// Who sends very much in a short time, or the same again and again as another bot would, is told once and not
/// heard for a while. What was taken in before is answered all the same. Nobody is looked at where messages are not
/// counted (`MessagesAMinute`).
module Brakes =
    /// What is wrong with how messages come.
    type internal Trouble =
        | TooFast
        | SameAgain

    /// So often in a row the same text is taken; one more is too much.
    let repeats = 5

    /// A longer pause between two equal texts is a person's.
    let private pause = TimeSpan.FromMinutes 2.

    let private minute = TimeSpan.FromMinutes 1.

    /// FNV-1a over the text's UTF-16 units: the same in each process, which `GetHashCode` is not.
    let private digest (text: string) : int =
        let mutable hash = 0x811C9DC5u

        for unit in text do
            hash <- (hash ^^^ uint32 unit) * 0x01000193u

        int hash

    let private textOf fact =
        match fact with
        | TextReceived text -> Some text.Text
        | _ -> None

    /// Whether a fact counts as a message: something that wants to be answered.
    let private counts fact =
        match fact with
        | TextReceived _
        | ChoicePicked _
        | MediaReceived _
        | MessageEdited _
        | ReactionReceived _
        | ChatOpened _
        | FormAnswered _ -> true
        | _ -> false

    /// Whether this is said once and must not be lost: the yes to the ticket that is shown, and the first wish for
    /// silence.
    let private mustBeHeard (session: Session) fact =
        match fact, session.Phase with
        | TextReceived text, _ -> not session.Circumstances.OptedOut && Rules.asksForSilence text.Text
        | ChoicePicked choice, TicketCreation(_, Confirming(_, shown)) ->
            Choice.ofId choice.ChoiceId = Some(Confirm shown)
        | _ -> false

    /// Whether as many messages came within the running minute as are taken.
    let private isFull (pulse: Pulse) (most: int) (at: DateTimeOffset) =
        pulse.Count >= most && at - pulse.Since < minute

    let private isRepeated (session: Session) (at: DateTimeOffset) fact =
        match textOf fact with
        | Some text ->
            session.Pulse.Repeats > 0
            && session.Pulse.LastText = digest text
            && at - session.LastActivity <= pause
        | None -> false

    /// What is wrong with this message, as the ones before it came. None where nothing is.
    let internal judge (session: Session) (at: DateTimeOffset) (fact: Fact) : Trouble option =
        match session.Circumstances.MessagesAMinute with
        | None -> None
        | Some _ when not (counts fact) -> None
        | Some most ->
            let trouble =
                if isFull session.Pulse most at then
                    Some TooFast
                elif session.Pulse.Repeats >= repeats && isRepeated session at fact then
                    Some SameAgain
                else
                    None

            trouble |> Option.filter (fun _ -> not (mustBeHeard session fact))

    /// The pulse after a message that is taken.
    let internal feel (session: Session) (at: DateTimeOffset) (fact: Fact) : Pulse =
        let pulse = session.Pulse

        match session.Circumstances.MessagesAMinute with
        | None -> pulse
        | Some _ when not (counts fact) -> pulse
        | Some most ->
            let isNew = at - pulse.Since >= minute

            {
                Since = if isNew then at else pulse.Since
                Count = if isNew then 1 else pulse.Count + 1
                LastText =
                    match textOf fact with
                    | Some text -> digest text
                    | None -> pulse.LastText
                Repeats =
                    if isRepeated session at fact then pulse.Repeats + 1
                    elif (textOf fact).IsSome then 1
                    else 0
                Told = pulse.Told && isFull pulse most at
            }
