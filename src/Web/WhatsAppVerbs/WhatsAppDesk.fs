/// What the verbs of `bot whatsapp` share: which number they are about, the consent, and how a call's failure ends.
module FunctionalBot.Web.WhatsAppDesk

open System
open System.Net.Http
open System.Text.Json.Nodes
open System.Threading.Tasks
open FunctionalBot.Effects
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.NumberSettings
open FunctionalBot.Web.Setting

/// A number, and the way to Meta with its token.
[<NoComparison; NoEquality>]
type Desk = {
    Number: NumberConfiguration
    Settings: WhatsAppSettings
    Client: HttpClient
}

/// The flags of a verb that changes something.
type Wish = {
    IsRehearsal: bool
    HasConsent: bool
    IsJson: bool
}

/// The number that is named, or the only one there is; else the exit code, after saying why.
let private choose
    (named: string option)
    (numbers: NumberConfiguration list)
    : Result<NumberConfiguration, int> =
    match named, numbers with
    | None, [ only ] -> Ok only
    | None, several ->
        Output.say "Several numbers are set up. Name one with --number:"

        for number in several do
            Output.say $"  %s{number.Id}  %s{number.Name}"

        Error ExitCode.usage
    | Some id, numbers ->
        match numbers |> List.tryFind (fun number -> number.Id = id) with
        | Some number -> Ok number
        | None ->
            let known = numbers |> List.map _.Id |> String.concat ", "
            Output.say $"No number with that id is set up. There is: %s{known}."
            Error ExitCode.notFound

/// Runs work for one number; returns the exit code. Of the settings only those of WhatsApp and the numbers are read; a
/// database that the work uses and cannot is told.
let withNumber (source: Source) (data: string) (named: string option) (work: Desk -> Task<int>) : int =
    match
        build (fun address numbers -> address, numbers) (ServiceSettings.graphUrl source)
        |> apply (NumbersFile.read data source)
    with
    | Error problems -> DatabaseVerb.misconfigured (List.distinct problems)
    | Ok(graphUrl, numbers) ->
        match choose named numbers with
        | Error code -> code
        | Ok number ->
            use client = Composition.newClient (TimeSpan.FromSeconds 60.)

            let desk = {
                Number = number
                Settings = {
                    GraphUrl = graphUrl
                    Token = fun () -> number.Token
                    PhoneNumberId = number.Id
                    Timeout = TimeSpan.FromSeconds 30.
                }
                Client = client
            }

            DatabaseVerb.guarded (fun () -> work desk)

/// Runs work with the number's account.
let withAccount (desk: Desk) (work: string -> Task<int>) : Task<int> =
    match desk.Number.Account with
    | Some account -> work account
    | None ->
        Output.say "The number's account is not known."

        Output.say
            "    fix: set WHATSAPP_BUSINESS_ACCOUNT_ID, or \"account\" in the number's entry of the file of BOT_NUMBERS"

        Task.FromResult ExitCode.configuration

/// Says why a call failed; returns the exit code.
let failed (desk: Desk) (failure: SetUpFailure) : int =
    Output.say (MetaRefusal.words failure)

    MetaRefusal.mend desk.Number failure
    |> Option.iter (fun mend -> Output.say $"    fix: %s{mend}")

    match failure with
    | GraphUnreachable _ -> ExitCode.unreachable
    | GraphRefused _ -> ExitCode.refused

/// Whether `what` may be done now; else the exit code. A dry run ends here with 0.
let private agreed (wish: Wish) (what: string) : Result<unit, int> =
    if wish.IsRehearsal then
        Output.say "This was a dry run: nothing was changed."
        Error ExitCode.ok
    elif wish.HasConsent then
        Ok()
    elif not (Output.mayAsk ()) then
        Output.say $"%s{what} Nothing was done: this needs --yes. See what it would do with --dry-run."
        Error ExitCode.refused
    elif Changing.asked what then
        Ok()
    else
        Output.say "Nothing was done."
        Error ExitCode.refused

/// What is to be changed at Meta, in words.
type Change = {
    /// For a dry run: what would be done.
    Would: string
    /// For whoever is asked: what will be done.
    Will: string
}

/// What was changed.
[<NoComparison>]
type Changed = {
    Words: string
    /// Fields of the document besides those that every change has.
    More: (string * (JsonNode | null)) list
}

/// A change of which there is no more to say.
let changed (words: string) : Changed = { Words = words; More = [] }

/// Prints what came of a change: a document for scripts, a line for eyes. `outcome` is "changed", "unchanged" or
/// "would-change".
let private report (desk: Desk) (wish: Wish) (outcome: string) (came: Changed) =
    if wish.IsJson then
        [
            "number", Document.text desk.Number.Id
            "dry_run", Document.truth wish.IsRehearsal
            "outcome", Document.text outcome
            "detail", Document.text came.Words
        ]
        @ came.More
        |> Document.create
        |> Output.writeJson
    else
        Console.Out.WriteLine came.Words

/// Says that everything is as it was asked for already; returns the exit code.
let unchanged (desk: Desk) (wish: Wish) (words: string) : int =
    report desk wish "unchanged" (changed words)
    ExitCode.ok

/// Makes a change where it is consented to, and prints what came of it; returns the exit code. `call` makes it, or says
/// why it failed and gives the exit code of that.
let change (desk: Desk) (wish: Wish) (what: Change) (call: unit -> Task<Result<Changed, int>>) : Task<int> =
    task {
        if wish.IsRehearsal then
            report desk wish "would-change" (changed what.Would)

        match agreed wish what.Will with
        | Error code -> return code
        | Ok() ->
            match! call () with
            | Error code -> return code
            | Ok came ->
                report desk wish "changed" came
                return ExitCode.ok
    }
