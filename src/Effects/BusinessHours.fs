namespace FunctionalBot.Effects

open System
open System.Globalization
open FunctionalBot.Domain

/// When the team is there: hours by the day of the week, and holidays, in the business's own time.
[<NoComparison>]
type BusinessHours = {
    Zone: TimeZoneInfo
    /// Spans of each day, in order, from midnight. A day that is missing is closed.
    Week: Map<DayOfWeek, (TimeSpan * TimeSpan) list>
    /// Days on which nobody is there, with their names.
    Holidays: Map<DateOnly, string>
}

/// Reads hours as people write them, and tells whether the team is there. Pure, but for the zones that the machine
/// knows.
module BusinessHours =
    let private days = [
        DayOfWeek.Monday, "mon"
        DayOfWeek.Tuesday, "tue"
        DayOfWeek.Wednesday, "wed"
        DayOfWeek.Thursday, "thu"
        DayOfWeek.Friday, "fri"
        DayOfWeek.Saturday, "sat"
        DayOfWeek.Sunday, "sun"
    ]

    let private split (separator: char) (text: string) =
        text.Split(separator, StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
        |> List.ofArray

    /// All Ok, or the first problem.
    let private every
        (read: 'item -> Result<'value, string>)
        (items: 'item list)
        : Result<'value list, string> =
        (items, Ok [])
        ||> List.foldBack (fun item rest ->
            match read item, rest with
            | Error problem, _ -> Error problem
            | Ok _, Error problem -> Error problem
            | Ok value, Ok values -> Ok(value :: values))

    let private place (word: string) =
        days
        |> List.tryFindIndex (fun (_, name) -> name = word.ToLowerInvariant())
        |> Option.map Ok
        |> Option.defaultValue (Error $"'%s{word}' is no day; days are mon, tue, wed, thu, fri, sat and sun")

    /// "mon-fri", "sat" or "fri-mon".
    let private daysIn (text: string) =
        match split '-' text with
        | [ day ] -> place day |> Result.map (fun index -> [ index ])
        | [ first; last ] ->
            match place first, place last with
            | Ok first, Ok last -> Ok [ for step in 0 .. (last - first + 7) % 7 -> (first + step) % 7 ]
            | Error problem, _
            | _, Error problem -> Error problem
        | _ -> Error $"'%s{text}' names no days; write for example mon-fri"

    let private minuteOf (text: string) =
        match split ':' text with
        | [ hour; minute ] ->
            match
                Int32.TryParse(hour, NumberStyles.None, CultureInfo.InvariantCulture),
                Int32.TryParse(minute, NumberStyles.None, CultureInfo.InvariantCulture)
            with
            | (true, hour), (true, minute) when hour <= 24 && minute < 60 && hour * 60 + minute <= 24 * 60 ->
                Ok(TimeSpan.FromMinutes(float (hour * 60 + minute)))
            | _ -> Error $"'%s{text}' is no time of a day; write for example 9:30"
        | _ -> Error $"'%s{text}' is no time of a day; write for example 9:30"

    let private span (text: string) =
        match split '-' text with
        | [ from; until ] ->
            match minuteOf from, minuteOf until with
            | Ok from, Ok until when from < until -> Ok(from, until)
            | Ok _, Ok _ -> Error $"'%s{text}' ends before it begins; write hours over midnight as two days"
            | Error problem, _
            | _, Error problem -> Error problem
        | _ -> Error $"'%s{text}' is no span of hours; write for example 9:00-14:00"

    let private rule (text: string) =
        match split ' ' text with
        | named :: spans when not spans.IsEmpty ->
            match daysIn named, every span spans with
            | Ok places, Ok spans -> Ok [ for place in places -> fst days[place], spans ]
            | Error problem, _
            | _, Error problem -> Error problem
        | _ -> Error $"'%s{text}' has no hours; write for example mon-fri 9:00-14:00 16:00-19:00"

    /// Hours such as "mon-fri 9:00-14:00 16:00-19:00; sat 10:00-14:00". What is wrong is said for people.
    let readWeek (text: string) : Result<Map<DayOfWeek, (TimeSpan * TimeSpan) list>, string> =
        split ';' text
        |> every rule
        |> Result.map (fun rules ->
            List.concat rules
            |> List.groupBy fst
            |> List.map (fun (day, spans) -> day, spans |> List.collect snd |> List.sort)
            |> Map.ofList)

    /// Holidays such as "2026-12-25 Navidad; 2027-01-01 Año Nuevo".
    let readHolidays (text: string) : Result<Map<DateOnly, string>, string> =
        let holiday (text: string) =
            let date, name =
                match text.IndexOf ' ' with
                | -1 -> text, ""
                | space -> text.Substring(0, space), text.Substring(space + 1).Trim()

            match
                DateOnly.TryParseExact(date, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None)
            with
            | true, date -> Ok(date, name)
            | false, _ -> Error $"'%s{text}' is no holiday; write for example 2026-12-25 Navidad"

        split ';' text |> every holiday |> Result.map Map.ofList

    /// A zone by its name in the IANA list, for example "Europe/Madrid".
    let readZone (name: string) : Result<TimeZoneInfo, string> =
        match TimeZoneInfo.TryFindSystemTimeZoneById(name.Trim()) with
        | true, NonNull zone -> Ok zone
        | _ -> Error $"'%s{name}' is no time zone that this machine knows; write for example Europe/Madrid"

    let private spansOf (hours: BusinessHours) (date: DateOnly) =
        if hours.Holidays.ContainsKey date then
            []
        else
            hours.Week |> Map.tryFind date.DayOfWeek |> Option.defaultValue []

    /// A time of a day in the business's zone. Where the clocks are set forward over it, the time right after.
    let private instant (hours: BusinessHours) (date: DateOnly) (time: TimeSpan) : DateTimeOffset =
        let local = date.ToDateTime TimeOnly.MinValue + time

        let local =
            if hours.Zone.IsInvalidTime local then
                local + TimeSpan.FromHours 1.
            else
                local

        DateTimeOffset(local, hours.Zone.GetUtcOffset local)

    /// So many days are looked ahead for the next opening.
    let private horizon = 31

    /// Whether the team is there at this time, and if not, when it is back.
    let opening (hours: BusinessHours) (now: DateTimeOffset) : Opening =
        let local = TimeZoneInfo.ConvertTime(now, hours.Zone)
        let today = DateOnly.FromDateTime local.DateTime
        let time = local.TimeOfDay

        if
            spansOf hours today
            |> List.exists (fun (from, until) -> from <= time && time < until)
        then
            OpenNow
        else
            let next =
                seq {
                    for ahead in 0..horizon do
                        let date = today.AddDays ahead

                        for from, _ in spansOf hours date do
                            if ahead > 0 || from > time then
                                instant hours date from
                }
                |> Seq.tryHead

            let holiday =
                hours.Holidays |> Map.tryFind today |> Option.filter (fun name -> name <> "")

            ClosedUntil(next, holiday)
