/// The models that the emulated Odoo has, with the fields, labels and rights that the bot's user sees. Taken
/// from Odoo 19's own fields_get where that runs, from documentation for Enterprise's helpdesk.
module FunctionalBot.Emulators.Odoo.Catalogue

open FunctionalBot.Emulators.Json

/// The type of a field, under the name that fields_get gives it.
type Kind =
    /// One line of text.
    | Char
    /// Text of several lines.
    | Multiline
    /// Markup, sanitized when written.
    | Html
    /// A whole number.
    | Integer
    /// True or false.
    | Boolean
    /// One of the listed (value, label) pairs.
    | Selection of (string * string) list
    /// A moment, UTC, "YYYY-MM-DD HH:MM:SS".
    | Datetime
    /// Bytes as base64.
    | Binary
    /// A reference to one record of the model.
    | ManyToOne of string
    /// References to records of the model.
    | ManyToMany of string
    /// Records of the model that refer back to this one.
    | OneToMany of string

/// One field of a model. `Default` is what create() puts where nothing was given.
type Field = {
    Name: string
    Label: string
    Kind: Kind
    Required: bool
    ReadOnly: bool
    Default: Json
}

/// What a user may do with the records of a model.
type Right =
    | Read
    | Write
    | Create
    | Unlink

/// A model: `Order` is its default order as in a search, `BotRights` what the bot's user may do with it.
type Model = {
    Name: string
    Label: string
    Order: string
    Fields: Field list
    BotRights: Right list
}

let private field (name: string) (label: string) (kind: Kind) : Field = {
    Name = name
    Label = label
    Kind = kind
    Required = false
    ReadOnly = false
    Default = Flag false
}

let private required (field: Field) : Field = { field with Required = true }
let private readOnly (field: Field) : Field = { field with ReadOnly = true }
let private orElse (value: Json) (field: Field) : Field = { field with Default = value }

let private automatic: Field list = [
    field "display_name" "Display Name" Char |> readOnly
    field "create_date" "Created on" Datetime |> readOnly
    field "create_uid" "Created by" (ManyToOne "res.users") |> readOnly
    field "write_date" "Last Updated on" Datetime |> readOnly
    field "write_uid" "Last Updated by" (ManyToOne "res.users") |> readOnly
]

let private active: Field = field "active" "Active" Boolean |> orElse (Flag true)
let private everyday: Right list = [ Read; Write; Create ]

let private model
    (name: string)
    (label: string)
    (order: string)
    (rights: Right list)
    (fields: Field list)
    : Model = {
    Name = name
    Label = label
    Order = order
    Fields = fields @ automatic
    BotRights = rights
}

let private named (name: string) (label: string) (more: Field list) : Model =
    model name label "id" [ Read ] (required (field "name" "Name" Char) :: more)

let private priorities =
    Selection [ "0", "Low"; "1", "Medium"; "2", "High"; "3", "Very High" ]

let private kanban =
    Selection [ "normal", "Default"; "done", "Ready for next stage"; "blocked", "Blocked" ]

let private ticketFields: Field list = [
    field "name" "Title" Char |> required
    field "user_id" "Assigned user" (ManyToOne "res.users")
    field "partner_id" "Contact" (ManyToOne "res.partner")
    field "partner_name" "Partner Name" Char
    field "partner_email" "Email" Char
    field "kanban_state" "Kanban State" kanban |> orElse (Text "normal")
    field "company_id" "Company" (ManyToOne "res.company") |> orElse (Whole 1L)
    field "attachment_ids" "Attachments" (OneToMany "ir.attachment")
    |> orElse (Items [])
    active
]

let private communityModels (extra: Field list) : Model list = [
    model "helpdesk.ticket" "Helpdesk Ticket" "priority desc, number desc, id desc" everyday [
        yield! ticketFields
        field "number" "Ticket number" Char |> readOnly
        field "description" "Description" Html |> required
        field "team_id" "Team" (ManyToOne "helpdesk.ticket.team")
        field "stage_id" "Stage" (ManyToOne "helpdesk.ticket.stage")
        field "channel_id" "Channel" (ManyToOne "helpdesk.ticket.channel")
        field "category_id" "Category" (ManyToOne "helpdesk.ticket.category")
        field "tag_ids" "Tags" (ManyToMany "helpdesk.ticket.tag") |> orElse (Items [])
        field "priority" "Priority" priorities |> orElse (Text "1")
        field "closed" "Closed" Boolean |> readOnly
        field "closed_date" "Closed Date" Datetime
        yield! extra
    ]
    named "helpdesk.ticket.team" "Helpdesk Ticket Team" [ active ]
    named "helpdesk.ticket.stage" "Helpdesk Ticket Stage" [
        field "sequence" "Sequence" Integer
        field "closed" "Closed" Boolean
        field "fold" "Folded in Kanban" Boolean
    ]
    named "helpdesk.ticket.channel" "Helpdesk Ticket Channel" []
    named "helpdesk.ticket.category" "Helpdesk Ticket Category" []
    named "helpdesk.ticket.tag" "Helpdesk Ticket Tag" []
]

