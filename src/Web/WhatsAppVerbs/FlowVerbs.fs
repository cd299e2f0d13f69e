/// `bot whatsapp flow …`: the ticket's form at Meta, its key and its screens.
module FunctionalBot.Web.FlowVerbs

open System
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks
open Argu
open FunctionalBot.Effects
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.Setting
open FunctionalBot.Web.WhatsAppArguments
open FunctionalBot.Web.WhatsAppDesk

let private none = CancellationToken.None

/// Says that there is no key, and what comes of that; returns the exit code.
let private withoutKey (consequence: string) : int =
    Output.say $"FLOW_PRIVATE_KEY_FILE is not set: %s{consequence}."
    Output.say "    fix: make a key with openssl genrsa -out flow.pem 2048, and name the file there"
    ExitCode.configuration

/// Line ends and blanks at the ends of a PEM mean nothing.
let private samePem (one: string) (other: string) =
    let plain (pem: string) = pem.ReplaceLineEndings("\n").Trim()
    plain one = plain other

let private giveKey (wish: Wish) (publicPem: string) (desk: Desk) : Task<int> = task {
    match! FlowSetUp.keyState desk.Settings desk.Client none with
    | Error failure -> return failed desk failure
    | Ok {
             PublicPem = Some known
             Status = Some "VALID"
         } when samePem known publicPem -> return unchanged desk wish "Meta has this key already."
    | Ok _ ->
        let what = {
            Would = "Meta would get this key."
            Will = $"Telephones will encrypt what they ask %s{desk.Number.Id} with this key."
        }

        return!
            change desk wish what (fun () -> task {
                let! made = FlowSetUp.uploadKey desk.Settings desk.Client publicPem none

                return
                    made
                    |> Result.map (fun () -> changed "Meta has the key.")
                    |> Result.mapError (failed desk)
            })
}

/// Runs `bot whatsapp flow key`.
let private key source data (given: ParseResults<FlowKeyArguments>) : int =
    let wish = {
        IsRehearsal = given.Contains FlowKeyArguments.Dry_Run
        HasConsent = given.Contains FlowKeyArguments.Yes
        IsJson = given.Contains FlowKeyArguments.Json
    }

    match FlowSettings.key source with
    | Error problems -> DatabaseVerb.misconfigured problems
    | Ok None -> withoutKey "there is no key to give"
    | Ok(Some key) ->
        withNumber
            source
            data
            (given.TryGetResult FlowKeyArguments.Number)
            (giveKey wish (FlowKey.publicPem key))

/// The screens as Meta takes them; without an endpoint those that ask none.
let private screens (data: string) (endpoint: Uri option) : Result<byte[], string> =
    let path = Path.Combine(data, "flows", "ticket.json")

    try
        let text = File.ReadAllText path

        match endpoint with
        | Some _ -> Ok(Encoding.UTF8.GetBytes text)
        | None -> FlowFile.withoutEndpoint text |> Result.map Encoding.UTF8.GetBytes
    with
    | :? IOException
    | :? UnauthorizedAccessException as problem -> Error problem.Message

/// What a flow gets.
[<NoComparison>]
type private Screens = {
    Content: byte[]
    /// Where telephones ask, https. None where they ask nobody.
    Endpoint: Uri option
}

/// Gives a draft its screens. What Meta finds wrong with them is told, and the draft stays as it was.
let private fill (desk: Desk) (flow: string) (screens: Screens) : Task<Result<Changed, int>> = task {
    match! FlowSetUp.upload desk.Settings desk.Client flow screens.Content none with
    | Error failure -> return Error(failed desk failure)
    | Ok [] ->
        return
            Ok {
                Words =
                    $"The draft %s{flow} has the screens. Try it with FLOW_ID=%s{flow} and FLOW_MODE=draft."
                More = [ "flow", Document.text flow ]
            }
    | Ok faults ->
        Output.say $"Meta found these faults in the screens of %s{flow}:"

        for fault in faults do
            Output.say ("  " + Logging.mask fault)

        return Error ExitCode.refused
}

/// Gives a draft that is there other screens, and the endpoint that they ask.
let private refill (desk: Desk) (flow: string) (screens: Screens) : Task<Result<Changed, int>> = task {
    let! placed = task {
        match screens.Endpoint with
        | Some endpoint -> return! FlowSetUp.setEndpoint desk.Settings desk.Client flow endpoint none
        | None -> return Ok()
    }

    match placed with
    | Error failure -> return Error(failed desk failure)
    | Ok() -> return! fill desk flow screens
}

