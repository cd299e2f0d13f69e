namespace FunctionalBot.Domain

/// The ticket as a form: what its fields are called, and what is wrong with what was filled in.
module TicketForm =
    /// The fields in the order of the form.
    let fields: TicketField list = [ TitleField; DescriptionField; EmailField ]

    /// Under which name the field travels.
    let name (field: TicketField) : string =
        match field with
        | TitleField -> "title"
        | DescriptionField -> "description"
        | EmailField -> "email"

    /// The field that travels under that name; None where it is none of the form's.
    let named (text: string) : TicketField option =
        fields |> List.tryFind (fun field -> name field = text)

    /// The most photos that can come with it.
    let mostPhotos = 10

    let private given field (filled: (string * string) list) =
        filled
        |> List.tryFindBack (fun (known, _) -> known = name field)
        |> Option.map snd
        |> Option.defaultValue ""

    let private problemOf field outcome =
        match outcome with
        | Ok _ -> []
        | Error problem -> [ field, problem ]

    /// The ticket as far as the fields (by name) are valid, and what is wrong with the others, in the order of the
    /// form. An address that was left blank is one that the customer does not want to give.
    let read (filled: (string * string) list) : Draft * (TicketField * FieldProblem) list =
        let title = TicketTitle.create (given TitleField filled)
        let description = TicketDescription.create (given DescriptionField filled)
        let address = given EmailField filled

        let email =
            if TypedText.isBlank address then
                Ok Declined
            else
                EmailAddress.create address |> Result.map Given

        let draft = {
            Draft.empty with
                Title = Result.toOption title
                Description = Result.toOption description
                Email = email |> Result.defaultValue NotAsked
        }

        draft,
        problemOf TitleField title
        @ problemOf DescriptionField description
        @ problemOf EmailField email