let private enterpriseModels (extra: Field list) : Model list = [
    model "helpdesk.ticket" "Helpdesk Ticket" "priority desc, id desc" everyday [
        yield! ticketFields
        field "ticket_ref" "Ticket IDs Sequence" Char |> readOnly
        field "description" "Description" Html
        field "team_id" "Helpdesk Team" (ManyToOne "helpdesk.team") |> orElse (Whole 1L)
        field "stage_id" "Stage" (ManyToOne "helpdesk.stage")
        field "tag_ids" "Tags" (ManyToMany "helpdesk.tag") |> orElse (Items [])
        field "partner_phone" "Customer Phone" Char
        field "priority" "Priority" priorities |> orElse (Text "0")
        field "close_date" "Close date" Datetime |> readOnly
        field "access_token" "Security Token" Char
        yield! extra
    ]
    named "helpdesk.team" "Helpdesk Team" [ active ]
    named "helpdesk.stage" "Helpdesk Stage" [
        field "sequence" "Sequence" Integer
        field "fold" "Folded in Kanban" Boolean
    ]
    named "helpdesk.tag" "Helpdesk Tags" []
]

let private messageTypes =
    Selection [
        "email", "Incoming Email"
        "comment", "Comment"
        "notification", "System notification"
    ]

let private baseModels (version: int) : Model list = [
    model "res.partner" "Contact" "name, id" everyday [
        field "name" "Name" Char
        field "phone" "Phone" Char
        // Gone since 19 (odoo/odoo #189739).
        if version < 19 then
            field "mobile" "Mobile" Char
        field "email" "Email" Char
        field "email_normalized" "Normalized Email" Char |> readOnly
        field "phone_sanitized" "Sanitized Number" Char |> readOnly
        field "lang" "Language" (Selection [ "en_US", "English (US)"; "es_ES", "Spanish / Español" ])
        field "is_company" "Is a Company" Boolean
        field "comment" "Notes" Html
        active
    ]
    named "res.users" "User" [
        field "login" "Login" Char |> required
        field "partner_id" "Related Partner" (ManyToOne "res.partner")
        active
    ]
    named "res.company" "Companies" []
    model "ir.attachment" "Attachment" "id desc" everyday [
        field "name" "Name" Char |> required
        field "description" "Description" Multiline
        field "datas" "File Content (base64)" Binary
        field "res_model" "Resource Model" Char
        field "res_id" "Resource ID" Integer
        field "mimetype" "Mime Type" Char |> readOnly
        field "file_size" "File Size" Integer |> readOnly |> orElse (Whole 0L)
        field "checksum" "Checksum/SHA1" Char |> readOnly
        field "type" "Type" (Selection [ "url", "URL"; "binary", "File" ])
        |> orElse (Text "binary")
    ]
    model "mail.message" "Message" "id desc" [ Read ] [
        field "body" "Contents" Html
        field "preview" "Preview" Char |> readOnly
        field "subject" "Subject" Char
        field "author_id" "Author" (ManyToOne "res.partner")
        field "message_type" "Type" messageTypes |> required
        field "subtype_id" "Subtype" (ManyToOne "mail.message.subtype")
        field "is_internal" "Employee Only" Boolean
        field "date" "Date" Datetime
        field "model" "Related Document Model" Char
        field "res_id" "Related Document ID" Integer
        field "attachment_ids" "Attachments" (ManyToMany "ir.attachment")
        |> orElse (Items [])
    ]
    named "mail.message.subtype" "Message subtypes" [ field "internal" "Internal Only" Boolean ]
    // The bot's user may not touch it: external ids come and go through load() and get_external_id().
    model "ir.model.data" "Model Data" "id" [] [ field "name" "External Identifier" Char ]
]

/// The models by name. `ticketFields` are the administrator's own char fields on helpdesk.ticket.
let models (helpdesk: Helpdesk) (version: int) (ticketFields: string list) : Map<string, Model> =
    let extra = ticketFields |> List.map (fun name -> field name name Char)

    let helpdeskModels =
        match helpdesk with
        | Community -> communityModels extra
        | Enterprise -> enterpriseModels extra

    helpdeskModels @ baseModels version
    |> List.map (fun model -> model.Name, model)
    |> Map.ofList

/// The model's field of that name; `id` is not among them.
let tryField (name: string) (model: Model) : Field option =
    model.Fields |> List.tryFind (fun field -> field.Name = name)
