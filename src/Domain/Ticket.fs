namespace FunctionalBot.Domain

open System

/// Why a text cannot be taken for a field of the ticket.
type FieldProblem =
    /// Nothing but white space or invisible characters.
    | Blank
    /// No letter and no digit in it, such as a row of emoji.
    | WithoutWords
    /// Longer than the field may be; `Length` and `Limit` count UTF-16 units.
    | TooLong of length: int * limit: int
    /// Not of the form name@domain.tld.
    | NotAnAddress

/// The short line that agents see in their list: one line, 1 to 120 characters, with at least one letter or
/// digit.
type TicketTitle = private TicketTitle of string

/// What happened, in the customer's words: 1 to 4,000 characters, with at least one letter or digit.
type TicketDescription = private TicketDescription of string

/// An address that a mail server could accept, in lower case.
type EmailAddress = private EmailAddress of string

/// What is known about the customer's e-mail address.
type EmailAnswer =
    | NotAsked
    | Declined
    | Given of EmailAddress

/// A field of the ticket that the customer can be asked for and can change.
type TicketField =
    | TitleField
    | DescriptionField
    | EmailField

/// A ticket on its way: what the customer has told so far.
type Draft = {
    Title: TicketTitle option
    Description: TicketDescription option
    Email: EmailAnswer
    /// The commands that fetch the files that go with it, oldest first.
    Files: CommandKey list
}

/// What a ticket is for.
type TicketPurpose =
    /// The customer described a problem and confirmed the ticket.
    | Support
    /// The customer asked for a person; the ticket is the place where the team sees it.
    | HandOver

/// A ticket that can be created: complete, and for a support ticket exactly what the customer was shown.
type Ticket = {
    Purpose: TicketPurpose
    Title: TicketTitle
    Description: TicketDescription
    Email: EmailAddress option
    /// How many files were shown with it; None for none. The files themselves are the session's, and each is
    /// attached by a command of its own, so that a late or failing file holds up no ticket.
    Files: int option
}

/// A ticket that exists in Odoo.
type TicketReference = {
    /// Odoo's database id.
    Id: int64
    /// The number that is told to the customer, for example "HT00042".
    Number: string
}

/// One of the customer's tickets as a status line.
type TicketSummary = {
    Reference: TicketReference
    Title: string
    /// The name of Odoo's stage, as the team named it.
    Stage: string
    Closed: bool
}

/// What the assistant read out of the customer's words, not yet checked.
type TicketHints = {
    Title: string option
    Description: string option
    Email: string option
}

/// What every field of text must hold.
module private Field =
    let check limit (text: string) =
        if text = "" then
            Error Blank
        elif text.Length > limit then
            Error(TooLong(text.Length, limit))
        elif not (TypedText.hasWord text) then
            Error WithoutWords
        else
            Ok text

/// The title of a ticket.
module TicketTitle =
    /// The longest title, in UTF-16 units; Odoo's lists show about this much.
    let limit = 120

    let value (TicketTitle text) = text

    /// Line breaks become spaces; the rest of the text stays as it was typed.
    let create (raw: string) : Result<TicketTitle, FieldProblem> =
        (TypedText.clean raw).Split([| '\n'; ' ' |], StringSplitOptions.RemoveEmptyEntries)
        |> String.concat " "
        |> Field.check limit
        |> Result.map TicketTitle

/// The description of a ticket.
module TicketDescription =
    /// The longest description, in UTF-16 units: what fits one WhatsApp message.
    let limit = 4000

    let value (TicketDescription text) = text

    let create (raw: string) : Result<TicketDescription, FieldProblem> =
        TypedText.clean raw |> Field.check limit |> Result.map TicketDescription

/// The e-mail address of a ticket.
module EmailAddress =
    /// RFC 5321, section 4.5.3.1.3, leaves 254 characters for an address.
    let limit = 254

    let value (EmailAddress text) = text

    let private labelIsValid (label: string) =
        label.Length >= 1
        && label.Length <= 63
        && label |> Seq.forall (fun c -> Char.IsLetterOrDigit c || c = '-')
        && not (label.StartsWith '-')
        && not (label.EndsWith '-')

    let private domainIsValid (domain: string) =
        let labels = domain.Split '.'

        labels.Length >= 2
        && Array.forall labelIsValid labels
        && labels[labels.Length - 1].Length >= 2
        && Seq.forall Char.IsLetter labels[labels.Length - 1]

    let private localIsValid (local: string) =
        local.Length >= 1
        && local.Length <= 64
        && local
           |> Seq.forall (fun c -> Char.IsLetterOrDigit c || ".!#$%&'*+/=?^_`{|}~-".Contains c)
        && not (local.StartsWith '.')
        && not (local.EndsWith '.')
        && not (local.Contains "..")

    let create (raw: string) : Result<EmailAddress, FieldProblem> =
        let text = (TypedText.clean raw).ToLowerInvariant()

        match text.Split '@' with
        | [| local; domain |] when text.Length <= limit && localIsValid local && domainIsValid domain ->
            Ok(EmailAddress text)
        | _ when text = "" -> Error Blank
        | _ -> Error NotAnAddress

    /// The first address within a sentence ("mi correo es ana@example.com, gracias"), or why there is none.
    let find (sentence: string) : Result<EmailAddress, FieldProblem> =
        let candidates =
            sentence.Split(
                [| ' '; '\n'; '\r'; '\t'; ','; ';'; '<'; '>'; '('; ')'; '"'; ':' |],
                StringSplitOptions.RemoveEmptyEntries
            )
            |> Array.filter (fun word -> word.Contains '@')
            |> Array.map (fun word -> word.Trim('.', '!', '?', '¿', '¡', '\''))

        match candidates |> Array.tryPick (create >> Result.toOption) with
        | Some address -> Ok address
        | None when TypedText.clean sentence = "" -> Error Blank
        | None -> Error NotAnAddress

/// Filling in a ticket step by step.
module Draft =
    let empty: Draft = {
        Title = None
        Description = None
        Email = NotAsked
        Files = []
    }

    /// The first field that still has to be asked for, in the order of the dialogue.
    let missing (draft: Draft) : TicketField option =
        match draft with
        | { Title = None } -> Some TitleField
        | { Description = None } -> Some DescriptionField
        | { Email = NotAsked } -> Some EmailField
        | _ -> None

    let private filesOf (draft: Draft) =
        match draft.Files with
        | [] -> None
        | files -> Some files.Length

    /// The support ticket that this draft stands for, once nothing is missing.
    let complete (draft: Draft) : Ticket option =
        match draft with
        | {
              Title = Some title
              Description = Some description
              Email = Declined
          } ->
            Some {
                Purpose = Support
                Title = title
                Description = description
                Email = None
                Files = filesOf draft
            }
        | {
              Title = Some title
              Description = Some description
              Email = Given address
          } ->
            Some {
                Purpose = Support
                Title = title
                Description = description
                Email = Some address
                Files = filesOf draft
            }
        | _ -> None

    /// Takes over what the assistant understood, as far as it is valid; what the customer said before stays.
    let fillIn (hints: TicketHints) (draft: Draft) : Draft =
        let valid create hint =
            hint |> Option.bind (create >> Result.toOption)

        {
            Title = draft.Title |> Option.orElse (valid TicketTitle.create hints.Title)
            Description =
                draft.Description
                |> Option.orElse (valid TicketDescription.create hints.Description)
            Email =
                match draft.Email, valid EmailAddress.create hints.Email with
                | NotAsked, Some address -> Given address
                | known, _ -> known
            Files = draft.Files
        }
