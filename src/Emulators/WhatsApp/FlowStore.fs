namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Collections.Generic
open FunctionalBot.Emulators

/// A form (a "flow") as Meta keeps it.
[<NoComparison>]
type FlowForm = {
    Id: string
    Name: string
    Categories: string list
    /// True once published; until then only messages of the mode `draft` may name it.
    Published: bool
    /// Its screens and what is on them; `None` until they are uploaded.
    Definition: Json.Json option
    /// Where `data_exchange` asks what comes next.
    Endpoint: Uri option
}

/// The form that is there without being uploaded.
[<RequireQualifiedAccess>]
module TicketForm =

    let private field (kind: string) name label more =
        Json.Fields(
            [ "type", Json.Text kind; "name", Json.Text name; "label", Json.Text label ]
            @ more
        )

    let private footer names =
        let payload = names |> List.map (fun name -> name, Json.Text $"${{form.%s{name}}}")

        Json.Fields [
            "type", Json.Text "Footer"
            "label", Json.Text "Enviar"
            "on-click-action", Json.Fields [ "name", Json.Text "complete"; "payload", Json.Fields payload ]
        ]

    let private required = [ "required", Json.Flag true ]

    let private parts = [
        field "TextInput" "title" "Título" (required @ [ "max-chars", Json.Whole 80 ])
        field "TextArea" "description" "¿Qué ha pasado?" (required @ [ "max-length", Json.Whole 2000 ])
        field "TextInput" "email" "Correo" (required @ [ "input-type", Json.Text "email" ])
        field "PhotoPicker" "photo" "Foto" [
            "min-uploaded-photos", Json.Whole 0
            "max-uploaded-photos", Json.Whole 3
        ]
        footer [ "title"; "description"; "email"; "photo" ]
    ]

    let private layout =
        Json.Fields [
            "type", Json.Text "SingleColumnLayout"
            "children",
            Json.Items [
                Json.Fields [
                    "type", Json.Text "Form"
                    "name", Json.Text "ticket"
                    "children", Json.Items parts
                ]
            ]
        ]

    /// A ticket's title, description, e-mail and photo on one screen, published.
    let form: FlowForm = {
        Id = "770000000000001"
        Name = "ticket"
        Categories = [ "CUSTOMER_SUPPORT" ]
        Published = true
        Definition =
            Some(
                Json.Fields [
                    "version", Json.Text "7.0"
                    "screens",
                    Json.Items [
                        Json.Fields [
                            "id", Json.Text "TICKET"
                            "title", Json.Text "Abrir un ticket"
                            "terminal", Json.Flag true
                            "layout", layout
                        ]
                    ]
                ]
            )
        Endpoint = None
    }

/// The forms of the account. Safe to use from any thread.
[<Sealed>]
type FlowStore() =
    let gate = obj ()
    let forms = Dictionary<string, FlowForm>()
    do forms[TicketForm.form.Id] <- TicketForm.form

    /// Every form, in the order of their ids.
    member _.All = lock gate (fun () -> forms.Values |> Seq.sortBy _.Id |> List.ofSeq)

    /// The form with this id.
    member _.Find id =
        lock gate (fun () ->
            match forms.TryGetValue id with
            | true, found -> Some found
            | false, _ -> None)

    /// Adds a form, or changes the one with the same id.
    member _.Put(form: FlowForm) =
        lock gate (fun () -> forms[form.Id] <- form)

    /// Deletes a form; false when there was none.
    member _.Remove(id: string) = lock gate (fun () -> forms.Remove id)

    /// An id that no form has.
    member _.NewId() =
        lock gate (fun () -> $"7700000000%05d{forms.Count + 1 + Random.Shared.Next 90_000}")

    /// The form that the parameters of a flow message name by id or by name.
    member store.Named parameters : FlowForm option =
        match Json.textAt [ "flow_id" ] parameters, Json.textAt [ "flow_name" ] parameters with
        | Some id, _ -> store.Find id
        | None, Some name -> store.All |> List.tryFind (fun form -> form.Name = name)
        | None, None -> None

    /// Whether a message with these parameters can be sent: the form must be there, with its screens, and be
    /// published unless the message is of the mode `draft`.
    member store.Check parameters : Result<unit, GraphError> =
        match store.Named parameters with
        | None -> Error(GraphError.invalid "The form that flow_id or flow_name names does not exist.")
        | Some form when form.Definition.IsNone ->
            Error(GraphError.invalid $"The form %s{form.Id} has no screens yet.")
        | Some form when not form.Published && Json.textAt [ "mode" ] parameters <> Some "draft" ->
            Error(GraphError.invalid $"The form %s{form.Id} is not published; send it with mode draft.")
        | Some _ -> Ok()
