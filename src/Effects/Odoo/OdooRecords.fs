namespace FunctionalBot.Effects.OdooAdapter

open System.Collections.Concurrent
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Effects

/// One field of a model, as fields_get tells.
type OdooField = {
    Type: string
    Required: bool
    /// The model that the field points to.
    Relation: string option
    /// The keys of a selection.
    Choices: string list
}

/// Calls that more than one part needs.
module OdooRecords =

    let private field (description: JsonElement) : OdooField = {
        Type = OdooValue.text "type" description |> Option.defaultValue ""
        Required =
            match OdooValue.property "required" description with
            | Some value -> value.ValueKind = JsonValueKind.True
            | None -> false
        Relation = OdooValue.text "relation" description
        Choices =
            OdooValue.property "selection" description
            |> Option.map OdooValue.items
            |> Option.defaultValue []
            |> List.choose (fun choice -> OdooValue.items choice |> List.tryHead |> Option.map string)
    }

    /// The fields of a model by name.
    let fields
        (caller: OdooCaller)
        (model: string)
        (cancelled: CancellationToken)
        : OdooAnswer<Map<string, OdooField>> = odoo {
        let attributes = [
            "attributes", OdooValue.texts [ "type"; "required"; "relation"; "selection" ]
        ]

        let! answer = caller.Call model "fields_get" OnModel attributes cancelled

        return!
            match answer.ValueKind with
            | JsonValueKind.Object ->
                Task.FromResult(
                    Ok(Map [ for entry in answer.EnumerateObject() -> entry.Name, field entry.Value ])
                )
            | _ -> Task.FromResult(Error(OdooFailures.unexpected "fields_get without fields"))
    }

    /// The same, asked once per model and remembered; a failure is not remembered.
    let remembered (caller: OdooCaller) : string -> CancellationToken -> OdooAnswer<Map<string, OdooField>> =
        let known = ConcurrentDictionary<string, Map<string, OdooField>>()

        fun model cancelled ->
            match known.TryGetValue model with
            | true, found -> Task.FromResult(Ok found)
            | _ -> odoo {
                let! found = fields caller model cancelled
                known[model] <- found
                return found
              }

    /// Records of a model that fit the domain. `archived` takes in records that were archived.
    let search
        (caller: OdooCaller)
        model
        domain
        names
        order
        limit
        archived
        cancelled
        : OdooAnswer<JsonElement list> = odoo {
        let! answer =
            caller.Call
                model
                "search_read"
                OnModel
                [
                    "domain", Items domain
                    "fields", OdooValue.texts names
                    "order", Text order
                    "limit", Number limit
                    if archived then
                        "context", Named [ "active_test", Truth false ]
                ]
                cancelled

        return OdooValue.items answer
    }

    /// The record that an external id names. Some (Some id) when there is one, Some None when there is
    /// none, and None when the server does not tell (the method came and may go; the bot has no right to
    /// read ir.model.data itself).
    let byExternalId
        (caller: OdooCaller)
        model
        (externalId: string)
        cancelled
        : OdooAnswer<int64 option option> = task {
        let separator = externalId.IndexOf '.'

        let! answer =
            caller.Call
                "ir.model.data"
                "check_object_reference"
                OnModel
                [
                    "module", Text(externalId.Substring(0, separator))
                    "xml_id", Text(externalId.Substring(separator + 1))
                ]
                cancelled

        match answer with
        | Ok found ->
            match OdooValue.items found with
            | [ named; OdooValue.IsNumber id ] when string named = model -> return Ok(Some(Some id))
            // The record is archived or out of the bot's reach.
            | _ -> return Ok None
        | Error failure when failure.Reason.Contains "External ID not found" -> return Ok(Some None)
        | Error failure when failure.MayPass && failure.Name = "network" -> return Error failure
        | Error _ -> return Ok None
    }

    /// Creates the record with this external id, or writes the values over the one that has it. Of several
    /// callers at the same time one creates it: the database holds external ids unique. Values are as in a
    /// CSV file: "" is empty, "field/.id" takes a database id.
    let load
        (caller: OdooCaller)
        model
        (externalId: string)
        (values: (string * string) list)
        cancelled
        : OdooAnswer<int64> = odoo {
        let! answer =
            caller.Call
                model
                "load"
                OnModel
                [
                    "fields", OdooValue.texts ("id" :: List.map fst values)
                    "data", Items [ OdooValue.texts (externalId :: List.map snd values) ]
                    // Else the bot follows each ticket and gets mails about it.
                    "context", Named [ "mail_create_nosubscribe", Truth true ]
                ]
                cancelled

        let messages =
            OdooValue.property "messages" answer
            |> Option.map OdooValue.items
            |> Option.defaultValue []
            |> List.choose (OdooValue.text "message")

        return!
            match OdooValue.property "ids" answer |> Option.map OdooValue.items with
            | Some [ OdooValue.IsNumber id ] -> Task.FromResult(Ok id)
            | _ -> Task.FromResult(Error(OdooFailures.ofImport messages))
    }
