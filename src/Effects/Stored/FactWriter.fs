namespace FunctionalBot.Effects

open System
open System.Text.Json
open FunctionalBot
open FunctionalBot.Domain

/// A fact in its stored shape, with its envelope inside.
type StoredFact = {
    /// `mt_events.type`, for example "text_received".
    Alias: string
    /// `mt_events.mt_dotnet_type`.
    DotnetType: string
    /// The record as JSON.
    Data: string
}

/// From the facts of the domain to their stored shapes.
module internal FactWriter =
    let private pack (record: 'Record) = {
        Alias = Kind<'Record>.Alias
        DotnetType = Kind<'Record>.DotnetType
        Data = JsonSerializer.Serialize<'Record>(record, Json.stored)
    }

    /// The stored shape of a fact. Total: every fact has one.
    let write (at: DateTimeOffset) (cause: string) (fact: Fact) : StoredFact =
        let at = at.ToUniversalTime()
        let message = StoredName.ofMessage

        match fact with
        | SessionOpened(customer, language, policy) ->
            let (CustomerId id) = customer.Id

            pack (
                {
                    At = at
                    Cause = cause
                    Customer = id
                    Phone = customer.Phone
                    Name = customer.Name
                    Language = Language.code language
                    Quiet = policy.Quiet
                    Idle = policy.Idle
                }
                : Stored.SessionOpened
            )
        | TextReceived text ->
            pack (
                {
                    At = at
                    Cause = cause
                    Message = message text.Message
                    Text = text.Text
                    Quoted = Option.map message text.Quoted
                }
                : Stored.TextReceived
            )
        | ChoicePicked choice ->
            pack (
                {
                    At = at
                    Cause = cause
                    Message = message choice.Message
                    ChoiceId = choice.ChoiceId
                    Title = choice.Title
                    Quoted = Option.map message choice.Quoted
                }
                : Stored.ChoicePicked
            )
        | MediaReceived media ->
            pack (
                {
                    At = at
                    Cause = cause
                    Message = message media.Message
                    Kind = StoredName.mediaKind media.Kind
                    MediaId = media.MediaId
                    MimeType = media.MimeType
                    Sha256 = media.Sha256
                    FileName = media.FileName
                    Caption = media.Caption
                    Content = media.Content
                }
                : Stored.MediaReceived
            )
        | ReactionReceived(id, target, emoji) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Message = message id
                    Target = message target
                    Emoji = emoji
                }
                : Stored.ReactionReceived
            )
        | MessageEdited(id, original, text) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Message = message id
                    Original = message original
                    Text = text
                }
                : Stored.MessageEdited
            )
        | MessageRevoked(id, original) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Message = message id
                    Original = message original
                }
                : Stored.MessageRevoked
            )
        | DeliveryFailed(command, code, title) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Command = CommandKey.text command
                    Code = code
                    Title = title
                }
                : Stored.DeliveryFailed
            )
        | AssistantAnswered(turn, answer) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Turn = turn
                    Reply = answer.Reply
                    Intent = StoredName.intent answer.Intent
                    Sentiment = StoredName.sentiment answer.Sentiment
                    Language = Language.code answer.Language
                    Hints = {
                        Title = answer.Hints.Title
                        Description = answer.Hints.Description
                        Email = answer.Hints.Email
                    }
                    NeedsPerson = answer.NeedsPerson
                    Knows = answer.Knows
                    Sources = List.toArray answer.Sources
                }
                : Stored.AssistantAnswered
            )
        | AssistantFailed(turn, assistant, reason) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Turn = turn
                    Assistant = StoredName.assistant assistant
                    Reason = reason
                }
                : Stored.AssistantFailed
            )
        | TicketCreated(command, ticket) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Command = CommandKey.text command
                    TicketId = ticket.Id
                    Number = ticket.Number
                }
                : Stored.TicketCreated
            )
        | TicketDelayed(command, reason) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Command = CommandKey.text command
                    Reason = reason
                }
                : Stored.TicketDelayed
            )
        | TicketRefused(command, reason) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Command = CommandKey.text command
                    Reason = reason
                }
                : Stored.TicketRefused
            )
        | TicketsFound(command, tickets) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Command = CommandKey.text command
                    Tickets = [|
                        for ticket in tickets ->
                            {
                                TicketId = ticket.Reference.Id
                                Number = ticket.Reference.Number
                                Title = ticket.Title
                                Stage = ticket.Stage
                                Closed = ticket.Closed
                            }
                    |]
                }
                : Stored.TicketsFound
            )
        | TicketLookUpFailed(command, reason) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Command = CommandKey.text command
                    Reason = reason
                }
                : Stored.TicketLookUpFailed
            )
        | CircumstancesChanged circumstances ->
            let opening, until, holiday =
                match circumstances.Opening with
                | OpenNow -> "open", None, None
                | ClosedUntil(until, holiday) -> "closed", until, holiday

            pack (
                {
                    At = at
                    Cause = cause
                    Opening = opening
                    Until = until
                    Holiday = holiday
                    OptedOut = circumstances.OptedOut
                    HasForm = circumstances.HasForm
                    MessagesAMinute = circumstances.MessagesAMinute
                }
                : Stored.CircumstancesChanged
            )
        | ReferredByAd referral ->
            pack (
                {
                    At = at
                    Cause = cause
                    SourceId = referral.SourceId
                    SourceUrl = referral.SourceUrl
                    Headline = referral.Headline
                    Body = referral.Body
                }
                : Stored.ReferredByAd
            )
        | ChatOpened id ->
            pack (
                {
                    At = at
                    Cause = cause
                    Message = message id
                }
                : Stored.ChatOpened
            )
        | FormAnswered form ->
            pack (
                {
                    At = at
                    Cause = cause
                    Message = message form.Message
                    Token = form.Token
                    Fields = [| for name, value in form.Fields -> { Name = name; Value = value } |]
                    Files = [|
                        for file in form.Files ->
                            {
                                Message = message file.Message
                                Place = file.Place
                                Kind = StoredName.mediaKind file.Kind
                                MediaId = file.MediaId
                                MimeType = file.MimeType
                                Sha256 = file.Sha256
                                FileName = file.FileName
                            }
                    |]
                }
                : Stored.FormAnswered
            )
        | CustomerMoved(id, customer) ->
            let (CustomerId customerId) = customer.Id

            pack (
                {
                    At = at
                    Cause = cause
                    Message = message id
                    Customer = customerId
                    Phone = customer.Phone
                    Name = customer.Name
                }
                : Stored.CustomerMoved
            )
        | FileKept(command, file) ->
            let (FileHash hash) = file.Hash

            pack (
                {
                    At = at
                    Cause = cause
                    Command = CommandKey.text command
                    Hash = hash
                    MimeType = file.MimeType
                    Size = file.Size
                    Name = file.Name
                }
                : Stored.FileKept
            )
        | FileNotKept(command, problem) ->
            let name, detail, found, limit = StoredName.fileProblem problem

            pack (
                {
                    At = at
                    Cause = cause
                    Command = CommandKey.text command
                    Problem = name
                    Detail = detail
                    Found = found
                    Limit = limit
                }
                : Stored.FileNotKept
            )
        | FileNotAttached(command, reason) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Command = CommandKey.text command
                    Reason = reason
                }
                : Stored.FileNotAttached
            )
        | TimerElapsed(timer, due) ->
            pack (
                {
                    At = at
                    Cause = cause
                    Timer = StoredName.timer timer
                    Due = due.ToUniversalTime()
                }
                : Stored.TimerElapsed
            )
