/// The check of `bot doctor` that says what the team's hours come to.
module FunctionalBot.Web.HoursCheck

open System
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Web.Configuration
open FunctionalBot.Web.Finding

let private holidays (now: DateTimeOffset) (hours: BusinessHours) =
    let today =
        DateOnly.FromDateTime((TimeZoneInfo.ConvertTime(now, hours.Zone)).DateTime)

    match hours.Holidays |> Map.toList |> List.tryFind (fun (day, _) -> day >= today) with
    | _ when hours.Holidays.IsEmpty -> "no holidays"
    | Some(day, name) ->
        let date = day.ToString "yyyy-MM-dd"
        (sprintf "next holiday %s %s" date name).TrimEnd()
    // Nobody writes the next ones by himself, and the customer would be told that somebody is there.
    | None -> "all holidays are past: write the next ones into BOT_HOLIDAYS"

/// What hours and holidays come to at this time. Hours within which nobody is ever there are wrong.
let judge (now: DateTimeOffset) (hours: BusinessHours) : Finding =
    let told = holidays now hours

    match BusinessHours.opening hours now with
    | OpenNow -> Fine $"the team is there now (%s{hours.Zone.Id}); %s{told}"
    | ClosedUntil(Some back, _) ->
        let time = (TimeZoneInfo.ConvertTime(back, hours.Zone)).ToString "yyyy-MM-dd HH:mm"

        Fine $"the team is back at %s{time} (%s{hours.Zone.Id}); %s{told}"
    | ClosedUntil(None, _) ->
        Wrong(
            "nobody is there for a month",
            "Look at BOT_HOURS and BOT_HOLIDAYS; no hours at all means always."
        )

/// One check for each number's hours, where any are set.
let all (configuration: Configuration) : Task<Check> list =
    let numbers =
        configuration.Numbers
        |> List.choose (fun number -> number.Hours |> Option.map (fun hours -> number.Id, hours))
        |> List.distinctBy snd

    [
        for id, hours in numbers ->
            let name = if numbers.Length = 1 then "hours" else "hours " + id
            guard name (fun () -> Task.FromResult(judge (Composition.world.Now()) hours))
    ]
