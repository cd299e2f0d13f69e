namespace FunctionalBot.Effects

open System
open System.Buffers
open System.Text
open System.Text.Json
open FunctionalBot.Domain

/// The one screen of the ticket's form, as data/flows/ticket.json lays it out: what is written on it comes from here,
/// in the customer's language.
module FlowScreen =
    /// The screen's id.
    let id = "TICKET"

    /// Under which name the photos travel; the names of the other fields are `TicketForm.name`.
    let photos = "photos"

    /// Whether the fields are found right: then the photos can be added and the form be sent.
    let checkedName = "checked"

    /// Every text on the screen, by the name of its place.
    let texts: (string * Wording) list = [
        "heading", Wording.FormHeading
        "title_label", Wording.FormTitle
        "title_help", Wording.FormTitleHelp
        "description_label", Wording.FormDescription
        "description_help", Wording.FormDescriptionHelp
        "email_label", Wording.FormEmail
        "email_help", Wording.FormEmailHelp
        "photos_label", Wording.FormPhotos
        "photos_help", Wording.FormPhotosHelp
        "check_label", Wording.FormCheck
        "checked_text", Wording.FormChecked
        "send_label", Wording.FormSend
    ]

    /// The place of what is wrong with a field.
    let errorName (field: TicketField) : string = TicketForm.name field + "_error"

    let private voice (book: LanguageBook) : Voice = {
        Book = book
        Business = { Name = ""; Contact = "" }
        Safe = Operators.id
        Limit = Int32.MaxValue
    }

    /// A text of the form, as it is in the language.
    let words (book: LanguageBook) (wording: Wording) : string = PhraseText.simply (voice book) wording

    /// What is wrong, in at most 30 units: WhatsApp cuts longer ones.
    let private errorText book problem =
        match problem with
        | Blank -> words book Wording.FormBlank
        | WithoutWords -> words book Wording.FormWithoutWords
        | TooLong(_, limit) -> PhraseText.say (voice book) Wording.FormTooLong [ "limit", string limit ]
        | NotAnAddress -> words book Wording.FormNotAnAddress

    /// Writes the screen's data as members of the object that is open. What was typed stays on the telephone; an empty
    /// error takes an earlier one away.
    let write
        (book: LanguageBook)
        (isChecked: bool)
        (problems: (TicketField * FieldProblem) list)
        (writer: Utf8JsonWriter)
        : unit =
        for name, wording in texts do
            writer.WriteString(name, words book wording)

        for field in TicketForm.fields do
            let problem =
                problems
                |> List.tryFind (fun (wrong, _) -> wrong = field)
                |> Option.map (fun (_, problem) -> errorText book problem)

            writer.WriteString(errorName field, Option.defaultValue "" problem)

        writer.WriteBoolean(checkedName, isChecked)

    /// The same as a JSON object.
    let json (book: LanguageBook) (isChecked: bool) (problems: (TicketField * FieldProblem) list) : string =
        let buffer = ArrayBufferWriter<byte> 1024
        use writer = new Utf8JsonWriter(buffer)
        writer.WriteStartObject()
        write book isChecked problems writer
        writer.WriteEndObject()
        writer.Flush()
        Encoding.UTF8.GetString buffer.WrittenSpan
