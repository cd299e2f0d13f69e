/// What becomes of the commands about files, for each way in which they can end.
module FunctionalBot.Tests.FileWorkTests

open System
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.InterpreterTests

let private start = DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero)

let private unusedAssistant: AssistantPort = {
    Ask = fun _ _ -> Task.FromResult(Error(CannotAnswer "unused"))
}

let private key: CommandKey = {
    Session = {
        Channel = "whatsapp-100"
        Customer = CustomerId "ES.1"
        Ordinal = 1
    }
    Version = 7L
    Ordinal = 1
}

let private creation = { key with Version = 5L; Ordinal = 0 }

let private request: FileRequest = {
    Message = MessageId "wamid.1"
    Place = 0
    Kind = Image
    MediaId = "777"
    MimeType = None
    Sha256 = None
    FileName = None
}

let private file: StoredFile = {
    Hash = FileHash(String('a', 64))
    MimeType = "image/jpeg"
    Size = 3L
    Name = "foto.jpg"
}

let private claimed action attempt putOffs : ClaimedCommand = {
    Command = { Key = key; Action = action }
    Place = 1L
    Recipient = {
        Phone = None
        BusinessScopedId = Some "ES.1"
    }
    Language = Spanish
    Attempt = attempt
    PutOffs = putOffs
    QueuedAt = start
    DelayTold = false
    Trace = None
    LastHeard = None
    IsShut = false
}

let private services fetched attached events : Interpreter.Services = {
    servicesWith (Accepted(MessageId "unused")) unusedAssistant (WillNotDo "unused") with
        Files = {
            Fetch = fun _ _ _ -> Task.FromResult fetched
            Open = fun _ _ -> Task.FromResult None
        }
        For =
            fun _ ->
                Some {
                    numberWith unusedAssistant (WillNotDo "unused") with
                        Tickets = {
                            Create = fun _ _ _ _ _ -> Task.FromResult(Error(WillNotDo "unused"))
                            AddNote = fun _ _ _ _ -> Task.FromResult(Error(WillNotDo "unused"))
                            Attach = fun _ _ _ _ _ -> Task.FromResult attached
                            Find = fun _ _ _ -> Task.FromResult(Error(WillNotDo "unused"))
                        }
                }
        ReadStream = fun _ -> Task.FromResult(Ok events)
}

let private fetching fetched attempt putOffs =
    Interpreter.run
        (services fetched (Ok()) [])
        (claimed (FetchFile request) attempt putOffs)
        CancellationToken.None

let private attaching attached events =
    Interpreter.run
        (services (Ok file) attached events)
        (claimed (AttachToTicket(creation, file)) 1 0)
        CancellationToken.None

[<Fact>]
let ``a file that is kept, and one that never comes, are told to the session`` () : Task = task {
    let! kept = fetching (Ok file) 1 0
    Assert.Equal(Done(Some(FileKept(key, file))), kept)
    let! gone = fetching (Error(WillNeverCome FileGone)) 1 0
    Assert.Equal(Done(Some(FileNotKept(key, FileGone))), gone)
}

[<Fact>]
let ``a file that fails for now is tried twelve times, what we put off not counted, and then told``
    ()
    : Task = task {
    for attempt, putOffs, isLast in [ 1, 0, false; 11, 0, false; 40, 29, false; 12, 0, true; 40, 28, true ] do
        let! result = fetching (Error(FetchAgain(None, "later"))) attempt putOffs

        match result, isLast with
        | RunAgain(_, "later", None), false -> ()
        | GivenUp("later", Some fact), true -> Assert.Equal(FileNotKept(key, FileUnreachable "later"), fact)
        | other, _ -> failwith $"%d{attempt}: %A{other}"
}

[<Fact>]
let ``a dead token puts a file off, however often, and gives nothing up`` () : Task = task {
    match! fetching (Error(FetchHeldBack(TimeSpan.FromMinutes 5., "token"))) 500 499 with
    | PutOff(_, "token") -> ()
    | other -> failwith $"%A{other}"
}

[<Fact>]
let ``an attachment waits for its ticket, and ends with one that was refused`` () : Task = task {
    let! done' = attaching (Ok()) []
    Assert.Equal(Done None, done')

    match! attaching (Error(TryAgain(None, "missing"))) [] with
    | RunAgain(_, "missing", None) -> ()
    | other -> failwith $"%A{other}"

    let refusal = {
        Id = Guid.NewGuid()
        At = start
        Session = key.Session
        Version = 6L
        Cause = "test"
        Fact = TicketRefused(creation, "no")
    }

    match! attaching (Error(TryAgain(None, "missing"))) [ refusal ] with
    | GivenUp(_, None) -> ()
    | other -> failwith $"%A{other}"

    match! attaching (Error(LeftAlone(TimeSpan.FromMinutes 1., "away"))) [] with
    | PutOff(_, "away") -> ()
    | other -> failwith $"%A{other}"
}

[<Fact>]
let ``an attachment that Odoo will not take is told to the session`` () : Task = task {
    let! refused = attaching (Error(WillNotDo "too large")) []
    Assert.Equal(GivenUp("too large", Some(FileNotAttached(key, "too large"))), refused)
}

[<Fact>]
let ``files have workers of their own, and attachments are Odoo's`` () =
    Assert.Equal(Some Fetching, Service.ofAction (FetchFile request))
    Assert.Equal(Some Ticketing, Service.ofAction (AttachToTicket(creation, file)))
