namespace FunctionalBot.Effects.OdooAdapter

open System.Text.Json
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open OdooDesk

/// Creating tickets and noting on them, for helpdesk.ticket (Odoo's own and OCA's), project.task and
/// crm.lead.
module OdooTickets =

    let private firstOf (records: JsonElement list) fields =
        records |> List.tryHead |> Option.bind (referenceOf fields)

    let private refersTo (id: int64) = [ OdooValue.condition "id" "=" (Number id) ]

    let private read desk fields domain cancelled = odoo {
        let names = Option.toList (numberField fields)

        let! found =
            OdooRecords.search desk.Caller (model desk) domain names "id" 1L true cancelled

        return firstOf found fields
    }

    /// By the key that every description ends with, checked against the external id; the last resort.
    let private byDescription desk fields (key: CommandKey) cancelled : OdooAnswer<TicketReference option> =
        odoo {
            let domain = [ OdooValue.condition "description" "ilike" (Text(OdooText.key key)) ]

            let! found =
                OdooRecords.search desk.Caller (model desk) domain [ "id" ] "id" 5L true cancelled

            let ids = List.choose OdooValue.id found

            return!
                match ids with
                | [] -> Task.FromResult(Ok None)
                | ids -> odoo {
                    let! names =
                        desk.Caller.Call (model desk) "get_external_id" (OnRecords ids) [] cancelled

                    let isIt id =
                        OdooValue.text (string id) names = Some(OdooText.externalId key)

                    return!
                        match List.tryFind isIt ids with
                        | Some id -> read desk fields (refersTo id) cancelled
                        | None -> Task.FromResult(Ok None)
                  }
        }

    /// The ticket of this key, archived or not.
    let find desk fields (key: CommandKey) cancelled : OdooAnswer<TicketReference option> =
        match keyField desk fields with
        | Some name -> read desk fields [ OdooValue.condition name "=" (Text(OdooText.key key)) ] cancelled
        | None -> odoo {
            let! known =
                OdooRecords.byExternalId desk.Caller (model desk) (OdooText.externalId key) cancelled

            return!
                match known with
                | Some(Some id) -> read desk fields (refersTo id) cancelled
                | Some None -> Task.FromResult(Ok None)
                | None -> byDescription desk fields key cancelled
          }

    /// Tickets that a person must answer get the highest urgency that the model has, which every list shows.
    let private urgent (fields: Map<string, OdooField>) =
        match fields.TryFind "priority" with
        | Some { Choices = (_ :: _) as choices } -> [ "priority", List.max choices ]
        | _ -> []

    let private channel desk (fields: Map<string, OdooField>) cancelled : OdooAnswer<(string * string) list> =
        match fields.TryFind "channel_id" with
        | Some { Relation = Some relation } -> task {
            let domain = [ OdooValue.condition "name" "=ilike" (Text "whatsapp") ]

            match! OdooRecords.search desk.Caller relation domain [ "id" ] "id" 1L false cancelled with
            | Ok(found :: _) ->
                return Ok [ for id in Option.toList (OdooValue.id found) -> "channel_id/.id", string id ]
            | Error failure when failure.MayPass -> return Error failure
            // A channel of that name is nice to have; the team adds it when it wants it.
            | Ok []
            | Error _ -> return Ok []
          }
        | _ -> Task.FromResult(Ok [])

    /// Who it is, in the ticket's own fields. Where a contact is linked, Odoo's own helpdesk and CRM write
    /// these fields back to the contact, so they are left alone there; OCA's helpdesk does not.
    let private person
        (desk: OdooDesk)
        (fields: Map<string, OdooField>)
        (customer: Customer)
        (email: EmailAddress option)
        partner
        =
        let has name = fields.ContainsKey name
        let name = customer.Name |> Option.map OdooText.line
        let phone = customer.Phone |> Option.map (fun digits -> "+" + digits)
        let email = email |> Option.map EmailAddress.value

        let given field value =
            value
            |> Option.map (fun text -> field, text)
            |> Option.toList
            |> List.filter (fst >> has)

        match model desk, partner with
        | _, Some id ->
            ("partner_id/.id", string id)
            :: (if has "number" && not (has "ticket_ref") then
                    given "partner_email" email
                else
                    [])
        | "helpdesk.ticket", None ->
            given "partner_name" name
            @ given "partner_email" email
            @ given "partner_phone" phone
        | "crm.lead", None -> given "contact_name" name @ given "email_from" email @ given "phone" phone
        | _, None -> []

    /// Odoo makes its creator responsible for tasks and leads; nobody would look at what the bot is
    /// responsible for.
    let private nobody (desk: OdooDesk) (fields: Map<string, OdooField>) =
        if model desk = "helpdesk.ticket" then
            []
        else
            [ "user_ids"; "user_id" ]
            |> List.tryFind fields.ContainsKey
            |> Option.map (fun name -> name + "/.id", "")
            |> Option.toList

    let private team (desk: OdooDesk) =
        desk.Caller.Settings.Team
        |> Option.map (fun id -> teamField desk + "/.id", string id)
        |> Option.toList

    /// Creates the ticket of this key, or finds it. Repeated after a lost answer it changes nothing: it
    /// looks first, and what two do at the same moment, the external id makes one.
    let create
        (desk: OdooDesk)
        key
        (ticket: Ticket)
        (customer: Customer)
        language
        cancelled
        : OdooAnswer<TicketReference> = odoo {
        let! fields = OdooDesk.fields desk cancelled
        let! existing = find desk fields key cancelled

        return!
            match existing with
            | Some reference -> Task.FromResult(Ok reference)
            | None -> odoo {
                let! partner =
                    OdooPartners.forTicket desk.Caller desk.FieldsOf customer ticket.Email cancelled

                let! channel = channel desk fields cancelled

                let values = [
                    "name", OdooText.line (TicketTitle.value ticket.Title)
                    "description", OdooText.description key ticket customer language
                    yield!
                        keyField desk fields
                        |> Option.map (fun name -> name, OdooText.key key)
                        |> Option.toList
                    yield! team desk
                    yield! nobody desk fields
                    yield! channel
                    yield! person desk fields customer ticket.Email partner
                    if ticket.Purpose = HandOver then
                        yield! urgent fields
                ]

                let! id =
                    OdooRecords.load desk.Caller (model desk) (OdooText.externalId key) values cancelled

                let! reference = read desk fields (refersTo id) cancelled
                return reference |> Option.defaultValue { Id = id; Number = string id }
              }
    }

    /// Writes an internal note, once.
    let addNote
        (desk: OdooDesk)
        (key: CommandKey)
        (creation: CommandKey)
        (note: string)
        cancelled
        : OdooAnswer<unit> = odoo {
        let! fields = OdooDesk.fields desk cancelled
        let! found = find desk fields creation cancelled
        let mark = OdooText.noteMark key

        return!
            match found with
            | None -> Task.FromResult(Error OdooFailures.noTicketYet)
            | Some ticket -> odoo {
                let mine = [
                    OdooValue.condition "model" "=" (Text(model desk))
                    OdooValue.condition "res_id" "=" (Number ticket.Id)
                    OdooValue.condition "body" "ilike" (Text mark)
                ]

                let! written =
                    OdooRecords.search desk.Caller "mail.message" mine [ "id" ] "id" 1L false cancelled

                let! version = desk.Caller.Version cancelled

                let arguments = [
                    "body", Text(OdooText.html note + OdooText.html $"Ref.: %s{mark}")
                    "message_type", Text "comment"
                    "subtype_xmlid", Text "mail.mt_note"
                    // From 17 on a body is escaped unless this says that it is HTML; before, it always is.
                    if version >= 17 then
                        "body_is_html", Truth true
                    "context", Named [ "mail_create_nosubscribe", Truth true ]
                ]

                return!
                    match written with
                    | _ :: _ -> Task.FromResult(Ok())
                    | [] -> odoo {
                        let! _ =
                            desk.Caller.Call
                                (model desk)
                                "message_post"
                                (OnRecords [ ticket.Id ])
                                arguments
                                cancelled

                        return ()
                      }
              }
    }
