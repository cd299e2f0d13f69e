/// The page on which people see the tickets, as in Odoo's helpdesk: live, with stages and the chatter. It
/// belongs to the emulator and is for this machine's browser only.
module FunctionalBot.Emulators.Odoo.Desk

open System
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records
open FunctionalBot.Emulators.Odoo.Server

/// The administrator who works at the desk, with labels in Spanish.
let private agent (server: Server) : Outcome<Caller> =
    server.Caller(administratorUser, Fields [ "lang", Text "es_ES" ])

/// A ticket is for a person when it carries a tag that says so or the highest priority.
let private needsPerson (tagNames: string list) (row: Row) : bool =
    valueOf "priority" row = Text "3"
    || tagNames
       |> List.exists (fun name -> name.Contains("person", StringComparison.OrdinalIgnoreCase))

let private labels (caller: Caller) (database: Database) (model: string) (ids: Json) : string list =
    match ids with
    | Items ids -> [
        for id in ids do
            match id with
            | Whole id ->
                match tryRow model id database with
                | Some row -> labelOf caller model row
                | None -> ()
            | _ -> ()
      ]
    | _ -> []

let private label caller database (model: string) (reference: Json) : string =
    labels caller database model (Items [ reference ])
    |> List.tryHead
    |> Option.defaultValue ""

let private messageJson caller database (_: int64, row: Row) : Json =
    Fields [
        "author", Text(label caller database "res.partner" (valueOf "author_id" row))
        "at", valueOf "date" row
        "body", valueOf "body" row
        "public", Flag(Messages.isPublic row)
    ]

let private attachmentsOf (id: int64) (database: Database) : Json =
    Items [
        for attachment, row in Map.toList (rowsOf "ir.attachment" database) do
            if
                valueOf "res_model" row = Text "helpdesk.ticket"
                && valueOf "res_id" row = Whole id
            then
                Fields [
                    "id", Whole attachment
                    "name", valueOf "name" row
                    "type", valueOf "mimetype" row
                    "size", valueOf "file_size" row
                ]
    ]

let private stageModel (caller: Caller) : string =
    if caller.Models.ContainsKey "helpdesk.stage" then
        "helpdesk.stage"
    else
        "helpdesk.ticket.stage"

let private ticketJson (caller: Caller) (database: Database) (id: int64, row: Row) : Json =
    let tagModel =
        if caller.Models.ContainsKey "helpdesk.stage" then
            "helpdesk.tag"
        else
            "helpdesk.ticket.tag"

    let tags = labels caller database tagModel (valueOf "tag_ids" row)
    let partner = label caller database "res.partner" (valueOf "partner_id" row)
    let name = textOf "partner_name" row

    Fields [
        "id", Whole id
        "number",
        Text(
            if textOf "number" row = "" then
                textOf "ticket_ref" row
            else
                textOf "number" row
        )
        "title", Text(textOf "name" row)
        "customer", Text(if name = "" then partner else name)
        "email", Text(textOf "partner_email" row)
        "stageId", valueOf "stage_id" row
        "stage", Text(label caller database (stageModel caller) (valueOf "stage_id" row))
        "priority", valueOf "priority" row
        "tags", Items(tags |> List.map Text)
        "needsPerson", Flag(needsPerson tags row)
        "created", valueOf "create_date" row
        "key", Text(textOf "x_wa_key" row)
        // Markup was sanitized when it was written; the page's content policy forbids scripts besides.
        "description", valueOf "description" row
        "attachments", attachmentsOf id database
        "messages",
        Items(
            Messages.ofRecord "helpdesk.ticket" id database
            |> List.map (messageJson caller database)
        )
    ]

/// Everything that the page shows, newest ticket first.
let overview (server: Server) : Outcome<Json> = outcome {
    let! caller = agent server
    let database = server.Database

    let stages =
        rowsOf (stageModel caller) database
        |> Map.toList
        |> List.map (fun (id, row) ->
            Fields [
                "id", Whole id
                "name", Text(labelOf caller (stageModel caller) row)
                "closed", valueOf "fold" row
            ])

    let tickets =
        rowsOf "helpdesk.ticket" database
        |> Map.toList
        |> List.rev
        |> List.map (ticketJson caller database)

    return
        Fields [
            "version", Whole(int64 server.Settings.Version)
            "database", Text server.Settings.Database
            "faulty", Flag(server.Faults <> Faults.none)
            "stages", Items stages
            "tickets", Items tickets
        ]
}

