/// The checks of `bot doctor` that ask Meta: each number, each account's webhook, template and flow, each token.
module FunctionalBot.Web.WhatsAppChecks

open System
open System.Net.Http
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Effects
open FunctionalBot.Web.Configuration
open FunctionalBot.Web.Finding
open FunctionalBot.Web.FlowSettings
open FunctionalBot.Web.LateTemplateSettings
open FunctionalBot.Web.NumberSettings

/// A token that lives no longer than this is to be renewed now.
let enoughLife = TimeSpan.FromDays 7.

/// The client's own limit is above that of each call.
let private ask (work: HttpClient -> Task<Finding>) : Task<Finding> = task {
    use client = Composition.newClient (TimeSpan.FromSeconds 60.)
    return! work client
}

let private settingsOf (configuration: Configuration) (number: NumberConfiguration) =
    Composition.whatsAppSettings configuration number (fun () -> number.Token)

/// What Meta says of a number's quality. RED is the last step ahead of a lock.
let judgeQuality (known: string) (quality: string option) : Finding =
    match quality |> Option.map _.ToUpperInvariant() with
    | Some "RED" ->
        Wrong(
            known + ", quality RED: customers block or report it, and Meta may limit it",
            "Look into WhatsApp Manager > Insights for why; write to nobody who did not write first."
        )
    | Some "YELLOW" -> Fine(known + ", quality YELLOW: some customers block or report it; RED comes next")
    | Some quality -> Fine(known + ", quality " + quality)
    | None -> Fine(known + ", quality unknown")

let private numberCheck configuration (number: NumberConfiguration) client = task {
    match! WhatsAppApi.check (settingsOf configuration number) client CancellationToken.None with
    | Ok found ->
        let name = found.VerifiedName |> Option.defaultValue "no verified name"
        return judgeQuality $"%s{Logging.mask found.DisplayNumber} (%s{name})" found.Quality
    | Error problem ->
        return Wrong(problem, $"Check %s{number.TokenVariable}, the number's id and WHATSAPP_GRAPH_URL.")
}

/// A question that was not answered: what was asked, why not, and how it is mended.
let private unanswered (number: NumberConfiguration) (question: string) (failure: SetUpFailure) =
    Wrong(
        $"%s{question} cannot be asked: %s{MetaRefusal.words failure}",
        MetaRefusal.mend number failure
        |> Option.defaultValue "See what Meta says, and look up its code."
    )

/// Whether the app is among those that get the account's webhooks. Where the app is not known, that there is one.
let judgeSubscription (app: string option) (found: SubscribedApp list) : Finding =
    let mend = "Run bot whatsapp subscribe; until then no message comes in."

    match app, found with
    | _, [] -> Wrong("no app gets the webhooks of the account", mend)
    | Some app, found when found |> List.forall (fun one -> one.Id <> app) ->
        Wrong("other apps get the webhooks of the account, this one does not", mend)
    | Some app, found ->
        match found |> List.tryFind (fun one -> one.Id = app) |> Option.bind _.Callback with
        | Some callback -> Fine("this app gets the webhooks of the account, at " + callback)
        | None -> Fine "this app gets the webhooks of the account, where its settings say"
    | None, found -> Fine $"%d{found.Length} app(s) get the webhooks of the account"

/// What stands in the place of a check that needs a number's account.
let private accountIsNotKnown =
    Fine
        "not checked: set WHATSAPP_BUSINESS_ACCOUNT_ID (or \"account\" in the numbers' file) to have it checked"

/// The webhooks of an account, asked with the token of one of its numbers.
let private webhookCheck configuration (number: NumberConfiguration) client = task {
    match number.Account with
    | None -> return accountIsNotKnown
    | Some account ->
        let settings = settingsOf configuration number
        let! facts = WhatsAppSetUp.tokenFacts settings client CancellationToken.None

        let app =
            match facts with
            | Ok facts -> facts.AppId
            | Error _ -> None

        match! WhatsAppSetUp.subscribedApps settings client account CancellationToken.None with
        | Ok found -> return judgeSubscription app found
        | Error failure -> return unanswered number "which apps get the webhooks" failure
}

/// Whether the template that asks customers to write can be sent as it is, in each of its languages.
let judgeTemplate (wanted: LateTemplateConfiguration) (found: MessageTemplate list) : Finding =
    let inLanguage code =
        found
        |> List.tryFind (fun template -> template.Name = wanted.Name && template.Language = code)

    let problem code =
        match inLanguage code with
        | None -> Some $"is not there in %s{code}"
        | Some template when template.Status <> "APPROVED" -> Some $"is %s{template.Status} in %s{code}"
        | Some template when template.NeedsMore || not template.Parameters.IsEmpty ->
            Some $"has places to fill in in %s{code}, which the bot does not"
        | Some _ -> None

    match List.choose problem wanted.Languages with
    | [] ->
        let codes = String.concat ", " wanted.Languages

        let isMarketing =
            wanted.Languages
            |> List.choose inLanguage
            |> List.exists (fun template -> template.Category = "MARKETING")

        Fine(
            $"%s{wanted.Name} is approved in %s{codes}"
            + (if isMarketing then
                   "; it is of the category MARKETING, of which Meta holds some back"
               else
                   "")
        )
    | problems ->
        Wrong(
            wanted.Name
            + " "
            + String.concat ", " problems
            + ": customers are not asked to write, and what is said too late waits",
            "Make it in WhatsApp Manager > Message templates, without places to fill in, or change "
            + $"%s{nameVariable} and %s{languagesVariable} (\"late_template\" in the numbers' file)."
        )

