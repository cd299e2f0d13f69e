/// The chatter of a record: notes of the bot and replies of agents, as `message_post` writes them.
module FunctionalBot.Emulators.Odoo.Messages

open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Catalogue
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records

/// A message's subtype: what customers see, and what only employees see.
let private discussions, private note = 1L, 2L

/// Takes attachments that were made for a message over to the record the message is about.
let private adopt (model: string) (id: int64) (attachments: int64 list) (database: Database) : Database =
    let step database attachment =
        match tryRow "ir.attachment" attachment database with
        | Some row when textOf "res_model" row = "mail.compose.message" ->
            let owned = row |> Map.add "res_model" (Text model) |> Map.add "res_id" (Whole id)
            record (Put("ir.attachment", attachment, owned)) database
        | _ -> database

    List.fold step database attachments

/// Writes a message on a record and gives its id. `arguments` are those of message_post; the record itself is
/// not touched: write_date stays, as in Odoo.
let post (caller: Caller) (model: string) (id: int64) (arguments: (string * Json) list) (database: Database) =
    outcome {
        let given name =
            arguments
            |> List.tryFind (fun (key, _) -> key = name)
            |> Option.map snd
            |> Option.defaultValue (Flag false)

        if (tryRow model id database).IsNone then
            return! missingError model id caller.User
        else
            let body =
                match given "body" with
                | Text text when caller.Version >= 17 && not (isTruthy (given "body_is_html")) ->
                    Sanitizer.ofPlainText text
                | Text markup -> Sanitizer.sanitize markup
                | _ -> ""

            let! body =
                if body.Contains '\000' then
                    valueError "A string literal cannot contain NUL (0x00) characters."
                else
                    Ok body

            let attachments =
                match given "attachment_ids" with
                | Items ids -> [
                    for id in ids do
                        match id with
                        | Whole id -> id
                        | _ -> ()
                  ]
                | _ -> []

            let messageId = nextId "mail.message" database

            let row =
                Map [
                    "body", Text body
                    "preview", Text(Sanitizer.plainText body)
                    "subject", given "subject"
                    "author_id",
                    (if isTruthy (given "author_id") then
                         given "author_id"
                     else
                         Whole caller.Partner)
                    "message_type",
                    (match given "message_type" with
                     | Text kind -> Text kind
                     | _ -> Text "notification")
                    "subtype_id",
                    Whole(
                        if given "subtype_xmlid" = Text "mail.mt_comment" then
                            discussions
                        else
                            note
                    )
                    "is_internal", Flag false
                    "date", odooMoment caller.At
                    "model", Text model
                    "res_id", Whole id
                    "attachment_ids", Items(attachments |> List.map Whole)
                    "create_date", odooMoment caller.At
                    "write_date", odooMoment caller.At
                    "create_uid", Whole caller.User
                    "write_uid", Whole caller.User
                ]

            return
                messageId,
                database
                |> record (Put("mail.message", messageId, row))
                |> adopt model id attachments
    }

/// The messages of a record, oldest first.
let ofRecord (model: string) (id: int64) (database: Database) : (int64 * Row) list =
    rowsOf "mail.message" database
    |> Map.toList
    |> List.filter (fun (_, row) -> valueOf "model" row = Text model && valueOf "res_id" row = Whole id)

/// True for a message that the customer gets too.
let isPublic (row: Row) : bool =
    valueOf "subtype_id" row = Whole discussions
