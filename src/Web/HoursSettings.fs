/// When the team is there, as it is set.
module FunctionalBot.Web.HoursSettings

open FunctionalBot.Effects
open FunctionalBot.Web.Setting

let private orProblem name mend (result: Result<'value, string>) : Reading<'value> =
    match result with
    | Ok value -> Ok value
    | Error wrong -> problem name wrong mend

let private reading (source: Source) name fallback (read: string -> Result<'value, string>) mend =
    source name
    |> Result.bind (function
        | None -> Ok fallback
        | Some text -> read text |> orProblem name mend)

/// Hours, holidays and their zone. None where no hours are set: the team is always there then.
let businessHours (source: Source) : Reading<BusinessHours option> =
    build
        (fun week holidays zone ->
            week
            |> Option.map (fun week -> {
                Zone = zone
                Week = week
                Holidays = holidays
            }))
        (reading
            source
            "BOT_HOURS"
            None
            (BusinessHours.readWeek >> Result.map Some)
            "Set it to hours such as: mon-fri 9:00-14:00 16:00-19:00; sat 10:00-14:00")
    |> apply (
        reading
            source
            "BOT_HOLIDAYS"
            Map.empty
            BusinessHours.readHolidays
            "Set it to days such as: 2026-12-25 Navidad; 2027-01-01 Año Nuevo"
    )
    |> apply (
        withDefault source "BOT_TIME_ZONE" "Europe/Madrid"
        |> Result.bind (
            BusinessHours.readZone
            >> orProblem "BOT_TIME_ZONE" "Set it to a name of the IANA list, such as America/Bogota."
        )
    )
