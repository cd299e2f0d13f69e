/// `load()`: the import of rows by external id that makes creating a ticket safe to repeat. A row whose
/// external id is known changes that record, any other makes a new one. Texts and shapes of the messages are
/// Odoo 19's.
module FunctionalBot.Emulators.Odoo.Import

open System
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Catalogue
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records

/// One reason why nothing was imported. `Field` is empty when the message is not about one field.
type private Complaint = {
    Row: int
    Field: string
    Message: string
    FieldLabel: string
}

let private toJson (complaint: Complaint) : Json =
    Fields [
        "rows", Fields [ "from", Whole(int64 complaint.Row); "to", Whole(int64 complaint.Row) ]
        "record", Whole(int64 complaint.Row)
        "type", Text "error"
        "message", Text complaint.Message
        if complaint.Field <> "" then
            "field", Text complaint.Field
        if complaint.FieldLabel <> "" then
            "field_name", Text complaint.FieldLabel
    ]

let private answer (ids: Json) (messages: Json list) : Json =
    Fields [ "ids", ids; "messages", Items messages; "nextrow", Whole 0L ]

/// What load answers when another transaction changed the same rows meanwhile.
let serializationFailure: Json =
    answer (Flag false) [
        toJson {
            Row = 0
            Field = ""
            Message = "could not serialize access due to concurrent update\n"
            FieldLabel = ""
        }
    ]

/// The full external id: without a module in front it belongs to `__import__`.
let fullExternalId (id: string) : string =
    if id.Contains '.' then id else "__import__." + id

/// The external ids that a load would write, so that overlapping ones can be told.
let externalIds (fields: string list) (rows: Json list) : string list =
    match fields |> List.tryFindIndex (fun name -> name = "id") with
    | None -> []
    | Some index -> [
        for row in rows do
            match row with
            | Items cells when cells.Length > index ->
                match cells[index] with
                | Text id when id <> "" -> fullExternalId id
                | _ -> ()
            | _ -> ()
      ]

/// Finds the record that a cell of a reference column names.
let private reference caller database (target: string) (label: string) (part: string) (cell: string) =
    let complain (what: string) =
        Error $"No matching record found for %s{what} '%s{cell}' in field '%s{label}'"

    match part with
    | ".id" ->
        match Int64.TryParse cell with
        | true, id when (tryRow target id database).IsSome -> Ok(Whole id)
        | _ -> complain "database id"
    | "id" ->
        match database.External |> Map.tryFind (fullExternalId cell) with
        | Some(model, id) when model = target -> Ok(Whole id)
        | _ -> complain "external id"
    | _ ->
        rowsOf target database
        |> Map.tryFindKey (fun _ row -> labelOf caller target row = cell || textOf "name" row = cell)
        |> Option.map (fun id -> Ok(Whole id))
        |> Option.defaultWith (fun () -> complain "name")

let private booleans =
    Map [
        "1", true
        "true", true
        "yes", true
        "0", false
        "false", false
        "no", false
        "", false
    ]

/// Turns one cell into a value that create and write take; the error is the message for people.
let private cellValue caller database (field: Field) (part: string) (cell: string) : Result<Json, string> =
    match field.Kind with
    | _ when cell = "" -> Ok(Flag false)
    | ManyToOne target -> reference caller database target field.Label part cell
    | ManyToMany target
    | OneToMany target ->
        cell.Split ','
        |> List.ofArray
        |> List.fold
            (fun found cell ->
                found
                |> Result.bind (fun ids ->
                    reference caller database target field.Label part (cell.Trim())
                    |> Result.map (fun id -> ids @ [ id ])))
            (Ok [])
        |> Result.map (fun ids -> Items [ Items [ Whole 6L; Whole 0L; Items ids ] ])
    | Boolean ->
        match booleans |> Map.tryFind (cell.ToLowerInvariant()) with
        | Some flag -> Ok(Flag flag)
        | None -> Error $"Unknown value '%s{cell}' for boolean field '%s{field.Label}'"
    | Integer ->
        match Int64.TryParse cell with
        | true, whole -> Ok(Whole whole)
        | _ -> Error $"'%s{cell}' does not seem to be an integer for field '%s{field.Label}'"
    | Selection choices ->
        match choices |> List.tryFind (fun (value, label) -> value = cell || label = cell) with
        | Some(value, _) -> Ok(Text value)
        | None -> Error $"Value '%s{cell}' not found in selection field '%s{field.Label}'"
    | Datetime when not (Values.isMoment cell) ->
        Error $"'%s{cell}' does not seem to be a valid datetime for field '%s{field.Label}'"
    | _ -> Ok(Text cell)

