namespace FunctionalBot.Emulators.WhatsApp

open System.Text.RegularExpressions
open FunctionalBot.Emulators

/// Templates: found by name and language, and filled with a send's parameters.
[<RequireQualifiedAccess>]
module Templates =

    let private place = Regex @"\{\{(\d+)\}\}"

    let private longestBody = 1024

    let private ofKind kind components =
        components
        |> List.filter (fun found -> Json.textAt [ "type" ] found = Some kind)

    // The first problem, or the texts.
    let private texts parameters =
        (Ok [], parameters)
        ||> List.fold (fun known parameter ->
            known
            |> Result.bind (fun found ->
                match Json.textAt [ "type" ] parameter, Json.textAt [ "text" ] parameter with
                | Some "text", Some text when text.Trim() <> "" -> Ok(found @ [ text ])
                | _ ->
                    Error(
                        GraphError.create
                            132012
                            $"body: parameter %d{found.Length + 1} must be of type text and not be empty."
                    )))

    let private fill (template: Template) (parameters: string list) =
        place.Replace(
            template.Body,
            fun found ->
                parameters
                |> List.tryItem (int found.Groups[1].Value - 1)
                |> Option.defaultValue found.Value
        )

    // What each quick reply sends back: the payload that the send names for its place, else its own text.
    let private payloads (template: Template) components =
        let buttons = ofKind "button" components

        let index button =
            match Json.given "index" button with
            | Some(Json.Whole at) -> Some(int at)
            | Some(Json.Text text) ->
                match System.Int32.TryParse text with
                | true, at -> Some at
                | _ -> None
            | _ -> None

        let named at =
            buttons
            |> List.tryFind (fun button -> index button = Some at)
            |> Option.bind (fun button -> Json.itemsField "parameters" button |> List.tryHead)
            |> Option.bind (Json.textAt [ "payload" ])

        let strange button =
            match index button with
            | Some at -> at < 0 || at >= template.QuickReplies.Length
            | None -> true

        if List.exists strange buttons then
            Error(
                GraphError.create
                    132018
                    $"The template has %d{template.QuickReplies.Length} buttons, and a component names another one."
            )
        else
            Ok(
                template.QuickReplies
                |> List.mapi (fun at text -> named at |> Option.defaultValue text)
            )

    let private rendered (template: Template) components =
        let given = ofKind "body" components |> List.collect (Json.itemsField "parameters")

        let expected =
            place.Matches template.Body
            |> Seq.map _.Groups[1].Value
            |> Seq.distinct
            |> Seq.length

        if expected <> given.Length then
            Error(
                GraphError.create
                    132000
                    ($"body: number of localizable_params (%d{given.Length}) does not match the expected "
                     + $"number of params (%d{expected})")
            )
        else
            match texts given, payloads template components with
            | Error problem, _
            | _, Error problem -> Error problem
            | Ok texts, Ok payloads ->
                let body = fill template texts

                if body.Length > longestBody then
                    Error(
                        GraphError.create
                            132005
                            $"The text has %d{body.Length} characters when filled, and may have %d{longestBody}."
                    )
                else
                    Ok(
                        Json.Fields [
                            "body", Json.Text body
                            "replies", Json.Items(template.QuickReplies |> List.map Json.Text)
                            "payloads", Json.Items(payloads |> List.map Json.Text)
                        ]
                    )

    /// The text and the quick replies of a template message, for the phone; or what is wrong with the send:
    /// 132001 for a name or language that there is not, 132000 for another number of parameters, 132012 and
    /// 132018 for parameters of another form, 132005 for a text that becomes too long.
    let render (templates: Template list) content : Result<Json.Json, GraphError> =
        let part = Json.given "template" content |> Option.defaultValue Json.Null
        let name = Json.textAt [ "name" ] part
        let language = Json.textAt [ "language"; "code" ] part

        match
            templates
            |> List.tryFind (fun found -> Some found.Name = name && Some found.Language = language)
        with
        | Some template -> rendered template (Json.itemsField "components" part)
        | None ->
            let name, language = Option.defaultValue "" name, Option.defaultValue "" language

            Error(GraphError.create 132001 $"template name (%s{name}) does not exist in %s{language}")

    /// A template as `GET /{account}/message_templates` lists it.
    let toJson (index: int) (template: Template) =
        let replies =
            template.QuickReplies
            |> List.map (fun text -> Json.Fields [ "type", Json.Text "QUICK_REPLY"; "text", Json.Text text ])

        let body = Json.Fields [ "type", Json.Text "BODY"; "text", Json.Text template.Body ]

        let buttons =
            if replies.IsEmpty then
                []
            else
                [ Json.Fields [ "type", Json.Text "BUTTONS"; "buttons", Json.Items replies ] ]

        Json.Fields [
            "name", Json.Text template.Name
            "parameter_format", Json.Text "POSITIONAL"
            "components", Json.Items(body :: buttons)
            "language", Json.Text template.Language
            "status", Json.Text "APPROVED"
            "category", Json.Text "UTILITY"
            "id", Json.Text $"5940770000000%02d{index}"
        ]
