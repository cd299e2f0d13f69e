/// What Odoo's models do to a record by themselves: ticket numbers and the first stage, closing dates,
/// sanitized phone numbers, the types and checksums of attachments.
module FunctionalBot.Emulators.Odoo.Derived

open System
open System.Security.Cryptography
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Catalogue
open FunctionalBot.Emulators.Odoo.Records

/// The phone number in E.164 form, or none: a number in national form needs a country, which contacts made
/// over the API do not have. Mexico's and Brazil's mobile forms change as in the library that Odoo uses.
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
        | ".mp3" -> "audio/mpeg"
        | ".m4a" -> "audio/mp4"
        | ".gif" -> "image/gif"
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

/// The record with what its model derives; `before` is the record as it was, empty for a new one.
let ofModel (caller: Caller) (database: Database) (model: Model) (before: Row) (row: Row) : Row =
    match model.Name with
    | "helpdesk.ticket" -> ticketStage caller database before row
    | "res.partner" -> partner row
    | "ir.attachment" -> attachment row
    | _ -> row

/// What a new ticket gets before the caller's values: its number and the first stage.
let ticketDefaults (caller: Caller) (id: int64) (model: Model) (row: Row) : Row =
    if model.Name <> "helpdesk.ticket" then
        row
    elif caller.Models.ContainsKey "helpdesk.stage" then
        row
        |> Map.add "ticket_ref" (Text(id.ToString "D5"))
        |> Map.add "stage_id" (Whole 1L)
    else
        row |> Map.add "number" (Text $"HT%05d{id}") |> Map.add "stage_id" (Whole 1L)
