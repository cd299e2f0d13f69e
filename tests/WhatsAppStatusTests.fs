/// Statuses and other notices.
module FunctionalBot.Tests.WhatsAppStatusTests

open System
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.WhatsAppSamples
open Xunit

let private status members =
    readOne (
        bodyWith (
            "\"statuses\":[{\"id\":\"wamid.9\",\"timestamp\":\"1790000002\","
            + members
            + "}]"
        )
    )

[<Fact>]
let ``statuses carry our key back`` () =
    let at = DateTimeOffset.FromUnixTimeSeconds 1790000002L

    let came status callback =
        StatusCame("whatsapp-100200300", MessageId "wamid.9", status, callback, at)

    Assert.Equal(came Sent (Some "k"), status """ "status":"sent","biz_opaque_callback_data":"k" """)
    Assert.Equal(came Delivered None, status """ "status":"delivered","recipient_id":"34600111222" """)
    Assert.Equal(came Read None, status """ "status":"read" """)
    Assert.Equal(came Played None, status """ "status":"played" """)
    Assert.Equal(came (UnknownStatus "warning") None, status """ "status":"warning" """)

    Assert.Equal(
        came (Failed(131047, "Re-engagement message")) None,
        status """ "status":"failed","errors":[{"code":131047,"title":"Re-engagement message"}] """
    )

    Assert.Equal(
        came (Failed(131026, "no title given")) None,
        status """ "status":"failed","errors":{"code":"131026"} """
    )

    Assert.Equal(came (Failed(0, "no error given")) None, status """ "status":"failed" """)

    // No code of 32 bits, but a failure all the same.
    for code in [ "-9223372036854775808"; "2147483648"; "1e999"; "null" ] do
        Assert.Equal(
            came (Failed(0, "x")) (Some "k"),
            status
                $""" "status":"failed","biz_opaque_callback_data":"k","errors":[{{"code":%s{code},"title":"x"}}] """
        )

    match status """ "status":"read","recipient_type":"group" """ with
    | NothingToDo _ -> ()
    | other -> failwith $"%A{other}"

[<Fact>]
let ``messages that nobody can be told of end dead, for operators to see`` () =
    let reason body =
        match readOne body with
        | NotUnderstood(_, reason, raw) ->
            Assert.Contains("hola", raw)
            reason
        | other -> failwith $"%A{other}"

    let text = "\"type\":\"text\",\"text\":{\"body\":\"hola\"}"

    Assert.Contains(
        "phone_number_id",
        reason ("{\"entry\":[{\"changes\":[{\"value\":{\"messages\":[{" + text + "}]}}]}]}")
    )

    for from in
        [
            ""
            "\"from\":null,"
            "\"from\":\"a b\","
            "\"from\":\"" + String('9', 600) + "\","
        ] do
        Assert.Contains(
            "names no sender",
            reason (bodyWith ("\"messages\":[{" + from + "\"id\":\"wamid.1\"," + text + "}]"))
        )

[<Fact>]
let ``other notices are kept with their reason`` () =
    let reason body =
        match readOne body with
        | NothingToDo(_, reason, _) -> reason
        | other -> failwith $"%A{other}"

    Assert.Contains(
        "131000",
        reason (bodyWith """ "errors":[{"code":131000,"title":"Something went wrong"}] """)
    )

    Assert.Contains("calls", reason """{"entry":[{"changes":[{"field":"calls","value":{}}]}]}""")

    Assert.Contains(
        "without a value",
        reason """{"entry":[{"changes":[{"field":"messages","value":null}]}]}"""
    )

    Assert.Contains("without changes", reason """{"entry":[7]}""")
    Assert.Contains("without an id", reason (bodyOf [ """{"from":"34600111222"}""" ]))

    Assert.Contains(
        "without an id",
        reason (bodyOf [ "{\"from\":\"34600111222\",\"id\":\"" + String('x', 513) + "\"}" ])
    )

    // What Meta calls a notice is kept to a line.
    Assert.True(
        (reason (
            bodyOf [
                message "1" $""" "type":"system","system":{{"type":"%s{String('x', 5000)}"}} """
            ]
        ))
            .Length
            <
            200
    )