let private cellText (cell: Json) : string =
    match cell with
    | Text text -> text
    | Flag false
    | Null -> ""
    | other -> pythonText other

/// Splits a column's name: `team_id/.id` is the field `team_id` by database id.
let private column (model: Model) (name: string) : Outcome<(Field * string) option> =
    let fieldName, part =
        match name.IndexOf '/' with
        | -1 -> name, ""
        | slash -> name.Substring(0, slash), name.Substring(slash + 1)

    match tryField fieldName model with
    | _ when name = "id" || name = ".id" -> Ok None
    | Some field -> Ok(Some(field, part))
    | None -> valueError $"Invalid field name '%s{fieldName}'"

let private importRow
    caller
    (model: Model)
    columns
    (identifierAt: int option)
    database
    (number: int, cells: Json list)
    =
    let complaint field label message = {
        Row = number
        Field = field
        Message = message
        FieldLabel = label
    }

    let values =
        List.zip (List.truncate cells.Length columns) (List.truncate columns.Length cells)
        |> List.choose (fun (column, cell) ->
            column |> Option.map (fun (field, part) -> field, part, cellText cell))
        |> List.map (fun (field: Field, part, cell) ->
            cellValue caller database field part cell
            |> Result.map (fun value -> field.Name, value)
            |> Result.mapError (complaint field.Name field.Label))

    let problems =
        values
        |> List.choose (fun value ->
            match value with
            | Error problem -> Some problem
            | Ok _ -> None)

    let identifier =
        match identifierAt with
        | Some index when index < cells.Length && cellText cells[index] <> "" ->
            Some(fullExternalId (cellText cells[index]))
        | _ -> None

    let existing =
        identifier |> Option.bind (fun id -> Map.tryFind id database.External)

    let given = values |> List.choose Result.toOption

    let name id (database: Database) =
        match identifier with
        | Some identifier -> id, record (Named(identifier, model.Name, id)) database
        | None -> id, database

    let stored =
        match existing with
        | _ when not problems.IsEmpty -> Error problems
        | Some(other, _) when other <> model.Name ->
            Error [
                complaint
                    ""
                    ""
                    ($"For external id %s{Option.defaultValue String.Empty identifier} "
                     + $"when trying to create/update a record of model %s{model.Name} "
                     + $"found record of different model %s{other}")
            ]
        | Some(_, id) when (tryRow model.Name id database).IsSome ->
            Writing.write caller model.Name [ id ] given database
            |> Result.map (fun database -> id, database)
            |> Result.mapError (fun failure -> [ complaint "" "" failure.Message ])
        | _ ->
            Writing.create caller model.Name given database
            |> Result.map (fun (id, database) -> name id database)
            |> Result.mapError (fun failure -> [ complaint "" "" failure.Message ])

    stored

let private introduction = "The operation cannot be completed: "

/// The words for people that load uses where create() raises: without the introduction, or as an unknown
/// error.
let private reworded (complaint: Complaint) : Complaint =
    if complaint.Message.StartsWith(introduction, StringComparison.Ordinal) then
        let message = complaint.Message.Substring introduction.Length
        let opening, closing = message.IndexOf '(', message.IndexOf ')'

        {
            complaint with
                Message = message
                Field =
                    if opening > 0 && closing > opening then
                        message.Substring(opening + 1, closing - opening - 1)
                    else
                        ""
        }
    elif complaint.Message.Contains "NUL (0x00)" then
        {
            complaint with
                Message = "Unknown error during import: <class 'ValueError'>: " + complaint.Message
        }
    else
        complaint

/// Imports the rows, all or none. An unknown column is a ValueError; everything else that is wrong is told in
/// `messages` with `ids` false, and the call itself succeeds.
let load (caller: Caller) (name: string) (fields: string list) (rows: Json list) (database: Database) =
    outcome {
        let! model = modelOf caller name
        let! columns = fields |> eachOf (column model)
        let identifierAt = fields |> List.tryFindIndex (fun field -> field = "id")

        let step (ids, complaints, current) (number: int, row: Json) =
            let cells =
                match row with
                | Items cells -> cells
                | _ -> []

            match importRow caller model columns identifierAt current (number, cells) with
            | Ok(id, changed) -> ids @ [ Whole id ], complaints, changed
            | Error problems -> ids, complaints @ problems, current

        let ids, complaints, changed =
            rows |> List.indexed |> List.fold step ([], [], database)

        if complaints.IsEmpty then
            return answer (Items ids) [], changed
        else
            return answer (Flag false) (complaints |> List.map (reworded >> toJson)), database
    }
