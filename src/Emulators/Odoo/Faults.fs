/// What can be made to go wrong with the emulated Odoo, for tests and for trying the bot by hand.
module FunctionalBot.Emulators.Odoo.Faults

open System
open FunctionalBot.Emulators.Json

/// The faults that are on. Counters go down by one with each request that they hit.
type Faults = {
    /// The database is away: JSON-2 answers 404 as text/html, JSON-RPC an OperationalError.
    Down: bool
    /// The next `FailCount` requests get this status, with a proxy's page as the body.
    FailStatus: int
    FailCount: int
    /// Each request takes this much longer.
    SlowBy: TimeSpan
    /// The next so many changing calls are committed, but their caller's connection is cut before the answer.
    LoseAnswers: int
    /// The next so many load() calls answer that they could not serialize access.
    Conflicts: int
    /// No key or password is right any more, as after their expiry.
    RefuseKeys: bool
}

/// Nothing goes wrong.
let none: Faults = {
    Down = false
    FailStatus = 503
    FailCount = 0
    SlowBy = TimeSpan.Zero
    LoseAnswers = 0
    Conflicts = 0
    RefuseKeys = false
}

/// Reads the body of `POST /_emulator/faults`: `{"down": true, "status": 502, "count": 3, "slow_ms": 200,
/// "lose_answers": 1, "conflicts": 2, "refuse_keys": true}`. What is not named is off.
let ofJson (json: Json) : Result<Faults, string> =
    let known = [
        "down"
        "status"
        "count"
        "slow_ms"
        "lose_answers"
        "conflicts"
        "refuse_keys"
    ]

    let whole name fallback =
        json |> wholeField name |> Option.map int |> Option.defaultValue fallback

    let flag name =
        json |> field name |> Option.exists isTruthy

    match json with
    | Fields fields ->
        match fields |> List.tryFind (fun (name, _) -> not (List.contains name known)) with
        | Some(name, _) -> Error $"""There is no fault "%s{name}". Known are: %s{String.concat ", " known}."""
        | None ->
            Ok {
                Down = flag "down"
                FailStatus = whole "status" 503
                FailCount = whole "count" 0
                SlowBy = TimeSpan.FromMilliseconds(float (whole "slow_ms" 0))
                LoseAnswers = whole "lose_answers" 0
                Conflicts = whole "conflicts" 0
                RefuseKeys = flag "refuse_keys"
            }
    | _ -> Error "The body must be an object with the faults to switch on."

/// The faults in the form that `ofJson` reads.
let toJson (faults: Faults) : Json =
    Fields [
        "down", Flag faults.Down
        "status", Whole(int64 faults.FailStatus)
        "count", Whole(int64 faults.FailCount)
        "slow_ms", Whole(int64 faults.SlowBy.TotalMilliseconds)
        "lose_answers", Whole(int64 faults.LoseAnswers)
        "conflicts", Whole(int64 faults.Conflicts)
        "refuse_keys", Flag faults.RefuseKeys
    ]
