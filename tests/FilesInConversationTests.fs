/// What becomes of the customer's files: into the ticket, to the team, or kept and spoken of.
module FunctionalBot.Tests.FilesInConversationTests

open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.Scenarios

let private attachments scene =
    scene.Commands
    |> List.collect id
    |> List.choose (fun command ->
        match command.Action with
        | AttachToTicket(creation, file) -> Some(creation, file.Name)
        | _ -> None)

let private fetched scene =
    scene.Commands
    |> List.collect id
    |> List.filter (fun command -> command.Action.IsFetchFile)
    |> List.length

let private creation scene =
    match Session.owedTicket scene.Session with
    | Some owed -> owed.Key
    | None -> failwith "No ticket is owed."

let private toDescription =
    opened |> writes "abrir ticket" |> writes "La taladradora no enciende"

let private shown scene =
    match scene.Session.Phase with
    | TicketCreation(_, Confirming(ticket, revision)) -> ticket, revision
    | other -> failwithf "%A" other

let private sendsPhoto caption scene =
    scene
    |> happens (
        MediaReceived {
            Message = MessageId "wamid.photo"
            Kind = Image
            MediaId = Some "9"
            MimeType = None
            Sha256 = None
            FileName = None
            Caption = Some caption
            Content = None
        }
    )

let private draftOf scene =
    match scene.Session.Phase with
    | TicketCreation(draft, _) -> draft
    | other -> failwithf "%A" other

[<Fact>]
let ``a photo in the ticket dialogue goes with the ticket, and the question stands`` () =
    let scene = toDescription |> sends Image
    equal [ Ask(WhichDescription, Some(FilesAdded 1)) ] (lastPhrases scene)
    equal 1 (fetched scene)
    let scene = scene |> fileArrives |> writes "Huele a quemado" |> writes "saltar"
    let ticket, revision = shown scene
    equal (Some 1) ticket.Files
    equal [] (attachments scene)
    let scene = scene |> presses (Confirm revision)
    equal [ creation scene, "wamid.2.jpg" ] (attachments scene)

[<Fact>]
let ``a file that comes after the ticket was sent is attached when it is there`` () =
    let scene =
        toDescription |> writes "Huele a quemado" |> writes "saltar" |> sends VoiceNote

    let ticket, revision = shown scene
    equal (Some 1) ticket.Files
    let scene = scene |> presses (Confirm revision)
    let key = creation scene
    equal [] (attachments scene)
    let scene = scene |> odooCreates |> writes "adiós"
    equal (Closed CustomerLeft) scene.Session.Phase
    equal [ key, "wamid.4.jpg" ] (scene |> fileArrives |> attachments)

[<Fact>]
let ``a file while the ticket is shown shows it anew, and the old button counts no more`` () =
    let scene = toDescription |> writes "Huele a quemado" |> writes "saltar"
    let before, revision = shown scene
    equal None before.Files
    let scene = scene |> sends Document
    let after, _ = shown scene
    equal [ Ask(IsThisRight after, Some(FilesAdded 1)) ] (lastPhrases scene)
    equal (Some 1) after.Files
    let pressed = scene |> presses (Confirm revision)
    equal [ Ask(IsThisRight after, Some ButtonIsStale) ] (lastPhrases pressed)
    equal [] (attachments pressed)

[<Fact>]
let ``a photo with words while the ticket is shown is shown with it`` () =
    let scene = toDescription |> writes "Huele a quemado" |> writes "saltar"

    let scene = scene |> sendsPhoto "así quedó"
    let ticket, _ = shown scene
    equal (Some 1) ticket.Files
    equal [ Ask(IsThisRight ticket, Some PleaseConfirm) ] (lastPhrases scene)

[<Fact>]
let ``an album is one turn`` () =
    let scene =
        openedWithQuietTime
        |> writes "abrir ticket"
        |> pauses
        |> sends Image
        |> sends Image
        |> sends Image

    equal [] (lastPhrases scene)
    equal 3 (fetched scene)
    equal [ Ask(WhichTitle, Some(FilesAdded 3)) ] (scene |> pauses |> lastPhrases)

[<Fact>]
let ``files outside of a ticket are spoken of, and a ticket that follows takes them`` () =
    let scene = opened |> writes "hola" |> sends Image
    equal [ FilesAreKept(Image, 1) ] (lastPhrases scene)
    let scene = scene |> fileArrives |> presses OpenTicket
    equal [ Ask(WhichTitle, Some(FilesAdded 1)) ] (lastPhrases scene)

