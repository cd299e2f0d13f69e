/// The commands about customers' files: what a port's answer means for the command. Part of the interpreter.
module FunctionalBot.Effects.FileWork

open System
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// What these commands are run with.
[<NoComparison; NoEquality>]
type FileServices = {
    Files: FilesPort
    Tickets: TicketsPort
    /// The time now, UTC.
    Now: unit -> DateTimeOffset
    /// When a command is tried again, not before the time that a service named.
    Later: ClaimedCommand -> TimeSpan option -> DateTimeOffset
    /// The number of this try, from 1, without those that were put off by ourselves.
    TryOf: ClaimedCommand -> int
    /// How often a file is tried that cannot be fetched for now, before the customer is told.
    Tries: int
    /// Whether it is known that the ticket of this command will never exist.
    WasRefused: CommandKey -> Task<bool>
}

/// Fetches and keeps a file. What has to wait for somebody (a dead token) is put off and loses nothing: Meta keeps the
/// file for seven days, and says when they are over.
let fetch
    (services: FileServices)
    (claimed: ClaimedCommand)
    (request: FileRequest)
    (cancel: CancellationToken)
    : Task<CommandResult> = task {
    let key = claimed.Command.Key
    let! outcome = services.Files.Fetch key request cancel

    return
        match outcome with
        | Ok file -> Done(Some(FileKept(key, file)))
        | Error(WillNeverCome problem) -> Done(Some(FileNotKept(key, problem)))
        | Error(FetchHeldBack(after, reason)) -> PutOff(services.Now() + after, reason)
        | Error(FetchAgain(after, reason)) when services.TryOf claimed < services.Tries ->
            RunAgain(services.Later claimed after, reason, None)
        | Error(FetchAgain(_, reason)) -> GivenUp(reason, Some(FileNotKept(key, FileUnreachable reason)))
}

/// Puts a kept file to a ticket. It waits as long as the ticket can still come to be; the session takes the files back
/// from a ticket that was refused, and nobody needs to hear of them.
let attach
    (services: FileServices)
    (claimed: ClaimedCommand)
    (creation: CommandKey)
    (file: StoredFile)
    (cancel: CancellationToken)
    : Task<CommandResult> = task {
    let key = claimed.Command.Key

    let! outcome =
        services.Tickets.Attach key creation file (services.Files.Open file.Hash) cancel

    match outcome with
    | Ok() -> return Done None
    | Error(WillNotDo reason) -> return GivenUp(reason, Some(FileNotAttached(key, reason)))
    | Error(LeftAlone(after, reason)) -> return PutOff(services.Now() + after, reason)
    | Error(TryAgain(after, reason)) ->
        match! services.WasRefused creation with
        | true -> return GivenUp("the ticket that it belongs to was refused", None)
        | false -> return RunAgain(services.Later claimed after, reason, None)
}
