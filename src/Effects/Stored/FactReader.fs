namespace FunctionalBot.Effects

open System
open System.Text.Json
open FunctionalBot
open FunctionalBot.Domain

/// A fact that was read back, with its envelope.
type ReadFact = {
    At: DateTimeOffset
    Cause: string
    Fact: Fact
}

/// From stored shapes back to the facts of the domain.
module internal FactReader =
    /// One reader: from JSON to the fact with its envelope. Raises JsonException for what does not fit.
    let private reader<'Record when 'Record: not null> (unpack: 'Record -> DateTimeOffset * string * Fact) =
        let read (data: string) =
            match JsonSerializer.Deserialize<'Record>(data, Json.stored) with
            | null -> raise (JsonException "the data is null")
            | record ->
                let at, cause, fact = unpack record
                { At = at; Cause = cause; Fact = fact }

        Kind<'Record>.Alias, read

    let private key = StoredName.toKey

    /// By alias; each raises JsonException for data that does not fit.
    let readers =
        dict [
            reader (fun (e: Stored.SessionOpened) ->
                let customer: Customer = {
                    Id = CustomerId e.Customer
                    Phone = e.Phone
                    Name = e.Name
                }

                let policy = { Quiet = e.Quiet; Idle = e.Idle }
                e.At, e.Cause, SessionOpened(customer, StoredName.toLanguage e.Language, policy))
            reader (fun (e: Stored.TextReceived) ->
                e.At,
                e.Cause,
                TextReceived {
                    Message = MessageId e.Message
                    Text = e.Text
                    Quoted = Option.map MessageId e.Quoted
                })
            reader (fun (e: Stored.ChoicePicked) ->
                e.At,
                e.Cause,
                ChoicePicked {
                    Message = MessageId e.Message
                    ChoiceId = e.ChoiceId
                    Title = e.Title
                    Quoted = Option.map MessageId e.Quoted
                })
            reader (fun (e: Stored.MediaReceived) ->
                e.At,
                e.Cause,
                MediaReceived {
                    Message = MessageId e.Message
                    Kind = StoredName.toMediaKind e.Kind
                    MediaId = e.MediaId
                    MimeType = e.MimeType
                    Sha256 = e.Sha256
                    FileName = e.FileName
                    Caption = e.Caption
                    Content = e.Content
                })
            reader (fun (e: Stored.ReactionReceived) ->
                e.At, e.Cause, ReactionReceived(MessageId e.Message, MessageId e.Target, e.Emoji))
            reader (fun (e: Stored.MessageEdited) ->
                e.At, e.Cause, MessageEdited(MessageId e.Message, MessageId e.Original, e.Text))
            reader (fun (e: Stored.MessageRevoked) ->
                e.At, e.Cause, MessageRevoked(MessageId e.Message, MessageId e.Original))
            reader (fun (e: Stored.DeliveryFailed) ->
                e.At, e.Cause, DeliveryFailed(key e.Command, e.Code, e.Title))
            reader (fun (e: Stored.AssistantAnswered) ->
                e.At,
                e.Cause,
                AssistantAnswered(
                    e.Turn,
                    {
                        Reply = e.Reply
                        Intent = StoredName.toIntent e.Intent
                        Sentiment = StoredName.toSentiment e.Sentiment
                        Language = StoredName.toLanguage e.Language
                        Hints = {
                            Title = e.Hints.Title
                            Description = e.Hints.Description
                            Email = e.Hints.Email
                        }
                        NeedsPerson = e.NeedsPerson
                        Knows = e.Knows
                        Sources = List.ofArray e.Sources
                    }
                ))
            reader (fun (e: Stored.AssistantFailed) ->
                e.At, e.Cause, AssistantFailed(e.Turn, StoredName.toAssistant e.Assistant, e.Reason))
            reader (fun (e: Stored.TicketCreated) ->
                e.At, e.Cause, TicketCreated(key e.Command, { Id = e.TicketId; Number = e.Number }))
            reader (fun (e: Stored.TicketDelayed) -> e.At, e.Cause, TicketDelayed(key e.Command, e.Reason))
            reader (fun (e: Stored.TicketRefused) -> e.At, e.Cause, TicketRefused(key e.Command, e.Reason))
            reader (fun (e: Stored.TicketsFound) ->
                let tickets: TicketSummary list = [
                    for ticket in e.Tickets ->
                        {
                            Reference = {
                                Id = ticket.TicketId
                                Number = ticket.Number
                            }
                            Title = ticket.Title
                            Stage = ticket.Stage
                            Closed = ticket.Closed
                        }
                ]

                e.At, e.Cause, TicketsFound(key e.Command, tickets))
            reader (fun (e: Stored.TicketLookUpFailed) ->
                e.At, e.Cause, TicketLookUpFailed(key e.Command, e.Reason))
            reader (fun (e: Stored.CircumstancesChanged) ->
                e.At,
                e.Cause,
                CircumstancesChanged {
                    Opening = StoredName.toOpening e.Opening e.Until e.Holiday
                    OptedOut = e.OptedOut
                    HasForm = e.HasForm
                    MessagesAMinute = e.MessagesAMinute
                })
            reader (fun (e: Stored.ReferredByAd) ->
                e.At,
                e.Cause,
                ReferredByAd {
                    SourceId = e.SourceId
                    SourceUrl = e.SourceUrl
                    Headline = e.Headline
                    Body = e.Body
                })
            reader (fun (e: Stored.ChatOpened) -> e.At, e.Cause, ChatOpened(MessageId e.Message))
            reader (fun (e: Stored.FormAnswered) ->
                e.At,
                e.Cause,
                FormAnswered {
                    Message = MessageId e.Message
                    Token = e.Token
                    Fields = [ for field in e.Fields -> field.Name, field.Value ]
                    Files = [
                        for file in e.Files ->
                            {
                                Message = MessageId file.Message
                                Place = file.Place
                                Kind = StoredName.toMediaKind file.Kind
                                MediaId = file.MediaId
                                MimeType = file.MimeType
                                Sha256 = file.Sha256
                                FileName = file.FileName
                            }
                    ]
                })
            reader (fun (e: Stored.CustomerMoved) ->
                let customer: Customer = {
                    Id = CustomerId e.Customer
                    Phone = e.Phone
                    Name = e.Name
                }

                e.At, e.Cause, CustomerMoved(MessageId e.Message, customer))
            reader (fun (e: Stored.FileKept) ->
                let file: StoredFile = {
                    Hash = FileHash e.Hash
                    MimeType = e.MimeType
                    Size = e.Size
                    Name = e.Name
                }

                e.At, e.Cause, FileKept(key e.Command, file))
            reader (fun (e: Stored.FileNotKept) ->
                e.At,
                e.Cause,
                FileNotKept(key e.Command, StoredName.toFileProblem e.Problem e.Detail e.Found e.Limit))
            reader (fun (e: Stored.FileNotAttached) ->
                e.At, e.Cause, FileNotAttached(key e.Command, e.Reason))
            reader (fun (e: Stored.TimerElapsed) ->
                e.At, e.Cause, TimerElapsed(StoredName.toTimer e.Timer, e.Due))
        ]
