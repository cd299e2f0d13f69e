/// Spans and numbers of the webhook's door.
module FunctionalBot.Tests.WatchedDoorTests

open System
open System.Diagnostics
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Effects.Telemetry
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.Watching
open FunctionalBot.Web

[<Fact>]
let ``the door counts bodies by what became of them, and links a caller's trace instead of following it``
    ()
    : Task = task {
    use instruments = new Instruments()
    use watch = watch instruments
    let kept = ResizeArray<ReceivedBody>()

    let receiver =
        WatchedDoor.receiver instruments {
            Store =
                fun body ->
                    kept.Add body

                    if body.Body.Length = 0 then
                        Task.FromException(StoreUnavailable("away", TimeoutException()))
                    else
                        Task.CompletedTask
            Run = fun _ -> Task.CompletedTask
        }

    let post status (body: ReceivedBody option) : Task = task {
        let context = DefaultHttpContext()
        context.Request.Headers["traceparent"] <- "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

        let receive (context: HttpContext) : Task = task {
            match body with
            | Some body ->
                try
                    do! receiver.Store body
                with StoreUnavailable _ ->
                    ()
            | None -> ()

            context.Response.StatusCode <- status
        }

        do! WatchedDoor.receive instruments (fun () -> TimeSpan.Zero) receive context
    }

    let body = bodyOf start [ textFrom "ES.1" "wamid.1" start "hola" ]
    do! post 200 (Some body)
    do! post 200 (Some { body with Updates = Error "not JSON" })
    do! post 503 (Some { body with Body = [||] })
    do! post 401 None
    do! post 413 None

    for verdict in [ "stored"; "unreadable"; "not stored"; "rejected"; "too large" ] do
        Assert.Equal(1., watch.Sum "bot.webhook.received" [ "bot.verdict=" + verdict ])

    Assert.Equal(1., watch.Sum "bot.webhook.rejected" [])
    Assert.Equal(5, watch.Count "bot.webhook.duration")
    Assert.Equal(5, watch.Spans.Length)

    for span in watch.Spans do
        Assert.Equal("POST /webhook", span.DisplayName)
        Assert.Equal(ActivitySpanId(), span.ParentSpanId)
        let link = Assert.Single span.Links
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", link.Context.TraceId.ToHexString())
        Assert.NotEqual(link.Context.TraceId, span.TraceId)

    Assert.Equal<string option list>(
        watch.Spans |> List.truncate 3 |> List.map Trace.ofActivity,
        kept |> Seq.map _.Trace |> Seq.toList
    )

    Assert.Equal<ActivityStatusCode list>(
        [ ActivityStatusCode.Error ],
        watch.Spans
        |> List.map _.Status
        |> List.filter (fun status -> status <> ActivityStatusCode.Unset)
    )
}

[<Fact>]
let ``requests of the form are spans and are counted by what became of them`` () : Task = task {
    use instruments = new Instruments()
    use watch = watch instruments

    let post (receive: HttpContext -> Task) : Task =
        WatchedDoor.receiveForm instruments (fun () -> TimeSpan.Zero) receive (DefaultHttpContext())

    let verdicts = [
        200, "answered"
        427, "over"
        421, "not decrypted"
        432, "rejected"
        413, "too large"
        400, "not understood"
    ]

    for status, _ in verdicts do
        do!
            post (fun context ->
                context.Response.StatusCode <- status
                Task.CompletedTask)

    let! _ =
        Assert.ThrowsAsync<InvalidOperationException>(fun () ->
            post (fun _ -> Task.FromException(InvalidOperationException "Ana 600111222")))

    for verdict in "failed" :: List.map snd verdicts do
        Assert.Equal(1., watch.Sum "bot.flow.received" [ "bot.verdict=" + verdict ])

    Assert.Equal(7, watch.Count "bot.flow.duration")
    Assert.Equal(0, watch.Count "bot.webhook.duration")
    Assert.Equal(7, watch.Spans.Length)

    for span in watch.Spans do
        Assert.Equal("POST /flow", span.DisplayName)
        Assert.DoesNotContain(span.TagObjects, fun tag -> $"%O{tag.Value}".Contains "Ana")
}
