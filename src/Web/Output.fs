/// How verbs speak: results on standard output, as a table for eyes or as JSON for scripts; talk and progress on
/// standard error, so that a pipe gets results only.
module FunctionalBot.Web.Output

open System
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading.Tasks
open Spectre.Console

/// How verbs talk, by the flags that all of them have.
type Manner = {
    /// Whether somebody may be asked.
    MayAsk: bool
    HasColour: bool
    ShowsProgress: bool
}

/// Set once, before anything is said.
let mutable private manner = {
    MayAsk = true
    HasColour = true
    ShowsProgress = true
}

/// Says how to talk from here on.
let behave (wanted: Manner) =
    manner <- wanted

    if not wanted.HasColour then
        // Spectre.Console looks at it whenever it makes a console.
        Environment.SetEnvironmentVariable("NO_COLOR", "1")
        AnsiConsole.Profile.Capabilities.ColorSystem <- ColorSystem.NoColors

/// Whether there is somebody who can be asked, and wants to be.
let mayAsk () =
    manner.MayAsk && not Console.IsInputRedirected

let private json =
    JsonSerializerOptions(WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

/// One JSON document.
let writeJson (node: JsonNode) =
    Console.Out.WriteLine(node.ToJsonString json)

/// A console for results. In a pipe it has no colours and is as wide as it needs, so that no line is broken.
let console () : IAnsiConsole =
    let settings = AnsiConsoleSettings(Out = AnsiConsoleOutput Console.Out)

    if Console.IsOutputRedirected then
        settings.Ansi <- AnsiSupport.No
        settings.ColorSystem <- ColorSystemSupport.NoColors

    let console = AnsiConsole.Create settings

    if Console.IsOutputRedirected then
        console.Profile.Width <- 400

    console

/// A table. Cells are plain text: nothing in them is read as mark-up.
let writeTable (headings: string list) (rows: string list list) =
    let table = Table(Border = TableBorder.Simple)

    for heading in headings do
        table.AddColumn(TableColumn(Text heading)) |> ignore

    for row in rows do
        table.AddRow [| for cell in row -> Text cell :> Rendering.IRenderable |]
        |> ignore

    console().Write table

/// A line of talk.
let say (text: string) = Console.Error.WriteLine text

/// Runs work that may take long and shows how far it is: a bar on a terminal, a line every five seconds elsewhere.
/// The work tells how many of `total` are done so far; without a total only the count is shown.
let withProgress (title: string) (total: int64 option) (work: (int64 -> unit) -> Task<'T>) : Task<'T> = task {
    if not manner.ShowsProgress then
        return! work ignore
    elif Console.IsErrorRedirected || not manner.HasColour then
        let started = Diagnostics.Stopwatch.StartNew()
        let told = ref 0L

        let tell (count: int64) =
            let due = started.ElapsedMilliseconds / 5000L

            if due > told.Value then
                told.Value <- due

                match total with
                | Some total -> say $"  %s{title}: %d{count} of %d{total}"
                | None -> say $"  %s{title}: %d{count}"

        return! work tell
    else
        let console =
            AnsiConsole.Create(AnsiConsoleSettings(Out = AnsiConsoleOutput Console.Error))

        return!
            console
                .Progress(AutoClear = true)
                .StartAsync(fun context ->
                    let bar = context.AddTask(Markup.Escape title)
                    bar.MaxValue <- total |> Option.map float |> Option.defaultValue 1. |> max 1.
                    bar.IsIndeterminate <- total.IsNone
                    work (fun count -> bar.Value <- float count))
}
