namespace FunctionalBot.Effects

open System.IO
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// Where a message goes. At least one of the two is there; the phone wins where both are.
type Recipient = {
    Phone: string option
    BusinessScopedId: string option
}

/// A file that Meta holds for one business number, for 30 days.
type UploadedFile = {
    /// Meta's id of it.
    Id: string
    MimeType: string
    /// The name that a customer sees.
    Name: string
}

/// A file that is to be uploaded.
[<NoComparison; NoEquality>]
type FileUpload = {
    Hash: FileHash
    Name: string
    MimeType: string
    /// Bytes, exactly.
    Size: int64
    /// The bytes from their beginning, asked for at each try; None where they are gone.
    Open: CancellationToken -> Task<Stream option>
}

/// Files that are to be uploaded.
module FileUpload =
    /// The file, once Meta holds it under this id.
    let uploadedAs (id: string) (file: FileUpload) : UploadedFile = {
        Id = id
        MimeType = file.MimeType
        Name = file.Name
    }

/// What is filled in at one place of a template's body.
type TemplateText = {
    /// The place's name; None where places are counted: {{1}}, {{2}}…
    Place: string option
    Text: string
}

/// A message that Meta has approved of, with its places filled in. It may be sent when nothing else may.
type Template = {
    /// As it is called in Meta's manager.
    Name: string
    /// Meta's code of the language that it was approved in: "es", "pt_BR".
    Language: string
    /// What stands at the places of its body, in their order.
    Parameters: TemplateText list
    /// What its quick-reply buttons bring back, from the first one on.
    Payloads: string list
}

/// A message in WhatsApp's terms, within WhatsApp's limits (`OutboundLimits`).
type OutboundMessage =
    /// WhatsApp shows a preview of the first link in it.
    | TextMessage of body: string
    /// One to three buttons of (id, title).
    | ButtonMessage of body: string * buttons: (string * string) list
    /// Up to ten rows of (id, title, description); `button` opens the list.
    | ListMessage of body: string * button: string * rows: (string * string * string option) list
    /// A button that opens the ticket's form.
    | FormMessage of FormInvitation
    /// A button that opens an address.
    | LinkMessage of body: string * label: string * address: string
    /// A button by which the customer sends where he is.
    | LocationRequest of body: string
    /// A button by which the customer sends his phone number.
    | ContactRequest of body: string
    | ImageMessage of UploadedFile * caption: string option
    | DocumentMessage of UploadedFile * caption: string option
    | TemplateMessage of Template
    /// An emoji on a message of the customer's; "" takes it back.
    | ReactionMessage of target: MessageId * emoji: string

/// One message on its way.
type Outgoing = {
    /// The command that it comes from: names the business number, and its place among what is said.
    Key: CommandKey
    /// What each status of the message brings back (`biz_opaque_callback_data`): the text of the key where
    /// statuses are to settle the command, or that with something behind it.
    Callback: string
    Recipient: Recipient
    Message: OutboundMessage
    /// The message that it answers, shown above it.
    Quoted: MessageId option
}

/// Messages that commands are.
module Outgoing =
    /// The message that the command is: its statuses settle it.
    let ofCommand key recipient quoted message : Outgoing = {
        Key = key
        Callback = CommandKey.text key
        Recipient = recipient
        Message = message
        Quoted = quoted
    }
