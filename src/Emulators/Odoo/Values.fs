/// How values come into records and go out of them: the checks and forms of each field type.
module FunctionalBot.Emulators.Odoo.Values

open System
open System.Globalization
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Catalogue
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records

let private momentFormats = [| "yyyy-MM-dd HH:mm:ss"; "yyyy-MM-dd HH:mm"; "yyyy-MM-dd" |]

/// Whether a text is a moment as Odoo reads it.
let isMoment (text: string) : bool =
    fst (DateTime.TryParseExact(text, momentFormats, CultureInfo.InvariantCulture, DateTimeStyles.None))

let private withoutNul (text: string) : Outcome<string> =
    if text.Contains '\000' then
        valueError "A string literal cannot contain NUL (0x00) characters."
    else
        Ok text

let private textValue (json: Json) : Outcome<Json> =
    match json with
    | Flag false
    | Null -> Ok(Flag false)
    | Text text -> withoutNul text |> Result.map Text
    | other -> Ok(Text(pythonText other))

let private demandRecord (caller: Caller) (database: Database) (target: string) (id: int64) : Outcome<Json> =
    match tryRow target id database with
    | Some _ -> Ok(Whole id)
    | None -> missingError target id caller.User

/// Applies Odoo's commands for lists of records: `[4, id]`, `[6, 0, ids]`, `[3, id]`, `[5]`, or plain ids.
/// Commands that create records are carried out by whoever writes the record.
let private references caller database (target: string) (old: Json) (json: Json) : Outcome<Json> =
    let start =
        match old with
        | Items ids -> ids
        | _ -> []

    let step (ids: Json list) (command: Json) =
        match command with
        | Whole id
        | Items(Whole 4L :: Whole id :: _) ->
            demandRecord caller database target id
            |> Result.map (fun id -> (), (if List.contains id ids then ids else ids @ [ id ]))
        | Items [ Whole 6L; _; Items chosen ] ->
            chosen
            |> eachOf (fun id ->
                match id with
                | Whole id -> demandRecord caller database target id
                | other -> valueError $"Wrong value for a list of records: %s{pythonText other}")
            |> Result.map (fun chosen -> (), chosen)
        | Items(Whole 3L :: id :: _) -> Ok((), ids |> List.filter (fun other -> other <> id))
        | Items(Whole 5L :: _) -> Ok((), [])
        | other -> valueError $"Wrong value for a list of records: %s{pythonText other}"

    match json with
    | Items(Whole _ :: _ as ids) -> foldEach step [] ids |> Result.map (fun (_, ids) -> Items ids)
    | Items commands -> foldEach step start commands |> Result.map (fun (_, ids) -> Items ids)
    | Flag false
    | Null -> Ok(Items [])
    | other -> valueError $"Wrong value for a list of records: %s{pythonText other}"

/// Checks a given value and brings it into the stored form. `old` is what the record had.
let convert
    (caller: Caller)
    (database: Database)
    (model: Model)
    (field: Field)
    (old: Json)
    (json: Json)
    : Outcome<Json> =
    let wrong () =
        valueError $"Wrong value for %s{model.Name}.%s{field.Name}: %s{pythonText json}"

    match field.Kind, json with
    | (Char | Multiline | Binary), _ -> textValue json
    | Html, _ ->
        textValue json
        |> Result.map (fun value ->
            match value with
            | Text text -> Text(Sanitizer.sanitize text)
            | other -> other)
    | Boolean, _ -> Ok(Flag(isTruthy json))
    | Integer, (Flag false | Null) -> Ok(Whole 0L)
    | Integer, Whole _ -> Ok json
    | Integer, Text text ->
        match Int64.TryParse text with
        | true, whole -> Ok(Whole whole)
        | _ -> valueError $"invalid literal for int() with base 10: %s{pythonText json}"
    | Integer, _ -> wrong ()
    | (Selection _ | Datetime | ManyToOne _), (Flag false | Null) -> Ok(Flag false)
    | Selection choices, Text value when choices |> List.exists (fun (choice, _) -> choice = value) -> Ok json
    | Selection _, _ -> wrong ()
    | Datetime, Text text when isMoment text ->
        Ok(Text(if text.Length = 10 then text + " 00:00:00" else text))
    | Datetime, _ -> valueError $"time data %s{pythonText json} does not match format '%%Y'"
    | ManyToOne target, Whole id -> demandRecord caller database target id
    | ManyToOne _, _ -> wrong ()
    | (ManyToMany target | OneToMany target), _ -> references caller database target old json

/// The value as `read` gives it: references with their label, `false` for nothing.
let present
    (caller: Caller)
    (database: Database)
    (model: Model)
    (plain: bool)
    (name: string)
    (id: int64, row: Row)
    =
    let nameIsTranslated =
        name = "name"
        && (model.Name.EndsWith ".stage" || model.Name.EndsWith ".channel")

    match tryField name model with
    | _ when name = "id" -> Ok(Whole id)
    | _ when name = "display_name" -> Ok(Text(labelOf caller model.Name row))
    | _ when nameIsTranslated -> Ok(Text(translated caller (textOf "name" row)))
    | None -> valueError $"Invalid field '%s{name}' on '%s{model.Name}'"
    | Some field ->
        match field.Kind, valueOf name row with
        | ManyToOne target, Whole reference when not plain ->
            match tryRow target reference database with
            | Some row -> Ok(Items [ Whole reference; Text(labelOf caller target row) ])
            | None -> Ok(Flag false)
        | Integer, Flag false -> Ok(Whole 0L)
        | (ManyToMany _ | OneToMany _), Flag false -> Ok(Items [])
        | _, value -> Ok value

/// Fails as PostgreSQL's NOT NULL makes Odoo fail when a compulsory field is not set.
let demandRequired (model: Model) (row: Row) : Outcome<unit> =
    let isMissing (field: Field) =
        field.Required && valueOf field.Name row = Flag false

    match model.Fields |> List.tryFind isMissing with
    | None when model.Name = "res.partner" && textOf "name" row = "" ->
        validationError "The operation cannot be completed: Contacts require a name"
    | None -> Ok()
    | Some field ->
        validationError (
            $"The operation cannot be completed: Missing required value for the field '%s{field.Label}' "
            + $"(%s{field.Name}).\nModel: '%s{model.Label}' (%s{model.Name})\n"
            + "- create/update: a mandatory field is not set\n"
            + "- delete: another model requires the record being deleted, you can archive it instead\n"
        )
