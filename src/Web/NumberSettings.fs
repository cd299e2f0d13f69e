/// What is set for one business number, and the number that the variables set. `NumbersFile` reads more.
module FunctionalBot.Web.NumberSettings

open System
open System.IO
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Web.Setting

/// One business number and all that is its own. What a further part needs of each number is one field here and one
/// line in `NumberEntry.ofEntry`.
[<NoComparison>]
type NumberConfiguration = {
    /// Meta's id of the number, digits; not the number.
    Id: string
    /// Meta's id of the WhatsApp Business account that it belongs to, where it is known.
    Account: string option
    /// The variable that holds the token. Numbers that name the same one share the token.
    TokenVariable: string
    Token: string
    /// The file that the token is in, which is read again while the bot runs; None where it was given by itself.
    TokenFile: string option
    /// The name by which customers know the business.
    Name: string
    /// How a person is reached besides this chat; said to whoever asks for one.
    Contact: string
    /// What the business does, in a few words; the assistant keeps to it.
    Scope: string
    /// The language of a customer of whom nothing is known yet.
    Language: Language
    /// The folder with what the assistant knows.
    Knowledge: string
    /// A folder with the phrases that are said otherwise than in the data folder.
    Phrases: string option
    /// The team or project that gets the tickets, by database id; None leaves it to ODOO_TEAM_ID.
    Team: int64 option
    /// When the team is there. None for always.
    Hours: BusinessHours option
    /// Asks customers to write who have been silent for a day. None: what is said to them waits until they do.
    LateTemplate: LateTemplateSettings.LateTemplateConfiguration option
    /// The ticket as a form, a flow of the number's account. None: tickets are taken step by step only.
    Flow: FlowSettings.FlowConfiguration option
}

/// Where ids and tokens are found at Meta.
let private apiSetUp = "Meta for Developers > your app > WhatsApp > API Setup"

let private isDigits (text: string) =
    text <> "" && text |> Seq.forall Char.IsAsciiDigit

/// How a number's id is found.
let internal phoneIdHelp = "Copy the id (not the number) from " + apiSetUp + "."

/// How an account's id is found.
let internal accountHelp =
    "Copy the WhatsApp Business Account ID from " + apiSetUp + "."

/// An id of Meta's.
let internal digits name mend (text: string) : Reading<string> =
    if isDigits text then
        Ok text
    else
        problem name "is not an id made of digits" mend

/// The languages by their codes.
let internal languages = [ "es", Spanish; "en", English; "pt", Portuguese ]

/// What a number has of which its entry says nothing. Each is read where it is needed only.
[<NoComparison; NoEquality>]
type internal Common = {
    Account: unit -> Reading<string option>
    Name: unit -> Reading<string>
    Contact: unit -> Reading<string>
    Scope: unit -> Reading<string>
    Language: unit -> Reading<Language>
    Knowledge: unit -> Reading<string>
    Hours: unit -> Reading<BusinessHours option>
}

/// What the variables say. `data` is where the program finds its data folder.
let internal common (data: string) (source: Source) : Common = {
    Account =
        fun () ->
            source "WHATSAPP_BUSINESS_ACCOUNT_ID"
            |> Result.bind (function
                | None -> Ok None
                | Some text -> digits "WHATSAPP_BUSINESS_ACCOUNT_ID" accountHelp text |> Result.map Some)
    Name = fun () -> required source "BOT_BUSINESS_NAME" "The name by which customers know your business."
    Contact =
        fun () ->
            required
                source
                "BOT_BUSINESS_CONTACT"
                ("How customers reach a person besides this chat (phone, e-mail, hours); "
                 + "WhatsApp's policy asks for it.")
    Scope = fun () -> withDefault source "BOT_BUSINESS_SCOPE" "customer support"
    Language =
        fun () ->
            oneOf
                languages
                source
                "BOT_LANGUAGE"
                Spanish
                "The language for a customer of whom nothing is known yet."
    Knowledge =
        fun () ->
            withDefault source "BOT_DATA" data
            |> Result.map (fun folder -> Path.Combine(folder, "knowledge"))
    Hours = fun () -> HoursSettings.businessHours source
}

/// A token, and the file that it is in.
let internal token (source: Source) (variable: string) : Reading<string * string * string option> =
    build
        (fun token file -> variable, token, file)
        (Setting.token
            source
            variable
            ("Make a system user's token with whatsapp_business_messaging: " + apiSetUp + "."))
    |> apply (fileOf source variable)

/// The variable of numbers that name none.
let internal standardToken = "WHATSAPP_TOKEN"

/// A number of all its parts, in the order of its fields; the token comes with its variable and its file.
let internal number
    id
    account
    (variable, token, file)
    name
    contact
    scope
    language
    knowledge
    phrases
    team
    hours
    lateTemplate
    flow
    : NumberConfiguration = {
    Id = id
    Account = account
    TokenVariable = variable
    Token = token
    TokenFile = file
    Name = name
    Contact = contact
    Scope = scope
    Language = language
    Knowledge = knowledge
    Phrases = phrases
    Team = team
    Hours = hours
    LateTemplate = lateTemplate
    Flow = flow
}

/// The variable that sets one number.
let internal phoneNumberId = "WHATSAPP_PHONE_NUMBER_ID"

/// The number that the variables set.
let internal ofVariables (common: Common) (source: Source) : Reading<NumberConfiguration> =
    build
        number
        (required source phoneNumberId phoneIdHelp
         |> Result.bind (digits phoneNumberId phoneIdHelp))
    |> apply (common.Account())
    |> apply (token source standardToken)
    |> apply (common.Name())
    |> apply (common.Contact())
    |> apply (common.Scope())
    |> apply (common.Language())
    |> apply (common.Knowledge())
    |> apply (Ok None)
    |> apply (Ok None)
    |> apply (common.Hours())
    |> apply (LateTemplateSettings.lateTemplate source)
    |> apply (FlowSettings.flow source)
