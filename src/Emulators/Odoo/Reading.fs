/// Searching and reading records, and what `fields_get` tells about them.
module FunctionalBot.Emulators.Odoo.Reading

open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Catalogue
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records

/// A page of a search; limit 0 takes all. An empty order is the model's own.
type Page = {
    Offset: int
    Limit: int
    Order: string
}

/// The first page without limit, in the model's order.
let everything: Page = { Offset = 0; Limit = 0; Order = "" }

/// The records that meet the domain, sorted and cut to the page. Archived ones are left out unless the domain
/// asks for `active` or the context turned active_test off.
let find (caller: Caller) (name: string) (domain: Json) (page: Page) (database: Database) = outcome {
    let! model = modelOf caller name
    do! demandRight caller Read model
    let! condition = Filter.parse caller model domain

    let! order =
        Matching.parseOrder model (if page.Order = "" then model.Order else page.Order)

    let hidesArchived =
        caller.OnlyActive
        && (tryField "active" model).IsSome
        && not (Filter.mentions "active" condition)

    let found =
        rowsOf name database
        |> Map.toSeq
        |> Seq.filter (fun (_, row) -> not hidesArchived || valueOf "active" row <> Flag false)
        |> Seq.filter (Matching.holds caller database name condition)
        |> List.ofSeq
        |> Matching.sort order

    let rest = found |> List.skip (min page.Offset found.Length)

    return
        (if page.Limit > 0 then
             List.truncate page.Limit rest
         else
             rest)
}

/// Reads fields of records that are there; those that are gone are left out. No names read all fields.
/// `plain` gives references as bare ids.
let read
    (caller: Caller)
    (name: string)
    (fields: string list)
    (plain: bool)
    (rows: (int64 * Row) list)
    database
    = outcome {
    let! model = modelOf caller name
    do! demandRight caller Read model

    let names =
        if fields.IsEmpty then
            model.Fields |> List.map (fun field -> field.Name)
        else
            fields |> List.filter (fun field -> field <> "id")

    // Also without any record a wrong name is an error.
    let unknown = names |> List.tryFind (fun field -> (tryField field model).IsNone)

    match unknown with
    | Some field -> return! valueError $"Invalid field '%s{field}' on '%s{name}'"
    | None ->
        let! objects =
            rows
            |> eachOf (fun (id, row) ->
                names
                |> eachOf (fun field ->
                    Values.present caller database model plain field (id, row)
                    |> Result.map (fun value -> field, value))
                |> Result.map (fun values -> Fields(("id", Whole id) :: values)))

        return Items objects
}

let private typeOf (kind: Kind) : string * (string * Json) list =
    match kind with
    | Char -> "char", []
    | Multiline -> "text", []
    | Html -> "html", []
    | Integer -> "integer", []
    | Boolean -> "boolean", []
    | Datetime -> "datetime", []
    | Binary -> "binary", []
    | Selection choices ->
        "selection",
        [
            "selection", Items(choices |> List.map (fun (value, label) -> Items [ Text value; Text label ]))
        ]
    | ManyToOne target -> "many2one", [ "relation", Text target ]
    | ManyToMany target -> "many2many", [ "relation", Text target ]
    | OneToMany target -> "one2many", [ "relation", Text target ]

/// The description of the model's fields, all or those named, with all attributes or those named.
let fieldsGet
    (caller: Caller)
    (name: string)
    (fields: string list)
    (attributes: string list)
    : Outcome<Json> = outcome {
    let! model = modelOf caller name

    let identifier = {
        Name = "id"
        Label = "ID"
        Kind = Integer
        Required = false
        ReadOnly = true
        Default = Flag false
    }

    let describe (field: Field) =
        let typeName, more = typeOf field.Kind

        let all =
            [
                "name", Text field.Name
                "string", Text field.Label
                "type", Text typeName
                "required", Flag field.Required
                "readonly", Flag field.ReadOnly
                "store", Flag true
                "searchable", Flag true
                "sortable", Flag true
                "manual", Flag(field.Name.StartsWith "x_")
            ]
            @ more

        field.Name,
        Fields(
            all
            |> List.filter (fun (attribute, _) -> attributes.IsEmpty || List.contains attribute attributes)
        )

    return
        identifier :: model.Fields
        |> List.filter (fun field -> fields.IsEmpty || List.contains field.Name fields)
        |> List.map describe
        |> Fields
}
