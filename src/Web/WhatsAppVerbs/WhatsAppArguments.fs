/// The words after `bot whatsapp`.
module FunctionalBot.Web.WhatsAppArguments

open Argu

let private numberUsage =
    "the id of the business number; needed where several are set up."

let private dryRunUsage = "say what would be done, and change nothing at Meta."
let private yesUsage = "do not ask; needed where nobody can be asked."
let private jsonUsage = "print JSON, for scripts."

/// `bot whatsapp subscribe`
[<RequireQualifiedAccess>]
type SubscribeArguments =
    | Number of id: string
    | Callback of address: string
    | Dry_Run
    | Yes
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Number _ -> numberUsage
            | Callback _ ->
                "where the account's webhooks go, https://your-host/webhook, instead of where the app's settings say; "
                + "Meta asks it for WHATSAPP_VERIFY_TOKEN first, so the bot must run."
            | Dry_Run -> dryRunUsage
            | Yes -> yesUsage
            | Json -> jsonUsage

/// `bot whatsapp profile`
[<RequireQualifiedAccess>]
type ProfileArguments =
    | Number of id: string
    | About of text: string
    | Address of text: string
    | Description of text: string
    | Email of address: string
    | Website of address: string
    | Vertical of word: string
    | Dry_Run
    | Yes
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Number _ -> numberUsage
            | About _ -> "the line below the name, at most 139 characters."
            | Address _ -> "where the business is, at most 256 characters."
            | Description _ -> "what the business does, at most 256 characters."
            | Email _ -> "an address to write to."
            | Website _ -> "an address on the web; may be given twice, and replaces those that are there."
            | Vertical _ -> "Meta's word for the trade, for example RETAIL, HEALTH, PROF_SERVICES."
            | Dry_Run -> dryRunUsage
            | Yes -> yesUsage
            | Json -> jsonUsage

/// `bot whatsapp templates`
[<RequireQualifiedAccess>]
type TemplatesArguments =
    | Number of id: string
    | Name of name: string
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Number _ -> numberUsage
            | Name _ -> "only those of this name."
            | Json -> jsonUsage

/// `bot whatsapp send-template`
[<RequireQualifiedAccess>]
type SendTemplateArguments =
    | [<MainCommand; ExactlyOnce>] Name of name: string
    | [<Mandatory>] Language of code: string
    | [<Mandatory>] To of customer: string
    | Parameter of text: string
    | Number of id: string
    | Dry_Run
    | Yes
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Name _ -> "the template's name."
            | Language _ -> "the template's language, for example es or en_US."
            | To _ -> "the customer: a phone number with its country's code, or a user id (ES.1234…)."
            | Parameter _ -> "the text for the next place of the template's body; once for each."
            | Number _ -> "the id of the business number that sends it; needed where several are set up."
            | Dry_Run -> "look whether it could be sent, and send nothing."
            | Yes -> "the customer agreed to be written to: do not ask."
            | Json -> jsonUsage

/// `bot whatsapp flow key`
[<RequireQualifiedAccess>]
type FlowKeyArguments =
    | Number of id: string
    | Dry_Run
    | Yes
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Number _ -> numberUsage
            | Dry_Run -> dryRunUsage
            | Yes -> yesUsage
            | Json -> jsonUsage

/// `bot whatsapp flow upload`
[<RequireQualifiedAccess>]
type FlowUploadArguments =
    | Flow of id: string
    | Name of name: string
    | Endpoint of address: string
    | Number of id: string
    | Dry_Run
    | Yes
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Flow _ -> "the id of a draft that gets the screens; without it a new flow is made."
            | Name _ -> "the name of the new flow (default: ticket)."
            | Endpoint _ ->
                "where telephones ask whether the fields are right, https://your-host/flow; "
                + "needs FLOW_PRIVATE_KEY_FILE. Without it the form is sent as it was filled in."
            | Number _ -> numberUsage
            | Dry_Run -> dryRunUsage
            | Yes -> yesUsage
            | Json -> jsonUsage

/// `bot whatsapp flow publish`
[<RequireQualifiedAccess>]
type FlowPublishArguments =
    | [<MainCommand; ExactlyOnce>] Flow of id: string
    | Number of id: string
    | Dry_Run
    | Yes
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Flow _ -> "the flow's id. A published flow is never changed."
            | Number _ -> numberUsage
            | Dry_Run -> dryRunUsage
            | Yes -> yesUsage
            | Json -> jsonUsage

/// `bot whatsapp flow`
[<RequireQualifiedAccess>]
type FlowArguments =
    | [<CliPrefix(CliPrefix.None)>] Key of ParseResults<FlowKeyArguments>
    | [<CliPrefix(CliPrefix.None)>] Upload of ParseResults<FlowUploadArguments>
    | [<CliPrefix(CliPrefix.None)>] Publish of ParseResults<FlowPublishArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Key _ -> "give Meta the public half of FLOW_PRIVATE_KEY_FILE."
            | Upload _ -> "give Meta the screens of data/flows/ticket.json, as a draft."
            | Publish _ -> "open a flow to every customer."

/// `bot whatsapp`
[<RequireQualifiedAccess>]
type WhatsAppArguments =
    | [<CliPrefix(CliPrefix.None)>] Subscribe of ParseResults<SubscribeArguments>
    | [<CliPrefix(CliPrefix.None)>] Profile of ParseResults<ProfileArguments>
    | [<CliPrefix(CliPrefix.None)>] Templates of ParseResults<TemplatesArguments>
    | [<CliPrefix(CliPrefix.None)>] Send_Template of ParseResults<SendTemplateArguments>
    | [<CliPrefix(CliPrefix.None)>] Flow of ParseResults<FlowArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Subscribe _ -> "let this app have the webhooks of a number's account."
            | Profile _ -> "show or change what customers see of the business."
            | Templates _ -> "the account's templates, and how they stand with Meta."
            | Send_Template _ ->
                "send one template to one customer who agreed to it; where DATABASE_URL is set, not to who opted out."
            | Flow _ -> "set up the ticket's form (WhatsApp Flows): its key and its screens."
