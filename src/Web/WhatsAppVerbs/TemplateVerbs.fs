/// `bot whatsapp templates` and `bot whatsapp send-template`: what may be said outside of the 24 hours, and saying it
/// to one customer.
module FunctionalBot.Web.TemplateVerbs

open System
open System.Threading
open System.Threading.Tasks
open Argu
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.WhatsAppArguments
open FunctionalBot.Web.WhatsAppDesk

let private documentOf (template: MessageTemplate) =
    Document.fields [
        "name", Document.text template.Name
        "language", Document.text template.Language
        "status", Document.text template.Status
        "category", Document.text template.Category
        "quality", Document.optionalText template.Quality
        "body", Document.text template.Body
        "parameters", Document.texts template.Parameters
        "needs_more", Document.truth template.NeedsMore
    ]

/// Runs `bot whatsapp templates`.
let templates source data (given: ParseResults<TemplatesArguments>) : int =
    let list (desk: Desk) (account: string) = task {
        let name = given.TryGetResult TemplatesArguments.Name

        match! WhatsAppTemplates.all desk.Settings desk.Client account name CancellationToken.None with
        | Error failure -> return failed desk failure
        | Ok found ->
            let found = found |> List.sortBy (fun template -> template.Name, template.Language)

            if given.Contains TemplatesArguments.Json then
                Document.create [
                    "number", Document.text desk.Number.Id
                    "account", Document.text account
                    "templates", Document.list (List.map documentOf found)
                ]
                |> Output.writeJson
            else
                Output.writeTable [ "name"; "language"; "status"; "category"; "quality"; "fill in" ] [
                    for template in found ->
                        [
                            template.Name
                            template.Language
                            template.Status
                            template.Category
                            Option.defaultValue "-" template.Quality
                            String.concat ", " template.Parameters
                        ]
                ]

                if found.IsEmpty then
                    Output.say
                        "There are no templates. They are made in WhatsApp Manager > Message templates."

            return ExitCode.ok
    }

    withNumber source data (given.TryGetResult TemplatesArguments.Number) (fun desk ->
        withAccount desk (list desk))

/// A phone number as digits, or a user id.
let private recipientOf (text: string) : Recipient option =
    let digits =
        text
        |> String.filter (fun unit -> not (Char.IsWhiteSpace unit || unit = '-' || unit = '+'))

    let isUserId =
        text.Length > 3
        && Char.IsAsciiLetterUpper text[0]
        && Char.IsAsciiLetterUpper text[1]
        && text[2] = '.'
        && text |> Seq.forall (fun unit -> Char.IsAsciiLetterOrDigit unit || unit = '.')

    if digits.Length >= 7 && digits.Length <= 15 && Seq.forall Char.IsAsciiDigit digits then
        Some {
            Phone = Some digits
            BusinessScopedId = None
        }
    elif isUserId then
        Some {
            Phone = None
            BusinessScopedId = Some text
        }
    else
        None

/// Why the template cannot be sent with these texts, where it cannot. Meta would find most of it too, but only after
/// the customer's name went there.
let private obstacle (language: string) (texts: string list) (found: MessageTemplate list) =
    match found |> List.tryFind (fun template -> template.Language = language) with
    | None when found.IsEmpty -> Error(ExitCode.notFound, "There is no template of that name.")
    | None ->
        let languages = found |> List.map _.Language |> String.concat ", "
        Error(ExitCode.notFound, $"The template is there in other languages only: %s{languages}.")
    | Some template when template.Status <> "APPROVED" ->
        Error(
            ExitCode.refused,
            $"The template is %s{template.Status}; only one that is APPROVED can be sent."
        )
    | Some template when template.NeedsMore ->
        Error(
            ExitCode.refused,
            "The template wants more than texts in its body, which this verb cannot fill in."
        )
    | Some template when template.Parameters.Length <> texts.Length ->
        let names = String.concat ", " template.Parameters

        Error(
            ExitCode.usage,
            $"The template has %d{template.Parameters.Length} places (%s{names}), and %d{texts.Length} texts are "
            + "given. Give one --parameter for each."
        )
    | Some _ when texts |> List.exists String.IsNullOrWhiteSpace ->
        Error(ExitCode.usage, "A --parameter is blank, which Meta does not take.")
    | Some template -> Ok template

