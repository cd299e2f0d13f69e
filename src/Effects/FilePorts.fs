namespace FunctionalBot.Effects

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// Why a file could not be had now.
type FileFailure =
    /// The network, Meta, the scanner or the disk failed; the same is worth another try, after this time if one
    /// is known.
    | FetchAgain of after: TimeSpan option * reason: string
    /// Another try would end the same way.
    | WillNeverCome of FileProblem
    /// Somebody has to act first (a dead token, an address that the token must not go to). It is worth a try after
    /// this time and does not count as one.
    | FetchHeldBack of after: TimeSpan * reason: string

/// What a download was, found out while it went by.
[<NoComparison; NoEquality>]
type Downloaded = {
    Hash: FileHash
    /// Bytes.
    Size: int64
    /// The first 4,096 bytes, or all where there are fewer.
    Begin: byte[]
}

/// Where the files of one business number's customers come from.
[<NoComparison; NoEquality>]
type FileSourcePort = {
    /// Writes the file's bytes to the stream, at most so many, and checks its hash. A hash that is wrong is
    /// `FileDamaged`. What the stream throws goes through: it is no fault of where the file comes from.
    Download: FileRequest -> int64 -> Stream -> CancellationToken -> Task<Result<Downloaded, FileFailure>>
}

/// What a scanner for viruses said of a file.
type ScanVerdict =
    | Clean
    | Infected
    /// It did not say; for operators.
    | NotScanned of reason: string

/// Looks into a file before it is kept.
[<NoComparison; NoEquality>]
type ScannerPort = {
    /// The file's path.
    Scan: string -> CancellationToken -> Task<ScanVerdict>
}

/// Where bytes lie: a folder, or whatever else can keep bytes under a name.
[<NoComparison; NoEquality>]
type FileStorePort = {
    /// Gives `write` a place. Where that ends Ok and a scanner finds nothing, the bytes are kept under their hash;
    /// else nothing is left of them. The same bytes twice are kept once.
    Keep:
        (Stream -> Task<Result<Downloaded, FileFailure>>)
            -> CancellationToken
            -> Task<Result<Downloaded, FileFailure>>
    /// The bytes from their beginning; None where they were deleted or never kept. Throws an IOException, and nothing
    /// else, where they cannot be read now.
    Open: FileHash -> CancellationToken -> Task<Stream option>
    /// Deletes the bytes, unless they were kept anew at or after this time (UTC). Whether they are gone. Throws where
    /// they cannot be deleted.
    Delete: FileHash -> DateTimeOffset -> CancellationToken -> Task<bool>
    /// What was last kept before this time (UTC), some at a time and only as far as it is asked for.
    Older: DateTimeOffset -> FileHash list seq
    /// Deletes what a process that ended left half written before this time (UTC). How many there were.
    DropUnfinished: DateTimeOffset -> CancellationToken -> Task<int>
}

/// What a file is kept for: one message of one session.
type FileUse = {
    File: StoredFile
    Session: SessionId
    Message: MessageId
    /// As in `FileRequest`.
    Place: int
}

/// The rows about kept files. What no use needs any more is forgotten, and then its bytes are deleted.
[<NoComparison; NoEquality>]
type FileRecordsPort = {
    /// Notes that a file is kept, for what, and until when (UTC). For a use that is known already it notes the
    /// later of both times.
    Remember: FileUse -> DateTimeOffset -> Task
    /// The file of a message of a session, by its place, if it was noted.
    Find: SessionId -> MessageId -> int -> Task<StoredFile option>
    /// Deletes up to so many uses whose time is over at this moment (UTC), and of the files that nobody uses any
    /// more up to as many. What may still have to go to a ticket stays. How many uses went, and which files.
    Forget: DateTimeOffset -> int -> Task<int * FileHash list>
    /// Those of the files that there is a row for.
    Known: FileHash list -> Task<Set<FileHash>>
}

/// Customers' files, fetched, checked and kept.
[<NoComparison; NoEquality>]
type FilesPort = {
    /// Fetches, checks and keeps the file for the session of the command. The same file twice is kept once, and a
    /// file that is kept already is not fetched again. Never holds a file in memory.
    Fetch: CommandKey -> FileRequest -> CancellationToken -> Task<Result<StoredFile, FileFailure>>
    /// The bytes; None where they were deleted. Throws an IOException where they cannot be read now.
    Open: FileHash -> CancellationToken -> Task<Stream option>
}
