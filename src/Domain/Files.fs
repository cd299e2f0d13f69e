namespace FunctionalBot.Domain

/// The kinds of message that carry no text to read.
type MediaKind =
    | Image
    | Video
    | VoiceNote
    | Audio
    | Document
    | Sticker
    | Location
    | ContactCard
    /// What WhatsApp itself marks as unsupported, or what is unknown to this version: its JSON is kept as it came.
    | Unsupported

/// SHA-256 of a file's bytes, 64 lower-case hex digits: its name wherever it is kept.
[<Struct>]
type FileHash = FileHash of string

/// A file as it is kept.
type StoredFile = {
    Hash: FileHash
    /// What its bytes say it is, not what the sender said.
    MimeType: string
    /// Bytes.
    Size: int64
    /// A name that is fit to be shown and to be a file's name: no path, no controls, at most 120 UTF-16 units.
    Name: string
}

/// What is needed to fetch one file of one message.
type FileRequest = {
    Message: MessageId
    /// 0, or the place among the files of one form.
    Place: int
    Kind: MediaKind
    /// Meta's id of the file, valid for 7 days.
    MediaId: string
    MimeType: string option
    /// Base64 or hex, as Meta sent it.
    Sha256: string option
    FileName: string option
}

/// Why a file was not kept.
type FileProblem =
    /// Bytes.
    | FileTooLarge of limit: int64
    | FileTypeRefused of mimeType: string
    /// Its bytes are something else than its type says.
    | FileTypeLies of claimed: string * found: string
    /// Its hash was wrong, more than once.
    | FileDamaged
    | FileInfected
    /// Meta has it no more (7 days), or it never was there.
    | FileGone
    /// It could not be fetched for too long; the reason is for operators.
    | FileUnreachable of reason: string

/// How far a customer's file has come.
type FileState =
    | Awaited
    | Kept of StoredFile
    | NotKept of FileProblem

/// A file that the customer sent in this session.
type CustomerFile = {
    /// The command that fetches it.
    Fetch: CommandKey
    Request: FileRequest
    State: FileState
    /// The command that creates the ticket that it belongs to. None while it belongs to none.
    Ticket: CommandKey option
}

/// The rules of files.
module CustomerFile =
    /// So many files of one session are fetched; the customer is told of those that come after them.
    let most = 10

    /// Whether a kind of message brings a file that is worth keeping. A sticker is a gesture.
    let isFile (kind: MediaKind) : bool =
        match kind with
        | Image
        | Video
        | VoiceNote
        | Audio
        | Document -> true
        | Sticker
        | Location
        | ContactCard
        | Unsupported -> false
