/// Switches for tests of the guarantees: a process whose clock is wrong, a process that dies at a named moment. Nobody
/// who serves customers wants either, so that both are refused unless BOT_TEST_SWITCHES is "allowed".
module FunctionalBot.Web.TestSwitches

open System
open System.Diagnostics
open System.Globalization
open System.Threading
open FunctionalBot.Effects
open FunctionalBot.Web.Setting

/// What is switched on.
[<NoComparison; NoEquality>]
type TestSwitches = {
    /// The world that the process believes in.
    World: World
    /// Told of milestones; may not come back.
    Reached: Engine.Milestone -> unit
}

let private refused name wrong mend =
    Error [
        {
            Name = name
            Wrong = wrong
            Mend = mend
        }
    ]

/// BOT_CLOCK_OFFSET_SECONDS moves the clock of this process (below zero: behind).
let private clock (world: World) (text: string) : Reading<World> =
    match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
    | true, seconds when abs seconds <= 1e6 ->
        Ok {
            world with
                Now = fun () -> world.Now().AddSeconds seconds
        }
    | _ ->
        refused
            "BOT_CLOCK_OFFSET_SECONDS"
            "is not a number of seconds"
            "Leave it out: it makes the clock wrong on purpose, for tests."

let private nameOf milestone =
    match milestone with
    | Engine.BodiesStored -> "stored"
    | Engine.Decided -> "decided"
    | Engine.CommandStarted -> "started"
    | Engine.CommandRan -> "ran"
    | Engine.CommandRecorded -> "recorded"

let private milestones = [
    Engine.BodiesStored
    Engine.Decided
    Engine.CommandStarted
    Engine.CommandRan
    Engine.CommandRecorded
]

/// BOT_CRASH_AT names a milestone, and after a colon how many times it is reached: the process kills itself there, as
/// `kill -9` does.
let private crash (text: string) : Reading<Engine.Milestone -> unit> =
    let name, count =
        match text.Split ':' with
        | [| name; count |] ->
            match Int32.TryParse count with
            | true, count when count > 0 -> name, Some count
            | _ -> name, None
        | _ -> text, Some 1

    match milestones |> List.tryFind (fun milestone -> nameOf milestone = name), count with
    | Some milestone, Some count ->
        let left = ref count

        Ok(fun reached ->
            if reached = milestone && Interlocked.Decrement &left.contents = 0 then
                Process.GetCurrentProcess().Kill()
                Thread.Sleep Timeout.Infinite)
    | _ ->
        let names = milestones |> List.map nameOf |> String.concat ", "

        refused
            "BOT_CRASH_AT"
            $"is none of %s{names}, with \":\" and a number behind it"
            "Leave it out: it kills the bot on purpose, for tests."

/// Reads the switches. Without any, the world is as it is given and milestones pass.
let read (source: Source) (world: World) : Reading<TestSwitches> =
    let guarded name none (read: string -> Reading<'Value>) =
        match source name, source "BOT_TEST_SWITCHES" with
        | Error problems, _ -> Error problems
        | Ok None, _ -> Ok none
        | Ok(Some text), Ok(Some "allowed") -> read text
        | Ok(Some _), _ ->
            refused
                name
                "is set, but BOT_TEST_SWITCHES is not \"allowed\""
                "Leave it out: it does harm on purpose, for tests."

    match guarded "BOT_CLOCK_OFFSET_SECONDS" world (clock world), guarded "BOT_CRASH_AT" ignore crash with
    | Ok world, Ok reached -> Ok { World = world; Reached = reached }
    | Error problems, Ok _
    | Ok _, Error problems -> Error problems
    | Error first, Error second -> Error(first @ second)
