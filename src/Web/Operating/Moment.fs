/// Points in time as people type them.
module FunctionalBot.Web.Moment

open System
open System.Globalization

let private ages =
    Map [
        's', TimeSpan.FromSeconds 1.
        'm', TimeSpan.FromMinutes 1.
        'h', TimeSpan.FromHours 1.
        'd', TimeSpan.FromDays 1.
    ]

let private age (now: DateTimeOffset) (text: string) : DateTimeOffset option =
    if text.Length < 2 then
        None
    else
        match
            ages.TryFind text[text.Length - 1],
            Int32.TryParse(
                text.Substring(0, text.Length - 1),
                NumberStyles.None,
                CultureInfo.InvariantCulture
            )
        with
        | Some unit, (true, count) when count <= 36_500 -> Some(now - unit * float count)
        | _ -> None

let private instant (text: string) : DateTimeOffset option =
    let style = DateTimeStyles.AssumeUniversal ||| DateTimeStyles.AdjustToUniversal

    let formats = [|
        "yyyy-MM-dd"
        "yyyy-MM-dd'T'HH:mm"
        "yyyy-MM-dd'T'HH:mm:ss"
        "yyyy-MM-dd'T'HH:mmK"
        "yyyy-MM-dd'T'HH:mm:ssK"
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"
    |]

    match DateTimeOffset.TryParseExact(text, formats, CultureInfo.InvariantCulture, style) with
    | true, found -> Some found
    | false, _ -> None

/// A date, a date with time (UTC where it names no zone), or an age before now: "90s", "30m", "2h", "7d".
let read (now: DateTimeOffset) (text: string) : Result<DateTimeOffset, string> =
    match age now text |> Option.orElse (instant text) with
    | Some found -> Ok found
    | None ->
        Error $"\"%s{text}\" is no time; write 2026-11-02, 2026-11-02T09:30 (UTC), or an age as 30m, 2h, 7d."

/// As tables show it: UTC, to the second.
let show (at: DateTimeOffset) : string =
    at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)

/// As JSON has it: ISO 8601, UTC.
let iso (at: DateTimeOffset) : string =
    at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)