[<Fact>]
let ``a file with words is answered, and what can be done with it is said`` () =
    let scene = opened |> writes "hola" |> sendsPhoto "¿Esto tiene arreglo?"
    equal [ FilesAreKept(Image, 1) ] (lastPhrases scene)
    Assert.True((Session.openTurn scene.Session).IsSome)

[<Fact>]
let ``a file that cannot be had is told of, and no longer counted`` () =
    let scene = toDescription |> sends Image |> fileFails FileInfected
    equal [ Ask(WhichDescription, Some(FileRejected(Image, FileInfected))) ] (lastPhrases scene)
    let ticket, _ = scene |> writes "Huele a quemado" |> writes "saltar" |> shown
    equal None ticket.Files

    // Outside of a ticket, and after the ticket was sent.
    let talking = opened |> writes "hola" |> sends Image
    equal [ FileNotTaken(Image, FileGone) ] (talking |> fileFails FileGone |> lastPhrases)

    let sent =
        toDescription |> sends Image |> writes "Huele a quemado" |> writes "saltar"

    let _, revision = shown sent
    let sent = sent |> presses (Confirm revision)
    equal [ FileNotTaken(Image, FileDamaged) ] (sent |> fileFails FileDamaged |> lastPhrases)

[<Fact>]
let ``the team gets the files of a conversation that it takes over, and those that follow`` () =
    let scene =
        opened |> writes "hola" |> sends Image |> fileArrives |> presses TalkToPerson

    let key = creation scene
    equal [ key, "wamid.1.jpg" ] (attachments scene)
    let scene = scene |> odooCreates |> sends Document
    equal [ PassedOnToPerson ] (lastPhrases scene)
    equal 2 (scene |> fileArrives |> attachments |> List.length)

/// A ticket with a photo is being opened.
let private ticketWithPhoto () =
    let scene =
        toDescription
        |> sends Image
        |> fileArrives
        |> writes "Huele a quemado"
        |> writes "saltar"

    let _, revision = shown scene
    scene |> presses (Confirm revision)

[<Fact>]
let ``a refused ticket gives its files back to the next one`` () =
    let sent = ticketWithPhoto ()
    let first = creation sent
    let scene = sent |> odooRefuses
    let _, revision = shown scene
    let scene = scene |> presses (Confirm revision)
    let second = creation scene
    Assert.NotEqual(first, second)
    equal [ second; first ] (attachments scene |> List.map fst)

[<Fact>]
let ``a discarded ticket takes its files with it`` () =
    let scene = toDescription |> sends Image |> writes "cancelar"
    equal [ TicketDiscarded ] (lastPhrases scene)
    equal [] scene.Session.Files
    // What comes of the fetching is of no use any more.
    equal [ Ask(WhichTitle, None) ] (scene |> presses OpenTicket |> lastPhrases)

[<Fact>]
let ``a photo that is taken back goes with no ticket`` () =
    let scene =
        toDescription |> writes "Huele a quemado" |> writes "saltar" |> sends Image

    let ticket, _ = shown scene
    equal (Some 1) ticket.Files

    let scene =
        scene |> happens (MessageRevoked(MessageId "wamid.revoke", MessageId "wamid.4"))

    let ticket, _ = shown scene
    equal None ticket.Files

[<Fact>]
let ``more files than one conversation takes are refused by name`` () =
    let scene =
        (toDescription, [ 1 .. CustomerFile.most ])
        ||> List.fold (fun scene _ -> scene |> sends Image)

    equal [ Ask(WhichDescription, Some(FilesAdded CustomerFile.most)) ] (lastPhrases scene)
    let scene = scene |> sends Image
    equal [ Ask(WhichDescription, Some(TooManyFiles CustomerFile.most)) ] (lastPhrases scene)
    equal CustomerFile.most (fetched scene)

[<Fact>]
let ``a thumb up is no yes, but who gave it is asked for one`` () =
    let scene = toDescription |> writes "Huele a quemado" |> writes "saltar"
    let ticket, _ = shown scene

    let scene =
        scene
        |> happens (ReactionReceived(MessageId "wamid.thumb", MessageId "wamid.bot", Some "👍"))

    equal [ Ask(IsThisRight ticket, Some PleaseConfirm) ] (lastPhrases scene)
    equal [] (ticketsAskedFor scene)

