/// Programs that run beside the build until they are told to stop.
module FunctionalBot.Build.Children

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open FunctionalBot.Build.Processes

/// A program that was started and is watched.
[<NoComparison; NoEquality>]
type Child = {
    /// What people call it ("the bot").
    Name: string
    /// The process itself.
    Running: Process
    /// The last lines that it wrote; guarded by a lock on itself.
    Last: Queue<string>
    /// The file that has all its lines.
    Log: StreamWriter
}

let private linesKept = 25

/// In a session of its own a child does not get the terminal's Ctrl-C: the order of stopping stays with its
/// parent.
let private detached (wanted: Invocation) : Invocation =
    match PostgresPrograms.onPath "setsid" with
    | Some setsid when not (OperatingSystem.IsWindows()) -> {
        wanted with
            Program = setsid
            Arguments = wanted.Program :: wanted.Arguments
      }
    | _ -> wanted

/// Starts a program; what it writes goes to the file `log`, which is begun anew.
let start (name: string) (log: string) (wanted: Invocation) : Result<Child, string> =
    Path.GetDirectoryName log
    |> Option.ofObj
    |> Option.iter (fun folder -> Directory.CreateDirectory folder |> ignore)

    let child = {
        Name = name
        Running = new Process(StartInfo = startInformation (detached wanted))
        Last = Queue()
        Log = new StreamWriter(log, append = false, AutoFlush = true)
    }

    let receive (data: DataReceivedEventArgs) =
        match data.Data with
        | null -> ()
        | line ->
            lock child.Last (fun () ->
                child.Log.WriteLine line
                child.Last.Enqueue line

                if child.Last.Count > linesKept then
                    child.Last.Dequeue() |> ignore)

    child.Running.OutputDataReceived.Add receive
    child.Running.ErrorDataReceived.Add receive

    try
        child.Running.Start() |> ignore
        child.Running.BeginOutputReadLine()
        child.Running.BeginErrorReadLine()
        child.Running.StandardInput.Close()
        Ok child
    with :? ComponentModel.Win32Exception as missing ->
        Error $"%s{name} could not be started: %s{missing.Message}"

/// What to say about a child that ended although nobody stopped it; None while it runs.
let ended (child: Child) : string option =
    if child.Running.HasExited then
        // Its last lines may still be on their way.
        child.Running.WaitForExit 500 |> ignore
        let code = child.Running.ExitCode
        let last = lock child.Last (fun () -> String.Join("\n", child.Last))

        Some $"%s{child.Name} ended without being asked to (exit code %d{code}). The last lines:\n\n%s{last}"
    else
        None

/// Asks a child to stop (SIGTERM), waits up to fifteen seconds, then kills it. One that has ended is no
/// error.
let stop (child: Child) : unit =
    if not child.Running.HasExited then
        if OperatingSystem.IsWindows() then
            killTree child.Running
        else
            run (invocation "/" "sh" [ "-c"; $"kill -TERM %d{child.Running.Id}" ]) |> ignore

            if not (child.Running.WaitForExit(TimeSpan.FromSeconds 15.0)) then
                killTree child.Running

    lock child.Last (fun () -> child.Log.Dispose())
