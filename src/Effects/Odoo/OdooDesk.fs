namespace FunctionalBot.Effects.OdooAdapter

open System.Text.Json
open System.Threading
open FunctionalBot.Domain
open FunctionalBot.Effects

/// The model that holds the tickets, and what it is asked through.
[<NoComparison; NoEquality>]
type OdooDesk = {
    Caller: OdooCaller
    FieldsOf: string -> CancellationToken -> OdooAnswer<Map<string, OdooField>>
}

/// What differs between the models.
module OdooDesk =

    /// "helpdesk.ticket", "project.task" or "crm.lead".
    let model (desk: OdooDesk) : string = desk.Caller.Settings.Model

    /// The model's fields.
    let fields (desk: OdooDesk) cancelled = desk.FieldsOf (model desk) cancelled

    /// The field for the command's key, where the model has it.
    let keyField (desk: OdooDesk) (fields: Map<string, OdooField>) : string option =
        let name = desk.Caller.Settings.KeyField

        if name <> "" && fields.ContainsKey name then
            Some name
        else
            None

    /// The field with the number that customers are told: OCA's, Odoo's own, or none (then it is the id).
    let numberField (fields: Map<string, OdooField>) : string option =
        [ "number"; "ticket_ref" ] |> List.tryFind fields.ContainsKey

    /// A record as a ticket.
    let referenceOf fields (record: JsonElement) : TicketReference option =
        OdooValue.id record
        |> Option.map (fun id -> {
            Id = id
            Number =
                numberField fields
                |> Option.bind (fun name -> OdooValue.text name record)
                |> Option.defaultValue (string id)
        })

    /// The field that says which team or project a ticket belongs to.
    let teamField (desk: OdooDesk) : string =
        if model desk = "project.task" then
            "project_id"
        else
            "team_id"

    /// The fields that tell whether a ticket is closed: OCA's and older tasks' flag, newer tasks' state, or
    /// a date.
    let closedFields (fields: Map<string, OdooField>) : string list =
        [ "closed"; "state"; "is_closed"; "close_date"; "date_closed" ]
        |> List.filter fields.ContainsKey
        |> List.truncate 1

    /// Whether a record, read with `closedFields`, is closed.
    let isClosed (fields: Map<string, OdooField>) (record: JsonElement) : bool =
        match closedFields fields with
        | [ "state" ] ->
            OdooValue.text "state" record
            |> Option.exists (fun state -> state.StartsWith "1_")
        | names -> names |> List.exists (fun name -> OdooValue.isSet name record)
