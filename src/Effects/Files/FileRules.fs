namespace FunctionalBot.Effects

open System
open FunctionalBot.Domain

/// Which files are taken, and how large they may be.
module FileRules =
    /// The largest file that WhatsApp passes on, in bytes, of whatever kind: it reports error 131052 for a larger one
    /// (references: media). The lower limits by kind are of what a business sends; a customer's film may have more.
    let largest = 100L * 1024L * 1024L

    /// Types with the endings of names that belong to them; the first is put behind a name that has none.
    let private types = [
        "image/jpeg", [ ".jpg"; ".jpeg"; ".jpe"; ".jfif" ]
        "image/png", [ ".png" ]
        "image/webp", [ ".webp" ]
        "image/gif", [ ".gif" ]
        "image/heic", [ ".heic"; ".heif" ]
        "image/avif", [ ".avif" ]
        "audio/ogg", [ ".ogg"; ".oga"; ".opus" ]
        "audio/mpeg", [ ".mp3" ]
        "audio/aac", [ ".aac" ]
        "audio/amr", [ ".amr" ]
        "audio/mp4", [ ".m4a"; ".m4b"; ".mp4" ]
        "audio/3gpp", [ ".3gp" ]
        "audio/wav", [ ".wav" ]
        "video/mp4", [ ".mp4"; ".m4v" ]
        "video/3gpp", [ ".3gp"; ".3g2" ]
        "video/quicktime", [ ".mov" ]
        "application/pdf", [ ".pdf" ]
        "text/plain",
        [
            ".txt"
            ".log"
            ".csv"
            ".md"
            ".json"
            ".xml"
            ".ini"
            ".vcf"
            ".ics"
            ".eml"
        ]
        "text/csv", [ ".csv" ]
        "application/rtf", [ ".rtf" ]
        "application/msword", [ ".doc"; ".dot" ]
        "application/vnd.ms-excel", [ ".xls"; ".xlt" ]
        "application/vnd.ms-powerpoint", [ ".ppt"; ".pps" ]
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document", [ ".docx" ]
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", [ ".xlsx" ]
        "application/vnd.openxmlformats-officedocument.presentationml.presentation", [ ".pptx" ]
        "application/vnd.oasis.opendocument.text", [ ".odt" ]
        "application/vnd.oasis.opendocument.spreadsheet", [ ".ods" ]
        "application/vnd.oasis.opendocument.presentation", [ ".odp" ]
    ]

    /// The endings of names that belong to a type; none for a type that is not taken.
    let endingsOf (mimeType: string) : string list =
        types
        |> List.tryFind (fun (name, _) -> name = mimeType)
        |> Option.map snd
        |> Option.defaultValue []

    let private isTaken (kind: MediaKind) (mimeType: string) =
        let ofFamily (family: string) =
            mimeType.StartsWith(family, StringComparison.Ordinal)

        not (endingsOf mimeType).IsEmpty
        && match kind with
           | Image -> List.contains mimeType [ "image/jpeg"; "image/png"; "image/webp"; "image/gif" ]
           | Sticker -> mimeType = "image/webp"
           | VoiceNote
           | Audio -> ofFamily "audio/"
           | Video -> List.contains mimeType [ "video/mp4"; "video/3gpp" ]
           // Whatever is sent "as a document", photos of full size too.
           | Document
           | Unsupported -> true
           | Location
           | ContactCard -> false

    let private otherNames =
        Map [
            "image/jpg", "image/jpeg"
            "image/pjpeg", "image/jpeg"
            "image/heif", "image/heic"
            "audio/mp3", "audio/mpeg"
            "audio/x-mpeg", "audio/mpeg"
            "audio/opus", "audio/ogg"
            "application/ogg", "audio/ogg"
            "audio/m4a", "audio/mp4"
            "audio/x-m4a", "audio/mp4"
            "audio/x-aac", "audio/aac"
            "audio/aacp", "audio/aac"
            "audio/x-wav", "audio/wav"
            "audio/wave", "audio/wav"
            "audio/vnd.wave", "audio/wav"
            "audio/amr-wb", "audio/amr"
            "video/3gp", "video/3gpp"
            "video/3gpp2", "video/3gpp"
            "video/x-m4v", "video/mp4"
            "application/x-pdf", "application/pdf"
            "text/rtf", "application/rtf"
            "text/comma-separated-values", "text/csv"
            "application/csv", "text/csv"
            "application/json", "text/plain"
            "application/xml", "text/plain"
        ]

    /// What the sender says, without parameters and under its usual name. None where that says nothing.
    let private claimOf (claimed: string option) : string option =
        claimed
        |> Option.map (fun text -> (Array.head (text.Split ';')).Trim().ToLowerInvariant())
        |> Option.filter (fun text ->
            text <> ""
            && not (List.contains text [ "application/octet-stream"; "binary/octet-stream" ]))
        |> Option.map (fun text -> otherNames.TryFind text |> Option.defaultValue text)

    /// Any kind of text is the same to its bytes.
    let private fits (claim: string) (found: string list) =
        List.contains claim found
        || (claim.StartsWith("text/", StringComparison.Ordinal)
            && List.contains "text/plain" found)

    let private inBrief (mimeType: string) =
        Graphemes.cut 100 (TypedText.shownOnOneLine mimeType)

    /// The type of a file, out of its first bytes, the kind of message that it came with, what the sender says it is
    /// and what it is called. An error where it is not taken.
    let typeOf
        (kind: MediaKind)
        (claimed: string option)
        (fileName: string option)
        (found: FoundType)
        : Result<string, FileProblem> =
        let claim = claimOf claimed

        let kindFits (types: string list) = types |> List.filter (isTaken kind)

        match found, fileName |> Option.bind FileNames.programEnding with
        | _, Some ending -> Error(FileTypeRefused ending)
        | Runnable what, _ -> Error(FileTypeRefused what)
        | UnknownType, _ ->
            Error(FileTypeRefused(claim |> Option.map inBrief |> Option.defaultValue "unknown"))
        | FitsTypes types, _ ->
            match claim, kindFits types with
            | Some claim, _ when not (fits claim types) -> Error(FileTypeLies(inBrief claim, List.head types))
            | _, [] -> Error(FileTypeRefused(List.head types))
            | Some claim, taken when List.contains claim taken -> Ok claim
            | _, first :: _ -> Ok first
