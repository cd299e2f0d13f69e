/// `bot whatsapp subscribe` and `bot whatsapp profile`: where an account's webhooks go, and what customers see of the
/// business.
module FunctionalBot.Web.AccountVerbs

open System
open System.Threading
open System.Threading.Tasks
open Argu
open FunctionalBot.Effects
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.WhatsAppArguments
open FunctionalBot.Web.WhatsAppDesk

/// Whether the app gets the account's webhooks already, at this callback where one is named.
let private isDone (app: string option) (callback: Uri option) (found: SubscribedApp list) =
    found
    |> List.exists (fun one ->
        app = Some one.Id
        && match callback with
           | Some address -> one.Callback = Some address.AbsoluteUri
           | None -> true)

let private subscribeAccount (desk: Desk) (wish: Wish) (callback: (Uri * string) option) (account: string) =
    task {
        let address = callback |> Option.map fst

        let where =
            match address with
            | Some address -> "to " + address.AbsoluteUri
            | None -> "to where the app's settings say"

        match! WhatsAppSetUp.tokenFacts desk.Settings desk.Client CancellationToken.None with
        | Error failure -> return failed desk failure
        | Ok facts ->
            match! WhatsAppSetUp.subscribedApps desk.Settings desk.Client account CancellationToken.None with
            | Error failure -> return failed desk failure
            | Ok found when isDone facts.AppId address found ->
                return unchanged desk wish "This app gets the account's webhooks already."
            | Ok _ ->
                let what = {
                    Would = $"The account's webhooks would go %s{where}."
                    Will = $"The webhooks of the account %s{account} will go %s{where}."
                }

                return!
                    change desk wish what (fun () -> task {
                        let! made =
                            WhatsAppSetUp.subscribe
                                desk.Settings
                                desk.Client
                                account
                                callback
                                CancellationToken.None

                        return
                            made
                            |> Result.map (fun () ->
                                changed $"The account's webhooks go %s{where} from now on.")
                            |> Result.mapError (failed desk)
                    })
    }

/// Runs `bot whatsapp subscribe`.
let subscribe source data (given: ParseResults<SubscribeArguments>) : int =
    let wish = {
        IsRehearsal = given.Contains SubscribeArguments.Dry_Run
        HasConsent = given.Contains SubscribeArguments.Yes
        IsJson = given.Contains SubscribeArguments.Json
    }

    let run callback =
        withNumber source data (given.TryGetResult SubscribeArguments.Number) (fun desk ->
            withAccount desk (subscribeAccount desk wish callback))

    match given.TryGetResult SubscribeArguments.Callback with
    | None -> run None
    | Some text ->
        match Uri.TryCreate(text, UriKind.Absolute), ServiceSettings.verifyToken source with
        | (true, NonNull address), Ok verifyToken when
            address.Scheme = Uri.UriSchemeHttps && address.AbsoluteUri.Length <= 200
            ->
            run (Some(address, verifyToken))
        | (true, NonNull address), Error problems when address.Scheme = Uri.UriSchemeHttps ->
            DatabaseVerb.misconfigured problems
        | _ ->
            Output.say "--callback is an https address of at most 200 characters; Meta calls no other."
            ExitCode.usage

/// The change that is asked for, and everything that is wrong with it.
let private changeOf (given: ParseResults<ProfileArguments>) : BusinessProfile * string list =
    let change = {
        About = given.TryGetResult ProfileArguments.About
        Address = given.TryGetResult ProfileArguments.Address
        Description = given.TryGetResult ProfileArguments.Description
        Email = given.TryGetResult ProfileArguments.Email
        Websites = given.GetResults ProfileArguments.Website
        Vertical = given.TryGetResult ProfileArguments.Vertical |> Option.map _.ToUpperInvariant()
    }

    let tooLong (flag: string) (limit: int) (value: string option) =
        match value with
        | Some text when text.Length > limit -> [
            $"%s{flag} has %d{text.Length} characters, at most %d{limit} are taken."
          ]
        | _ -> []

    change,
    [
        yield! tooLong "--about" 139 change.About
        if change.About = Some "" then
            "--about cannot be emptied."
        yield! tooLong "--address" 256 change.Address
        yield! tooLong "--description" 256 change.Description
        yield! tooLong "--email" 128 change.Email
        if change.Websites.Length > 2 then
            "--website may be given twice at most."
        for site in change.Websites do
            match Uri.TryCreate(site, UriKind.Absolute) with
            | true, NonNull address when address.Scheme = "http" || address.Scheme = "https" ->
                yield! tooLong "--website" 256 (Some site)
            | _ -> "--website is an address that begins with http:// or https://."
    ]

let private shownFields (profile: BusinessProfile) = [
    "about", profile.About
    "address", profile.Address
    "description", profile.Description
    "email", profile.Email
    "websites",
    (match profile.Websites with
     | [] -> None
     | sites -> Some(String.concat " " sites))
    "vertical", profile.Vertical
]

let private show (desk: Desk) (wish: Wish) = task {
    match! WhatsAppSetUp.profile desk.Settings desk.Client CancellationToken.None with
    | Error failure -> return failed desk failure
    | Ok profile ->
        if wish.IsJson then
            Document.create [
                "number", Document.text desk.Number.Id
                for name, value in shownFields profile do
                    if name = "websites" then
                        name, Document.texts profile.Websites
                    else
                        name, Document.optionalText value
            ]
            |> Output.writeJson
        else
            Output.writeTable [ "field"; "value" ] [
                for name, value in shownFields profile -> [ name; Option.defaultValue "-" value ]
            ]

        return ExitCode.ok
}

let private alter (desk: Desk) (wish: Wish) (wanted: BusinessProfile) : Task<int> =
    let named =
        shownFields wanted
        |> List.filter (fun (_, value) -> value.IsSome)
        |> List.map fst
        |> String.concat ", "

    let what = {
        Would = $"These would be changed: %s{named}."
        Will = $"Customers of %s{desk.Number.Id} will see another %s{named}."
    }

    change desk wish what (fun () -> task {
        let! made =
            WhatsAppSetUp.changeProfile desk.Settings desk.Client wanted CancellationToken.None

        return
            made
            |> Result.map (fun () -> changed $"Changed: %s{named}.")
            |> Result.mapError (failed desk)
    })

/// Runs `bot whatsapp profile`: without anything to change it shows the profile.
let profile source data (given: ParseResults<ProfileArguments>) : int =
    let wish = {
        IsRehearsal = given.Contains ProfileArguments.Dry_Run
        HasConsent = given.Contains ProfileArguments.Yes
        IsJson = given.Contains ProfileArguments.Json
    }

    match changeOf given with
    | _, (_ :: _ as problems) ->
        for problem in problems do
            Output.say problem

        ExitCode.usage
    | wanted, [] ->
        let isEmpty = shownFields wanted |> List.forall (fun (_, value) -> value.IsNone)

        withNumber source data (given.TryGetResult ProfileArguments.Number) (fun desk ->
            if isEmpty then show desk wish else alter desk wish wanted)
