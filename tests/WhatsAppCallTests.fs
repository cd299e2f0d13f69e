/// How a call to the Cloud API ends when the network fails it: what may have gone out is never sent blindly again.
module FunctionalBot.Tests.WhatsAppCallTests

open System
open System.IO
open System.Net.Http
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.WhatsAppApiStage
open Xunit

[<Fact>]
let ``a connection that is cut after the request leaves the outcome open, and the request is not sent again``
    ()
    : Task = task {
    for broken in [ ScriptedServer.Cut; ScriptedServer.CutWithin """{"messages":[{"id":"wamid""" ] do
        do!
            ScriptedServer.using (fun _ -> broken) (fun server -> task {
                let! outcome = send server.Address
                Assert.True(outcome.IsOutcomeUnknown, $"%A{outcome}")
                assertDiscreet outcome
                Assert.Single(server.Asked()) |> ignore
            })
}

[<Fact>]
let ``a server that takes the request and says nothing leaves the outcome open`` () =
    ScriptedServer.using (fun _ -> ScriptedServer.Silence) (fun server -> task {
        let settings = {
            settingsFor server.Address with
                Timeout = TimeSpan.FromMilliseconds 300.
        }

        let! outcome = sendVia settings ana CancellationToken.None
        Assert.True(outcome.IsOutcomeUnknown, $"%A{outcome}")
        Assert.Contains("0.3 seconds", snd (nameAndReason outcome))
        Assert.Single(server.Asked()) |> ignore
    })

[<Fact>]
let ``a host that stops in the middle of a call gets a value and no exception`` () : Task = task {
    use stopping = new CancellationTokenSource()

    let stop _ =
        stopping.Cancel()
        ScriptedServer.Silence

    do!
        ScriptedServer.using stop (fun server -> task {
            let! outcome = sendVia (settingsFor server.Address) ana stopping.Token
            Assert.True(outcome.IsOutcomeUnknown, $"%A{outcome}")
            let! outcome = sendVia (settingsFor server.Address) ana stopping.Token
            Assert.True(outcome.IsRetryLater, $"%A{outcome}")
        })
}

[<Fact>]
let ``nothing was sent where nobody answers the call`` () : Task = task {
    for address in [ closedAddress (); Uri "http://no-such-host.invalid/" ] do
        let! outcome = send address
        Assert.True(outcome.IsRetryLater, $"%A{outcome}")
}

/// A handler that fails like this once it has read the body, or before.
type private FailingHandler(readsBody: bool, problem: exn) =
    inherit HttpMessageHandler()

    override _.SendAsync(request, token) = task {
        if readsBody then
            do! (nonNull request.Content).CopyToAsync(Stream.Null, token)

        return raise problem
    }

[<Fact>]
let ``what counts is whether the body was begun`` () : Task = task {
    let outcomeOf readsBody problem = task {
        use client = new HttpClient(new FailingHandler(readsBody, problem))
        let port = WhatsAppApi.create (settingsFor (Uri "http://127.0.0.1:1/")) client
        return! port.Send (saying (TextMessage "Hola")) CancellationToken.None
    }

    for problem in [ HttpRequestException "x" :> exn; IOException "x"; TaskCanceledException "x" ] do
        let! before = outcomeOf false problem
        let! after = outcomeOf true problem
        Assert.True(before.IsRetryLater, $"%A{problem}: %A{before}")
        Assert.True(after.IsOutcomeUnknown, $"%A{problem}: %A{after}")

    let! refused =
        outcomeOf true (HttpRequestException(HttpRequestError.ConnectionError, "x"))

    Assert.True(refused.IsRetryLater, $"%A{refused}")
}
