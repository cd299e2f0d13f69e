/// What was found, for people and for programs.
module FunctionalBot.Bench.Report

open System
open System.Globalization
open System.IO
open System.Text.Json
open Spectre.Console
open FunctionalBot.Bench.Measurement

let private digits (value: float) =
    let format = if abs value >= 100. then "N0" else "N2"

    if Double.IsFinite value then
        value.ToString(format, CultureInfo.InvariantCulture)
    else
        "none"

let private budgetText budget =
    match budget with
    | Some(AtLeast value) -> "≥ " + digits value
    | Some(AtMost value) -> "≤ " + digits value
    | None -> ""

/// Whether the median keeps to the budget.
let private kept (figure: Figure) : bool option =
    figure.Budget
    |> Option.map (function
        | AtLeast value -> median figure.Rounds >= value
        | AtMost value -> median figure.Rounds <= value)

/// Prints one table, and the remarks below it. Values are medians of the rounds with the lowest and the
/// highest.
let print (machine: string) (findings: Findings) : unit =
    let table = Table(Border = TableBorder.Rounded)

    for name in [ "What"; "Measured"; "Median"; "Lowest – highest"; "Unit"; "Budget" ] do
        table.AddColumn(TableColumn(name)) |> ignore

    for column in [ 2; 3; 5 ] do
        table.Columns[column].Alignment <- Justify.Right

    let mutable group = ""

    for figure in findings.Figures do
        let heading = if figure.Group = group then "" else figure.Group

        if heading <> "" && group <> "" then
            table.AddEmptyRow() |> ignore

        group <- figure.Group

        let colour =
            match kept figure with
            | Some true -> "green"
            | Some false -> "yellow"
            | None -> "default"

        let spread =
            match figure.Rounds |> List.filter Double.IsFinite with
            | [] -> ""
            | rounds -> digits (List.min rounds) + " – " + digits (List.max rounds)

        table.AddRow(
            Markup.Escape heading,
            Markup.Escape figure.Name,
            $"[%s{colour}]%s{digits (median figure.Rounds)}[/]",
            Markup.Escape spread,
            Markup.Escape figure.Unit,
            Markup.Escape(budgetText figure.Budget)
        )
        |> ignore

    // A table that is piped into a file has no terminal to fit into, and no colours.
    if Console.IsOutputRedirected then
        AnsiConsole.Profile.Width <- 140
        AnsiConsole.Profile.Capabilities.ColorSystem <- ColorSystem.NoColors
        AnsiConsole.Profile.Capabilities.Ansi <- false

    AnsiConsole.MarkupLine $"\n%s{Markup.Escape machine}"
    AnsiConsole.Write table

    for remark in findings.Remarks do
        AnsiConsole.MarkupLine $"[bold]%s{Markup.Escape remark.About}[/]: %s{Markup.Escape remark.Text}"

/// Writes the same as JSON to a stream that stays open.
let writeJson (output: Stream) (machine: string) (findings: Findings) : unit =
    use writer = new Utf8JsonWriter(output, JsonWriterOptions(Indented = true))

    let number (value: float) =
        if Double.IsFinite value then
            writer.WriteNumberValue(Math.Round(value, 3))
        else
            writer.WriteNullValue()

    writer.WriteStartObject()
    writer.WriteString("machine", machine)
    writer.WriteNumber("broken_off", findings.BrokenOff)
    writer.WriteStartArray "figures"

    // An indented line belongs to the one above it that is not; without that one its name would say too little.
    let mutable whole = ""

    for figure in findings.Figures do
        writer.WriteStartObject()
        writer.WriteString("group", figure.Group)
        writer.WriteString("name", figure.Name.Trim())

        if figure.Name.StartsWith ' ' then
            writer.WriteString("of", whole)
        else
            whole <- figure.Name

        writer.WriteString("unit", figure.Unit)
        writer.WritePropertyName "median"
        number (median figure.Rounds)
        writer.WriteStartArray "rounds"
        List.iter number figure.Rounds
        writer.WriteEndArray()

        match figure.Budget with
        | Some(AtLeast value) -> writer.WriteNumber("at_least", value)
        | Some(AtMost value) -> writer.WriteNumber("at_most", value)
        | None -> ()

        writer.WriteEndObject()

    writer.WriteEndArray()
    writer.WriteStartArray "remarks"

    for remark in findings.Remarks do
        writer.WriteStartObject()
        writer.WriteString("about", remark.About)
        writer.WriteString("text", remark.Text)
        writer.WriteEndObject()

    writer.WriteEndArray()
    writer.WriteEndObject()
    writer.Flush()
    output.WriteByte '\n'B
