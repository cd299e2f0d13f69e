namespace FunctionalBot.Emulators.WhatsApp

open System

/// What Meta takes as media, and how large (references/whatsapp-cloud-api.md, section 4).
[<RequireQualifiedAccess>]
module MediaRules =

    let private megabytes count = count * 1024 * 1024

    let private office = "application/vnd.openxmlformats-officedocument."

    let private kinds = [
        "audio", [ "audio/aac"; "audio/amr"; "audio/mpeg"; "audio/mp4"; "audio/ogg" ], megabytes 16
        "document",
        [
            "text/plain"
            "application/pdf"
            "application/msword"
            "application/vnd.ms-excel"
            "application/vnd.ms-powerpoint"
            office + "wordprocessingml.document"
            office + "spreadsheetml.sheet"
            office + "presentationml.presentation"
        ],
        megabytes 100
        "image", [ "image/jpeg"; "image/png" ], megabytes 5
        // Animated ones may have 500 KB; `largest` tells the two apart.
        "sticker", [ "image/webp" ], 100 * 1024
        "video", [ "video/mp4"; "video/3gpp" ], megabytes 16
    ]

    /// The type without its parameters: `audio/ogg; codecs=opus` is `audio/ogg`.
    let bareType (contentType: string) =
        (contentType.Split(';')[0]).Trim().ToLowerInvariant()

    /// The kind of message that a media type belongs to; `None` for a type that is not taken.
    let kindOf (contentType: string) =
        kinds
        |> List.tryFind (fun (_, types, _) -> types |> List.contains (bareType contentType))
        |> Option.map (fun (kind, _, _) -> kind)

    /// Whether a WebP picture moves: the extended header's second flag bit says so.
    let isAnimated (bytes: byte array) =
        bytes.Length > 20
        && Text.Encoding.ASCII.GetString(bytes, 12, 4) = "VP8X"
        && bytes[20] &&& 2uy <> 0uy

    let private largest kind (bytes: byte array) =
        if kind = "sticker" && isAnimated bytes then
            500 * 1024
        else
            kinds
            |> List.pick (fun (known, _, most) -> if known = kind then Some most else None)

    let private refused details = Error(GraphError.create 131053 details)

    /// Whether a file may be uploaded; the error is 131053 and says what is wrong with it.
    let check (file: MediaFile) =
        match kindOf file.ContentType with
        | None ->
            let types = kinds |> List.collect (fun (_, types, _) -> types)
            let types = String.Join(", ", types)

            refused $"The file has the type %s{file.ContentType}, and must have one of these: %s{types}."
        | Some _ when file.Bytes.Length = 0 -> refused "The file is empty."
        | Some kind ->
            let most = largest kind file.Bytes

            if file.Bytes.Length > most then
                refused $"The file has %d{file.Bytes.Length} bytes, and a file for %s{kind} at most %d{most}."
            else
                Ok()

    /// What is wrong with sending this file as a message of this kind: only a document may have any type that
    /// is taken.
    let mismatch kind (file: MediaFile) = [
        if kind <> "document" && kindOf file.ContentType <> Some kind then
            GraphError.create 131053 $"A file of the type %s{file.ContentType} cannot be sent as %s{kind}."
    ]
