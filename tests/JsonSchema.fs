/// Checks JSON against a schema of an OpenAPI file: the parts of JSON Schema that those files use.
module FunctionalBot.Tests.JsonSchema

open System.Text.Json

let private property (name: string) (element: JsonElement) =
    match element.ValueKind, element with
    | JsonValueKind.Object, element ->
        match element.TryGetProperty name with
        | true, value -> Some value
        | _ -> None
    | _ -> None

let private items (element: JsonElement) = List.ofSeq (element.EnumerateArray())

let private hasType (value: JsonElement) (name: string) =
    match name, value.ValueKind with
    | "object", JsonValueKind.Object
    | "array", JsonValueKind.Array
    | "string", JsonValueKind.String
    | "number", JsonValueKind.Number
    | "boolean", (JsonValueKind.True | JsonValueKind.False)
    | "null", JsonValueKind.Null -> true
    | "integer", JsonValueKind.Number -> fst (value.TryGetInt64())
    | _ -> false

/// Required properties that are not asked for, by the schema's name: what the official client leaves out
/// itself when it replays an assistant's message.
let private relaxed =
    Map [
        "OutputMessage", set [ "id"; "status" ]
        "OutputTextContent", set [ "logprobs" ]
    ]

let rec private problems
    (file: JsonElement)
    (name: string)
    (schema: JsonElement)
    (at: string)
    (value: JsonElement)
    =
    let inner = problems file ""

    let alternatives keyword =
        match property keyword schema with
        | None -> []
        | Some options ->
            let tried = items options |> List.map (fun option -> inner option at value)

            if List.exists List.isEmpty tried then
                []
            else
                let closest = tried |> List.minBy List.length
                [ $"%s{at} fits none of %s{keyword}; closest: %A{List.truncate 3 closest}" ]

    [
        match property "$ref" schema with
        | Some reference ->
            let target = (string reference).Substring "#/components/schemas/".Length

            let found = file.GetProperty("components").GetProperty("schemas").GetProperty target

            yield! problems file target found at value
        | None -> ()

        match property "allOf" schema with
        | Some parts ->
            for part in items parts do
                yield! problems file name part at value
        | None -> ()

        // oneOf is taken as anyOf: an input message fits two of the alternatives.
        yield! alternatives "anyOf"
        yield! alternatives "oneOf"

        match property "type" schema with
        | Some kind when kind.ValueKind = JsonValueKind.String && not (hasType value (string kind)) ->
            $"%s{at} is no %s{string kind}"
        | Some kinds when
            kinds.ValueKind = JsonValueKind.Array
            && not (items kinds |> List.exists (fun kind -> hasType value (string kind)))
            ->
            $"%s{at} has the wrong type"
        | _ -> ()

        match property "enum" schema with
        | Some choices when
            not (
                items choices
                |> List.exists (fun choice -> JsonElement.DeepEquals(choice, value))
            )
            ->
            $"%s{at} is not among the choices: %s{value.GetRawText()}"
        | _ -> ()

        match value.ValueKind with
        | JsonValueKind.Object ->
            let known = property "properties" schema

            match property "required" schema with
            | Some names ->
                for required in items names |> List.map string do
                    let mayLack = relaxed |> Map.tryFind name |> Option.exists (Set.contains required)

                    if (property required value).IsNone && not mayLack then
                        $"%s{at}.%s{required} is missing"
            | None -> ()

            for field in value.EnumerateObject() do
                match known |> Option.bind (property field.Name) with
                | Some fieldSchema -> yield! inner fieldSchema $"%s{at}.%s{field.Name}" field.Value
                | None -> ()
        | JsonValueKind.Array ->
            match property "items" schema with
            | Some itemSchema ->
                for index, item in List.indexed (items value) do
                    yield! inner itemSchema $"%s{at}[%d{index}]" item
            | None -> ()
        | JsonValueKind.String ->
            match property "maxLength" schema with
            | Some limit when (string value).Length > limit.GetInt32() -> $"%s{at} is too long"
            | _ -> ()
        | JsonValueKind.Number ->
            match property "minimum" schema with
            | Some least when value.GetDouble() < least.GetDouble() -> $"%s{at} is too small"
            | _ -> ()
        | _ -> ()
    ]

/// What is wrong with the value by the schema of this name in an OpenAPI file; nothing when it fits.
let check (file: JsonElement) (schema: string) (value: JsonElement) : string list =
    let found = file.GetProperty("components").GetProperty("schemas").GetProperty schema

    problems file schema found "$" value
