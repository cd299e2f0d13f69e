namespace FunctionalBot.Effects.OdooAdapter

open System.Text.Json
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Finding the contact who writes. A contact that is found is never changed: the bot knows less than the
/// team.
module OdooPartners =

    let private partner = "res.partner"

    let private find (caller: OdooCaller) domain cancelled : OdooAnswer<int64 list> = odoo {
        let! found =
            OdooRecords.search caller partner domain [ "id" ] "id" 6L false cancelled

        return List.choose OdooValue.id found
    }

    let private phoneDomain (fields: Map<string, OdooField>) (forms: string list) =
        let among name =
            OdooValue.condition name "in" (OdooValue.texts forms)

        // phone_sanitized is E.164 however the number was typed; it is there when the app that adds it is.
        if fields.ContainsKey "phone_sanitized" then
            [ among "phone_sanitized" ]
        elif fields.ContainsKey "mobile" then
            [ Text "|"; among "phone"; among "mobile" ]
        else
            [ among "phone" ]

    /// Of several with the same number, the one whose ticket is the newest; without tickets none is better
    /// than a guess.
    let private withTickets
        (caller: OdooCaller)
        (candidates: int64 list)
        cancelled
        : OdooAnswer<int64 option> = odoo {
        let domain = [ OdooValue.condition "partner_id" "in" (Items(List.map Number candidates)) ]

        let! tickets =
            OdooRecords.search
                caller
                caller.Settings.Model
                domain
                [ "partner_id" ]
                "id desc"
                1L
                true
                cancelled

        return
            tickets
            |> List.tryHead
            |> Option.bind (OdooValue.reference "partner_id")
            |> Option.map fst
    }

    /// Who has a phone number, as far as the contacts tell.
    type Match =
        | One of int64
        | Several
        | Nobody

    /// The contact with this phone number (international digits).
    let byPhone caller fieldsOf (digits: string) (cancelled: CancellationToken) : OdooAnswer<Match> = odoo {
        let! fields = fieldsOf partner cancelled
        let! found = find caller (phoneDomain fields (OdooText.phones digits)) cancelled

        return!
            match found with
            | [] -> Task.FromResult(Ok Nobody)
            | [ only ] -> Task.FromResult(Ok(One only))
            | several -> odoo {
                let! chosen = withTickets caller several cancelled

                return
                    match chosen with
                    | Some id -> One id
                    | None -> Several
              }
    }

    // An address is only the customer's word. A contact with another number than WhatsApp vouches for is
    // somebody else.
    let private byEmail
        caller
        (fields: Map<string, OdooField>)
        (customer: Customer)
        (email: EmailAddress)
        cancelled
        = odoo {
        // "=ilike" takes "_" and "%" as wildcards.
        let pattern = (EmailAddress.value email).Replace("_", "\\_").Replace("%", "\\%")

        let domain = [
            OdooValue.condition "email" "=ilike" (Text pattern)
            if customer.Phone.IsSome then
                for name in [ "phone"; "mobile" ] |> List.filter fields.ContainsKey do
                    OdooValue.condition name "=" (Truth false)
        ]

        let! found = find caller domain cancelled

        return
            match found with
            | [ only ] -> Some only
            | _ -> None
    }

    let private create caller (customer: Customer) (digits: string) (email: EmailAddress option) cancelled =
        odoo {
            let externalId = "wabot.partner_" + digits
            let! known = OdooRecords.byExternalId caller partner externalId cancelled

            return!
                match known with
                // Made by the bot, and given another number by the team since: theirs is right.
                | Some(Some id) -> Task.FromResult(Ok id)
                | Some None
                | None ->
                    OdooRecords.load
                        caller
                        partner
                        externalId
                        [
                            "name", OdooText.line (customer.Name |> Option.defaultValue ("+" + digits))
                            "phone", "+" + digits
                            match email with
                            | Some address -> "email", EmailAddress.value address
                            | None -> ()
                        ]
                        cancelled
        }

    /// The contact for a ticket: found by phone, else by the address given for this ticket if just one
    /// contact has it and no other number stands there, else created. None when several share the number,
    /// when there is no number to create one with, or when the bot's user may not create contacts; the
    /// ticket's text then says who it is.
    let forTicket
        caller
        fieldsOf
        (customer: Customer)
        (email: EmailAddress option)
        cancelled
        : OdooAnswer<int64 option> = odoo {
        let! byNumber =
            match customer.Phone with
            | Some digits -> byPhone caller fieldsOf digits cancelled
            | None -> Task.FromResult(Ok Nobody)

        let! byAddress =
            match byNumber, email with
            | Nobody, Some address -> odoo {
                let! fields = fieldsOf partner cancelled
                return! byEmail caller fields customer address cancelled
              }
            | _ -> Task.FromResult(Ok None)

        return!
            match byNumber, byAddress, customer.Phone with
            | One id, _, _ -> Task.FromResult(Ok(Some id))
            | _, Some id, _ -> Task.FromResult(Ok(Some id))
            | Nobody, None, Some digits -> task {
                match! create caller customer digits email cancelled with
                | Ok id -> return Ok(Some id)
                | Error failure when failure.MayPass -> return Error failure
                | Error _ -> return Ok None
              }
            | _ -> Task.FromResult(Ok None)
    }
