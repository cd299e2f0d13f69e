/// What holds around a conversation: the team's hours, advertisements, and who begins.
module FunctionalBot.Tests.CircumstancesTests

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Scenarios

let private monday = DateTimeOffset(2026, 11, 23, 8, 0, 0, TimeSpan.FromHours 1.)

let private closed =
    surrounds (fun circumstances -> {
        circumstances with
            Opening = ClosedUntil(Some monday, None)
    })

[<Fact>]
let ``who asks for a person outside the hours is told when the team is back, and the ticket is there`` () =
    let scene = opened |> closed |> writes "quiero hablar con una persona"
    equal [ TeamIsAway(ClosedUntil(Some monday, None)) ] (lastPhrases scene)
    equal [ HandOver ] (ticketsAskedFor scene |> List.map (fun ticket -> ticket.Purpose))

[<Fact>]
let ``who comes from an advertisement is welcomed with it, and the assistant knows`` () =
    let referral: AdReferral = {
        SourceId = Some "1"
        SourceUrl = None
        Headline = Some "Taladros a mitad de precio"
        Body = Some "Solo esta semana"
    }

    let scene = opened |> happens (ReferredByAd referral)
    equal [] (lastPhrases scene)
    equal [ WelcomeFromAd(Some "Ana", "Taladros a mitad de precio") ] (scene |> writes "hola" |> lastPhrases)

    // A question is answered, and the advertisement is in the thread.
    let asked = scene |> writes "¿todavía los tienen?"
    Assert.True((Session.openTurn asked.Session).IsSome)

[<Fact>]
let ``the bot begins where the chat was opened for the first time`` () =
    let scene = opened |> happens (ChatOpened(MessageId "wamid.first"))
    equal [ Welcome(Some "Ana") ] (lastPhrases scene)

    let busy =
        opened |> writes "abrir ticket" |> happens (ChatOpened(MessageId "wamid.later"))

    equal [] (lastPhrases busy)

[<Fact>]
let ``the first words say who is speaking, whatever they are about`` () =
    let introduced scene =
        lastActions scene
        |> List.choose (function
            | Say utterance -> Some utterance.Introduce
            | _ -> None)

    equal [ Some true ] (opened |> writes "abrir ticket" |> introduced)
    equal [ Some true ] (opened |> sends Sticker |> introduced)
    equal [ None ] (opened |> writes "hola" |> introduced)
    equal [ None ] (opened |> writes "hola" |> writes "abrir ticket" |> introduced)

[<Fact>]
let ``who is known by an id alone is asked for the number when the team takes over`` () =
    let nameless =
        opened
        |> happens (
            CustomerMoved(
                MessageId "wamid.moved",
                {
                    Id = opened.Session.Customer.Id
                    Phone = None
                    Name = Some "Ana"
                }
            )
        )

    let scene = nameless |> writes "hola" |> presses TalkToPerson |> odooCreates

    match lastActions scene with
    | [ Say {
                Phrase = PersonTicketWasCreated _
                Invitation = Some ToSharePhone
            } ] -> ()
    | other -> failwithf "%A" other

let private hours =
    let fitting result =
        match result with
        | Ok value -> value
        | Error problem -> failwith problem

    {
        Zone = fitting (BusinessHours.readZone "Europe/Madrid")
        Week = fitting (BusinessHours.readWeek "mon-fri 9:00-14:00 16:00-19:30; sat 10:00-14:00")
        Holidays = fitting (BusinessHours.readHolidays "2026-12-25 Navidad; 2026-12-26")
    }

let private at (text: string) =
    DateTimeOffset.Parse(text, Globalization.CultureInfo.InvariantCulture)

[<Theory>]
[<InlineData("2026-11-23T08:00:00Z", "")>] // Monday, 9:00 in Madrid
[<InlineData("2026-11-23T07:59:59Z", "2026-11-23T09:00:00+01:00")>]
[<InlineData("2026-11-23T13:00:00Z", "2026-11-23T16:00:00+01:00")>]
[<InlineData("2026-11-23T18:29:59Z", "")>]
[<InlineData("2026-11-23T18:30:00Z", "2026-11-24T09:00:00+01:00")>]
[<InlineData("2026-11-28T13:00:00Z", "2026-11-30T09:00:00+01:00")>] // Saturday, after hours
[<InlineData("2026-12-25T10:00:00Z", "2026-12-28T09:00:00+01:00")>] // holidays, then a Sunday
[<InlineData("2026-03-28T20:00:00Z", "2026-03-30T09:00:00+02:00")>] // over the change to summer time
let ``the team is there in its hours, and else it is known when it is back`` (now: string, back: string) =
    match BusinessHours.opening hours (at now), back with
    | OpenNow, "" -> ()
    | ClosedUntil(Some next, _), back when back <> "" ->
        equal (at back) next
        equal (at back).Offset next.Offset
    | other -> failwithf "%A" other

[<Fact>]
let ``a holiday has its name, where it was given one`` () =
    match BusinessHours.opening hours (at "2026-12-25T10:00:00Z") with
    | ClosedUntil(_, name) -> equal (Some "Navidad") name
    | OpenNow -> failwith "open"

    match BusinessHours.opening hours (at "2026-12-26T10:00:00Z") with
    | ClosedUntil(_, name) -> equal None name
    | OpenNow -> failwith "open"

[<Theory>]
[<InlineData("lun 9:00-14:00")>]
[<InlineData("mon")>]
[<InlineData("mon 14:00-9:00")>]
[<InlineData("mon 9:00-25:00")>]
[<InlineData("mon 9:60-10:00")>]
[<InlineData("mon 71582789:00-1:00")>] // so many minutes that they begin anew
[<InlineData("mon-tue-wed 9:00-10:00")>]
let ``hours that cannot be are refused with words`` (text: string) =
    match BusinessHours.readWeek text with
    | Ok week -> failwithf "%A" week
    | Error problem -> Assert.Contains("'", problem)
