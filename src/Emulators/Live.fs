namespace FunctionalBot.Emulators

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Hosting

/// Tells the open pages, and whoever waits in a test, that something has changed.
[<Sealed>]
type Live() =
    let gate = obj ()
    let pages = Dictionary<int, Channel<string>>()
    let mutable lastPage = 0

    let newSignal () =
        TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

    let mutable signal = newSignal ()

    /// Ends with the next change. Take it before looking at the state, so that no change falls in between.
    member _.NextChange: Task = lock gate (fun () -> signal.Task)

    /// Whether a page is open now.
    member _.Watched = lock gate (fun () -> pages.Count > 0)

    /// Sends one event to every open page, as server-sent events write it. A page that does not read is let
    /// go: it comes back by itself and reads everything anew.
    member _.Publish(name: string, data: Json.Json) =
        let ended =
            lock gate (fun () ->
                if pages.Count > 0 then
                    let event = $"event: %s{name}\ndata: %s{Json.write data}\n\n"

                    for KeyValue(page, channel) in List.ofSeq pages do
                        if not (channel.Writer.TryWrite event) then
                            channel.Writer.TryComplete() |> ignore
                            pages.Remove page |> ignore

                let ended = signal
                signal <- newSignal ()
                ended)

        ended.SetResult()

    member private _.Join() =
        lock gate (fun () ->
            lastPage <- lastPage + 1
            let channel = Channel.CreateBounded<string> 2000
            pages[lastPage] <- channel
            lastPage, channel.Reader)

    member private _.Leave page =
        lock gate (fun () ->
            match pages.TryGetValue page with
            | true, channel ->
                channel.Writer.TryComplete() |> ignore
                pages.Remove page |> ignore
            | false, _ -> ())

    /// Answers a page with server-sent events, `hello` first, until the page goes away or the emulator stops.
    member live.Serve(context: HttpContext) : Task = task {
        let stopping =
            context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping

        use either =
            CancellationTokenSource.CreateLinkedTokenSource(stopping, context.RequestAborted)

        let response = context.Response
        response.ContentType <- "text/event-stream"
        response.Headers.CacheControl <- "no-store"
        let page, reader = live.Join()

        try
            try
                // The page reads the state after this, so that nothing is missed between the two.
                do! response.WriteAsync("retry: 1000\nevent: hello\ndata: {}\n\n", either.Token)
                do! response.Body.FlushAsync either.Token

                while! reader.WaitToReadAsync either.Token do
                    let mutable more = true

                    while more do
                        match reader.TryRead() with
                        | true, event -> do! response.WriteAsync(event, either.Token)
                        | false, _ -> more <- false

                    do! response.Body.FlushAsync either.Token
            with :? OperationCanceledException ->
                ()
        finally
            live.Leave page
    }
