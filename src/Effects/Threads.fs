namespace FunctionalBot.Effects

open System.Threading.Tasks
open FunctionalBot.Domain

/// Threads of conversations that are going on. Each turn of the assistant needs the whole conversation; to
/// read and decode a stream anew for each costs more the longer it is. A stream only ever grows, so a thread
/// that was followed to some version stays right.
[<NoComparison; NoEquality>]
type Threads = {
    /// Follows what a node has just committed.
    Follow: Event list -> unit
    /// The thread up to the event that the command came from, or later.
    Read: CommandKey -> Task<Result<ThreadLine list, StreamProblem>>
}

/// Threads kept in memory.
module Threads =
    /// Keeps up to twice `most` threads; the others are read from their streams when they are asked for.
    let create (most: int) (readStream: SessionId -> Task<Result<Event list, StreamProblem>>) : Threads =
        let kept = Generations.create<SessionId, Thread> most

        let follow (event: Event) =
            if event.Version = 1L then
                Thread.start event.Session |> Thread.add event |> kept.Keep event.Session
            else
                match kept.Find event.Session with
                | Some thread when thread.Session.Version = event.Version - 1L ->
                    kept.Keep event.Session (Thread.add event thread)
                | _ -> ()

        {
            Follow = List.iter follow
            Read =
                fun key -> task {
                    match kept.Find key.Session with
                    | Some thread when thread.Session.Version >= key.Version -> return Ok(Thread.lines thread)
                    | _ ->
                        match! readStream key.Session with
                        | Error problem -> return Error problem
                        | Ok events ->
                            let thread = Thread.ofEvents key.Session events
                            kept.Keep key.Session thread
                            return Ok(Thread.lines thread)
                }
        }

    /// A store that tells the threads of every event that it has committed.
    let following (threads: Threads) (store: StorePort) : StorePort = {
        store with
            Advance =
                fun request decide -> task {
                    let! advanced = store.Advance request decide
                    threads.Follow advanced.Events
                    return advanced
                }
    }
