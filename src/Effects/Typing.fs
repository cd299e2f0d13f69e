/// Keeps the typing dots alive while something is worked out for a customer. WhatsApp shows them for 25 seconds
/// or until something is said, and only together with a read mark.
module FunctionalBot.Effects.Typing

open System
open System.Threading
open System.Threading.Tasks

/// How long after one read mark the next one is sent: early enough that it arrives while the dots are still there.
let every = TimeSpan.FromSeconds 20.

/// Marks again and again until it is told to end. Whatever becomes of a mark is no concern of the work.
let private keep
    (world: World)
    (mark: CancellationToken -> Task<SendOutcome>)
    (atOnce: bool)
    (ended: CancellationToken)
    : Task = task {
    // How long until the next mark.
    let wait = ref (if atOnce then TimeSpan.Zero else every)

    try
        while not ended.IsCancellationRequested do
            do! world.Delay wait.Value ended
            let begun = world.Elapsed()

            if not ended.IsCancellationRequested then
                let! _ = mark ended
                ()

            // A mark that is slow to be answered does not put the next one off.
            wait.Value <- max (TimeSpan.FromSeconds 1.) (every - (world.Elapsed() - begun))
    with _ ->
        // The dots end; the work goes on.
        ()
}

/// Does the work, and meanwhile sends a mark every 20 seconds, the first one `atOnce` or after 20 seconds. The
/// marks end with the work, also one that is on its way, and the work never waits for one. Ends as the work
/// does, by an exception too.
let during
    (world: World)
    (mark: CancellationToken -> Task<SendOutcome>)
    (atOnce: bool)
    (cancel: CancellationToken)
    (work: unit -> Task<'answer>)
    : Task<'answer> = task {
    use ended = CancellationTokenSource.CreateLinkedTokenSource cancel

    try
        let working = work ()

        // An answer that is there at once needs no dots.
        if not working.IsCompleted then
            keep world mark atOnce ended.Token |> ignore

        return! working
    finally
        ended.Cancel()
}
