/// Creating and changing records: values are checked field by field, records among them are made on the way.
module FunctionalBot.Emulators.Odoo.Writing

open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Catalogue
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records

let private convertAll
    caller
    database
    (model: Model)
    (before: Row)
    (values: (string * Json) list)
    : Outcome<Row> =
    let step (row: Row) (name: string, value: Json) =
        match tryField name model with
        | None when name = "id" -> Ok((), row)
        | None -> valueError $"Invalid field '%s{name}' in '%s{model.Name}'"
        | Some field ->
            Values.convert caller database model field (valueOf name before) value
            |> Result.map (fun stored -> (), Map.add name stored row)

    foldEach step before values |> Result.map snd

/// Enterprise finds or makes the partner of an e-mail address, and copies name and address from a partner.
let rec private enterprisePartner
    caller
    (model: Model)
    (row: Row, database: Database)
    : Outcome<Row * Database> =
    let isEnterprise =
        model.Name = "helpdesk.ticket" && caller.Models.ContainsKey "helpdesk.stage"

    let email = textOf "partner_email" row

    let filled id =
        match tryRow "res.partner" id database with
        | None -> row
        | Some partner ->
            [ "partner_name", "name"; "partner_email", "email"; "partner_phone", "phone" ]
            |> List.fold
                (fun row (target, source) ->
                    if isTruthy (valueOf target row) then
                        row
                    else
                        Map.add target (valueOf source partner) row)
                row

    match valueOf "partner_id" row with
    | Whole id when isEnterprise -> Ok(filled id, database)
    | _ when isEnterprise && email <> "" ->
        let known =
            rowsOf "res.partner" database
            |> Map.tryFindKey (fun _ partner ->
                valueOf "email_normalized" partner = Text(email.ToLowerInvariant()))

        match known with
        | Some id -> Ok(Map.add "partner_id" (Whole id) row, database)
        | None ->
            let name = textOf "partner_name" row
            let values = [ "name", Text(if name = "" then email else name); "email", Text email ]

            create caller "res.partner" values database
            |> Result.map (fun (id, database) -> Map.add "partner_id" (Whole id) row, database)
    | _ -> Ok(row, database)

/// Creates one record; gives its id and the database with it.
and create (caller: Caller) (name: string) (values: (string * Json) list) (database: Database) = outcome {
    let! model = modelOf caller name
    do! demandRight caller Create model

    // New records of another model among the values: `[0, 0, {...}]`.
    let isNested value =
        match value with
        | Items(Items(Whole 0L :: _) :: _) -> true
        | _ -> false

    let nested, plain = values |> List.partition (fun (_, value) -> isNested value)
    let id = nextId name database

    let defaults =
        model.Fields
        |> List.map (fun field -> field.Name, field.Default)
        |> Map.ofList
        |> Derived.ticketDefaults caller id model

    let! given = convertAll caller database model defaults plain
    let! row, database = enterprisePartner caller model (given, database)

    let stamped =
        row
        |> Map.add "create_date" (odooMoment caller.At)
        |> Map.add "write_date" (odooMoment caller.At)
        |> Map.add "create_uid" (Whole caller.User)
        |> Map.add "write_uid" (Whole caller.User)

    let finished = Derived.ofModel caller database model Map.empty stamped
    do! Values.demandRequired model finished
    do! demandTarget name finished database
    let database = record (Put(name, id, finished)) database
    return! nest caller name id nested database
}

/// Attachments need a record that is there, unless they wait for a message.
and private demandTarget (name: string) (row: Row) (database: Database) : Outcome<unit> =
    match name, textOf "res_model" row, valueOf "res_id" row with
    | "ir.attachment", model, Whole id when model <> "" && id > 0L && (tryRow model id database).IsNone ->
        accessError "Sorry, you are not allowed to access this document."
    | _ -> Ok()

and private nest caller (name: string) (id: int64) (nested: (string * Json) list) database = outcome {
    let commands = [
        for field, value in nested do
            match value with
            | Items commands ->
                for command in commands do
                    field, command
            | _ -> ()
    ]

    let step (database: Database) (field: string, command: Json) = outcome {
        let! model = modelOf caller name

        match tryField field model, command with
        | Some {
                   Kind = (OneToMany target | ManyToMany target)
               },
          Items [ Whole 0L; _; Fields values ] ->
            let owned =
                if target = "ir.attachment" then
                    values @ [ "res_id", Whole id ]
                else
                    values

            let! child, database = create caller target owned database
            let row = database |> rowsOf name |> Map.find id

            let children =
                match valueOf field row with
                | Items ids -> ids @ [ Whole child ]
                | _ -> [ Whole child ]

            return (), record (Put(name, id, Map.add field (Items children) row)) database
        | Some _, other -> return! valueError $"Wrong value for a list of records: %s{pythonText other}"
        | None, _ -> return! valueError $"Invalid field '%s{field}' in '%s{name}'"
    }

    let! _, database = foldEach step database commands
    return id, database
}

/// Changes records; a record that is gone fails the whole call.
let write
    (caller: Caller)
    (name: string)
    (ids: int64 list)
    (values: (string * Json) list)
    (database: Database)
    = outcome {
    let! model = modelOf caller name
    do! demandRight caller Write model

    let step (database: Database) (id: int64) = outcome {
        match tryRow name id database with
        | None -> return! missingError name id caller.User
        | Some before ->
            let! given = convertAll caller database model before values

            let stamped =
                given
                |> Map.add "write_date" (odooMoment caller.At)
                |> Map.add "write_uid" (Whole caller.User)

            let finished = Derived.ofModel caller database model before stamped
            do! Values.demandRequired model finished
            return (), record (Put(name, id, finished)) database
    }

    let! _, database = foldEach step database ids
    return database
}
