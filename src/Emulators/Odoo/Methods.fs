/// The public methods of Odoo's models: their arguments, and what each does with the database.
module FunctionalBot.Emulators.Odoo.Methods

open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Catalogue
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records

/// A call on its way in: who, on which model, with which arguments by name.
type Call = {
    Caller: Caller
    Model: Model
    Ids: int64 list
    Arguments: Map<string, Json>
}

/// A method: whether it works on the model as a whole (and takes no ids), which arguments it must and may
/// have, in the order of JSON-RPC's positions, whether it changes records, and what it does.
[<NoComparison; NoEquality>]
type Method = {
    OnModel: bool
    Required: string list
    Optional: string list
    Changes: bool
    Run: Call -> Database -> Outcome<Json * Database>
}

let private given (name: string) (call: Call) : Json =
    call.Arguments |> Map.tryFind name |> Option.defaultValue Null

let private texts (json: Json) : string list =
    match json with
    | Items items -> [
        for item in items do
            match item with
            | Text text -> text
            | _ -> ()
      ]
    | _ -> []

let private wholeOr (fallback: int) (json: Json) : int =
    match json with
    | Whole whole -> int whole
    | _ -> fallback

let private textOr (fallback: string) (json: Json) : string =
    match json with
    | Text text -> text
    | _ -> fallback

let private pageOf (call: Call) : Reading.Page = {
    Offset = given "offset" call |> wholeOr 0
    Limit = given "limit" call |> wholeOr 0
    Order = given "order" call |> textOr ""
}

let private idsOf (rows: (int64 * Row) list) : Json = Items(rows |> List.map (fst >> Whole))

let private reading (run: Call -> Database -> Outcome<Json>) (call: Call) (database: Database) =
    run call database |> Result.map (fun answer -> answer, database)

let private fieldValues (json: Json) : Outcome<(string * Json) list> =
    match json with
    | Fields values -> Ok values
    | other -> valueError $"Invalid values: %s{pythonText other}"

let private create (call: Call) (database: Database) : Outcome<Json * Database> = outcome {
    let rows =
        match given "vals_list" call with
        | Items rows -> rows
        | single -> [ single ]

    let step database row = outcome {
        let! values = fieldValues row
        return! Writing.create call.Caller call.Model.Name values database
    }

    let! ids, database = foldEach step database rows
    return Items(ids |> List.map Whole), database
}

let private write (call: Call) (database: Database) : Outcome<Json * Database> = outcome {
    let! values = fieldValues (given "vals" call)
    let! database = Writing.write call.Caller call.Model.Name call.Ids values database
    return Flag true, database
}

let private read (call: Call) (database: Database) : Outcome<Json> =
    let rows =
        call.Ids
        |> List.choose (fun id -> tryRow call.Model.Name id database |> Option.map (fun row -> id, row))

    let plain = call.Arguments |> Map.tryFind "load" |> Option.exists (isTruthy >> not)
    Reading.read call.Caller call.Model.Name (texts (given "fields" call)) plain rows database

let private search (call: Call) (database: Database) : Outcome<Json> =
    Reading.find call.Caller call.Model.Name (given "domain" call) (pageOf call) database
    |> Result.map idsOf

let private searchRead (call: Call) (database: Database) : Outcome<Json> = outcome {
    let! rows =
        Reading.find call.Caller call.Model.Name (given "domain" call) (pageOf call) database

    let plain = call.Arguments |> Map.tryFind "load" |> Option.exists (isTruthy >> not)
    return! Reading.read call.Caller call.Model.Name (texts (given "fields" call)) plain rows database
}

let private searchCount (call: Call) (database: Database) : Outcome<Json> =
    Reading.find call.Caller call.Model.Name (given "domain" call) Reading.everything database
    |> Result.map (fun rows -> Whole(int64 rows.Length))

let private nameSearch (call: Call) (database: Database) : Outcome<Json> =
    let name =
        Items [
            Text "display_name"
            Text(textOr "ilike" (given "operator" call))
            Text(textOr "" (given "name" call))
        ]

    let domain =
        match given "domain" call with
        | Items more -> Items(name :: more)
        | _ -> Items [ name ]

    let page = {
        Reading.everything with
            Limit = given "limit" call |> wholeOr 100
    }

    Reading.find call.Caller call.Model.Name domain page database
    |> Result.map (fun rows ->
        Items [
            for id, row in rows -> Items [ Whole id; Text(labelOf call.Caller call.Model.Name row) ]
        ])

let private load (call: Call) (database: Database) : Outcome<Json * Database> =
    let rows =
        match given "data" call with
        | Items rows -> rows
        | _ -> []

    Import.load call.Caller call.Model.Name (texts (given "fields" call)) rows database

