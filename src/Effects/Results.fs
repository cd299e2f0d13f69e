namespace FunctionalBot.Effects

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks

/// What came of commands on this node and is not recorded yet.
[<NoComparison; NoEquality>]
type internal Results = {
    /// Adds one that has just come.
    Add: ClaimedCommand * CommandResult -> unit
    /// Takes up to so many out, the oldest first.
    Take: int -> (ClaimedCommand * CommandResult) list
    /// Puts back what could not be recorded. Results have happened in the world: while the store is away they
    /// are kept, with their leases.
    PutBack: (ClaimedCommand * CommandResult) list -> unit
}

/// Results on their way to the store.
module internal Results =
    /// A result that nobody waits for, as that of a reading mark, waits so long for others to be recorded
    /// with.
    let private company = TimeSpan.FromMilliseconds 10.

    /// The session waits for the outcome, or the next thing to be said waits for this one.
    let private isAwaited (claimed: ClaimedCommand) result =
        claimed.Command.Action.IsSay || (CommandResult.fact result).IsSome

    /// Rings the bell when results should be recorded: at once for those that something waits for.
    let create (world: World) (bell: Bell) : Results =
        let queue = ConcurrentQueue<ClaimedCommand * CommandResult>()
        let waits = ref 0

        let ringSoon () : Task = task {
            do! world.Delay company CancellationToken.None
            Volatile.Write(&waits.contents, 0)
            bell.Ring()
        }

        {
            Add =
                fun (claimed, result) ->
                    queue.Enqueue((claimed, result))

                    if isAwaited claimed result then
                        bell.Ring()
                    elif Interlocked.Exchange(&waits.contents, 1) = 0 then
                        Work.start ringSoon |> ignore
            Take =
                fun most -> [
                    let mutable left = most
                    let mutable next = Unchecked.defaultof<_>

                    while left > 0 && queue.TryDequeue &next do
                        left <- left - 1
                        next
                ]
            PutBack = List.iter queue.Enqueue
        }
