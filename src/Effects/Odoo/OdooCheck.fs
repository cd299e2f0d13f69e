namespace FunctionalBot.Effects.OdooAdapter

open System.Text.Json
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open OdooDesk

/// One thing that was checked at an Odoo.
type OdooFinding =
    | Fine of what: string
    /// Works, with a drawback; `mend` says how to do better.
    | Notice of what: string * mend: string
    /// Tickets will not be created like this; `mend` says what to do.
    | Problem of what: string * mend: string

/// Looking at an Odoo before it is needed.
module OdooCheck =

    /// The fields that the bot fills in itself.
    let private filled desk =
        set [
            "name"
            "description"
            "partner_id"
            "priority"
            "user_id"
            "user_ids"
            desk.Caller.Settings.KeyField
        ]
        |> fun names ->
            if desk.Caller.Settings.Team.IsSome then
                names.Add(teamField desk)
            else
                names

    let private mendBy (failure: OdooFailure) =
        if failure.MayPass then
            "Start Odoo, or check ODOO_URL and ODOO_DB, and run the check again."
        else
            "Put right what the message names, and run the check again."

    let private finding (answer: OdooAnswer<OdooFinding>) : Task<OdooFinding> = task {
        match! answer with
        | Ok found -> return found
        | Error failure -> return Problem(failure.Reason, mendBy failure)
    }

    let private server (desk: OdooDesk) cancelled = odoo {
        let! version = desk.Caller.Version cancelled
        let! protocol = desk.Caller.Protocol cancelled
        let name = if protocol = JsonRpc then "JSON-RPC" else "JSON-2"

        return
            if version < 14 then
                Problem($"Odoo %d{version} answers.", "The bot speaks with Odoo 14 and newer: upgrade Odoo.")
            elif version >= 22 && protocol = JsonRpc then
                Problem("Odoo 22 and newer have no JSON-RPC.", "Set ODOO_PROTOCOL to json2 or detect.")
            else
                Fine $"Odoo %d{version} answers over %s{name}."
    }

    let private user (desk: OdooDesk) cancelled = odoo {
        let! _ = desk.Caller.Call "res.users" "context_get" OnModel [] cancelled

        return
            Notice(
                "The key is accepted.",
                "Odoo does not tell when it ends: note the day that was shown when it was made (at most \
                  90 days for users who are no administrators)."
            )
    }

    let private right (desk: OdooDesk) model operation cancelled = odoo {
        let! version = desk.Caller.Version cancelled

        let! answer =
            if version >= 18 then
                desk.Caller.Call model "has_access" (OnRecords []) [ "operation", Text operation ] cancelled
            else
                let arguments = [ "operation", Text operation; "raise_exception", Truth false ]
                desk.Caller.Call model "check_access_rights" OnModel arguments cancelled

        return
            if answer.ValueKind = JsonValueKind.True then
                Fine $"The bot's user may %s{operation} %s{model}."
            elif model = "res.partner" then
                Notice(
                    $"The bot's user may not %s{operation} contacts; tickets of new customers have none.",
                    "Give it the right \"Contact Creation\" in Odoo's user settings."
                )
            else
                Problem(
                    $"The bot's user may not %s{operation} %s{model}.",
                    "Give it the app's user right (for example Helpdesk / User) in Odoo's user settings."
                )
    }

    let private required
        (desk: OdooDesk)
        (fields: Map<string, OdooField>)
        cancelled
        : OdooAnswer<OdooFinding> = task {
        let asked =
            fields
            |> Map.toList
            |> List.filter (fun (name, field) -> field.Required && not ((filled desk).Contains name))
            |> List.map fst

        let told names = String.concat ", " names

        match!
            desk.Caller.Call (model desk) "default_get" OnModel [ "fields", OdooValue.texts asked ] cancelled
        with
        | Error failure when failure.MayPass -> return Error failure
        | Error _ ->
            return
                Ok(
                    Notice(
                        $"Whether required fields have defaults cannot be seen: %s{told asked}.",
                        "Create a ticket by hand as the bot's user, with a name only, to see whether \
                          Odoo takes it."
                    )
                )
        | Ok defaults ->
            // The number comes from a sequence when the ticket is created.
            let missing =
                asked
                |> List.filter (fun name ->
                    not (OdooValue.isSet name defaults) && Some name <> numberField fields)

            return
                match missing with
                | [] -> Ok(Fine "Every required field has a value.")
                | names ->
                    Ok(
                        Notice(
                            $"Required fields without a default: %s{told names}.",
                            "If Odoo does not fill them in by itself, tickets are refused: give them a \
                              default in Odoo."
                        )
                    )
    }

    let private keyNotice (desk: OdooDesk) (fields: Map<string, OdooField>) =
        match keyField desk fields with
        | Some name -> Fine $"The field %s{name} holds the bot's keys."
        | None ->
            Notice(
                $"%s{model desk} has no field %s{desk.Caller.Settings.KeyField}; tickets are found by \
                  their external ids.",
                $"Add a char field of that name (Settings, Technical, Fields) to find tickets faster \
                  and from within Odoo."
            )

    let private team (desk: OdooDesk) (fields: Map<string, OdooField>) cancelled = odoo {
        let field = teamField desk

        return!
            match desk.Caller.Settings.Team, fields.TryFind field with
            | None, _ when model desk = "project.task" ->
                Task.FromResult(
                    Ok(
                        Problem(
                            "No project is set.",
                            "Set ODOO_TEAM_ID to the project's id: a task without one is seen by nobody."
                        )
                    )
                )
            | None, _ ->
                Task.FromResult(
                    Ok(
                        Notice(
                            "No team is set; Odoo chooses one or none.",
                            "Set ODOO_TEAM_ID to the team's id."
                        )
                    )
                )
            | Some id, Some { Relation = Some relation } -> odoo {
                let! found =
                    OdooRecords.search
                        desk.Caller
                        relation
                        [ OdooValue.condition "id" "=" (Number id) ]
                        [ "name" ]
                        "id"
                        1L
                        false
                        cancelled

                return
                    match List.tryHead found |> Option.bind (OdooValue.text "name") with
                    | Some name -> Fine $"Tickets go to \"%s{name}\"."
                    | None ->
                        Problem(
                            $"There is no %s{relation} with the id %d{id} for the bot.",
                            "Set ODOO_TEAM_ID to one that it may see."
                        )
              }
            | Some _, _ ->
                Task.FromResult(
                    Ok(Problem($"%s{model desk} has no field %s{field}.", "Leave ODOO_TEAM_ID empty."))
                )
    }

    /// Checks server, login, model, rights, team and required fields. It creates nothing. The checks that
    /// need what failed are left out.
    let run (desk: OdooDesk) (cancelled: CancellationToken) : Task<OdooFinding list> = task {
        match! server desk cancelled with
        | Error failure -> return [ Problem(failure.Reason, mendBy failure) ]
        | Ok first ->
            match! user desk cancelled with
            | Error failure -> return [ first; Problem(failure.Reason, mendBy failure) ]
            | Ok second ->
                match! OdooDesk.fields desk cancelled with
                | Error failure -> return [ first; second; Problem(failure.Reason, mendBy failure) ]
                | Ok fields ->
                    let! create = finding (right desk (model desk) "create" cancelled)
                    let! readAccess = finding (right desk (model desk) "read" cancelled)
                    let! contacts = finding (right desk "res.partner" "create" cancelled)
                    let! team = finding (team desk fields cancelled)
                    let! required = finding (required desk fields cancelled)

                    return [
                        first
                        second
                        create
                        readAccess
                        contacts
                        team
                        required
                        keyNotice desk fields
                    ]
    }
