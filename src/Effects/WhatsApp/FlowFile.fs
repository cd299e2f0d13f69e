namespace FunctionalBot.Effects

open System.Text.Json.Nodes

/// data/flows/ticket.json as Meta takes it.
module FlowFile =
    let private isChoice (part: JsonNode | null) =
        match part with
        | :? JsonObject as found ->
            match found["type"] with
            | null -> false
            | kind ->
                kind.GetValueKind() = System.Text.Json.JsonValueKind.String
                && kind.GetValue<string>() = "If"
        | _ -> false

    /// Puts what is shown once the fields are checked in the place of each choice between before and after.
    let private settle (children: JsonArray) : unit =
        for part in List.ofSeq children do
            match part with
            | :? JsonObject as found when isChoice found ->
                let place = children.IndexOf found
                children.RemoveAt place

                match found["then"] with
                | :? JsonArray as shown ->
                    for index, child in Seq.indexed (List.ofSeq shown) do
                        shown.Remove child |> ignore
                        children.Insert(place + index, child)
                | _ -> ()
            | _ -> ()

    let private membersOf (name: string) (node: JsonNode | null) : JsonNode | null =
        match node with
        | :? JsonObject as found -> found[name]
        | _ -> null

    /// The flow for a host without an endpoint: Meta publishes none that asks an endpoint which is not there. Its one
    /// button sends the form at once, and what it is asked to show comes with the message. Error where the text is no
    /// flow.
    let withoutEndpoint (flow: string) : Result<string, string> =
        try
            match JsonNode.Parse flow with
            | :? JsonObject as root ->
                root.Remove "data_api_version" |> ignore
                root.Remove "routing_model" |> ignore

                match root["screens"] with
                | :? JsonArray as screens ->
                    for screen in screens do
                        match membersOf "layout" screen |> membersOf "children" with
                        | :? JsonArray as children -> settle children
                        | _ -> ()

                    Ok(root.ToJsonString())
                | _ -> Error "the flow has no screens"
            | _ -> Error "the flow is no JSON object"
        with :? System.Text.Json.JsonException ->
            Error "the flow is no JSON"
