/// Requests to `POST /v1/responses`: the checks that the real API makes, and what is left of one that passes.
module FunctionalBot.Emulators.OpenAI.Requests

open System
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.OpenAI.Refusals

/// One message of the input. `Role` is user, assistant, developer or system.
type Message = { Role: string; Text: string }

/// A request that passed the checks.
type Question = {
    Model: string
    Instructions: string
    Messages: Message list
    /// The schema that the answer must follow; none for free text.
    Schema: Json option
    Store: bool
    /// The whole body, to be given back in the response where the real one does.
    Body: Json
}

let private partText (part: Json) : string =
    match textField "type" part, textField "text" part, textField "refusal" part with
    | Some("input_text" | "output_text" | "text"), Some text, _ -> text
    | Some "refusal", _, Some text -> text
    | Some "input_image", _, _ -> "[image]"
    | Some "input_file", _, _ -> "[file]"
    | _ -> ""

let private messageOf (item: Json) : Message option =
    match textField "role" item, field "content" item with
    | Some role, Some(Text text) -> Some { Role = role; Text = text }
    | Some role, Some(Items parts) ->
        Some {
            Role = role
            Text = parts |> List.map partText |> String.concat "\n"
        }
    | _ -> None

let private inputItems (body: Json) : Json list =
    match field "input" body with
    | Some(Items items) -> items
    | Some(Text text) -> [ Fields [ "role", Text "user"; "content", Text text ] ]
    | _ -> []

let private callIds (kind: string) (items: Json list) : string list =
    items
    |> List.filter (fun item -> textField "type" item = Some kind)
    |> List.choose (textField "call_id")

/// Every function call needs its output and the other way round.
let private checkCalls (items: Json list) : Refusal option =
    let calls, outputs =
        callIds "function_call" items, callIds "function_call_output" items

    let without (others: string list) =
        List.tryFind (fun id -> not (List.contains id others))

    match without outputs calls, without calls outputs with
    | Some id, _ -> Some(invalid "input" None $"No tool output found for function call %s{id}.")
    | None, Some id ->
        Some(invalid "input" None $"No tool call found for function call output with call_id %s{id}.")
    | None, None -> None

let private roles = [ "user"; "assistant"; "developer"; "system" ]

let private checkInput (body: Json) : Refusal option =
    let items = inputItems body

    let badRole =
        items
        |> List.choose (textField "role")
        |> List.tryFind (fun role -> not (List.contains role roles))

    match field "input" body, badRole with
    | (None | Some Null | Some(Items [])), _ ->
        Some(
            invalid
                "input"
                (Some "missing_required_parameter")
                "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."
        )
    | Some(Items _ | Text _), Some role ->
        Some(
            invalid
                "input"
                (Some "invalid_value")
                ($"Invalid value: '%s{role}'. "
                 + "Supported values are: 'assistant', 'system', 'developer', and 'user'.")
        )
    | Some(Items _ | Text _), None -> checkCalls items
    | Some _, _ ->
        Some(invalid "input" (Some "invalid_type") "Invalid type for 'input': expected a string or an array.")

let private checkFormat (body: Json) : Refusal option =
    let wrong message =
        Some(invalid "text.format.schema" (Some "invalid_json_schema") message)

    let isNameLetter (letter: char) =
        Char.IsAsciiLetterOrDigit letter || letter = '_' || letter = '-'

    match at [ "text"; "format" ] body with
    | Some format when textField "type" format = Some "json_schema" ->
        match textField "name" format, field "schema" format with
        | None, _ ->
            Some(
                invalid
                    "text.format.name"
                    (Some "missing_required_parameter")
                    "Missing required parameter: 'text.format.name'."
            )
        | Some name, _ when name.Length > 64 || name = "" || not (String.forall isNameLetter name) ->
            Some(
                invalid
                    "text.format.name"
                    (Some "invalid_value")
                    "Invalid 'text.format.name': expected at most 64 of a-z, A-Z, 0-9, _ and -."
            )
        | Some _, None ->
            Some(
                invalid
                    "text.format.schema"
                    (Some "missing_required_parameter")
                    "Missing required parameter: 'text.format.schema'."
            )
        | Some name, Some schema when field "strict" format <> Some(Flag false) ->
            StrictSchema.check name schema |> Option.bind wrong
        | _ -> None
    | Some format ->
        match textField "type" format with
        | Some("text" | "json_object") -> None
        | _ -> Some(invalid "text.format.type" (Some "invalid_value") "Invalid value for 'text.format.type'.")
    | None -> None

