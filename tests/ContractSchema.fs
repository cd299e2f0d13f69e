/// Checks JSON against the schemas of an OpenAPI file, Meta's or OpenAI's: the parts of JSON Schema that they
/// use.
module FunctionalBot.Tests.ContractSchema

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open FunctionalBot.Tests.ContractYaml

/// A published contract, and where it is known to be wrong about the service.
type Contract = {
    /// The file's whole tree.
    Root: Yaml
    /// Members that the service takes since the file was published, each with a schema of our own.
    Newer: Map<string, Yaml>
    /// Schemas of our own, in place of what the file lacks or has wrong. The name is that of the file's schema; for
    /// one without a name that of the schema around it with ".member" behind; and "=value" behind, where it stands
    /// for one value of the member `type` only.
    Own: Map<string, Yaml>
    /// Required members that may be missing all the same, by the schema's name.
    MayLack: Map<string, Set<string>>
    /// Required members that may be missing where another one is there, by the schema's name: (missing, other).
    MayLackBeside: Map<string, (string * string) list>
    /// True where a value must fit one alternative of a `oneOf` and no more; some files mean `anyOf` by it.
    ExactlyOne: bool
}

let private load (fileName: string) (read: string -> Contract) : Contract option =
    Repository.contracts ()
    |> Option.map (fun folder -> Path.Combine(folder, fileName))
    |> Option.filter File.Exists
    |> Option.map (File.ReadAllText >> read)

/// What Meta's file of November 2025 lacks or has wrong, in words of our own after Meta's pages
/// (references/whatsapp-cloud-api.md, section 3). The file has no link button and no request for a place or a
/// number; no length of texts, captions and file names; and a pattern for a button's place in a template that its
/// own examples do not fit.
let private written =
    lazy
        (let lines =
            File.ReadAllLines(Repository.path "tests/WhatsAppOwnSchemas.yaml")
            |> Array.filter (fun line -> not (line.TrimStart().StartsWith '#'))

         let root = parse (String.Join('\n', lines))

         let mapping name =
             match tryField name root with
             | Some found -> Map.ofList (members found)
             | None -> failwith $"tests/WhatsAppOwnSchemas.yaml has no %s{name}"

         mapping "newer", mapping "own")

/// Meta's file of November 2025, with what `written` says, if the folder of contracts is there.
let whatsApp () : Contract option =
    load "whatsapp-business-messaging-v23.yaml" (fun text -> {
        Root = parse text
        Newer = fst (written.Force())
        Own = snd (written.Force())
        MayLack = Map.empty
        MayLackBeside = Map [ "BaseMessageProperties", [ "to", "recipient" ] ]
        ExactlyOne = true
    })

/// Meta's file as it is, but for the members that are newer.
let whatsAppAlone () : Contract option =
    whatsApp () |> Option.map (fun contract -> { contract with Own = Map.empty })

/// OpenAI's file of August 2026, if the folder of contracts is there.
let openAI () : Contract option =
    load "openai-2026-08.json" (fun text -> {
        Root = ofJson text
        Newer = Map.empty
        Own = Map.empty
        MayLackBeside = Map.empty
        // What the official client leaves out itself when it replays an assistant's message.
        MayLack =
            Map [
                "OutputMessage", set [ "id"; "status" ]
                "OutputTextContent", set [ "logprobs" ]
            ]
        // An input message fits two of the alternatives.
        ExactlyOne = false
    })

/// The node at a path of names. Fails where there is none, since then the file is not the one that tests
/// know.
let at (path: string list) (contract: Contract) : Yaml =
    (contract.Root, path)
    ||> List.fold (fun node name ->
        match tryField name node with
        | Some found -> found
        | None -> failwith $"the contract has no %s{name}")

/// The schema's name, where it is a reference, and the schema itself.
let private named contract schema : string * Yaml =
    match tryField "$ref" schema |> Option.bind text with
    | Some reference ->
        let path = reference.TrimStart('#', '/').Split '/' |> List.ofArray
        List.last path, at path contract
    | None -> "", schema

let private follow contract schema = snd (named contract schema)

let private branches name schema =
    tryField name schema |> Option.map items |> Option.defaultValue []

