/// The rules of OpenAI's strict structured output: every object lists all its properties as required and
/// allows no others. A schema that breaks them is refused with 400 before anything is generated.
module FunctionalBot.Emulators.OpenAI.StrictSchema

open FunctionalBot.Emulators.Json

let private unsupported =
    set [
        "allOf"
        "not"
        "if"
        "then"
        "else"
        "dependentRequired"
        "patternProperties"
        "oneOf"
    ]

let private keys (json: Json option) : string list =
    match json with
    | Some(Fields fields) -> fields |> List.map fst
    | _ -> []

let private shown (path: string list) : string =
    "(" + (path |> List.map (fun part -> $"'%s{part}'") |> String.concat ", ") + ")"

/// True when the schema's type is `wanted`, alone or among others.
let hasType (wanted: string) (schema: Json) : bool =
    match field "type" schema with
    | Some(Text name) -> name = wanted
    | Some(Items names) -> List.contains (Text wanted) names
    | _ -> false

/// The first thing that is wrong below a schema, or none.
let rec private problem (path: string list) (schema: Json) : string option =
    let within = $"In context=%s{shown path}"
    let properties = field "properties" schema

    let required = [
        for name in itemsField "required" schema do
            match name with
            | Text name -> name
            | _ -> ()
    ]

    let isObject = hasType "object" schema || properties.IsSome
    let forbidden = keys (Some schema) |> List.tryFind unsupported.Contains

    let missing =
        keys properties |> List.tryFind (fun name -> not (List.contains name required))

    let extra =
        required
        |> List.tryFind (fun name -> not (List.contains name (keys properties)))

    match forbidden, missing, extra with
    | Some word, _, _ -> Some $"%s{within}, '%s{word}' is not permitted."
    | None, _, _ when isObject && field "additionalProperties" schema <> Some(Flag false) ->
        Some $"%s{within}, 'additionalProperties' is required to be supplied and to be false."
    | None, Some name, _ ->
        Some(
            $"%s{within}, 'required' is required to be supplied and to be an array including every key "
            + $"in properties. Missing '%s{name}'."
        )
    | None, None, Some name -> Some $"%s{within}, 'required' names '%s{name}', which is not in properties."
    | None, None, None when hasType "array" schema && (field "items" schema).IsNone ->
        Some $"%s{within}, array schema missing items."
    | None, None, None -> below path schema

and private below (path: string list) (schema: Json) : string option =
    let named word = [
        match field word schema with
        | Some(Fields children) ->
            for name, child in children do
                path @ [ word; name ], child
        | _ -> ()
    ]

    let choices =
        itemsField "anyOf" schema
        |> List.mapi (fun index child -> path @ [ "anyOf"; string index ], child)

    let items =
        field "items" schema
        |> Option.map (fun child -> path @ [ "items" ], child)
        |> Option.toList

    named "properties" @ named "$defs" @ choices @ items
    |> List.tryPick (fun (path, child) -> problem path child)

/// What is wrong with the schema for strict output, in OpenAI's words; none when it may be used.
let check (name: string) (schema: Json) : string option =
    let found =
        if not (hasType "object" schema) then
            let kind = field "type" schema |> Option.map write |> Option.defaultValue "None"
            Some $"schema must be a JSON Schema of 'type: \"object\"', got 'type: %s{kind}'."
        else
            problem [] schema

    found
    |> Option.map (fun problem -> $"Invalid schema for response_format '%s{name}': %s{problem}")
