/// What the build prints: one line per step with the seconds it took, dots while it lasts, and the output of
/// a step only when it fails.
module FunctionalBot.Build.Steps

open System
open System.Diagnostics
open System.Threading
open FunctionalBot.Build.Processes

/// How often a step that lasts shows that it is alive.
let private heartbeat = TimeSpan.FromSeconds 3.0

let private titleWidth = 46

/// Runs one step and prints its line. The error, if any, is left to the caller to print.
let step (title: string) (work: unit -> Result<'value, string>) : Result<'value, string> =
    Console.Out.Write($"  %s{title.PadRight titleWidth}")
    let clock = Stopwatch.StartNew()
    let beat = new Timer((fun _ -> Console.Out.Write "."), null, heartbeat, heartbeat)

    let result =
        try
            work ()
        finally
            // A last dot must not land behind the end of the line.
            use stopped = new ManualResetEvent false
            beat.Dispose stopped |> ignore
            stopped.WaitOne() |> ignore

    let seconds = $"%6.1f{clock.Elapsed.TotalSeconds} s"

    match result with
    | Ok _ -> Console.Out.WriteLine seconds
    | Error _ -> Console.Out.WriteLine $"%s{seconds}  failed"

    result

/// MSBuild says every error twice, once more at the end.
let private once (output: string) : string =
    let lines = output.Split '\n' |> Array.map _.TrimEnd() |> Array.filter ((<>) "")
    String.Join("\n", Array.distinct lines)

/// A step that is one program: an exit code other than 0 is an error that shows the program's output.
let program
    (title: string)
    (limit: TimeSpan)
    (interrupted: CancellationToken)
    (wanted: Invocation)
    : Result<unit, string> =
    step title (fun () ->
        let finished = watch ignore limit interrupted wanted

        if finished.Code = 0 then
            Ok()
        else
            let command = String.Join(" ", wanted.Program :: wanted.Arguments)
            Error $"%s{command}\nended with exit code %d{finished.Code}:\n\n%s{once finished.Output}")

/// Runs a program with its lines handed to `show` as they come, with where they were written; it says whether there was
/// anything to see. When there was nothing for a while a line says that the program is still running.
let shownBy
    (show: Stream -> string -> bool)
    (limit: TimeSpan)
    (interrupted: CancellationToken)
    (wanted: Invocation)
    : Finished =
    let clock = Stopwatch.StartNew()
    let quietFor = Stopwatch.StartNew()

    let patience = TimeSpan.FromSeconds 10.0

    let sayAlive _ =
        if quietFor.Elapsed > patience then
            quietFor.Restart()
            Console.Out.WriteLine $"  ... still running after %d{int clock.Elapsed.TotalSeconds} s"

    use _ = new Timer(sayAlive, null, heartbeat, heartbeat)

    let onLine stream (line: string) =
        if show stream line then
            quietFor.Restart()

    watchStreams onLine limit interrupted wanted

/// Runs a program with its lines shown as they come; `show` picks and shapes them (None = not shown).
let shown (show: string -> string option) =
    shownBy (fun _ line ->
        match show line with
        | Some text ->
            Console.Out.WriteLine text
            true
        | None -> false)

/// Runs steps one after the other until one fails.
let rec inOrder (steps: (unit -> Result<unit, string>) list) : Result<unit, string> =
    match steps with
    | [] -> Ok()
    | first :: rest -> first () |> Result.bind (fun () -> inOrder rest)
