/// Uploads pass the same protection as messages: a service that is away, a channel that is stopped, alarms.
module FunctionalBot.Tests.UploadProtectionTests

open System
open System.Collections.Generic
open System.IO
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Protected
open FunctionalBot.Web

let private file: FileUpload = {
    Hash = FileHash "0"
    Name = "plano.pdf"
    MimeType = "application/pdf"
    Size = 3L
    Open = fun _ -> Task.FromResult(Some(new MemoryStream([| 1uy; 2uy; 3uy |]) :> Stream))
}

let private upload (port: WhatsAppPort) = port.Upload "whatsapp-1" file never

/// A WhatsApp whose sends and uploads end as these say, and how often each was called.
let private scripted (world: World) (sends: Queue<SendOutcome>) (uploads: Queue<SendOutcome>) =
    whatsAppThat world (fun _ -> sends.Dequeue()) uploads.Dequeue

let private outcomeOf result =
    match result with
    | Ok _ -> "ok"
    | Error outcome -> (string (outcome: SendOutcome)).Split(' ', '\n')[0]

[<Fact>]
let ``uploads that fail open the breaker, are left out then, and one of them probes`` () =
    inSimulatedTime 31 (fun world -> task {
        let calls = ref 0
        let isAway = ref true

        let port =
            whatsAppThat world (fun _ -> Refused(0, "unused")) (fun () ->
                calls.Value <- calls.Value + 1

                if isAway.Value then
                    RetryLater(None, "no connection")
                else
                    Accepted(MessageId "1"))
            |> Breakers.whatsApp
                {
                    World = world
                    Node = "test"
                    Report = (storeIn world).Port.ReportService
                    Changed = ignore
                }
                Breakers.whatsAppSettings

        for _ in 1..20 do
            let! _ = upload port
            ()

        Assert.Equal(Breakers.whatsAppSettings.Failures, calls.Value)
        let! left = upload port
        Assert.Equal("HeldBack", outcomeOf left)
        isAway.Value <- false
        do! world.Delay (TimeSpan.FromMinutes 1.) never
        let! probe = upload port
        Assert.Equal("ok", outcomeOf probe)
        let! next = upload port
        Assert.Equal("ok", outcomeOf next)
    })

[<Fact>]
let ``a file that we refuse ourselves says nothing of the service`` () =
    inSimulatedTime 35 (fun world -> task {
        let away =
            List.replicate Breakers.whatsAppSettings.Failures (RetryLater(None, "no connection"))

        let uploads =
            Queue(
                away
                @ [
                    Refused(0, "the file is not kept any more")
                    RetryLater(None, "no connection")
                ]
            )

        let port =
            scripted world (Queue()) uploads
            |> Breakers.whatsApp
                {
                    World = world
                    Node = "test"
                    Report = (storeIn world).Port.ReportService
                    Changed = ignore
                }
                Breakers.whatsAppSettings

        for _ in away do
            let! _ = upload port
            ()

        do! world.Delay (TimeSpan.FromMinutes 1.) never
        let! refused = upload port
        Assert.Equal("Refused", outcomeOf refused)
        // The next one is the probe, and the one behind it is held back: nothing is scripted for it.
        let! probe = upload port
        Assert.Equal("RetryLater", outcomeOf probe)
        let! held = upload port
        Assert.Equal("HeldBack", outcomeOf held)
    })

let private deadToken = ChannelStopped(190, "the token is dead")

[<Fact>]
let ``an upload that a dead token fails stops the channel for all`` () =
    inSimulatedTime 32 (fun world -> task {
        let store = (storeIn world).Port
        let sends = Queue<SendOutcome>()

        let port =
            scripted world sends (Queue [ deadToken ])
            |> ChannelStop.create ChannelStop.defaultSettings StopPlan.alone world store ignore

        let! first = upload port
        Assert.Equal("HeldBack", outcomeOf first)
        let! states = store.ServiceStates()
        Assert.Equal(ServiceCondition.Stopped, (Assert.Single states).Condition)
        // Neither goes out: nothing is scripted for them.
        let! held = sendOne port (keyOf "Ana" 1L)
        Assert.True(held.IsHeldBack, $"%A{held}")
        let! again = upload port
        Assert.Equal("HeldBack", outcomeOf again)
    })

[<Fact>]
let ``a file that Meta takes does not end a stop, the message behind it does`` () =
    inSimulatedTime 33 (fun world -> task {
        let store = (storeIn world).Port
        let sends = Queue [ ChannelStopped(131031, "locked"); Accepted(MessageId "w") ]
        let uploads = Queue [ Accepted(MessageId "1"); deadToken; Accepted(MessageId "2") ]

        let port =
            scripted world sends uploads
            |> ChannelStop.create ChannelStop.defaultSettings StopPlan.alone world store ignore

        let! _ = sendOne port (keyOf "Ana" 1L)
        let! early = upload port
        Assert.Equal("HeldBack", outcomeOf early)

        let isStopped () = task {
            let! states = store.ServiceStates()
            return List.exists ServiceState.isStopOfMessages states
        }

        do! world.Delay (TimeSpan.FromSeconds 31.) never
        let! due = upload port
        Assert.Equal("ok", outcomeOf due)
        let! stays = isStopped ()
        Assert.True stays
        // One that the token fails is a probe that failed: the next one is put off for it.
        let! failed = upload port
        Assert.Equal("HeldBack", outcomeOf failed)
        let! heldBack = upload port
        Assert.Equal("HeldBack", outcomeOf heldBack)
        Assert.Single uploads |> ignore
        do! world.Delay (TimeSpan.FromMinutes 5.) never
        let! third = upload port
        Assert.Equal("ok", outcomeOf third)
        let! accepted = sendOne port (keyOf "Ana" 2L)
        Assert.True(accepted.IsAccepted, $"%A{accepted}")
        let! after = isStopped ()
        Assert.False after
    })

[<Fact>]
let ``an upload takes no slot, and its refusal alarms as a message's does`` () =
    inSimulatedTime 34 (fun world -> task {
        let store = (storeIn world).Port
        let lines = List<string>()

        let limits: PaceLimits = {
            Number =
                Some {
                    Interval = TimeSpan.FromHours 1.
                    Burst = 1
                }
            Pair = None
            Patience = TimeSpan.FromSeconds 2.
        }

        let alarms: Alarms.Alarms = {
            Tell = fun notice -> task { lines.Add notice.Told }
        }

        let port =
            scripted
                world
                (Queue [ Accepted(MessageId "w") ])
                (Queue [ Accepted(MessageId "1"); Refused(131048, "spam"); Refused(131053, "type") ])
            |> Pace.create limits world store silent
            |> Alarms.onRefusals alarms

        let! _ = sendOne port (keyOf "Ana" 1L)

        for expected in [ "ok"; "Refused"; "Refused" ] do
            let! outcome = upload port
            Assert.Equal(expected, outcomeOf outcome)

        Assert.Contains("131048", Assert.Single lines)
    })
