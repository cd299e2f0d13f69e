/// Other programs, run to their end with their output read. Nothing here throws when a program is missing or
/// fails: the exit code and the output tell.
module FunctionalBot.Build.Processes

open System
open System.ComponentModel
open System.Diagnostics
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks

/// What to run.
type Invocation = {
    /// A name looked up on PATH, or a full path.
    Program: string
    /// Handed over as they are: no shell stands between.
    Arguments: string list
    /// The working folder.
    Folder: string
    /// Set on top of what this process has itself.
    Environment: (string * string) list
    /// Written to the standard input, which is then closed: a program that asks a question gets an end of
    /// file.
    Input: string
}

/// How a program ended.
type Finished = {
    /// The exit code; 127 when the program could not be started, 130 when it was interrupted and 124 when its
    /// time was up.
    Code: int
    /// Standard output and standard error in the order in which the lines arrived.
    Output: string
}

/// A program with its arguments, run in a folder without further settings.
let invocation (folder: string) (program: string) (arguments: string list) : Invocation = {
    Program = program
    Arguments = arguments
    Folder = folder
    Environment = []
    Input = ""
}

/// The start information of an invocation, with the three standard streams redirected to this process.
let startInformation (wanted: Invocation) : ProcessStartInfo =
    let start =
        ProcessStartInfo(
            wanted.Program,
            WorkingDirectory = wanted.Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false
        )

    for argument in wanted.Arguments do
        start.ArgumentList.Add argument

    for name, value in wanted.Environment do
        start.Environment[name] <- value

    start

/// Kills a process and everything it started. One that is gone already is no error.
let killTree (running: Process) : unit =
    try
        running.Kill(entireProcessTree = true)
    with
    | :? InvalidOperationException
    | :? Win32Exception
    | :? AggregateException -> ()

let private writeInput (running: Process) (input: string) =
    try
        running.StandardInput.Write input
        running.StandardInput.Close()
    with :? IOException ->
        // It ended before it read its input; the exit code says why.
        ()

/// Waits for the end. `Some code` when the process was killed instead, because its time was up or the caller
/// gave up.
let private waitForExit (running: Process) (limit: TimeSpan) (interrupted: CancellationToken) : int option =
    use stopping = CancellationTokenSource.CreateLinkedTokenSource interrupted
    stopping.CancelAfter limit
    let exited = TaskCompletionSource()
    running.Exited.Add(fun _ -> exited.TrySetResult() |> ignore)

    if running.HasExited then
        exited.TrySetResult() |> ignore

    try
        exited.Task.Wait stopping.Token
        None
    with :? OperationCanceledException ->
        killTree running
        Some(if interrupted.IsCancellationRequested then 130 else 124)

/// A grandchild that outlives its parent keeps the pipes open: the last lines are waited for, but not for
/// ever.
let private drain (running: Process) =
    use enough = new CancellationTokenSource(TimeSpan.FromSeconds 2.0)

    try
        running.WaitForExitAsync(enough.Token).Wait()
    with :? AggregateException ->
        ()

/// Where a program wrote a line.
type Stream =
    | StandardOutput
    | StandardError

/// Runs a program to its end, at most for `limit`, and calls `onLine` with each line that it writes and where it wrote
/// it. When `interrupted` is cancelled or the time is up, the program and its children are killed.
let watchStreams
    (onLine: Stream -> string -> unit)
    (limit: TimeSpan)
    (interrupted: CancellationToken)
    (wanted: Invocation)
    : Finished =
    let output = StringBuilder()

    let keep (stream: Stream) (line: string) =
        lock output (fun () -> output.AppendLine line |> ignore)
        onLine stream line

    use running =
        new Process(StartInfo = startInformation wanted, EnableRaisingEvents = true)

    let receive stream (data: DataReceivedEventArgs) =
        match data.Data with
        | null -> ()
        | line -> keep stream line

    running.OutputDataReceived.Add(receive StandardOutput)
    running.ErrorDataReceived.Add(receive StandardError)

    try
        running.Start() |> ignore
        running.BeginOutputReadLine()
        running.BeginErrorReadLine()
        writeInput running wanted.Input
        let killed = waitForExit running limit interrupted
        drain running

        match killed with
        | Some 124 ->
            keep
                StandardError
                $"%s{wanted.Program} was stopped: it did not end within %d{int limit.TotalSeconds} s."
        | Some _
        | None -> ()

        {
            Code = killed |> Option.defaultWith (fun () -> running.ExitCode)
            Output = lock output (fun () -> output.ToString())
        }
    with :? Win32Exception as missing -> {
        Code = 127
        Output = $"%s{wanted.Program} could not be started in %s{wanted.Folder}: %s{missing.Message}"
    }

/// The same, for whoever takes the lines of both streams alike.
let watch (onLine: string -> unit) =
    watchStreams (fun _ line -> onLine line)

/// Runs a program to its end, at most two minutes, without looking at its lines as they come.
let run (wanted: Invocation) : Finished =
    watch ignore (TimeSpan.FromMinutes 2.0) CancellationToken.None wanted

/// Kills a process and everything it started, by its number; no error when it is gone.
let killById (number: int) : unit =
    try
        use found = Process.GetProcessById number
        killTree found
    with :? ArgumentException ->
        ()

/// The command line of a running process; empty when there is none with that number.
let commandLineOf (number: int) : string =
    let kept = $"/proc/%d{number}/cmdline"

    if File.Exists kept then
        try
            File.ReadAllText(kept).Replace('\000', ' ')
        with :? IOException ->
            // It ended between the two lines.
            ""
    elif Directory.Exists "/proc/self" then
        ""
    else
        (run (invocation "/" "ps" [ "-o"; "command="; "-p"; string number ])).Output
