namespace FunctionalBot.Effects

open System
open FunctionalBot.Domain

/// Language models write Markdown; WhatsApp shows its own, smaller markup. What WhatsApp cannot show
/// (headings, tables, pictures, link texts) becomes the nearest thing that it can.
module MarkdownAnswer =
    open MarkdownInline

    /// Longer answers are cut before they are read; a message holds 4,096 units.
    let private longest = 16384

    let private isRule (line: string) =
        let marks = line.Replace(" ", "")

        marks.Length >= 3
        && "-*_".Contains marks[0]
        && Seq.forall (fun unit -> unit = marks[0]) marks

    let private isTableRow (line: string) =
        line.Length >= 2 && line.StartsWith '|' && line.EndsWith '|'

    let private isTableBorder (line: string) =
        isTableRow line
        && line.Contains '-'
        && Seq.forall (fun unit -> "|-: ".Contains(unit: char)) line

    let private tableRow (line: string) =
        line.Trim('|').Split '|'
        |> Array.map (fun cell -> inlineText false (cell.Trim()))
        |> Array.filter (fun cell -> cell <> "")
        |> String.concat " · "

    let private heading (line: string) =
        let level = if line.StartsWith '#' then runLength line 0 else 0

        if level >= 1 && level <= 6 && level < line.Length && line[level] = ' ' then
            Some(line.Substring(level).Trim().TrimEnd('#').Trim())
        else
            None

    /// A line outside code. None leaves the line out.
    let private block (line: string) : string option =
        let trimmed = line.Trim()
        let indent = line.Substring(0, line.Length - line.TrimStart().Length)

        let isBullet = trimmed.Length >= 2 && "*+-".Contains trimmed[0] && trimmed[1] = ' '

        match heading trimmed with
        | Some "" -> None
        | Some words -> Some("*" + inlineText true words + "*")
        | None when isRule trimmed -> Some ""
        | None when isTableBorder trimmed -> None
        | None when isTableRow trimmed -> Some(tableRow trimmed)
        | None when isBullet -> Some(indent + "- " + inlineText false (trimmed.Substring(2).TrimStart()))
        | None when trimmed.StartsWith '>' -> Some("> " + inlineText false (trimmed.Substring(1).TrimStart()))
        | None -> Some(indent + inlineText false trimmed)

    /// How often a text opens or closes a block of WhatsApp's.
    let private fences (line: string) = line.Split("```").Length - 1

    /// Ends a block of code that was left open. A fence with nothing behind it opens nothing: it closes what began
    /// within a line, or is left out.
    let private closed (lines: string list) : string list =
        match List.skipWhile String.IsNullOrWhiteSpace lines with
        | "```" :: before when List.sumBy fences before % 2 = 0 -> before
        | "```" :: before -> "```" :: before
        | _ -> "```" :: lines

    let private withoutWideGaps (lines: string list) =
        let keep (kept, wasBlank) line =
            let isBlank = String.IsNullOrWhiteSpace line
            (if isBlank && wasBlank then kept else line :: kept), isBlank

        lines |> List.fold keep ([], true) |> fst |> List.rev

    /// The text in WhatsApp's markup, trimmed. Total: whatever is no Markdown stays as it is.
    let toWhatsApp (markdown: string) : string =
        let text =
            (Graphemes.start longest markdown).Replace("\r\n", "\n").Replace('\r', '\n')

        let step (lines, inCode) (line: string) =
            if LongAnswer.isFence (line.AsSpan()) then
                "```" :: lines, not inCode
            elif inCode then
                line :: lines, true
            else
                match block line with
                | Some shown -> shown.TrimEnd() :: lines, false
                | None -> lines, false

        let lines, inCode = text.Split '\n' |> Array.fold step ([], false)
        let lines = if inCode then closed lines else lines
        (lines |> List.rev |> withoutWideGaps |> String.concat "\n").Trim()
