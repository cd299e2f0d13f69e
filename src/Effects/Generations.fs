namespace FunctionalBot.Effects

open System.Collections.Concurrent
open System.Threading

/// What was used of late, by key, in bounded room. Safe to be used from many threads; what is forgotten can be
/// had again from where it came.
[<NoComparison; NoEquality>]
type Generations<'Key, 'Value> = {
    Find: 'Key -> 'Value option
    Keep: 'Key -> 'Value -> unit
    /// Forgets everything.
    Clear: unit -> unit
}

/// Two generations: what is kept anew goes to the young one, and the old one is dropped when that is full.
module Generations =
    [<NoComparison; NoEquality>]
    type private Pair<'Key, 'Value when 'Key: not null> = {
        Young: ConcurrentDictionary<'Key, 'Value>
        Old: ConcurrentDictionary<'Key, 'Value>
        /// How many were added to the young one. A dictionary's own count takes all its locks.
        Added: int ref
    }

    let private young old = {
        Young = ConcurrentDictionary()
        Old = old
        Added = ref 0
    }

    /// Keeps at least the last `most` and at most twice as many.
    let create<'Key, 'Value when 'Key: not null and 'Key: equality> (most: int) : Generations<'Key, 'Value> =
        let pair = ref (young (ConcurrentDictionary<'Key, 'Value>()))

        let keep key value =
            let now = Volatile.Read &pair.contents

            match now.Young.TryGetValue key with
            | true, _ -> now.Young[key] <- value
            | false, _ when Interlocked.Increment &now.Added.contents <= most -> now.Young[key] <- value
            | false, _ ->
                let next = young now.Young
                next.Young[key] <- value
                next.Added.Value <- 1
                Interlocked.CompareExchange(&pair.contents, next, now) |> ignore

        let find key =
            let now = Volatile.Read &pair.contents

            match now.Young.TryGetValue key with
            | true, value -> Some value
            | false, _ ->
                match now.Old.TryGetValue key with
                | true, value -> Some value
                | false, _ -> None

        {
            Find = find
            Keep = keep
            Clear = fun () -> Volatile.Write(&pair.contents, young (ConcurrentDictionary()))
        }