/// Makes a draft and gives it the screens. One that is made and stays empty is named, since Meta makes no second one of
/// the same name.
let private make (desk: Desk) account name (screens: Screens) : Task<Result<Changed, int>> = task {
    match! FlowSetUp.create desk.Settings desk.Client account name screens.Endpoint none with
    | Error failure -> return Error(failed desk failure)
    | Ok flow ->
        match! fill desk flow screens with
        | Ok came -> return Ok came
        | Error _ ->
            Output.say $"The draft %s{flow} was made and has no screens yet. Go on with: --flow %s{flow}"
            return Error ExitCode.partly
}

let private giveScreens (wish: Wish) (known: string option) name (screens: Screens) (desk: Desk) : Task<int> =
    match known with
    | Some flow ->
        let what = {
            Would = $"The draft %s{flow} would get other screens."
            Will = $"The draft %s{flow} gets other screens."
        }

        change desk wish what (fun () -> refill desk flow screens)
    | None ->
        withAccount desk (fun account ->
            let what = {
                Would = $"A flow \"%s{name}\" would be made in the account %s{account}, as a draft."
                Will = $"A flow \"%s{name}\" is made in the account %s{account}, as a draft."
            }

            change desk wish what (fun () -> make desk account name screens))

/// The endpoint that is named, where the bot has a key to answer there; else the exit code, after saying why.
let private endpointOf (source: Source) (named: string option) : Result<Uri option, int> =
    match named with
    | None -> Ok None
    | Some text ->
        match Uri.TryCreate(text, UriKind.Absolute), FlowSettings.key source with
        | (true, NonNull address), Ok(Some _) when address.Scheme = Uri.UriSchemeHttps -> Ok(Some address)
        | (true, NonNull address), Ok None when address.Scheme = Uri.UriSchemeHttps ->
            Error(withoutKey "the bot would not answer at the endpoint")
        | (true, NonNull address), Error problems when address.Scheme = Uri.UriSchemeHttps ->
            Error(DatabaseVerb.misconfigured problems)
        | _ ->
            Output.say "--endpoint is an https address; Meta calls no other."
            Error ExitCode.usage

/// Runs `bot whatsapp flow upload`.
let private upload source data (given: ParseResults<FlowUploadArguments>) : int =
    let wish = {
        IsRehearsal = given.Contains FlowUploadArguments.Dry_Run
        HasConsent = given.Contains FlowUploadArguments.Yes
        IsJson = given.Contains FlowUploadArguments.Json
    }

    match
        endpointOf source (given.TryGetResult FlowUploadArguments.Endpoint),
        withDefault source "BOT_DATA" data
    with
    | Error code, _ -> code
    | _, Error problems -> DatabaseVerb.misconfigured problems
    | Ok endpoint, Ok folder ->
        match screens folder endpoint with
        | Error wrong ->
            Output.say $"The screens cannot be read: %s{wrong}"
            Output.say "    fix: put data/flows/ticket.json back from the release"
            ExitCode.configuration
        | Ok content ->
            withNumber
                source
                data
                (given.TryGetResult FlowUploadArguments.Number)
                (giveScreens
                    wish
                    (given.TryGetResult FlowUploadArguments.Flow)
                    (given.GetResult(FlowUploadArguments.Name, "ticket"))
                    {
                        Content = content
                        Endpoint = endpoint
                    })

let private openToAll (wish: Wish) (flow: string) (desk: Desk) : Task<int> =
    let what = {
        Would = $"The flow %s{flow} would be published."
        Will = $"The flow %s{flow} is published; that cannot be taken back."
    }

    change desk wish what (fun () -> task {
        let! made = FlowSetUp.publish desk.Settings desk.Client flow none

        return
            made
            |> Result.map (fun () -> changed $"The flow %s{flow} is published. Set FLOW_ID=%s{flow}.")
            |> Result.mapError (failed desk)
    })

/// Runs `bot whatsapp flow publish`.
let private publish source data (given: ParseResults<FlowPublishArguments>) : int =
    let wish = {
        IsRehearsal = given.Contains FlowPublishArguments.Dry_Run
        HasConsent = given.Contains FlowPublishArguments.Yes
        IsJson = given.Contains FlowPublishArguments.Json
    }

    withNumber
        source
        data
        (given.TryGetResult FlowPublishArguments.Number)
        (openToAll wish (given.GetResult FlowPublishArguments.Flow))

/// Runs the verb; returns the exit code. `data` is where the program finds its data folder.
let run (source: Source) (data: string) (given: ParseResults<FlowArguments>) : int =
    match given.GetSubCommand() with
    | FlowArguments.Key given -> key source data given
    | FlowArguments.Upload given -> upload source data given
    | FlowArguments.Publish given -> publish source data given
