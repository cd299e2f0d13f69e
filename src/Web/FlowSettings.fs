/// The settings of the ticket's form (WhatsApp Flows).
module FunctionalBot.Web.FlowSettings

open FunctionalBot.Effects
open FunctionalBot.Web.Setting

/// The flow that a number's tickets are filled in with.
type FlowConfiguration = {
    Name: FlowName
    /// Who may open it.
    Mode: FlowMode
}

/// The flow as the messages that offer it name it.
let ticketFlow (key: FlowKey option) (configuration: FlowConfiguration) : TicketFlow = {
    Name = configuration.Name
    Mode = configuration.Mode
    HasEndpoint = key.IsSome
}

let private flowName (source: Source) : Reading<FlowName option> =
    both (source "FLOW_ID") (source "FLOW_NAME")
    |> Result.bind (function
        | Some _, Some _ ->
            problem
                "FLOW_NAME"
                "is set beside FLOW_ID"
                "Set one of them: Meta takes a flow by its id or by its name."
        | Some id, None when id |> Seq.forall System.Char.IsAsciiDigit -> Ok(Some(FlowId id))
        | Some _, None ->
            problem
                "FLOW_ID"
                "is not an id made of digits"
                "bot whatsapp flow upload tells it; a name goes into FLOW_NAME."
        | None, name -> Ok(Option.map FlowNamed name))

/// Reads FLOW_PRIVATE_KEY and its passphrase: the key that opens what telephones ask at POST /flow. None: that door is
/// not there, and fields are checked once they come.
let key (source: Source) : Reading<FlowKey option> =
    both (source "FLOW_PRIVATE_KEY") (source "FLOW_PRIVATE_KEY_PASSPHRASE")
    |> Result.bind (function
        | None, _ -> Ok None
        | Some pem, passphrase ->
            match FlowKey.ofPem pem passphrase with
            | Ok key -> Ok(Some key)
            | Error wrong ->
                problem
                    "FLOW_PRIVATE_KEY_FILE"
                    wrong
                    "Name a file with an RSA key of 2048 bits, or leave it out to do without the endpoint.")

/// Reads FLOW_ID or FLOW_NAME, and FLOW_MODE. None: tickets are taken step by step only.
let flow (source: Source) : Reading<FlowConfiguration option> =
    build (fun name mode -> name |> Option.map (fun name -> { Name = name; Mode = mode })) (flowName source)
    |> apply (
        oneOf
            [ "published", PublishedFlow; "draft", DraftFlow ]
            source
            "FLOW_MODE"
            PublishedFlow
            "published for customers, draft to try a flow that is not published yet."
    )
