namespace FunctionalBot.Emulators.WhatsApp

open System
open System.IO
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// Forms in the Graph API: made, given their screens, published, and read.
[<RequireQualifiedAccess>]
module GraphFlows =

    let private problemJson kind message =
        Json.Fields [
            "error", Json.Text kind
            "error_type", Json.Text "FLOW_JSON_ERROR"
            "message", Json.Text message
        ]

    /// What is wrong with the JSON of a form, as Meta lists it; nothing for one that can be shown.
    let validate (definition: Json.Json) : Json.Json list =
        let screens = Json.itemsField "screens" definition
        let ids = screens |> List.choose (Json.textAt [ "id" ])

        let isTerminal screen =
            Json.given "terminal" screen = Some(Json.Flag true)

        [
            if (Json.textAt [ "version" ] definition).IsNone then
                problemJson "MISSING_REQUIRED_PROPERTY" "Property 'version' is missing."
            if screens.IsEmpty then
                problemJson "MISSING_REQUIRED_PROPERTY" "Property 'screens' is missing or empty."
            if ids.Length <> screens.Length then
                problemJson "MISSING_REQUIRED_PROPERTY" "Each screen needs an 'id'."
            if List.distinct ids <> ids then
                problemJson "DUPLICATE_SCREEN_ID" "Two screens have the same id."
            if not screens.IsEmpty && not (List.exists isTerminal screens) then
                problemJson "MISSING_TERMINAL_SCREEN" "One screen must be terminal."
        ]

    let private toJson (form: FlowForm) =
        Json.sparse [
            "id", Some(Json.Text form.Id)
            "name", Some(Json.Text form.Name)
            "status", Some(Json.Text(if form.Published then "PUBLISHED" else "DRAFT"))
            "categories", Some(Json.Items(form.Categories |> List.map Json.Text))
            "validation_errors", Some(Json.Items [])
            "endpoint_uri", form.Endpoint |> Option.map (fun uri -> Json.Text uri.AbsoluteUri)
        ]

    let private categories body =
        match Json.given "categories" body with
        | Some(Json.Items names) -> List.choose Json.asText names
        // In a form the list is written as JSON.
        | Some(Json.Text text) ->
            Json.parse text
            |> Result.map (Json.items >> List.choose Json.asText)
            |> Result.defaultValue []
        | _ -> []

    let private endpoint body =
        match Json.textAt [ "endpoint_uri" ] body with
        | None -> Ok None
        | Some text ->
            match WebAddress.tryRead text with
            | Some uri -> Ok(Some uri)
            | None -> Error(GraphError.invalid "endpoint_uri is no http or https address.")

    let private readDefinition (text: string) =
        match Json.parse text with
        | Error problem -> Error [ problemJson "INVALID_JSON" problem ]
        | Ok definition ->
            match validate definition with
            | [] -> Ok definition
            | problems -> Error problems

    /// Lists the account's forms.
    let list api context : Task =
        let forms = api.Account.Flows.All |> List.map toJson
        GraphAnswer.ok api context None (Json.Fields [ "data", Json.Items forms ])

    /// Makes a form: `name`, `categories`, and optionally `flow_json`, `publish` and `endpoint_uri`.
    let create api (context: HttpContext) : Task = task {
        let! body = GraphAnswer.readFields context
        let fails = GraphAnswer.problem api context (Some body)
        let named name = Json.textAt [ name ] body

        match named "name", endpoint body, named "flow_json" |> Option.map readDefinition with
        | None, _, _ -> do! fails (GraphError.missing "name")
        | _, Error problem, _ -> do! fails problem
        | Some name, _, _ when api.Account.Flows.All |> List.exists (fun form -> form.Name = name) ->
            do! fails (GraphError.create 100 $"A form is called %s{name} already.")
        | Some name, Ok endpoint, definition ->
            let kept =
                definition
                |> Option.bind (fun found ->
                    match found with
                    | Ok valid -> Some valid
                    | Error _ -> None)

            let asked =
                named "publish" = Some "true"
                || Json.given "publish" body = Some(Json.Flag true)

            let id = api.Account.Flows.NewId()

            api.Account.Flows.Put {
                Id = id
                Name = name
                Categories = categories body
                Published = asked && kept.IsSome
                Definition = kept
                Endpoint = endpoint
            }

            let problems =
                match definition with
                | Some(Error found) -> found
                | _ -> []

            let answer =
                Json.Fields [
                    "id", Json.Text id
                    "success", Json.Flag true
                    "validation_errors", Json.Items problems
                ]

            do! GraphAnswer.ok api context (Some body) answer
    }

    let private takeDefinition api context (form: FlowForm) (file: IFormFile) : Task = task {
        use reader = new StreamReader(file.OpenReadStream())
        let! text = reader.ReadToEndAsync()
        let read = readDefinition text

        let problems =
            match read with
            | Ok _ -> []
            | Error found -> found

        if form.Published then
            let problem = GraphError.create 100 "A published form cannot be changed."
            do! GraphAnswer.problem api context None problem
        else
            read
            |> Result.iter (fun definition ->
                api.Account.Flows.Put {
                    form with
                        Definition = Some definition
                })

            let answer =
                Json.Fields [ "success", Json.Flag true; "validation_errors", Json.Items problems ]

            do! GraphAnswer.ok api context None answer
    }

    // The form's JSON as the file of a multipart request.
    let private upload api (context: HttpContext) (form: FlowForm) : Task =
        let fails = GraphAnswer.problem api context None

        GraphAnswer.withForm api context (fun fields ->
            match string fields["asset_type"], Seq.tryHead fields.Files with
            | "FLOW_JSON", Some file -> takeDefinition api context form file
            | "FLOW_JSON", None -> fails (GraphError.missing "file")
            | _ -> fails (GraphError.invalid "Param asset_type must be FLOW_JSON."))

    let private change api (context: HttpContext) (form: FlowForm) : Task = task {
        let! body = GraphAnswer.readFields context

        match endpoint body with
        | Error problem -> do! GraphAnswer.problem api context (Some body) problem
        | Ok endpoint ->
            api.Account.Flows.Put {
                form with
                    Name = Json.textAt [ "name" ] body |> Option.defaultValue form.Name
                    Categories =
                        (match categories body with
                         | [] -> form.Categories
                         | found -> found)
                    Endpoint = endpoint |> Option.orElse form.Endpoint
            }

            do! GraphAnswer.ok api context (Some body) GraphAnswer.success
    }

    let private publish api context (form: FlowForm) : Task =
        if form.Definition.IsNone then
            GraphAnswer.problem api context None (GraphError.create 100 "The form has no screens yet.")
        elif form.Published then
            GraphAnswer.problem api context None (GraphError.create 100 "The form is published already.")
        else
            api.Account.Flows.Put { form with Published = true }
            GraphAnswer.ok api context None GraphAnswer.success

    let private assets api context (form: FlowForm) : Task =
        let asset =
            Json.Fields [ "name", Json.Text "flow.json"; "asset_type", Json.Text "FLOW_JSON" ]

        let found = if form.Definition.IsSome then [ asset ] else []
        GraphAnswer.ok api context None (Json.Fields [ "data", Json.Items found ])

    /// Answers what is under a form's id; `rest` is what follows the id.
    let object api (context: HttpContext) (form: FlowForm) (rest: string list) : Task =
        match context.Request.Method, rest with
        | "GET", [] -> GraphAnswer.ok api context None (toJson form)
        | "POST", [] -> change api context form
        | "DELETE", [] when not form.Published ->
            api.Account.Flows.Remove form.Id |> ignore
            GraphAnswer.ok api context None GraphAnswer.success
        | "DELETE", [] ->
            GraphAnswer.problem api context None (GraphError.create 100 "A published form cannot be deleted.")
        | "GET", [ "assets" ] -> assets api context form
        | "POST", [ "assets" ] -> upload api context form
        | "POST", [ "publish" ] -> publish api context form
        | verb, _ ->
            GraphAnswer.problem api context None (GraphError.noObject (verb.ToLowerInvariant()) form.Id)