let private externalIds (call: Call) (database: Database) : Outcome<Json> =
    let known =
        database.External
        |> Map.toSeq
        |> Seq.filter (fun (_, (model, _)) -> model = call.Model.Name)
        |> Seq.map (fun (name, (_, id)) -> id, name)
        |> Map.ofSeq

    Ok(
        Fields [
            for id in call.Ids -> string id, Text(known |> Map.tryFind id |> Option.defaultValue "")
        ]
    )

let private messagePost (call: Call) (database: Database) : Outcome<Json * Database> =
    match call.Ids with
    | [ id ] ->
        Messages.post call.Caller call.Model.Name id (Map.toList call.Arguments) database
        |> Result.map (fun (message, database) -> Items [ Whole message ], database)
    | ids ->
        let shown = ids |> List.map string |> String.concat ", "
        valueError $"Expected singleton: %s{call.Model.Name}(%s{shown})"

let private unlink (call: Call) (database: Database) : Outcome<Json * Database> =
    // Nobody may delete here: a deleted ticket would be a lost customer, and the bot's groups cannot anyway.
    demandRight
        {
            call.Caller with
                Administrator = false
        }
        Unlink
        call.Model
    |> Result.map (fun () -> Flag true, database)

let private mayDo (call: Call) (_: Database) : Outcome<Json> =
    match given "operation" call with
    | Text "read" -> Ok(Flag(hasRight call.Caller Read call.Model))
    | Text "write" -> Ok(Flag(hasRight call.Caller Write call.Model))
    | Text "create" -> Ok(Flag(hasRight call.Caller Create call.Model))
    | Text "unlink" -> Ok(Flag(hasRight call.Caller Unlink call.Model))
    | other -> valueError $"Invalid operation %s{pythonText other}"

let private portalUrl (call: Call) (_: Database) : Outcome<Json> =
    match call.Ids with
    | [ id ] -> Ok(Text $"/my/ticket/%d{id}?access_token=emulated-%d{id}")
    | _ -> valueError $"Expected singleton: %s{call.Model.Name}()"

let private contextGet (call: Call) (_: Database) : Outcome<Json> =
    Ok(
        Fields [
            "lang", Text call.Caller.Language
            "tz", Flag false
            "uid", Whole call.Caller.User
        ]
    )

let private messageOptions = [
    "body"
    "subject"
    "message_type"
    "email_from"
    "author_id"
    "parent_id"
    "subtype_xmlid"
    "subtype_id"
    "partner_ids"
    "attachments"
    "attachment_ids"
    "body_is_html"
]

let private onModel required optional changes run = {
    OnModel = true
    Required = required
    Optional = optional
    Changes = changes
    Run = run
}

let private onRecords required optional changes run = {
    OnModel = false
    Required = required
    Optional = optional
    Changes = changes
    Run = run
}

let private methods: Map<string, Method> =
    Map [
        "create", onModel [ "vals_list" ] [] true create
        "write", onRecords [ "vals" ] [] true write
        "read", onRecords [] [ "fields"; "load" ] false (reading read)
        "search", onModel [ "domain" ] [ "offset"; "limit"; "order" ] false (reading search)
        "search_read",
        onModel [] [ "domain"; "fields"; "offset"; "limit"; "order"; "load" ] false (reading searchRead)
        "search_count", onModel [ "domain" ] [ "limit" ] false (reading searchCount)
        "name_search", onModel [] [ "name"; "domain"; "operator"; "limit" ] false (reading nameSearch)
        "load", onModel [ "fields"; "data" ] [] true load
        "get_external_id", onRecords [] [] false (reading externalIds)
        "message_post", onRecords [] messageOptions true messagePost
        "unlink", onRecords [] [] true unlink
        "has_access", onRecords [ "operation" ] [] false (reading mayDo)
        "check_access_rights", onModel [ "operation" ] [ "raise_exception" ] false (reading mayDo)
        "fields_get",
        onModel [] [ "allfields"; "attributes" ] false (fun call database ->
            Reading.fieldsGet
                call.Caller
                call.Model.Name
                (texts (given "allfields" call))
                (texts (given "attributes" call))
            |> Result.map (fun answer -> answer, database))
    ]

let private isMessaging (model: Model) =
    model.Name = "helpdesk.ticket" || model.Name = "res.partner"

/// The method of that name on the model; the failure is told apart by each protocol.
let tryMethod (model: Model) (name: string) : Method option =
    match name with
    | "message_post" when not (isMessaging model) -> None
    | "get_portal_url" when model.Name = "helpdesk.ticket" -> Some(onRecords [] [] false (reading portalUrl))
    | "context_get" when model.Name = "res.users" -> Some(onModel [] [] false (reading contextGet))
    | _ -> Map.tryFind name methods

/// Odoo's answer to a method whose name starts with an underscore, and to the few that may not be called from
/// afar.
let demandPublic (model: string) (name: string) : Outcome<unit> =
    if name.StartsWith '_' || name = "check_access" then
        accessError $"Private methods (such as '%s{model}.%s{name}') cannot be called remotely."
    else
        Ok()