let private answerOutcome (context: HttpContext) (result: Outcome<Json>) : Task =
    match result with
    | Ok json -> Exchange.answerJson context 200 json
    | Error failure -> Exchange.answerProblem context (statusOf failure) failure.Message

let private ticketId (context: HttpContext) : int64 =
    match Int64.TryParse(Exchange.routeText "id" context) with
    | true, id -> id
    | _ -> 0L

/// Moves a ticket to another stage: `{"stage_id": 4}`.
let private move (server: Server) (context: HttpContext) (body: Json) : Task =
    let moved = outcome {
        let! caller = agent server
        let stage = field "stage_id" body |> Option.defaultValue Null

        let work =
            Writing.write caller "helpdesk.ticket" [ ticketId context ] [ "stage_id", stage ]

        return!
            fst (
                server.Transaction(fun database ->
                    work database |> Result.map (fun after -> Flag true, after))
            )
    }

    answerOutcome context moved

/// Writes into the chatter: `{"body": "text", "public": true}` for a reply to the customer, else a note.
let private comment (server: Server) (context: HttpContext) (body: Json) : Task =
    let text = textField "body" body |> Option.defaultValue ""
    let isPublic = field "public" body |> Option.exists isTruthy

    let written = outcome {
        let! caller = agent server

        let! text =
            if String.IsNullOrWhiteSpace text then
                userError "El mensaje está vacío."
            else
                Ok(text.Trim())

        let arguments = [
            "body", Text((Sanitizer.ofPlainText text).Replace("\n", "<br>"))
            "body_is_html", Flag true
            "message_type", Text "comment"
            "subtype_xmlid", Text(if isPublic then "mail.mt_comment" else "mail.mt_note")
        ]

        let work = Messages.post caller "helpdesk.ticket" (ticketId context) arguments

        return!
            fst (
                server.Transaction(fun database ->
                    work database |> Result.map (fun (id, after) -> Whole id, after))
            )
    }

    answerOutcome context written

/// What the page may show in its own place. Anything else is a file to be kept.
let private isShown (mimeType: string) : bool =
    List.contains mimeType [ "image/jpeg"; "image/png"; "image/gif"; "image/webp" ]
    || mimeType.StartsWith("audio/", StringComparison.Ordinal)

/// The bytes of an attachment, exactly. They came from a customer: whatever they are, a browser takes them for nothing
/// but what it is told, and runs nothing.
let private attachment (server: Server) (context: HttpContext) : Task =
    match tryRow "ir.attachment" (ticketId context) server.Database with
    | None -> Exchange.answerProblem context 404 "There is no such attachment."
    | Some row ->
        let mimeType = textOf "mimetype" row
        let headers = context.Response.Headers

        headers["Content-Security-Policy"] <-
            "sandbox; default-src 'none'; media-src 'self'; style-src 'unsafe-inline'"

        headers["X-Content-Type-Options"] <- "nosniff"
        headers.CacheControl <- "private, no-store"
        let bytes = Convert.FromBase64String(textOf "datas" row)

        // Players ask for a part of a sound: without that they cannot tell how long it is.
        if isShown mimeType then
            Results.Bytes(bytes, mimeType, enableRangeProcessing = true).ExecuteAsync context
        else
            Results.Bytes(bytes, "application/octet-stream", textOf "name" row).ExecuteAsync context

let private contentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    + "connect-src 'self'; "
    + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

let private page (name: string) : RequestDelegate =
    let file = PageFiles.load $"desk/%s{name}"
    RequestDelegate(PageFiles.answer contentPolicy file)

/// Puts the page and what it asks for on the emulator's address.
let map (server: Server) (app: WebApplication) : unit =
    let route (methodName: string) (path: string) (handler: RequestDelegate) =
        app.MapMethods(path, [ methodName ], handler) |> ignore

    let html = page "desk.html"
    route "GET" "/" html
    route "GET" "/desk" html
    route "GET" "/desk/desk.css" (page "desk.css")
    route "GET" "/desk/desk.js" (page "desk.js")

    route
        "GET"
        "/desk/tickets"
        (Exchange.onlyFromHere (fun context -> answerOutcome context (overview server)))

    route "GET" "/desk/attachments/{id}" (Exchange.onlyFromHere (attachment server))
    route "GET" "/desk/events" (Exchange.onlyFromHere server.Live.Serve)
    route "POST" "/desk/tickets/{id}/stage" (Exchange.onlyFromHere (Exchange.withJsonBody (move server)))

    route
        "POST"
        "/desk/tickets/{id}/messages"
        (Exchange.onlyFromHere (Exchange.withJsonBody (comment server)))