/// Every member that the schema or a part of it names.
let rec private declared contract schema : Set<string> =
    let schema = follow contract schema

    let own =
        tryField "properties" schema
        |> Option.map (members >> List.map fst)
        |> Option.defaultValue []

    branches "allOf" schema @ branches "oneOf" schema @ branches "anyOf" schema
    |> List.map (declared contract)
    |> Set.unionMany
    |> Set.union (Set.ofList own)

/// The file closes each part of an `allOf`, which taken literally nothing could satisfy; what is meant is
/// that the whole has no members besides those that its parts name.
let rec private isClosed contract schema =
    let schema = follow contract schema

    (tryField "additionalProperties" schema |> Option.bind text) = Some "false"
    || List.exists (isClosed contract) (branches "allOf" schema)

let private numberOf name schema =
    tryField name schema |> Option.bind text |> Option.map int

let private limit name schema =
    tryField name schema |> Option.bind text |> Option.map float

let private typeMatches (element: JsonElement) kind =
    match kind, element.ValueKind with
    | "object", JsonValueKind.Object
    | "array", JsonValueKind.Array
    | "string", JsonValueKind.String
    | "boolean", (JsonValueKind.True | JsonValueKind.False)
    | "number", JsonValueKind.Number
    | "null", JsonValueKind.Null -> true
    | "integer", JsonValueKind.Number -> fst (element.TryGetInt64())
    | _ -> false

/// The types that a schema allows: one name, or a list of them.
let private kindsOf (kind: Yaml) : string list =
    match text kind with
    | Some name -> [ name ]
    | None -> items kind |> List.choose text

let private knownKeywords =
    Set.ofList [
        "$ref"
        "type"
        "enum"
        "required"
        "properties"
        "items"
        "minItems"
        "maxItems"
        "minLength"
        "maxLength"
        "minimum"
        "maximum"
        "pattern"
        "allOf"
        "oneOf"
        "anyOf"
        "additionalProperties"
        "discriminator"
        "description"
        "example"
        "examples"
        "default"
        "format"
        "title"
        "deprecated"
    ]

/// The schema of our own that takes the place of the file's, if there is one.
let private own contract (label: string) (element: JsonElement) : Yaml option =
    let ofType =
        if element.ValueKind = JsonValueKind.Object then
            match element.TryGetProperty "type" with
            | true, value when value.ValueKind = JsonValueKind.String ->
                Map.tryFind (label + "=" + nonNull (value.GetString())) contract.Own
            | _ -> None
        else
            None

    match ofType with
    | Some found -> Some found
    | None -> Map.tryFind label contract.Own

/// Where a schema stands: as a value of its own, as one of several that a value may fit, or as a part of one that it
/// must fit with the others.
type private Standing =
    | Alone
    | Alternative
    | PartOf

