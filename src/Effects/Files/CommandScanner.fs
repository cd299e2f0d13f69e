namespace FunctionalBot.Effects

open System
open System.ComponentModel
open System.Diagnostics
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks

/// Scanning with a program of the machine: its exit code is the verdict.
module CommandScanner =
    /// Cuts a command into the program and its arguments at blanks; what stands between quotes stays together.
    /// None where there is no program. No shell ever reads it.
    let parse (command: string) : (string * string list) option =
        let parts = ResizeArray<string>()
        let part = StringBuilder()
        let mutable isQuoted = false
        let mutable isPart = false

        for unit in command do
            match unit with
            | '"' ->
                isQuoted <- not isQuoted
                isPart <- true
            | ' '
            | '\t' when not isQuoted ->
                if isPart then
                    parts.Add(part.ToString())

                part.Clear() |> ignore
                isPart <- false
            | other ->
                part.Append other |> ignore
                isPart <- true

        if isPart then
            parts.Add(part.ToString())

        match List.ofSeq parts with
        | program :: arguments when program <> "" -> Some(program, arguments)
        | _ -> None

    let private start (program: string) (arguments: string list) (path: string) : Result<Process, string> =
        let how =
            ProcessStartInfo(
                program,
                UseShellExecute = false,
                CreateNoWindow = true,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        for argument in arguments @ [ path ] do
            how.ArgumentList.Add argument

        try
            match Process.Start how with
            | null -> Error "the scanner did not start"
            | started -> Ok started
        with
        | :? Win32Exception
        | :? FileNotFoundException
        | :? InvalidOperationException ->
            Error "the scanner cannot be started; check BOT_SCAN_COMMAND and that the bot may run it"

    /// Ends the program and what it has started.
    let private stop (running: Process) =
        try
            running.Kill true
        with
        | :? InvalidOperationException
        | :? Win32Exception -> ()

    /// Runs the program with the file's path as its last argument: exit code 0 says clean, 1 infected; anything else,
    /// or more time than the limit, leaves it open. What the program prints is not read into logs, since it names
    /// the file. Ended by the caller, it ends the program and throws as any cancelled call.
    let create (program: string) (arguments: string list) (limit: TimeSpan) : ScannerPort =
        let scan (path: string) (token: CancellationToken) : Task<ScanVerdict> = task {
            match start program arguments path with
            | Error reason -> return NotScanned reason
            | Ok running ->
                use running = running
                use limited = CancellationTokenSource.CreateLinkedTokenSource token
                limited.CancelAfter limit

                try
                    running.StandardInput.Close()
                    // A program whose output nobody takes waits for ever once the pipe is full.
                    let output =
                        running.StandardOutput.BaseStream.CopyToAsync(Stream.Null, limited.Token)

                    let errors =
                        running.StandardError.BaseStream.CopyToAsync(Stream.Null, limited.Token)

                    do! Task.WhenAll(output, errors)
                    do! running.WaitForExitAsync limited.Token

                    return
                        match running.ExitCode with
                        | 0 -> Clean
                        | 1 -> Infected
                        | code -> NotScanned $"the scanner ended with the code %d{code}"
                with
                | :? OperationCanceledException when not token.IsCancellationRequested ->
                    stop running
                    return NotScanned $"the scanner took longer than %g{limit.TotalSeconds} seconds"
                | :? OperationCanceledException ->
                    stop running
                    return raise (OperationCanceledException token)
                | :? IOException ->
                    stop running
                    return NotScanned "the scanner broke off"
        }

        { Scan = scan }

    /// Where no scanner is set: every file counts as clean.
    let none: ScannerPort = {
        Scan = fun _ _ -> Task.FromResult Clean
    }
