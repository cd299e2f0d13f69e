namespace FunctionalBot.Emulators.WhatsApp

open System

/// The switches of one running emulator. Every draw comes from its one seeded source, so that the same calls
/// in the same order meet the same faults again.
[<Sealed>]
type FaultSwitches(seed: int) =
    let gate = obj ()
    let mutable random = Random seed
    let mutable current = Faults.none

    /// The switches as they stand: counters go down as they strike.
    member _.Current = lock gate (fun () -> current)

    /// Sets every switch.
    member _.Set faults = lock gate (fun () -> current <- faults)

    /// Changes the switches that the JSON object names; nothing is changed when one of them is wrong.
    member _.Change changes =
        lock gate (fun () ->
            let changed = Faults.ofJson current changes
            changed |> Result.iter (fun faults -> current <- faults)
            changed)

    /// Sets no fault at all, and begins the chances anew from the seed.
    member _.Reset() =
        lock gate (fun () ->
            random <- Random seed
            current <- Faults.none)

    /// Whether the fault that `read` picks strikes now; `write` puts the counted-down trigger back.
    member _.Strikes (read: Faults -> Trigger) (write: Faults -> Trigger -> Faults) =
        lock gate (fun () ->
            let strikes, left = Faults.strike random (read current)
            current <- write current left
            strikes)

    /// The items in an order that is drawn.
    member _.Shuffled(items: 'item list) =
        lock gate (fun () ->
            let drawn = List.toArray items
            random.Shuffle drawn
            List.ofArray drawn)