/// Whether the customer told the number that they want to hear nothing of the bot's own accord.
let private hasOptedOut (desk: Desk) (recipient: Recipient) (operations: Operations) : Task<bool> = task {
    match Option.orElse recipient.BusinessScopedId recipient.Phone with
    | None -> return false
    | Some id ->
        let! found = operations.ShowContact(ByContactId id)
        let channel = WhatsAppApi.channelOf desk.Number.Id

        return
            found
            |> List.exists (fun detail -> detail.Contact.Channel = channel && detail.Contact.OptedOut)
}

/// Goes on unless the customer opted out, of which the database knows; where none is set, whoever sends it is asked.
let private unlessOptedOut source (desk: Desk) (recipient: Recipient) (work: unit -> Task<int>) : Task<int> =
    match source "DATABASE_URL" with
    | Ok None -> work ()
    | _ ->
        match DatabaseSettings.read source with
        | Error problems -> Task.FromResult(DatabaseVerb.misconfigured problems)
        | Ok connectionString ->
            DatabaseVerb.onOperations connectionString (fun operations -> task {
                match! hasOptedOut desk recipient operations with
                | false -> return! work ()
                | true ->
                    Output.say "The customer wants to hear nothing (opted out). Nothing was sent."

                    Output.say
                        "    fix: wait until the customer writes, or note it when they ask for it: bot contact opt-in"

                    return ExitCode.refused
            })

/// Says why it was not sent, or that nobody knows (some codes of Meta's say no more); returns the exit code.
let private unsent (desk: Desk) (failure: SetUpFailure) : int =
    let isUnclear =
        match failure with
        | GraphUnreachable _ -> true
        | GraphRefused(code, _) -> (WhatsAppErrors.ofCode code).Class = Unclear

    if isUnclear then
        failed desk failure |> ignore
        Output.say "It is not known whether the template was sent: ask the customer before you send it again."
        ExitCode.unreachable
    else
        failed desk failure

let private send source (desk: Desk) (wish: Wish) (recipient: Recipient) name language texts account = task {
    match! WhatsAppTemplates.all desk.Settings desk.Client account (Some name) CancellationToken.None with
    | Error failure -> return failed desk failure
    | Ok found ->
        // Meta searches for what contains the name.
        let found =
            found |> List.filter (fun (template: MessageTemplate) -> template.Name = name)

        match obstacle language texts found with
        | Error(code, why) ->
            Output.say why
            return code
        | Ok template ->
            let what = {
                Would = "The template would be sent."
                Will =
                    $"The template %s{name} will be sent from %s{desk.Number.Id}. "
                    + "Has this customer agreed to be written to?"
            }

            return!
                unlessOptedOut source desk recipient (fun () ->
                    change desk wish what (fun () -> task {
                        let! sent =
                            WhatsAppTemplates.send
                                desk.Settings
                                desk.Client
                                recipient
                                template
                                texts
                                CancellationToken.None

                        return
                            sent
                            |> Result.map (fun id -> {
                                Words = "Meta took the template."
                                More = [ "message", Document.text id ]
                            })
                            |> Result.mapError (unsent desk)
                    }))
}

/// Runs `bot whatsapp send-template`. Where DATABASE_URL is set, it is not sent to who opted out.
let sendTemplate source data (given: ParseResults<SendTemplateArguments>) : int =
    let wish = {
        IsRehearsal = given.Contains SendTemplateArguments.Dry_Run
        HasConsent = given.Contains SendTemplateArguments.Yes
        IsJson = given.Contains SendTemplateArguments.Json
    }

    match recipientOf ((given.GetResult SendTemplateArguments.To).Trim()) with
    | None ->
        Output.say
            "--to is a phone number with its country's code (+34 600 111 222), or a user id (ES.1234…)."

        ExitCode.usage
    | Some recipient ->
        withNumber source data (given.TryGetResult SendTemplateArguments.Number) (fun desk ->
            withAccount
                desk
                (send
                    source
                    desk
                    wish
                    recipient
                    (given.GetResult SendTemplateArguments.Name)
                    (given.GetResult SendTemplateArguments.Language)
                    (given.GetResults SendTemplateArguments.Parameter)))
