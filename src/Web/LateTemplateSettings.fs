/// The template that asks a customer to write whom nothing else may be said, as it is set.
module FunctionalBot.Web.LateTemplateSettings

open System
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Web.Setting

/// A template without places to fill in.
type LateTemplateConfiguration = {
    /// As it is called in Meta's manager.
    Name: string
    /// Meta's codes of the languages that it was approved in ("es", "pt_BR"); the first for customers who speak none of
    /// these.
    Languages: string list
}

let private isName (text: string) =
    text.Length <= 512
    && text
       |> Seq.forall (fun char -> Char.IsAsciiLetterLower char || Char.IsAsciiDigit char || char = '_')

let private isCode (text: string) =
    match text.Split '_' with
    | [| language |] -> language.Length = 2 && Seq.forall Char.IsAsciiLetterLower language
    | [| language; country |] ->
        language.Length = 2
        && Seq.forall Char.IsAsciiLetterLower language
        && country.Length = 2
        && Seq.forall Char.IsAsciiLetterUpper country
    | _ -> false

/// The variable that names the template.
let nameVariable = "BOT_LATE_TEMPLATE"

/// The variable with the languages that it was approved in.
let languagesVariable = "BOT_LATE_TEMPLATE_LANGUAGES"

/// Reads both. None where no template is named.
let lateTemplate (source: Source) : Reading<LateTemplateConfiguration option> =
    build
        (fun template codes ->
            match template with
            | "" -> None
            | template -> Some { Name = template; Languages = codes })
        (withDefault source nameVariable ""
         |> Result.bind (fun text ->
             if isName text then
                 Ok text
             else
                 problem
                     nameVariable
                     "is no name of a template"
                     "Copy it from WhatsApp Manager > Message templates: a-z, 0-9 and _ only."))
    |> apply (
        texts source languagesVariable "es"
        |> Result.bind (fun codes ->
            if not codes.IsEmpty && List.forall isCode codes then
                Ok codes
            else
                problem
                    languagesVariable
                    "holds something that is no language of a template"
                    "Set it to the codes that the template was approved in, such as: es, en_US, pt_BR")
    )

/// The template in the customer's language, where it exists in that.
let forLanguage (configuration: LateTemplateConfiguration) (language: Language) : Template = {
    Name = configuration.Name
    Language =
        configuration.Languages
        |> List.tryFind (fun code -> code.StartsWith(Language.code language, StringComparison.Ordinal))
        |> Option.defaultValue configuration.Languages.Head
    Parameters = []
    Payloads = []
}
