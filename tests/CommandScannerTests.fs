/// A program of the machine as the scanner: what it is given, and what its end means.
module FunctionalBot.Tests.CommandScannerTests

open System
open System.Diagnostics
open System.IO
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Tests.FileSamples

let private none = CancellationToken.None

let private shell text : ScannerPort =
    CommandScanner.create "/bin/sh" [ "-c"; text; "scan" ] (TimeSpan.FromSeconds 20.)

[<Fact>]
let ``the scanner's exit code is its verdict`` () = task {
    Assert.SkipWhen(OperatingSystem.IsWindows(), "A scanner of this test is a shell's script.")

    for code, expected in [ 0, Clean; 1, Infected; 2, NotScanned "the scanner ended with the code 2" ] do
        let! verdict = (shell $"exit %d{code}").Scan "some file" none
        Assert.Equal(expected, verdict)
}

[<Fact>]
let ``the scanner gets the path as one argument that no shell reads, and may print as much as it likes`` () =
    withFolder (fun folder -> task {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "A scanner of this test is a shell's script.")
        Directory.CreateDirectory folder |> ignore
        let path = Path.Combine(folder, "a $(exit 1); `exit 1` 'b'")
        File.WriteAllText(path, "x")
        let! verdict = (shell "test -f \"$1\" && yes | head -c 3000000").Scan path none
        Assert.Equal(Clean, verdict)
    })

[<Fact>]
let ``a scanner that hangs is ended, and one that is not there leaves it open`` () = task {
    Assert.SkipWhen(OperatingSystem.IsWindows(), "A scanner of this test is a shell's script.")

    let hanging =
        CommandScanner.create "/bin/sh" [ "-c"; "sleep 600"; "scan" ] (TimeSpan.FromMilliseconds 200.)

    match! hanging.Scan "file" none with
    | NotScanned reason -> Assert.Contains("longer", reason)
    | other -> failwith $"%A{other}"

    match! (CommandScanner.create "/no/such/scanner" [] (TimeSpan.FromSeconds 5.)).Scan "file" none with
    | NotScanned reason -> Assert.Contains("BOT_SCAN_COMMAND", reason)
    | other -> failwith $"%A{other}"
}

/// The id that the script has written, once it is there.
let rec private written (path: string) : Task<int> = task {
    if File.Exists path then
        return int (File.ReadAllText path)
    else
        do! Task.Delay 20
        return! written path
}

[<Fact>]
let ``a scan that is cancelled ends the program and throws`` () =
    withFolder (fun folder -> task {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "A scanner of this test is a shell's script.")
        Directory.CreateDirectory folder |> ignore
        let mark = Path.Combine(folder, "id")
        use stop = new CancellationTokenSource()

        let scanning =
            (shell "echo $$ > \"$1.new\" && mv \"$1.new\" \"$1\" && exec sleep 600").Scan mark stop.Token

        let! id = (written mark).WaitAsync(TimeSpan.FromSeconds 20.)
        use program = Process.GetProcessById id
        stop.Cancel()

        let! _ =
            Assert.ThrowsAnyAsync<OperationCanceledException>(fun () -> scanning :> Task)

        do! program.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds 20.)
    })

[<Fact>]
let ``a command is cut at blanks, but within quotes`` () =
    for command, expected in
        [
            "clamdscan", Some("clamdscan", [])
            " clamdscan  --fdpass --no-summary ", Some("clamdscan", [ "--fdpass"; "--no-summary" ])
            "\"/opt/my scanner/scan\" \"\" -x", Some("/opt/my scanner/scan", [ ""; "-x" ])
            "  ", None
            "\"\" x", None
        ] do
        Assert.Equal(expected, CommandScanner.parse command)
