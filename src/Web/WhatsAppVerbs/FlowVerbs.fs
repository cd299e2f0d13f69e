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

/// Line ends and blanks at the ends of a PEM mean nothing.
let private samePem (one: string) (other: string) =
    let plain (pem: string) = pem.ReplaceLineEndings("\n").Trim()
    plain one = plain other

let private giveKey (wish: Wish) (publicPem: string) (desk: Desk) : Task<int> = task {
    match! FlowSetUp.keyState desk.Settings desk.Client none with
    | Error failure -> return failed failure
    | Ok {
             PublicPem = Some known
             Status = Some "VALID"
         } when samePem known publicPem ->
        report desk wish "unchanged" "Meta has this key already." []
        return ExitCode.ok
    | Ok _ ->
        if wish.IsRehearsal then
            report desk wish "would-change" "Meta would get this key." []

        match agreed wish $"Telephones will encrypt what they ask %s{desk.Number.Id} with this key." with
        | Error code -> return code
        | Ok() ->
            match! FlowSetUp.uploadKey desk.Settings desk.Client publicPem none with
            | Error failure -> return failed failure
            | Ok() ->
                report desk wish "changed" "Meta has the key." []
                return ExitCode.ok
}

/// Runs `bot whatsapp flow key`.
let private key source data (given: ParseResults<FlowKeyArguments>) : int =
    let wish = {
        IsRehearsal = given.Contains FlowKeyArguments.Dry_Run
        HasConsent = given.Contains FlowKeyArguments.Yes
        IsJson = given.Contains FlowKeyArguments.Json
    }

    match FlowSettings.flow source with
    | Error problems -> DatabaseVerb.misconfigured problems
    | Ok { Key = None } ->
        Output.say "FLOW_PRIVATE_KEY_FILE is not set: there is no key to give."
        Output.say "    fix: make one with openssl genrsa -out flow.pem 2048, and name the file there"
        ExitCode.configuration
    | Ok { Key = Some key } ->
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
    with :? IOException as problem ->
        Error problem.Message

/// Gives a draft its screens. What Meta finds wrong with them is told, and the draft stays as it was.
let private fill (desk: Desk) (wish: Wish) (flow: string) (content: byte[]) : Task<int> = task {
    match! FlowSetUp.upload desk.Settings desk.Client flow content none with
    | Error failure -> return failed failure
    | Ok [] ->
        report
            desk
            wish
            "changed"
            $"The draft %s{flow} has the screens. Try it with FLOW_ID=%s{flow} and FLOW_MODE=draft."
            [ "flow", Document.text flow ]

        return ExitCode.ok
    | Ok faults ->
        Output.say $"Meta found these faults in the screens of %s{flow}:"

        for fault in faults do
            Output.say ("  " + Logging.mask fault)

        return ExitCode.refused
}

let private giveScreens (wish: Wish) known name endpoint content (desk: Desk) : Task<int> =
    withAccount desk (fun account -> task {
        let what =
            match known with
            | Some flow -> $"The draft %s{flow} gets other screens."
            | None -> $"A flow \"%s{name}\" is made in the account %s{account}, as a draft."

        if wish.IsRehearsal then
            report desk wish "would-change" what []

        match agreed wish what with
        | Error code -> return code
        | Ok() ->
            match known with
            | Some flow -> return! fill desk wish flow content
            | None ->
                match! FlowSetUp.create desk.Settings desk.Client account name endpoint none with
                | Error failure -> return failed failure
                | Ok flow -> return! fill desk wish flow content
    })

/// Runs `bot whatsapp flow upload`.
let private upload source data (given: ParseResults<FlowUploadArguments>) : int =
    let wish = {
        IsRehearsal = given.Contains FlowUploadArguments.Dry_Run
        HasConsent = given.Contains FlowUploadArguments.Yes
        IsJson = given.Contains FlowUploadArguments.Json
    }

    let run endpoint =
        match withDefault source "BOT_DATA" data with
        | Error problems -> DatabaseVerb.misconfigured problems
        | Ok data ->
            match screens data endpoint with
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
                        endpoint
                        content)

    match given.TryGetResult FlowUploadArguments.Endpoint with
    | None -> run None
    | Some text ->
        match Uri.TryCreate(text, UriKind.Absolute) with
        | true, NonNull address when address.Scheme = Uri.UriSchemeHttps -> run (Some address)
        | _ ->
            Output.say "--endpoint is an https address; Meta calls no other."
            ExitCode.usage

let private openToAll (wish: Wish) (flow: string) (desk: Desk) : Task<int> = task {
    if wish.IsRehearsal then
        report desk wish "would-change" $"The flow %s{flow} would be published." []

    match agreed wish $"The flow %s{flow} is published; that cannot be taken back." with
    | Error code -> return code
    | Ok() ->
        match! FlowSetUp.publish desk.Settings desk.Client flow none with
        | Error failure -> return failed failure
        | Ok() ->
            report desk wish "changed" $"The flow %s{flow} is published. Set FLOW_ID=%s{flow}." []
            return ExitCode.ok
}

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
    match given.TryGetSubCommand() with
    | None ->
        Console.Out.WriteLine(given.Parser.PrintUsage())
        ExitCode.ok
    | Some(FlowArguments.Key given) -> key source data given
    | Some(FlowArguments.Upload given) -> upload source data given
    | Some(FlowArguments.Publish given) -> publish source data given
