/// What processes cost: processor time and memory, as Linux accounts for them.
module FunctionalBot.Bench.Machine

open System
open System.Diagnostics
open System.IO

/// The fields of /proc/<pid>/stat behind the command's name, which is in brackets and may hold anything.
/// None for a process that has ended, and on systems without /proc.
let private statOf (pid: int) : string[] option =
    try
        let text = File.ReadAllText $"/proc/%d{pid}/stat"
        Some(text.Substring(text.LastIndexOf ')' + 2).Split ' ')
    with
    | :? IOException
    | :? UnauthorizedAccessException -> None

/// The number of a process's parent.
let parentOf (pid: int) : int option =
    statOf pid |> Option.map (fun fields -> int fields[1])

/// The command line of a process; empty when there is none with that number.
let commandLineOf (pid: int) : string =
    try
        (File.ReadAllText $"/proc/%d{pid}/cmdline").Replace('\000', ' ')
    with
    | :? IOException
    | :? UnauthorizedAccessException -> ""

/// Linux counts processor time in hundredths of a second for every program (USER_HZ).
let private tick = TimeSpan.FromMilliseconds 10.

let private ticks (fields: string[]) (places: int list) =
    places |> List.sumBy (fun place -> int64 fields[place])

/// Processor time of PostgreSQL so far: the postmaster, its children, and those that have ended already.
/// None where the server does not run on this machine under Linux.
let postgresTime (postmaster: int) : TimeSpan option =
    statOf postmaster
    |> Option.map (fun own ->
        let children =
            Directory.GetDirectories "/proc"
            |> Array.choose (fun folder ->
                match Int32.TryParse(Path.GetFileName folder) with
                | true, pid -> statOf pid
                | _ -> None)
            |> Array.filter (fun fields -> fields[1] = string postmaster)

        // utime and stime; of the postmaster cutime and cstime too, those of children that were waited for.
        let whole =
            ticks own [ 11; 12; 13; 14 ]
            + Array.sumBy (fun fields -> ticks fields [ 11; 12 ]) children

        tick * float whole)

/// Processor time of a process so far, user and system.
let processorTime (running: Process) : TimeSpan =
    running.Refresh()
    running.TotalProcessorTime

/// Memory that a process has in use (its resident set), in megabytes of 2^20 bytes.
let residentMegabytes (running: Process) : float =
    running.Refresh()
    float running.WorkingSet64 / 1048576.

/// Does the work and returns with what it gave the most memory, in the same megabytes, that the process had in use
/// meanwhile: looked at twenty times a second, and at the end.
let withPeakMegabytes (pid: int) (work: unit -> 'Value) : 'Value * float =
    use watched = Process.GetProcessById pid
    let peak = ref 0.

    let look () =
        try
            let now = residentMegabytes watched
            lock peak (fun () -> peak.Value <- max peak.Value now)
        with :? InvalidOperationException ->
            // It has ended; whoever works with it finds that out.
            ()

    let interval = TimeSpan.FromMilliseconds 50.
    let timer = new Threading.Timer((fun _ -> look ()), null, interval, interval)

    let value =
        try
            work ()
        finally
            // Nobody may look any more when the process is let go of.
            use stopped = new Threading.ManualResetEvent false
            timer.Dispose stopped |> ignore
            stopped.WaitOne() |> ignore

    look ()
    value, peak.Value

/// The machine and the runtime in one line, for whoever compares two reports.
let describe () : string =
    let model =
        try
            File.ReadLines "/proc/cpuinfo"
            |> Seq.tryFind (fun line -> line.StartsWith "model name")
            |> Option.map (fun line -> line.Substring(line.IndexOf ':' + 1).Trim())
        with :? IOException ->
            None

    let model = model |> Option.defaultValue "unknown processor"
    let runtime = Runtime.InteropServices.RuntimeInformation.FrameworkDescription
    $"%d{Environment.ProcessorCount} processors (%s{model}), %s{runtime}"
