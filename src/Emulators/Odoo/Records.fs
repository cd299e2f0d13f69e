/// The records of the emulated database: an immutable value, so that a failed call leaves nothing behind.
module FunctionalBot.Emulators.Odoo.Records

open System
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Catalogue
open FunctionalBot.Emulators.Odoo.Outcome

/// The stored values of one record by field; references are ids or `false`.
type Row = Map<string, Json>

/// One change of a commit, as the data file keeps it.
type Change =
    /// The record has these values now.
    | Put of model: string * id: int64 * row: Row
    /// The external id stands for this record now.
    | Named of externalId: string * model: string * id: int64

/// All records by model and id, the external ids, and what changed since the last commit (newest first).
type Database = {
    Rows: Map<string, Map<int64, Row>>
    External: Map<string, string * int64>
    Changes: Change list
}

/// Who calls, and in which context.
type Caller = {
    /// The models of this Odoo.
    Models: Map<string, Model>
    /// Odoo's major version.
    Version: int
    /// The user's id in res.users.
    User: int64
    /// The same person's id in res.partner.
    Partner: int64
    /// False for the bot's user, who may do only what the catalogue says.
    Administrator: bool
    /// The language of labels: `en_US` or `es_ES`.
    Language: string
    /// Hides records that are not active, unless the search asks for them.
    OnlyActive: bool
    /// The moment of the transaction's start.
    At: DateTimeOffset
}

/// The user ids of the seed.
let administratorUser, botUser = 2L, 5L

/// All records of a model.
let rowsOf (model: string) (database: Database) : Map<int64, Row> =
    database.Rows |> Map.tryFind model |> Option.defaultValue Map.empty

/// A record, if it is there.
let tryRow (model: string) (id: int64) (database: Database) : Row option =
    database |> rowsOf model |> Map.tryFind id

/// A stored value; `false` where nothing is stored.
let valueOf (name: string) (row: Row) : Json =
    row |> Map.tryFind name |> Option.defaultValue (Flag false)

/// A stored text, "" where none is stored.
let textOf (name: string) (row: Row) : string =
    match valueOf name row with
    | Text text -> text
    | _ -> ""

/// Applies a change, when it is made and again when the data file is read.
let apply (database: Database) (change: Change) : Database =
    match change with
    | Put(model, id, row) -> {
        database with
            Rows = database.Rows |> Map.add model (database |> rowsOf model |> Map.add id row)
      }
    | Named(externalId, model, id) -> {
        database with
            External = database.External |> Map.add externalId (model, id)
      }

/// Applies a change and remembers it for the commit.
let record (change: Change) (database: Database) : Database =
    let changed = apply database change

    {
        changed with
            Changes = change :: changed.Changes
    }

/// The id that the model's next record gets.
let nextId (model: string) (database: Database) : int64 =
    let rows = rowsOf model database
    if rows.IsEmpty then 1L else fst (Map.maxKeyValue rows) + 1L

/// The model of that name, or the failure that JSON-2 answers.
let modelOf (caller: Caller) (name: string) : Outcome<Model> =
    match caller.Models |> Map.tryFind name with
    | Some model -> Ok model
    | None -> notFound $"the model '%s{name}' does not exist"

/// Whether the caller has the right on the model.
let hasRight (caller: Caller) (right: Right) (model: Model) : bool =
    caller.Administrator || List.contains right model.BotRights

/// Fails with Odoo's words when the caller lacks the right.
let demandRight (caller: Caller) (right: Right) (model: Model) : Outcome<unit> =
    let verb =
        match right with
        | Read -> "access"
        | Write -> "modify"
        | Create -> "create"
        | Unlink -> "delete"

    if hasRight caller right model then
        Ok()
    else
        accessError (
            $"You are not allowed to %s{verb} '%s{model.Label}' (%s{model.Name}) records.\n\n"
            + "This operation is allowed for the following groups:\n\t- Administration/Access Rights\n\n"
            + "Contact your administrator to request access if necessary."
        )

/// Spanish names of seeded records; Odoo translates them by `context.lang`.
let private spanish =
    Map [
        "New", "Nuevo"
        "In Progress", "En progreso"
        "Awaiting", "En espera"
        "Done", "Hecho"
        "Solved", "Resuelto"
        "Cancelled", "Cancelado"
        "Rejected", "Rechazado"
        "Phone", "Teléfono"
        "Other", "Otro"
        "Email", "Correo electrónico"
    ]

