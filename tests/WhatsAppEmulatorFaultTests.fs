/// The emulator's fault switches.
module FunctionalBot.Tests.WhatsAppEmulatorFaultTests

open System.Net.Http
open FsCheck
open FsCheck.FSharp
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.WhatsAppEmulatorStage

let private statusesUnder fault = task {
    let mutable names = []

    do!
        onStage (fun stage -> task {
            write stage "Hola" |> ignore
            do! quiet stage

            // A delayed answer comes after the statuses were put on their way.
            stage.Emulator.Faults.Set {
                Faults.none with
                    Statuses = fault
                    AnswerDelay = 1
            }

            let! _, answer = post stage (textTo "Hola")
            let id = sentId answer

            do!
                stage.Emulator.Until "read on the phone" patience (fun () ->
                    stage.Emulator.Conversations.Find id |> Option.map _.Progress = Some Read)

            // A last message of the customer: what was on its way before has come once it is there.
            stage.Emulator.Customers.Text "ana" "Adiós" None |> ignore
            do! quiet stage
            names <- statusNames stage
        })

    return names
}

[<Fact>]
let ``statuses can be dropped, reversed and doubled`` () = task {
    let! dropped = statusesUnder Dropped
    Assert.Equal<string list>([], dropped)
    let! reversed = statusesUnder Reversed
    Assert.Equal<string list>([ "read"; "delivered"; "sent" ], reversed)
    let! doubled = statusesUnder Doubled
    Assert.Equal<string list>([ "sent"; "sent"; "delivered"; "delivered"; "read"; "read" ], doubled)
}

[<Fact>]
let ``with a lost answer the customer has the message and the caller has nothing`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        do! quiet stage

        stage.Emulator.Faults.Set {
            Faults.none with
                LostAnswer = Faults.next 1
        }

        let! _ =
            Assert.ThrowsAsync<HttpRequestException>(fun () -> post stage (textTo "Perdida"))

        let last = stage.Emulator.Conversations.Thread "ana" |> List.last
        Assert.Equal(Some "Perdida", Json.textAt [ "text"; "body" ] last.Content)
        do! stage.Emulator.Until "the statuses" patience (fun () -> (statusNames stage).Length = 3)
        let! status, _ = post stage (textTo "Otra")
        Assert.Equal(200, status)
        Assert.Equal<int list>([ 0; 200 ], stage.Emulator.Requests() |> List.map _.Status)
    })

[<Fact>]
let ``a send error strikes as often as it is told to, and the message is not taken`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore

        stage.Emulator.Faults.Set {
            Faults.none with
                SendError = Faults.next 2
                SendErrorCode = 131000
        }

        let! first, answer = post stage (textTo "Hola")
        let! second, _ = post stage (textTo "Hola")
        let! third, _ = post stage (textTo "Hola")
        Assert.Equal(Some 131000, errorCode answer)
        Assert.Equal<int list>([ 500; 500; 200 ], [ first; second; third ])
        Assert.Equal(2, (stage.Emulator.Conversations.Thread "ana").Length)
    })

[<Fact>]
let ``a message can fail after it was taken`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore

        stage.Emulator.Faults.Set {
            Faults.none with
                FailAfterwards = Faults.next 1
                FailureCode = 131026
        }

        let! status, _ = post stage (textTo "Hola")
        Assert.Equal(200, status)
        do! stage.Emulator.Until "both statuses" patience (fun () -> (statusNames stage).Length = 2)
        Assert.Equal<string list>([ "sent"; "failed" ], statusNames stage)
        let failed = received "statuses" stage |> List.last

        let error = Json.itemsField "errors" failed |> List.exactlyOne

        Assert.Equal(Some(Json.Whole 131026), Json.given "code" error)
    })

[<Fact>]
let ``a duplicated webhook comes twice with the same id, a wrongly signed one again with the right signature``
    ()
    =
    onStage (fun stage -> task {
        let right (hook: Hook) =
            hook.Signature = Payload.signature settings.AppSecret hook.Body

        stage.Emulator.Faults.Set {
            Faults.none with
                Duplicate = Faults.next 1
        }

        let id = write stage "Hola"
        do! stage.Emulator.Until "the second copy" patience (fun () -> stage.Hooks.Count = 2)
        let ids = received "messages" stage |> List.choose (Json.textAt [ "id" ])
        Assert.Equal<string list>([ id; id ], ids)
        Assert.All(stage.Hooks, (fun hook -> Assert.True(right hook)))

        stage.Emulator.Faults.Set {
            Faults.none with
                WrongSignature = Faults.next 1
        }

        write stage "Otra" |> ignore
        do! stage.Emulator.Until "the third" patience (fun () -> stage.Hooks.Count = 3)
        Assert.False(right (Seq.last stage.Hooks))
    })

[<Fact>]
let ``updates can travel together in one webhook and out of order, and none is lost`` () =
    onStage (fun stage -> task {
        stage.Emulator.Faults.Set {
            Faults.none with
                BatchSize = 5
                Shuffle = 20
                Gather = 200
        }

        let ids = [ for number in 1..20 -> write stage $"%d{number}" ]
        do! quiet stage
        let got = received "messages" stage |> List.choose (Json.textAt [ "id" ])
        Assert.Equal<string list>(List.sort ids, List.sort got)
        Assert.NotEqual<string list>(ids, got)
        Assert.True(Seq.exists (fun hook -> (values "messages" hook).Length = 5) stage.Hooks)
    })

[<Fact>]
let ``the same seed meets the same faults`` () =
    let property seed =
        let draws () =
            let switches = FaultSwitches seed

            switches.Set {
                Faults.none with
                    LostAnswer = Faults.chance 0.5
            }

            [
                for _ in 1..40 ->
                    switches.Strikes _.LostAnswer (fun all left -> { all with LostAnswer = left })
            ]

        draws () = draws ()

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 50, property)

[<Fact>]
let ``faults read back what they write, and name the switch that is wrong`` () =
    let faults = {
        Faults.none with
            Duplicate = Faults.next 3
            LostAnswer = Faults.chance 0.25
            Statuses = Reversed
            SendErrorStatus = Some 503
            PairLimit = false
    }

    Assert.Equal(Ok faults, Faults.ofJson Faults.none (Faults.toJson faults))

    match Faults.ofJson faults (Json.Fields [ "batchSize", Json.Text "many" ]) with
    | Error problem -> Assert.Contains("batchSize", problem)
    | Ok _ -> Assert.Fail "a batch size that is no number was taken"
