namespace FunctionalBot.Emulators.WhatsApp

open System.Collections.Generic
open System.Threading.Channels
open System.Threading.Tasks

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
    member _.Publish(name: string, data: Json) =
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

    /// Opens a stream of events: its number, for `Leave`, and where to read.
    member _.Join() =
        lock gate (fun () ->
            lastPage <- lastPage + 1
            let channel = Channel.CreateBounded<string> 2000
            pages[lastPage] <- channel
            lastPage, channel.Reader)

    /// Ends a stream.
    member _.Leave page =
        lock gate (fun () ->
            match pages.TryGetValue page with
            | true, channel ->
                channel.Writer.TryComplete() |> ignore
                pages.Remove page |> ignore
            | false, _ -> ())

    /// Ends every stream.
    member live.Close() =
        for page in lock gate (fun () -> List.ofSeq pages.Keys) do
            live.Leave page
