namespace FunctionalBot.Effects

open System
open System.Text.Json
open FunctionalBot.Domain

/// What a customer filled in and sent.
type FormReply = {
    /// What was sent along with the form, where it came back.
    Token: string option
    /// Texts by name, in the order in which they came.
    Fields: (string * string) list
    /// Photos and documents, kept by Meta like the file of any message.
    Files: SentFile list
}

/// Reading the answer of a form (`nfm_reply`). Whatever was filled in comes from the customer's telephone: nothing of
/// its shape is certain, and a form that cannot be read at all is one without fields, since a customer waits.
module FormReply =
    open LenientJson

    /// The most fields that are taken; the ticket's form has four.
    let mostFields = 20

    /// The longest text of a field, in UTF-16 units.
    let longestField = 4000

    /// The longest name of a field, in UTF-16 units.
    let longestName = 64

    /// The most files that Meta lets through with one form.
    let mostFiles = TicketForm.mostPhotos

    let private longestToken = 400

    let private tokenName = "flow_token"

    let private cut units (element: JsonElement) : string option =
        asTextUpTo units element |> Option.map (Graphemes.start units)

    /// What one member holds.
    type private Held =
        | Words of string
        | Files of SentFile list

    /// A text, the texts of several ticked boxes, or files.
    let private taken (element: JsonElement) : Held option =
        match element.ValueKind with
        | JsonValueKind.Array ->
            let elements = element.EnumerateArray() |> Seq.truncate mostFields |> List.ofSeq

            match
                List.choose (SentFile.read "file_name") elements, List.choose (cut longestField) elements
            with
            | [], [] -> None
            | [], texts -> Some(Words(Graphemes.start longestField (String.concat ", " texts)))
            | files, _ -> Some(Files files)
        | _ -> cut longestField element |> Option.map Words

    let private members (root: JsonElement) : (string * JsonElement) list =
        if root.ValueKind <> JsonValueKind.Object then
            []
        else
            // Names are read one by one: one that is no Unicode takes none of the others with it.
            root.EnumerateObject()
            |> Seq.choose (fun part ->
                try
                    Some(part.Name, part.Value)
                with :? InvalidOperationException ->
                    None)
            |> Seq.filter (fun (name, _) ->
                name <> ""
                && name <> tokenName
                && name.Length <= longestName
                && not (name.Contains '\000'))
            |> Seq.truncate (2 * mostFields)
            |> List.ofSeq

    let private ofRoot (root: JsonElement) : FormReply =
        let parts =
            members root
            |> List.choose (fun (name, value) -> taken value |> Option.map (fun held -> name, held))

        {
            Token = field tokenName root |> Option.bind (cut longestToken)
            Fields =
                parts
                |> List.choose (fun (name, held) ->
                    match held with
                    | Words text -> Some(name, text)
                    | Files _ -> None)
                |> List.truncate mostFields
            Files =
                parts
                |> List.collect (fun (_, held) ->
                    match held with
                    | Words _ -> []
                    | Files files -> files)
                |> List.truncate mostFiles
        }

    let private nothing = {
        Token = None
        Fields = []
        Files = []
    }

    let private ofText (text: string) : FormReply =
        try
            use document =
                JsonDocument.Parse(text, JsonDocumentOptions(MaxDepth = maximumDepth))

            ofRoot document.RootElement
        with
        | :? JsonException
        | :? ArgumentException -> nothing

    /// The reply of a form, from the `interactive` part of a message. None where it is no form's: other things that can
    /// be filled in (an address) have other names.
    let read (interactive: JsonElement) : FormReply option =
        match field "nfm_reply" interactive with
        | None -> None
        | Some reply ->
            match text "name" reply |> Option.defaultValue "flow" with
            | "flow"
            | "" ->
                match field "response_json" reply with
                | Some content when content.ValueKind = JsonValueKind.String ->
                    Some(asText content |> Option.map ofText |> Option.defaultValue nothing)
                | Some content -> Some(ofRoot content)
                | None -> Some nothing
            | _ -> None
