namespace FunctionalBot.Effects.OdooAdapter

open System.Text.Json
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open OdooDesk

/// Finding a customer's tickets. Only what WhatsApp vouches for leads to a ticket: the customer's key at one business
/// number and the phone number, never an e-mail address, which anybody can claim.
module OdooFind =

    let private most = 10

    let private summary fields (record: JsonElement) : TicketSummary option =
        referenceOf fields record
        |> Option.map (fun reference -> {
            Reference = reference
            Title = OdooValue.text "name" record |> Option.defaultValue ""
            Stage =
                OdooValue.reference "stage_id" record
                |> Option.map snd
                |> Option.defaultValue ""
            Closed = isClosed fields record
        })

    /// A stored id within a LIKE pattern.
    let private literal (text: string) = text.Replace("_", "\\_")

    /// Whether the ticket belongs to the customer: it is linked to the contact, or its key names the customer at this
    /// channel. The search alone is not trusted with this, since its patterns are loose.
    let private belongs
        (channel: string)
        (customer: Customer)
        (partner: int64 option)
        (storedKey: string option)
        (record: JsonElement)
        =
        let linked = OdooValue.reference "partner_id" record |> Option.map fst

        (partner.IsSome && linked = partner)
        || storedKey
           |> Option.bind OdooText.sessionOf
           |> Option.exists (fun session -> session.Channel = channel && session.Customer = customer.Id)

    /// The customer's tickets, newest first, at most ten.
    let find
        (desk: OdooDesk)
        (channel: string)
        (customer: Customer)
        cancelled
        : OdooAnswer<TicketSummary list> = odoo {
        let! fields = OdooDesk.fields desk cancelled
        let (CustomerId id) = customer.Id
        let keys = literal (OdooText.safe $"session/%s{channel}/%s{id}/")

        let! partner =
            match customer.Phone with
            | Some digits -> OdooPartners.byPhone desk.Caller desk.FieldsOf digits cancelled
            | None -> Task.FromResult(Ok OdooPartners.Nobody)

        let partner =
            match partner with
            | OdooPartners.One id -> Some id
            | OdooPartners.Several
            | OdooPartners.Nobody -> None

        let key = keyField desk fields

        let byKey =
            match key with
            | Some name -> OdooValue.condition name "=like" (Text(keys + "%"))
            | None -> OdooValue.condition "description" "ilike" (Text keys)

        let domain =
            match partner with
            | Some id -> [ Text "|"; byKey; OdooValue.condition "partner_id" "=" (Number id) ]
            | None -> [ byKey ]

        let names =
            [ "name"; "stage_id"; "partner_id" ]
            @ Option.toList key
            @ Option.toList (numberField fields)
            @ closedFields fields

        let! found =
            OdooRecords.search
                desk.Caller
                (model desk)
                domain
                names
                "id desc"
                (int64 (2 * most))
                false
                cancelled

        let! storedKeys =
            match key, List.choose OdooValue.id found with
            | None, (_ :: _ as ids) -> odoo {
                let! names =
                    desk.Caller.Call (model desk) "get_external_id" (OnRecords ids) [] cancelled

                return
                    fun record ->
                        OdooValue.id record |> Option.bind (fun id -> OdooValue.text (string id) names)
              }
            | Some name, _ -> Task.FromResult(Ok(OdooValue.text name))
            | None, [] -> Task.FromResult(Ok(fun _ -> None))

        return
            found
            |> List.filter (fun record -> belongs channel customer partner (storedKeys record) record)
            |> List.choose (summary fields)
            |> List.truncate most
    }
