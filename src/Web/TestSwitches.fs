/// Switches for tests of the guarantees: a process whose clock is wrong, a process that dies at a named moment. Nobody
/// who serves customers wants either, so that both are refused unless BOT_TEST_SWITCHES is "allowed".
module FunctionalBot.Web.TestSwitches

open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Threading
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay
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

let private seconds (text: string) : float option =
    match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
    | true, seconds when abs seconds <= 1e6 -> Some seconds
    | _ -> None

let private wrongBy (offset: unit -> float) (world: World) : World = {
    world with
        Now = fun () -> world.Now().AddSeconds(offset ())
}

/// BOT_CLOCK_OFFSET_SECONDS moves the clock of this process (below zero: behind).
let private clock (text: string) : Reading<World -> World> =
    match seconds text with
    | Some seconds -> Ok(wrongBy (fun () -> seconds))
    | None ->
        refused
            "BOT_CLOCK_OFFSET_SECONDS"
            "is not a number of seconds"
            "Leave it out: it makes the clock wrong on purpose, for tests."

/// How often the file of BOT_CLOCK_OFFSET_FILE is looked at.
let private looks = TimeSpan.FromMilliseconds 20.

/// BOT_CLOCK_OFFSET_FILE names a file with a number of seconds, by which the clock of this process is moved as soon as
/// the file is there, and as often as it changes.
let private movingClock (file: string) : Reading<World -> World> =
    let offset = ref 0.

    let look (_: obj | null) =
        try
            File.ReadAllText file
            |> seconds
            |> Option.iter (fun seconds -> Volatile.Write(&offset.contents, seconds))
        with :? IOException ->
            ()

    let watch = new Threading.Timer(look, null, TimeSpan.Zero, looks)

    Ok(
        wrongBy (fun () ->
            GC.KeepAlive watch
            Volatile.Read &offset.contents)
    )

/// What a moment is called, and the commands that it is about.
let private described (milestone: Engine.Milestone) : string * Command list =
    match milestone with
    | Engine.BodiesStored -> "stored", []
    | Engine.Decided -> "decided", []
    | Engine.TimersFired -> "fired", []
    | Engine.CommandStarted command -> "started", [ command ]
    | Engine.CommandRan command -> "ran", [ command ]
    | Engine.CommandsRecorded commands -> "recorded", commands

/// Moments by name; those of commands may name a kind of command.
let private moments = [ "stored"; "decided"; "fired" ]

let private momentsOfCommands = [ "started"; "ran"; "recorded" ]

/// How often what is waited for is met with this milestone.
let private met name (kind: string option) (milestone: Engine.Milestone) =
    match described milestone, kind with
    | (found, _), _ when found <> name -> 0
    | (_, commands), Some kind ->
        commands
        |> List.filter (fun command -> CommandKind.ofAction command.Action = kind)
        |> List.length
    | (_, commands), None -> max 1 commands.Length

/// "ran", "ran:3", "ran:create-ticket" or "ran:create-ticket:2", as name, kind and count.
let private parts (text: string) : (string * string option * int) option =
    let count (text: string) =
        match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, count when count > 0 -> Some count
        | _ -> None

    let kind text =
        if CommandKind.queued |> List.exists (fun (kind, _) -> kind = text) then
            Some text
        else
            None

    match List.ofArray (text.Split ':') with
    | [ name ] when List.contains name (moments @ momentsOfCommands) -> Some(name, None, 1)
    | [ name; second ] when List.contains name momentsOfCommands && (kind second).IsSome ->
        Some(name, Some second, 1)
    | [ name; second ] when List.contains name (moments @ momentsOfCommands) ->
        count second |> Option.map (fun count -> name, None, count)
    | [ name; second; third ] when List.contains name momentsOfCommands && (kind second).IsSome ->
        count third |> Option.map (fun count -> name, Some second, count)
    | _ -> None

/// BOT_CRASH_AT names a moment, after a colon the kind of the command that it is about, and after another how many
/// times it is met: the process kills itself there, as `kill -9` does.
let private crash (text: string) : Reading<Engine.Milestone -> unit> =
    match parts text with
    | Some(name, kind, count) ->
        let left = ref count

        Ok(fun reached ->
            match met name kind reached with
            | 0 -> ()
            | times ->
                let after = Interlocked.Add(&left.contents, -times)

                if after <= 0 && after + times > 0 then
                    Process.GetCurrentProcess().Kill()
                    Thread.Sleep Timeout.Infinite)
    | None ->
        let names = moments @ momentsOfCommands |> String.concat ", "
        let kinds = CommandKind.queued |> List.map fst |> String.concat ", "

        refused
            "BOT_CRASH_AT"
            ($"is none of %s{names}, with \":\" and a number behind it; "
             + $"the last three may name one of %s{kinds} before the number")
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

    match
        guarded "BOT_CLOCK_OFFSET_SECONDS" id clock,
        guarded "BOT_CLOCK_OFFSET_FILE" id movingClock,
        guarded "BOT_CRASH_AT" ignore crash
    with
    | Ok fixedClock, Ok movingClock, Ok reached ->
        Ok {
            World = world |> fixedClock |> movingClock
            Reached = reached
        }
    | clock, moving, crash ->
        let problems reading =
            match reading with
            | Error problems -> problems
            | Ok _ -> []

        Error(problems clock @ problems moving @ problems crash)