/// The template that asks a number's customers to write.
let private templateCheck
    configuration
    (number: NumberConfiguration, wanted: LateTemplateConfiguration)
    client
    = task {
    match number.Account with
    | None -> return accountIsNotKnown
    | Some account ->
        let settings = settingsOf configuration number

        match! WhatsAppTemplates.all settings client account (Some wanted.Name) CancellationToken.None with
        | Ok found -> return judgeTemplate wanted found
        | Error failure -> return unanswered number "the account's templates" failure
}

/// Whether customers can open the flow that tickets are filled in with, and whether it is the account's.
let judgeFlow (wanted: FlowConfiguration) (found: KnownFlow list) : Finding =
    let words, isIt =
        match wanted.Name with
        | FlowId id -> "the flow " + id, fun (flow: KnownFlow) -> flow.Id = id
        | FlowNamed name -> $"the flow \"%s{name}\"", fun (flow: KnownFlow) -> flow.Name = name

    let consequence = ": tickets are taken step by step"

    match List.tryFind isIt found, wanted.Mode with
    | None, _ ->
        Wrong(
            words + " is not among the account's" + consequence,
            "Make it with bot whatsapp flow upload, or change FLOW_ID or FLOW_NAME "
            + "(\"flow_id\" or \"flow_name\" in the numbers' file)."
        )
    | Some { Status = "PUBLISHED" }, PublishedFlow -> Fine(words + " is published")
    | Some { Status = ("PUBLISHED" | "DRAFT") }, DraftFlow ->
        Fine(words + " is offered as a draft: only testers can open it")
    | Some { Status = "DRAFT" }, PublishedFlow ->
        Wrong(
            words + " is a draft" + consequence,
            "Publish it with bot whatsapp flow publish, or try it with FLOW_MODE=draft."
        )
    | Some { Status = "THROTTLED" }, _ ->
        Wrong(
            words + " is THROTTLED: Meta lets it be sent ten times an hour",
            "Look into WhatsApp Manager > Flows for why; an endpoint that is slow or away is the usual cause."
        )
    | Some flow, _ ->
        Wrong(
            $"%s{words} is %s{flow.Status}" + consequence,
            "Look into WhatsApp Manager > Flows for why, or upload the screens as a new flow."
        )

/// The flow that a number's tickets are filled in with.
let private flowCheck configuration (number: NumberConfiguration, wanted: FlowConfiguration) client = task {
    match number.Account with
    | None -> return accountIsNotKnown
    | Some account ->
        match! FlowSetUp.all (settingsOf configuration number) client account CancellationToken.None with
        | Ok found -> return judgeFlow wanted found
        | Error failure -> return unanswered number "the account's flows" failure
}

/// What Meta tells about a token.
let judgeToken (now: DateTimeOffset) (facts: TokenFacts) : Finding =
    let renew =
        "Make a system user's token, which need not expire, and put it in place of this one."

    let lacking =
        [ "whatsapp_business_messaging" ]
        |> List.filter (fun scope -> not facts.Scopes.IsEmpty && not (List.contains scope facts.Scopes))

    match facts.ExpiresAt with
    | _ when not facts.IsValid -> Wrong("Meta does not accept the token", renew)
    | _ when not lacking.IsEmpty ->
        Wrong(
            "the token lacks the permission " + String.concat ", " lacking,
            "Give it to the token's system user."
        )
    | None -> Fine "valid, does not expire"
    | Some at when at - now < enoughLife ->
        let day = at.ToString "yyyy-MM-dd HH:mm"
        Wrong($"the token expires at %s{day} UTC; after that nothing can be sent", renew)
    | Some at ->
        let day = at.ToString "yyyy-MM-dd"
        Fine $"valid until %s{day}"

let private tokenCheck configuration (number: NumberConfiguration) client = task {
    match! WhatsAppSetUp.tokenFacts (settingsOf configuration number) client CancellationToken.None with
    | Ok facts -> return judgeToken (Composition.world.Now()) facts
    | Error failure -> return unanswered number "when the token expires" failure
}

/// All checks: one for each number, one for each account, one for each template and each flow of an account, one for
/// each token. Where there is one of a kind, its name is the kind's.
let all (configuration: Configuration) : Task<Check> list =
    let numbers = configuration.Numbers

    let each (kind: string) (nameOf: 'one -> string) check (all: 'one list) =
        let ones = all |> List.distinctBy nameOf

        [
            for one in ones ->
                let name = if ones.Length = 1 then kind else kind + " " + nameOf one
                guard name (fun () -> ask (check configuration one))
        ]

    let accountOf (number: NumberConfiguration) =
        number.Account |> Option.defaultValue "of no account"

    let templates =
        numbers
        |> List.choose (fun number -> number.LateTemplate |> Option.map (fun template -> number, template))

    let templateOf (number, template: LateTemplateConfiguration) =
        String.concat " " [ accountOf number; template.Name; yield! template.Languages ]

    let flows =
        numbers
        |> List.choose (fun number -> number.Flow |> Option.map (fun flow -> number, flow))

    let flowOf (number, flow: FlowConfiguration) =
        let name =
            match flow.Name with
            | FlowId name
            | FlowNamed name -> name

        String.concat " " [
            accountOf number
            name
            match flow.Mode with
            | DraftFlow -> "draft"
            | PublishedFlow -> ()
        ]

    each "whatsapp" _.Id numberCheck numbers
    @ each "webhook" accountOf webhookCheck numbers
    @ each "template" templateOf templateCheck templates
    @ each "flow" flowOf flowCheck flows
    @ each "token" _.TokenVariable tokenCheck numbers
