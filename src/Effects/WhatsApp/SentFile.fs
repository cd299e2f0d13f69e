namespace FunctionalBot.Effects

open System.Text.Json

/// A file that a customer sent, which Meta keeps until it is fetched.
type SentFile = {
    /// Meta's id, by which it is fetched.
    Id: string
    MimeType: string option
    /// Base64 or hex, as Meta sent it.
    Sha256: string option
    FileName: string option
}

/// Reading them, in messages and in the answers of forms.
module SentFile =
    open LenientJson
    open WhatsAppText

    /// The file that an element describes, whose name lies under this name. None without an id: then there is nothing
    /// to fetch.
    let read (nameOfName: string) (element: JsonElement) : SentFile option =
        identifier "id" element
        |> Option.map (fun id -> {
            Id = id
            MimeType = line 100 "mime_type" element
            Sha256 = identifier "sha256" element
            FileName = line 255 nameOfName element
        })