/// `around` is what the schema is called if it has no name.
let rec private problemsOf
    contract
    (standing: Standing)
    (around: string)
    (path: string)
    (schema: Yaml)
    (element: JsonElement)
    : string list =
    let name, schema = named contract schema
    let label = if name = "" then around else name

    // What stands somewhere may be ours for that place; what has a name, for all places. A part without a name is
    // called as the whole, which was looked up already.
    let schema =
        [
            if standing = Alone then
                around
            if name <> "" then
                name
        ]
        |> List.tryPick (fun label -> own contract label element)
        |> Option.defaultValue schema

    let part standing path = problemsOf contract standing label path
    let isPart = (standing = PartOf)

    let mayLack =
        let beside =
            contract.MayLackBeside
            |> Map.tryFind name
            |> Option.defaultValue []
            |> List.filter (fun (_, other) ->
                element.ValueKind = JsonValueKind.Object && fst (element.TryGetProperty other))
            |> List.map fst

        contract.MayLack
        |> Map.tryFind name
        |> Option.defaultValue Set.empty
        |> Set.union (Set.ofList beside)

    let unknown =
        members schema
        |> List.map fst
        |> List.filter (fun keyword -> not (keyword.StartsWith "x-"))
        |> Set.ofList
        |> fun keywords -> keywords - knownKeywords

    if not unknown.IsEmpty then
        failwith $"the schema at %s{path} uses %A{unknown}, which this checker does not know"

    [
        match tryField "type" schema with
        | Some kind when not (kindsOf kind |> List.exists (typeMatches element)) ->
            let kinds = kindsOf kind |> String.concat " or "
            $"%s{path} is no %s{kinds}"
        | _ -> ()

        match branches "enum" schema |> List.choose text with
        | [] -> ()
        | allowed ->
            let written =
                if element.ValueKind = JsonValueKind.String then
                    nonNull (element.GetString())
                else
                    element.GetRawText()

            if not (List.contains written allowed) then
                $"%s{path} is %s{written}, which is none of its values"

        if element.ValueKind = JsonValueKind.String then
            let value = nonNull (element.GetString())

            match numberOf "maxLength" schema with
            | Some limit when value.Length > limit ->
                $"%s{path} has %d{value.Length} characters, at most %d{limit}"
            | _ -> ()

            match numberOf "minLength" schema with
            | Some limit when value.Length < limit ->
                $"%s{path} has %d{value.Length} characters, at least %d{limit}"
            | _ -> ()

            match tryField "pattern" schema |> Option.bind text with
            | Some pattern when not (Regex.IsMatch(value, pattern)) -> $"%s{path} does not match %s{pattern}"
            | _ -> ()

        if element.ValueKind = JsonValueKind.Number then
            let value = element.GetDouble()

            match limit "minimum" schema with
            | Some least when value < least -> $"%s{path} is less than %g{least}"
            | _ -> ()

            match limit "maximum" schema with
            | Some most when value > most -> $"%s{path} is more than %g{most}"
            | _ -> ()

        if element.ValueKind = JsonValueKind.Array then
            let count = element.GetArrayLength()

            match numberOf "maxItems" schema with
            | Some limit when count > limit -> $"%s{path} has %d{count} items, at most %d{limit}"
            | _ -> ()

            match numberOf "minItems" schema with
            | Some limit when count < limit -> $"%s{path} has %d{count} items, at least %d{limit}"
            | _ -> ()

            match tryField "items" schema with
            | Some itemSchema ->
                for index in 0 .. count - 1 do
                    yield! problemsOf contract Alone label $"%s{path}[%d{index}]" itemSchema element[index]
            | None -> ()

        if element.ValueKind = JsonValueKind.Object then
            for name in branches "required" schema |> List.choose text do
                if not (fst (element.TryGetProperty name)) && not (mayLack.Contains name) then
                    $"%s{path} lacks %s{name}"

            for name, memberSchema in
                tryField "properties" schema |> Option.map members |> Option.defaultValue [] do
                match element.TryGetProperty name with
                | true, value ->
                    yield!
                        problemsOf contract Alone (label + "." + name) $"%s{path}.%s{name}" memberSchema value
                | _ -> ()

            if not isPart && isClosed contract schema then
                let allowed = declared contract schema

                for found in element.EnumerateObject() do
                    if not (allowed.Contains found.Name) then
                        match Map.tryFind found.Name contract.Newer with
                        | Some newer ->
                            let path = $"%s{path}.%s{found.Name}"
                            yield! problemsOf contract Alone found.Name path newer found.Value
                        | None -> $"%s{path} has %s{found.Name}, which is unknown"

        for branch in branches "allOf" schema do
            yield! part PartOf path branch element

        let oneOf, anyOf = branches "oneOf" schema, branches "anyOf" schema

        for alternatives, exactly in [ oneOf, contract.ExactlyOne; anyOf, false ] do
            let outcomes =
                alternatives |> List.map (fun branch -> part Alternative path branch element)

            let matching = outcomes |> List.filter List.isEmpty |> List.length

            if matching = 0 && not alternatives.IsEmpty then
                let nearest = outcomes |> List.minBy List.length

                $"%s{path} fits none of its alternatives; nearest: "
                + String.Join("; ", nearest)
            elif matching > 1 && exactly then
                $"%s{path} fits %d{matching} alternatives, not one"
    ]

/// Everything that is wrong with a JSON text as this schema of `components/schemas`, or nothing.
let problems (contract: Contract) (schemaName: string) (json: string) : string list =
    use document = JsonDocument.Parse json
    let schema = at [ "components"; "schemas"; schemaName ] contract
    problemsOf contract Alternative schemaName schemaName schema document.RootElement
