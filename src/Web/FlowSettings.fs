/// The settings of the ticket's form (WhatsApp Flows).
module FunctionalBot.Web.FlowSettings

open FunctionalBot.Effects
open FunctionalBot.Web.Setting

/// The form, as far as it is set up.
[<NoComparison>]
type FlowConfiguration = {
    /// The flow at Meta, and who may open it. None: tickets are taken step by step only.
    Form: (FlowName * FlowMode) option
    /// Opens what telephones ask at POST /flow. None: that door is not there, and fields are checked once they come.
    Key: FlowKey option
}

/// The flow as the messages that offer it name it. None where tickets are taken step by step only.
let ticketFlow (configuration: FlowConfiguration) : TicketFlow option =
    configuration.Form
    |> Option.map (fun (name, mode) -> {
        Name = name
        Mode = mode
        HasEndpoint = configuration.Key.IsSome
    })

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

let private key (source: Source) : Reading<FlowKey option> =
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

/// Reads FLOW_*.
let flow (source: Source) : Reading<FlowConfiguration> =
    build
        (fun name mode key -> {
            Form = name |> Option.map (fun name -> name, mode)
            Key = key
        })
        (flowName source)
    |> apply (
        oneOf
            [ "published", PublishedFlow; "draft", DraftFlow ]
            source
            "FLOW_MODE"
            PublishedFlow
            "published for customers, draft to try a flow that is not published yet."
    )
    |> apply (key source)
