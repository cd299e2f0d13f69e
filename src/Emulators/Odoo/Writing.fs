/// Creating and changing records, with what Odoo's models do by themselves on the way: ticket numbers, the first
/// stage, closing, sanitized phone numbers, attachment types.
module FunctionalBot.Emulators.Odoo.Writing

open System
open System.Security.Cryptography
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Catalogue
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records

/// The phone number in E.164 form, or none: a number in national form needs a country, which contacts made over
/// the API do not have. Mexico's and Brazil's mobile forms change as in the library that Odoo uses.
let sanitizedPhone (phone: string) : string option =
    let digits = phone |> String.filter Char.IsAsciiDigit

    let international =
        if phone.TrimStart().StartsWith '+' then
            Some digits
        elif phone.TrimStart().StartsWith "00" then
            Some(digits.Substring 2)
        else
            None

    international
    |> Option.filter (fun number -> number.Length >= 8 && number.Length <= 15)
    |> Option.map (fun number ->
        if number.StartsWith "521" && number.Length = 13 then
            "+52" + number.Substring 3
        elif number.StartsWith "55" && number.Length = 12 && number[4] >= '6' then
            "+" + number.Substring(0, 4) + "9" + number.Substring 4
        else
            "+" + number)

let private bytesOf (base64: string) : byte[] =
    // Odoo takes invalid base64 without a word and stores nothing.
    let buffer: byte[] = Array.zeroCreate base64.Length

    match Convert.TryFromBase64String(base64, buffer.AsSpan()) with
    | true, length -> Array.truncate length buffer
    | _ -> [||]

let private mimeType (name: string) (content: byte[]) : string =
    let startsWith (magic: byte list) =
        List.ofArray (Array.truncate magic.Length content) = magic

    if startsWith [ 0x89uy; 0x50uy; 0x4Euy; 0x47uy ] then
        "image/png"
    elif startsWith [ 0xFFuy; 0xD8uy ] then
        "image/jpeg"
    elif startsWith [ 0x25uy; 0x50uy; 0x44uy; 0x46uy ] then
        "application/pdf"
    else
        match (string (IO.Path.GetExtension name)).ToLowerInvariant() with
        | ".jpg"
        | ".jpeg" -> "image/jpeg"
        | ".png" -> "image/png"
        | ".webp" -> "image/webp"
        | ".pdf" -> "application/pdf"
        | ".ogg" -> "audio/ogg"
        | ".mp4" -> "video/mp4"
        // Pages and drawings from someone who is no administrator become plain text.
        | ".txt"
        | ".html"
        | ".htm"
        | ".svg"
        | ".xml" -> "text/plain"
        | _ -> "application/octet-stream"

let private attachment (row: Row) : Row =
    let content = bytesOf (textOf "datas" row)

    row
    |> Map.add "datas" (Text(Convert.ToBase64String content))
    |> Map.add "file_size" (Whole(int64 content.Length))
    |> Map.add "mimetype" (Text(mimeType (textOf "name" row) content))
    |> Map.add
        "checksum"
        (if content.Length = 0 then
             Flag false
         else
             Text((Convert.ToHexString(SHA1.HashData content)).ToLowerInvariant()))

let private partner (row: Row) : Row =
    let orFalse value =
        value |> Option.map Text |> Option.defaultValue (Flag false)

    let email = textOf "email" row

    row
    |> Map.add "phone_sanitized" (sanitizedPhone (textOf "phone" row) |> orFalse)
    |> Map.add
        "email_normalized"
        (if email.Contains '@' then
             Text(email.Trim().ToLowerInvariant())
         else
             Flag false)

/// Sets what follows from the stage; `before` is the record as it was.
let private ticketStage (caller: Caller) (database: Database) (before: Row) (row: Row) : Row =
    let closes (model: string) (flag: string) (row: Row) =
        match valueOf "stage_id" row with
        | Whole id ->
            tryRow model id database
            |> Option.exists (fun stage -> valueOf flag stage = Flag true)
        | _ -> false

    let dated (field: string) (isClosed: bool) (wasClosed: bool) =
        match isClosed, wasClosed with
        | true, false -> Map.add field (odooMoment caller.At)
        | false, true -> Map.add field (Flag false)
        | _ -> id

    if caller.Models.ContainsKey "helpdesk.stage" then
        let closed = closes "helpdesk.stage" "fold"
        row |> dated "close_date" (closed row) (closed before)
    else
        let closed = closes "helpdesk.ticket.stage" "closed"

        row
        |> Map.add "closed" (Flag(closed row))
        |> dated "closed_date" (closed row) (closed before)

let private ofModel (caller: Caller) (database: Database) (model: Model) (before: Row) (row: Row) : Row =
    match model.Name with
    | "helpdesk.ticket" -> ticketStage caller database before row
    | "res.partner" -> partner row
    | "ir.attachment" -> attachment row
    | _ -> row

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

/// What a new ticket gets before the caller's values: its number and the first stage.
let private ticketDefaults (caller: Caller) (id: int64) (model: Model) (row: Row) : Row =
    if model.Name <> "helpdesk.ticket" then
        row
    elif caller.Models.ContainsKey "helpdesk.stage" then
        row
        |> Map.add "ticket_ref" (Text(id.ToString "D5"))
        |> Map.add "stage_id" (Whole 1L)
    else
        row |> Map.add "number" (Text $"HT%05d{id}") |> Map.add "stage_id" (Whole 1L)

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
        |> ticketDefaults caller id model

    let! given = convertAll caller database model defaults plain
    let! row, database = enterprisePartner caller model (given, database)

    let stamped =
        row
        |> Map.add "create_date" (odooMoment caller.At)
        |> Map.add "write_date" (odooMoment caller.At)
        |> Map.add "create_uid" (Whole caller.User)
        |> Map.add "write_uid" (Whole caller.User)

    let finished = ofModel caller database model Map.empty stamped
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

            let finished = ofModel caller database model before stamped
            do! Values.demandRequired model finished
            return (), record (Put(name, id, finished)) database
    }

    let! _, database = foldEach step database ids
    return database
}