/// A seeded name in the caller's language.
let translated (caller: Caller) (name: string) : string =
    if caller.Language.StartsWith("es", StringComparison.Ordinal) then
        spanish |> Map.tryFind name |> Option.defaultValue name
    else
        name

/// The label of a record, as many2one fields show it.
let labelOf (caller: Caller) (model: string) (row: Row) : string =
    let name = textOf "name" row

    match model, textOf "number" row, textOf "ticket_ref" row with
    | "helpdesk.ticket", "", "" -> name
    | "helpdesk.ticket", "", reference -> $"%s{name} (#%s{reference})"
    | "helpdesk.ticket", number, _ -> $"%s{number} - %s{name}"
    | ("helpdesk.ticket.stage" | "helpdesk.stage" | "helpdesk.ticket.channel"), _, _ -> translated caller name
    | _ -> name

let private people: (string * int64 * Row) list = [
    "res.company", 1L, Map [ "name", Text "Mi Empresa" ]
    "res.partner", 1L, Map [ "name", Text "Mi Empresa"; "is_company", Flag true ]
    "res.partner", 3L, Map [ "name", Text "Administrator" ]
    "res.partner", 6L, Map [ "name", Text "WhatsApp bot" ]
    "res.users", 2L, Map [ "name", Text "Administrator"; "login", Text "admin"; "partner_id", Whole 3L ]
    "res.users", 5L, Map [ "name", Text "WhatsApp bot"; "login", Text "wa-bot"; "partner_id", Whole 6L ]
    "mail.message.subtype", 1L, Map [ "name", Text "Discussions"; "internal", Flag false ]
    "mail.message.subtype", 2L, Map [ "name", Text "Note"; "internal", Flag true ]
]

let private stages (model: string) (names: (string * bool) list) : (string * int64 * Row) list =
    names
    |> List.mapi (fun index (name, closed) ->
        let values =
            [ "name", Text name; "sequence", Whole(int64 index); "fold", Flag closed ]
            @ (if model = "helpdesk.stage" then
                   []
               else
                   [ "closed", Flag closed ])

        model, int64 index + 1L, Map values)

let private helpdeskSeed (helpdesk: Helpdesk) : (string * int64 * Row) list =
    match helpdesk with
    | Community ->
        stages "helpdesk.ticket.stage" [
            "New", false
            "In Progress", false
            "Awaiting", false
            "Done", true
            "Cancelled", true
            "Rejected", true
        ]
        @ [
            "helpdesk.ticket.team", 1L, Map [ "name", Text "Soporte" ]
            "helpdesk.ticket.team", 2L, Map [ "name", Text "Ventas" ]
            for id, name in [ 1L, "Web"; 2L, "Email"; 3L, "Phone"; 4L, "Other"; 5L, "WhatsApp" ] do
                "helpdesk.ticket.channel", id, Map [ "name", Text name ]
            "helpdesk.ticket.category", 1L, Map [ "name", Text "General" ]
            "helpdesk.ticket.tag", 1L, Map [ "name", Text "Para una persona" ]
        ]
    | Enterprise ->
        stages "helpdesk.stage" [ "New", false; "In Progress", false; "Solved", true; "Cancelled", true ]
        @ [
            "helpdesk.team", 1L, Map [ "name", Text "Soporte" ]
            "helpdesk.team", 2L, Map [ "name", Text "Ventas" ]
            "helpdesk.tag", 1L, Map [ "name", Text "Para una persona" ]
        ]

/// A database with the records that a fresh Odoo has: company, users, two teams, stages, channels, a tag.
let seed (helpdesk: Helpdesk) (at: DateTimeOffset) : Database =
    let common =
        Map [
            "create_date", odooMoment at
            "write_date", odooMoment at
            "create_uid", Whole 2L
            "active", Flag true
        ]

    let place database (model, id, row: Row) =
        apply database (Put(model, id, Map.fold (fun all key value -> Map.add key value all) common row))

    people @ helpdeskSeed helpdesk
    |> List.fold place {
        Rows = Map.empty
        External = Map.empty
        Changes = []
    }
