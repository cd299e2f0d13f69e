/// What an answer of the Cloud API means for the message that it is about.
module FunctionalBot.Tests.WhatsAppAnswerTests

open System
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.WhatsAppApiStage
open Xunit

/// The outcome that a class of errors becomes.
let private outcomeOf errorClass =
    match errorClass with
    | NotYet -> "RetryLater"
    | NotYetForCustomer -> "RecipientBusy"
    | Unclear -> "OutcomeUnknown"
    | Stopped -> "ChannelStopped"
    | Never -> "Refused"

/// Every code that is known (`WhatsAppErrorTableTests` holds their classes against the references), two of a range, and
/// one that is not known, with a status that blames us and one that blames the server.
let private errors = [
    for error in WhatsAppErrors.known do
        400, error.Code, outcomeOf error.Class
    403, 200, "ChannelStopped"
    403, 299, "ChannelStopped"
    500, 131005, "ChannelStopped"
    500, 999999, "OutcomeUnknown"
    400, 999999, "Refused"
]

[<Fact>]
let ``each error code has its outcome, and no reason tells what was written or to whom`` () : Task = task {
    let answer = ref (0, 0)

    do!
        ScriptedServer.using
            (fun _ ->
                let status, code = answer.Value
                ScriptedServer.failure status (errorBody code))
            (fun server -> task {
                for status, code, expected in errors do
                    answer.Value <- (status, code)
                    let! outcome = send server.Address
                    let name, reason = nameAndReason outcome
                    Assert.Equal((code, expected), (code, name))
                    assertDiscreet outcome
                    Assert.Contains($"code %d{code}, HTTP %d{status}, trace AbC-1", reason)

                    match outcome with
                    | Refused(told, _)
                    | ChannelStopped(told, _) -> Assert.Equal(code, told)
                    | _ -> ()
            })
}

[<Fact>]
let ``answers that are not Meta's are judged by their status`` () : Task = task {
    for status, body, expected in
        [
            200, "", "OutcomeUnknown"
            200, "<html>", "OutcomeUnknown"
            200, "{}", "OutcomeUnknown"
            200, """{"messages":[{}]}""", "OutcomeUnknown"
            200, """{"messages":[{"id":null}]}""", "OutcomeUnknown"
            500, "<html>secreto</html>", "OutcomeUnknown"
            502, "", "OutcomeUnknown"
            408, "", "OutcomeUnknown"
            429, "", "RetryLater"
            401, "{}", "ChannelStopped"
            404, "not found", "ChannelStopped"
            302, "", "ChannelStopped"
            400, """{"error":"secreto"}""", "Refused"
            500, """{"error":{"code":{"a":1}}}""", "OutcomeUnknown"
            400, """{"error":{"code":"131047"}}""", "Refused"
        ] do
        let answer =
            ScriptedServer.Reply(status, "application/json", [ "Location", "/elsewhere" ], body)

        do!
            ScriptedServer.using (fun _ -> answer) (fun server -> task {
                let! outcome = send server.Address
                Assert.Equal((status, body, expected), (status, body, fst (nameAndReason outcome)))
                assertDiscreet outcome
                // A redirect is not followed, since the token would go along.
                Assert.Single(server.Asked()) |> ignore
            })
}

[<Fact>]
let ``the time that the server names is kept`` () : Task = task {
    let date = "Sun, 22 Nov 2026 10:00:00 GMT"
    let later = "Sun, 22 Nov 2026 10:02:00 GMT"

    for headers, expected in
        [
            [], None
            [ "Retry-After", "17" ], Some(TimeSpan.FromSeconds 17.)
            [ "Retry-After", later; "Date", date ], Some(TimeSpan.FromMinutes 2.)
            [ "Retry-After", "99999999" ], Some(TimeSpan.FromDays 1.)
            [ "Retry-After", "soon" ], None
        ] do
        let answer =
            ScriptedServer.Reply(429, "application/json", headers, errorBody 130429)

        do!
            ScriptedServer.using (fun _ -> answer) (fun server -> task {
                match! send server.Address with
                | RetryLater(after, _) -> Assert.Equal(expected, after)
                | other -> failwith $"%A{other}"
            })
}