[<Fact>]
let ``a file that is refused while it waits for its turn is told of once, and counted nowhere`` () =
    let talking =
        openedWithQuietTime
        |> writes "hola"
        |> pauses
        |> sends Image
        |> fileFails FileInfected

    equal [ FileNotTaken(Image, FileInfected) ] (lastPhrases talking)
    equal [] (talking |> pauses |> lastPhrases)

    let telling =
        openedWithQuietTime
        |> writes "abrir ticket"
        |> pauses
        |> sends Image
        |> sends Image
        |> fileFails FileInfected

    equal [ FileNotTaken(Image, FileInfected) ] (lastPhrases telling)
    equal [ Ask(WhichTitle, Some(FilesAdded 1)) ] (telling |> pauses |> lastPhrases)

[<Fact>]
let ``a file that the assistant's answer takes into a ticket is spoken of and counted once`` () =
    let scene =
        openedWithQuietTime
        |> writes "la taladradora que compré ayer no enciende y no sé qué hacer"
        |> pauses
        |> sends Image
        |> answers { reply "" with Intent = WantsTicket }

    equal [ Ask(WhichTitle, Some(FilesAdded 1)) ] (lastPhrases scene)
    let scene = scene |> pauses
    equal [] (lastPhrases scene)
    equal 1 (draftOf scene).Files.Length

[<Fact>]
let ``the team's ticket that is refused gives its files back to the next one`` () =
    let scene =
        opened |> writes "hola" |> sends Image |> fileArrives |> presses TalkToPerson

    let first = creation scene
    let scene = scene |> odooRefuses |> presses TalkToPerson
    equal [ creation scene; first ] (attachments scene |> List.map fst)

[<Fact>]
let ``a ticket that is refused while something else goes on gives its files back too`` () =
    let asking =
        ticketWithPhoto () |> odooIsDown |> writes "¿A qué hora abren?" |> odooRefuses

    equal [ TicketWasRefused ] (lastPhrases asking)
    equal [ Ask(WhichTitle, Some(FilesAdded 1)) ] (asking |> presses OpenTicket |> lastPhrases)

[<Fact>]
let ``the team that has another ticket gets the files of the one that was refused`` () =
    let withTeam = opened |> writes "persona"
    let team = creation withTeam

    let scene =
        withTeam
        |> odooCreates
        |> presses ReturnToBot
        |> presses OpenTicket
        |> writes "La taladradora no enciende"
        |> sends Image
        |> fileArrives
        |> writes "Huele a quemado"
        |> writes "saltar"

    let _, revision = shown scene

    let scene =
        scene
        |> presses (Confirm revision)
        |> writes "quiero hablar con una persona"
        |> odooRefuses

    equal [ TicketWasRefused ] (lastPhrases scene)
    equal team (attachments scene |> List.head |> fst)

[<Fact>]
let ``a yes with a photo is no yes to the ticket as it was shown without it`` () =
    let atConfirmation = toDescription |> writes "Huele a quemado" |> writes "saltar"
    let scene = atConfirmation |> sendsPhoto "sí"
    let ticket, revision = shown scene
    equal (Some 1) ticket.Files
    equal [ Ask(IsThisRight ticket, Some PleaseConfirm) ] (lastPhrases scene)
    equal [ ticket ] (scene |> presses (Confirm revision) |> ticketsAskedFor)

    // Other words with it may leave the ticket as it was shown before.
    let changing = atConfirmation |> sendsPhoto "cambiar algo"
    equal [ Ask(WhichField, None) ] (lastPhrases changing)
    let kept, _ = changing |> presses KeepTicket |> shown
    equal (Some 1) kept.Files
    let _, old = shown changing
    equal [ Ask(IsThisRight kept, Some PleaseConfirm) ] (changing |> presses (Confirm old) |> lastPhrases)
    equal [] (changing |> presses (Confirm old) |> ticketsAskedFor)

[<Fact>]
let ``the words on a file that is one too many are taken`` () =
    let full scene =
        (scene, [ 1 .. CustomerFile.most ])
        ||> List.fold (fun scene _ -> scene |> sends Image)

    let talking = opened |> writes "hola" |> full |> sendsPhoto "¿Esto tiene arreglo?"

    equal [ FilesAreTooMany CustomerFile.most ] (lastPhrases talking)
    Assert.True((Session.openTurn talking.Session).IsSome)
    let telling = toDescription |> full |> sendsPhoto "Huele a quemado"

    equal
        [
            Ask(WhichDescription, Some(TooManyFiles CustomerFile.most))
            Ask(WhichEmail, None)
        ]
        (lastPhrases telling)

[<Fact>]
let ``a photo behind a goodbye that ends the session waits for nothing`` () =
    let scene =
        openedWithQuietTime
        |> writes "persona"
        |> pauses
        |> writes "adiós"
        |> sends Image

    equal (Closed CustomerLeft) scene.Session.Phase
    equal None scene.Session.Gathering
    equal 0 (fetched scene)