let private checkLengths (body: Json) : Refusal option =
    let tooLong name (limit: int) (text: string) =
        if text.Length > limit then
            Some(
                invalid
                    name
                    (Some "string_above_max_length")
                    ($"Invalid '%s{name}': string too long. Expected a string with maximum length %d{limit}, "
                     + $"but got a string with length %d{text.Length} instead.")
            )
        else
            None

    let metadata =
        match field "metadata" body with
        | Some(Fields pairs) when pairs.Length > 16 ->
            Some(
                invalid
                    "metadata"
                    (Some "object_above_max_properties")
                    "Invalid 'metadata': at most 16 pairs."
            )
        | Some(Fields pairs) ->
            pairs
            |> List.tryPick (fun (key, value) ->
                match value with
                | Text text ->
                    tooLong $"metadata.%s{key}" 512 text
                    |> Option.orElse (tooLong "metadata" 64 key)
                | _ ->
                    Some(
                        invalid $"metadata.%s{key}" (Some "invalid_type") "Metadata values must be strings."
                    ))
        | _ -> None

    let maxTokens =
        match wholeField "max_output_tokens" body with
        | Some count when count < 16L ->
            Some(
                invalid
                    "max_output_tokens"
                    (Some "integer_below_min_value")
                    ("Invalid 'max_output_tokens': integer below minimum value. "
                     + $"Expected a value >= 16, but got %d{count} instead.")
            )
        | _ -> None

    textField "safety_identifier" body
    |> Option.bind (tooLong "safety_identifier" 64)
    |> Option.orElse metadata
    |> Option.orElse maxTokens

/// GPT-6 models reason, and a model that reasons takes no sampling parameters.
let private checkSampling (model: string) (body: Json) : Refusal option =
    let effort =
        match at [ "reasoning"; "effort" ] body with
        | Some(Text effort) -> effort
        | _ -> "medium"

    [ "temperature"; "top_p" ]
    |> List.tryFind (fun name ->
        match field name body with
        | None
        | Some Null -> false
        | Some _ -> model.StartsWith("gpt-6", StringComparison.Ordinal) && effort <> "none")
    |> Option.map (fun name ->
        invalid name None $"Unsupported parameter: '%s{name}' is not supported with this model.")

let private checkReferences (body: Json) : Refusal option =
    match field "conversation" body, field "previous_response_id" body, field "stream" body with
    | Some(Text _ | Fields _), Some(Text _), _ ->
        Some(
            invalid
                "conversation"
                None
                "'conversation' cannot be used in conjunction with 'previous_response_id'."
        )
    | _, _, Some(Flag true) ->
        Some(invalid "stream" None "This emulator does not stream; leave 'stream' out.")
    | _ -> None

/// Checks a body against the models that there are.
let check (models: string list) (body: Json) : Result<Question, Refusal> =
    match textField "model" body with
    | None ->
        Error(invalid "model" (Some "missing_required_parameter") "Missing required parameter: 'model'.")
    | Some model when not (List.contains model models) -> Error(unknownModel model)
    | Some model ->
        let problem =
            checkInput body
            |> Option.orElseWith (fun () -> checkSampling model body)
            |> Option.orElseWith (fun () -> checkLengths body)
            |> Option.orElseWith (fun () -> checkReferences body)
            |> Option.orElseWith (fun () -> checkFormat body)

        match problem with
        | Some refusal -> Error refusal
        | None ->
            Ok {
                Model = model
                Instructions = textField "instructions" body |> Option.defaultValue ""
                Messages = inputItems body |> List.choose messageOf
                Schema =
                    match at [ "text"; "format" ] body with
                    | Some format -> field "schema" format
                    | None -> None
                Store = field "store" body <> Some(Flag false)
                Body = body
            }
