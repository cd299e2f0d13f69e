namespace FunctionalBot.Effects.Replay

open System
open System.Text.RegularExpressions
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Conversations without personal data: names, phones, ids, addresses and words are replaced by stand-ins, so that the
/// conversation still goes the same way. Pure.
module Masking =
    let private customerId = CustomerId "customer-1"

    /// One conversation on its way through the stand-ins.
    type private Cover(session: SessionId) =
        let standIns = StandIns()

        member _.Session: SessionId = {
            Channel = "whatsapp-1"
            Customer = customerId
            Ordinal = session.Ordinal
        }

        member cover.Key(key: CommandKey) : CommandKey = { key with Session = cover.Session }

        member _.Message(MessageId message) =
            MessageId("wamid.stand-in-" + string (standIns.Number("message", message)))

        member cover.Messages(message: MessageId option) = message |> Option.map cover.Message
        member _.Text(text: string) = standIns.Text text
        member _.Texts(text: string option) = text |> Option.map standIns.Text
        member _.Name(name: string) = standIns.Name name

        member _.Phone(phone: string) =
            "99900000000" + string (standIns.Number("phone", phone))

        member _.File(id: string) =
            "file-" + string (standIns.Number("file", id))

        member _.Hash(FileHash hash) =
            (string (standIns.Number("hash", hash))).PadLeft(64, '0')

        member _.Reference(reference: TicketReference) : TicketReference =
            let number = standIns.Number("ticket", string reference.Id + "/" + reference.Number)

            {
                Id = int64 number
                Number = $"HT%05d{number}"
            }

        /// "command:session/…" and "timer:session/…" name the session, "whatsapp:wamid.…" a message.
        member cover.Cause(cause: string) =
            match cause.IndexOf ':' with
            | -1 -> "left-out"
            | at ->
                let source = cause.Substring(0, at)
                let id = cause.Substring(at + 1)
                let stream = SessionId.text session

                if id.StartsWith(stream + "/", StringComparison.Ordinal) then
                    source + ":" + SessionId.text cover.Session + id.Substring stream.Length
                elif standIns.Knows("message", id) then
                    source + ":wamid.stand-in-" + string (standIns.Number("message", id))
                else
                    source + ":left-out-" + string (standIns.Number("cause", id))

    let private coverCustomer (cover: Cover) (customer: Customer) : Customer = {
        Id = customerId
        Phone = customer.Phone |> Option.map cover.Phone
        Name = customer.Name |> Option.map cover.Name
    }

    let private leftOut = "left out"

    /// A type without its parameters, one of which may be a file's name; one that is none is of no use.
    let private coverMimeType (mimeType: string) =
        let parts = mimeType.Split ';'
        let bare = parts[0].Trim().ToLowerInvariant()

        if Regex.IsMatch(bare, "^(application|audio|image|text|video)/[a-z0-9.+-]{1,80}$") then
            bare
        else
            "application/octet-stream"

    let private coverMedia (cover: Cover) (media: CustomerMedia) : CustomerMedia = {
        media with
            Message = cover.Message media.Message
            MediaId = media.MediaId |> Option.map cover.File
            MimeType = media.MimeType |> Option.map coverMimeType
            Sha256 = media.Sha256 |> Option.map (fun _ -> leftOut)
            FileName = cover.Texts media.FileName
            Caption = cover.Texts media.Caption
            Content = media.Content |> Option.map (fun _ -> "{}")
    }

    let private coverAnswer (cover: Cover) (answer: AssistantAnswer) : AssistantAnswer = {
        answer with
            Reply = cover.Text answer.Reply
            Hints = {
                Title = cover.Texts answer.Hints.Title
                Description = cover.Texts answer.Hints.Description
                Email = cover.Texts answer.Hints.Email
            }
    }

    let private coverSummary (cover: Cover) (summary: TicketSummary) : TicketSummary = {
        summary with
            Reference = cover.Reference summary.Reference
            Title = cover.Text summary.Title
            Stage = cover.Text summary.Stage
    }

    let private coverRequest (cover: Cover) (request: FileRequest) : FileRequest = {
        request with
            Message = cover.Message request.Message
            MediaId = cover.File request.MediaId
            MimeType = request.MimeType |> Option.map coverMimeType
            Sha256 = request.Sha256 |> Option.map (fun _ -> leftOut)
            FileName = cover.Texts request.FileName
    }

    let private coverFile (cover: Cover) (file: StoredFile) : StoredFile = {
        Hash = FileHash(cover.Hash file.Hash)
        MimeType = coverMimeType file.MimeType
        Size = file.Size
        Name = cover.Text file.Name
    }

    let private coverProblem (problem: FileProblem) =
        match problem with
        | FileTypeRefused mimeType -> FileTypeRefused(coverMimeType mimeType)
        | FileTypeLies(claimed, found) -> FileTypeLies(coverMimeType claimed, coverMimeType found)
        | FileUnreachable _ -> FileUnreachable leftOut
        | FileTooLarge _
        | FileDamaged
        | FileInfected
        | FileGone -> problem

    /// A token is the key of a session with a version behind it, or something that nobody knows.
    let private coverToken (cover: Cover) (token: string) =
        match CommandKey.parse token with
        | Some key -> CommandKey.text (cover.Key key)
        | None -> leftOut

    /// The names of a form's fields are the form's own; what is longer or stranger is somebody else's.
    let private coverFieldName (name: string) =
        if Regex.IsMatch(name, "^[a-z_]{1,40}$") then
            name
        else
            leftOut

    let private coverFact (cover: Cover) (fact: Fact) : Fact =
        match fact with
        | SessionOpened(customer, language, policy) ->
            SessionOpened(coverCustomer cover customer, language, policy)
        | TextReceived text ->
            TextReceived {
                Message = cover.Message text.Message
                Text = cover.Text text.Text
                Quoted = cover.Messages text.Quoted
            }
        | ChoicePicked choice ->
            ChoicePicked {
                Message = cover.Message choice.Message
                // An id that the bot never offered is what somebody else chose to write.
                ChoiceId =
                    if (Choice.ofId choice.ChoiceId).IsSome then
                        choice.ChoiceId
                    else
                        "unknown"
                Title = cover.Text choice.Title
                Quoted = cover.Messages choice.Quoted
            }
        | MediaReceived media -> MediaReceived(coverMedia cover media)
        | ReactionReceived(message, target, emoji) ->
            // One that looks like a yes is answered otherwise than one that does not.
            let standIn emoji = if Rules.agrees emoji then "👍" else "🙂"

            ReactionReceived(cover.Message message, cover.Message target, Option.map standIn emoji)
        | MessageEdited(message, original, text) ->
            MessageEdited(cover.Message message, cover.Message original, cover.Text text)
        | MessageRevoked(message, original) -> MessageRevoked(cover.Message message, cover.Message original)
        | DeliveryFailed(command, code, _) -> DeliveryFailed(cover.Key command, code, leftOut)
        | AssistantAnswered(turn, answer) -> AssistantAnswered(turn, coverAnswer cover answer)
        | AssistantFailed(turn, assistant, _) -> AssistantFailed(turn, assistant, leftOut)
        | TicketCreated(command, reference) -> TicketCreated(cover.Key command, cover.Reference reference)
        | TicketDelayed(command, _) -> TicketDelayed(cover.Key command, leftOut)
        | TicketRefused(command, _) -> TicketRefused(cover.Key command, leftOut)
        | TicketsFound(command, tickets) ->
            TicketsFound(cover.Key command, tickets |> List.map (coverSummary cover))
        | TicketLookUpFailed(command, _) -> TicketLookUpFailed(cover.Key command, leftOut)
        | ReferredByAd referral ->
            ReferredByAd {
                SourceId = referral.SourceId |> Option.map cover.File
                SourceUrl = referral.SourceUrl |> Option.map (fun _ -> leftOut)
                Headline = cover.Texts referral.Headline
                Body = cover.Texts referral.Body
            }
        | ChatOpened message -> ChatOpened(cover.Message message)
        | FormAnswered form ->
            FormAnswered {
                Message = cover.Message form.Message
                Token = form.Token |> Option.map (coverToken cover)
                Fields =
                    form.Fields
                    |> List.map (fun (name, value) -> coverFieldName name, cover.Text value)
                Files = form.Files |> List.map (coverRequest cover)
            }
        | CustomerMoved(message, customer) ->
            CustomerMoved(cover.Message message, coverCustomer cover customer)
        | FileKept(command, file) -> FileKept(cover.Key command, coverFile cover file)
        | FileNotKept(command, problem) -> FileNotKept(cover.Key command, coverProblem problem)
        | FileNotAttached(command, _) -> FileNotAttached(cover.Key command, leftOut)
        | CircumstancesChanged _
        | TimerElapsed _ -> fact

    /// The event's place, so that no id tells when and where it was made.
    let private idOf (version: int64) =
        Guid.Parse $"00000000-0000-0000-0000-%012d{version}"

    /// The same conversation with stand-ins. Times stay, since the conversation's own clocks count from them.
    let events (session: SessionId) (events: Event list) : SessionId * Event list =
        let cover = Cover session

        cover.Session,
        [
            for event in events do
                let fact = coverFact cover event.Fact

                {
                    Id = idOf event.Version
                    At = event.At
                    Session = cover.Session
                    Version = event.Version
                    Cause = cover.Cause event.Cause
                    Fact = fact
                }
        ]

    let private outlines (step: FoldStep) (session: SessionId) (events: Event list) =
        (Session.initial session, events)
        ||> List.mapFold (fun state event ->
            let next, commands = step state event

            let outline =
                SessionWords.outline next
                :: (commands |> List.map (fun command -> CommandWords.outline command.Action))

            (event.Version, outline), next)
        |> fst

    /// The version of the first event at which the two conversations go different ways: other kinds of commands, or
    /// another phase. None where they never do.
    let parts
        (step: FoldStep)
        (original: SessionId * Event list)
        (masked: SessionId * Event list)
        : int64 option =
        let first = outlines step (fst original) (snd original)
        let second = outlines step (fst masked) (snd masked)

        List.zip first second
        |> List.tryFind (fun (before, after) -> before <> after)
        |> Option.map (fun ((version, _), _) -> version)

    /// Values by which a person can be found: ids, phones, names and addresses of the conversation.
    let private identifying (session: SessionId) (events: Event list) : string list =
        let (CustomerId id) = session.Customer

        let addresses (text: string) =
            text.Split([| ' '; '\n'; '\t'; ','; ';'; '<'; '>'; '('; ')'; '"'; ':'; '=' |])
            |> Array.filter (fun word -> Result.isOk (EmailAddress.create (word.Trim('.', '!', '?'))))
            |> List.ofArray

        let addressesOf (texts: string option list) =
            texts |> List.collect (Option.toList >> List.collect addresses)

        [
            id

            for event in events do
                match Transition.messageOf event.Fact with
                | Some(MessageId message) -> message
                | None -> ()

                match event.Fact with
                | SessionOpened(customer, _, _) ->
                    yield! Option.toList customer.Phone
                    yield! Option.toList customer.Name
                | TextReceived text -> yield! addresses text.Text
                | MessageEdited(_, _, text) -> yield! addresses text
                | MediaReceived media ->
                    yield! Option.toList media.MediaId
                    yield! Option.toList media.Sha256

                    yield! addressesOf [ media.Caption; media.FileName; media.MimeType ]
                | ChoicePicked choice -> yield! addresses choice.Title
                | AssistantAnswered(_, answer) ->
                    yield! addresses answer.Reply

                    let hints = answer.Hints
                    yield! addressesOf [ hints.Title; hints.Description; hints.Email ]
                | FormAnswered form ->
                    yield! form.Fields |> List.collect (snd >> addresses)

                    for file in form.Files do
                        file.MediaId
                        yield! Option.toList file.Sha256
                        yield! addressesOf [ file.FileName ]
                | CustomerMoved(_, customer) ->
                    let (CustomerId moved) = customer.Id
                    moved
                    yield! Option.toList customer.Phone
                    yield! Option.toList customer.Name
                | FileKept(_, file) ->
                    let (FileHash hash) = file.Hash
                    hash
                    yield! addresses file.Name
                | ReferredByAd referral ->
                    yield! Option.toList referral.SourceId
                    yield! Option.toList referral.SourceUrl
                | CircumstancesChanged _
                | ChatOpened _
                | FileNotKept _
                | FileNotAttached _
                | ReactionReceived _
                | MessageRevoked _
                | DeliveryFailed _
                | AssistantFailed _
                | TicketCreated _
                | TicketDelayed _
                | TicketRefused _
                | TicketsFound _
                | TicketLookUpFailed _
                | TimerElapsed _ -> ()
        ]
        // Shorter ones are found in anything by chance.
        |> List.filter (fun value -> value.Length >= 4)
        |> List.distinct

    /// How many identifying values of the conversation still stand in the text.
    let leaks (session: SessionId) (events: Event list) (text: string) : int =
        identifying session events
        |> List.filter (fun value -> text.Contains(value, StringComparison.OrdinalIgnoreCase))
        |> List.length
