/// For tests of the guarantees: a process whose clock is wrong.
module FunctionalBot.Web.ClockSwitch

open System
open System.Globalization
open FunctionalBot.Effects
open FunctionalBot.Web.Setting

/// Moves the clock of this process by BOT_CLOCK_OFFSET_SECONDS (below zero: behind). Nobody who serves customers
/// wants that, so that it is refused unless BOT_TEST_SWITCHES is "allowed".
let apply (source: Source) (world: World) : Reading<World> =
    let name = "BOT_CLOCK_OFFSET_SECONDS"

    let refused wrong =
        Error [
            {
                Name = name
                Wrong = wrong
                Mend = "Leave it out: it makes the clock wrong on purpose, for tests."
            }
        ]

    match source name, source "BOT_TEST_SWITCHES" with
    | None, _ -> Ok world
    | Some text, Some "allowed" ->
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, seconds when abs seconds <= 1e6 ->
            Ok {
                world with
                    Now = fun () -> world.Now().AddSeconds seconds
            }
        | _ -> refused "is not a number of seconds"
    | Some _, _ -> refused "is set, but BOT_TEST_SWITCHES is not \"allowed\""
