namespace FunctionalBot.Domain

/// The customer's files. Each is fetched as it comes, since Meta keeps it for days only, and is put to a ticket once
/// both are there.
module internal Attachments =
    open Decision

    /// What became of a message that may bring a file.
    type Taken =
        | Fetched of CommandKey
        /// As many as one conversation takes were there before.
        | NoRoom
        /// It brings none.
        | NoFile

    let private requestOf (media: CustomerMedia) : FileRequest option =
        media.MediaId
        |> Option.filter (fun _ -> CustomerFile.isFile media.Kind)
        |> Option.map (fun id -> {
            Message = media.Message
            Place = 0
            Kind = media.Kind
            MediaId = id
            MimeType = media.MimeType
            Sha256 = media.Sha256
            FileName = media.FileName
        })

    /// Fetches a file, and remembers that it comes.
    let fetchFile (request: FileRequest) decision : Taken * Decision =
        let files = decision.Session.Files

        if List.length files >= CustomerFile.most then
            NoRoom, decision
        else
            let key = nextKey decision

            let file = {
                Fetch = key
                Request = request
                State = Awaited
                Ticket = None
            }

            Fetched key,
            decision
            |> perform (FetchFile request)
            |> change (fun session -> { session with Files = file :: files })

    /// Fetches the file of a message, where it brings one.
    let fetch (media: CustomerMedia) decision : Taken * Decision =
        match requestOf media with
        | Some request -> fetchFile request decision
        | None -> NoFile, decision

    let find (key: CommandKey) (session: Session) : CustomerFile option =
        session.Files |> List.tryFind (fun file -> file.Fetch = key)

    let isAwaited key session =
        match find key session with
        | Some { State = Awaited } -> true
        | _ -> false

    let private belongsNowhere (file: CustomerFile) =
        match file.Ticket, file.State with
        | None, (Awaited | Kept _) -> true
        | _ -> false

    /// The files that belong to no ticket yet, oldest first.
    let loose (session: Session) : CommandKey list =
        session.Files
        |> List.filter belongsNowhere
        |> List.rev
        |> List.map (fun file -> file.Fetch)

    /// Whether the file is there, or may still come, and belongs to no ticket yet.
    let isLoose (key: CommandKey) (session: Session) =
        find key session |> Option.exists belongsNowhere

    let private alter (which: CustomerFile -> bool) (how: CustomerFile -> CustomerFile) decision =
        decision
        |> change (fun session -> {
            session with
                Files = session.Files |> List.map (fun file -> if which file then how file else file)
        })

    let private goTo key (state: FileState) decision =
        decision
        |> alter (fun file -> file.Fetch = key) (fun file -> { file with State = state })

    /// Puts these files to a ticket, those that are still loose. One that is still being fetched follows when it is
    /// there.
    let assign (creation: CommandKey) (keys: CommandKey list) decision =
        let isChosen file =
            belongsNowhere file && List.contains file.Fetch keys

        let chosen = decision.Session.Files |> List.filter isChosen |> List.rev

        let decision =
            decision |> alter isChosen (fun file -> { file with Ticket = Some creation })

        (decision, chosen)
        ||> List.fold (fun decision file ->
            match file.State with
            | Kept stored -> decision |> perform (AttachToTicket(creation, stored))
            | Awaited
            | NotKept _ -> decision)

    /// Takes the files back from a ticket that will never be. Returns those that another ticket can have, oldest first.
    let release (creation: CommandKey) decision : CommandKey list * Decision =
        let isIts (file: CustomerFile) = file.Ticket = Some creation

        let its =
            decision.Session.Files |> List.filter isIts |> List.map (fun file -> file.Fetch)

        let decision = decision |> alter isIts (fun file -> { file with Ticket = None })

        loose decision.Session |> List.filter (fun key -> List.contains key its), decision

    /// Forgets these files. What is still being fetched is of no use then.
    let drop (keys: CommandKey list) decision =
        match keys with
        | [] -> decision
        | keys ->
            decision
            |> change (fun session -> {
                session with
                    Files = session.Files |> List.filter (fun file -> not (List.contains file.Fetch keys))
            })

    /// Leaves a ticket that was being told: its files are forgotten, and its form was never sent.
    let leaveDraft (draft: Draft) decision =
        decision
        |> drop draft.Files
        |> change (fun session -> { session with Form = None })

    /// The loose files of a message.
    let ofMessage (message: MessageId) (session: Session) : CommandKey list =
        session.Files
        |> List.filter (fun file -> belongsNowhere file && file.Request.Message = message)
        |> List.map (fun file -> file.Fetch)

    /// The file is there.
    let kept (key: CommandKey) (stored: StoredFile) decision =
        let creation = find key decision.Session |> Option.bind (fun file -> file.Ticket)

        let decision = decision |> goTo key (Kept stored)

        match creation with
        | Some creation -> decision |> perform (AttachToTicket(creation, stored))
        | None -> decision

    /// The file will never be had.
    let notKept (key: CommandKey) (problem: FileProblem) decision = decision |> goTo key (NotKept problem)
