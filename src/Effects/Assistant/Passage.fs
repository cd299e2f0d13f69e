namespace FunctionalBot.Effects

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions

/// One section of a knowledge file: what stands between two headings.
type Passage = {
    /// The file's name, for example "envios.md".
    File: string
    /// The headings above the text, outermost first, for example ["Envíos y entregas"; "Gastos de envío"].
    Path: string list
    /// The text as WhatsApp shows it: paragraphs on one line each, lists line by line.
    Text: string
    /// Words in any language that people use for it (`<!-- keywords: … -->`); searched, never shown.
    Keywords: string
}

/// Reading a passage.
module Passage =
    /// The name under which a reply quotes it: "Envíos y entregas › Gastos de envío".
    let name (passage: Passage) = String.Join(" › ", passage.Path)

/// Markdown as far as knowledge files use it (headings, paragraphs, lists, tables, links, bold), turned
/// into passages.
module Markdown =

    let private heading =
        Regex(@"^(#{1,6})\s+(.+?)\s*#*$", RegexOptions.CultureInvariant)

    let private keywordLine =
        Regex(@"^<!--\s*keywords:\s*(.*?)\s*-->$", RegexOptions.CultureInvariant ||| RegexOptions.IgnoreCase)

    let private link =
        Regex(@"\[([^\]]+)\]\(([^)\s]+)\)", RegexOptions.CultureInvariant)

    let private strong =
        Regex(@"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", RegexOptions.CultureInvariant)

    let private standsAlone =
        Regex(@"^([-*+•]|\d+[.)]|\||>)\s?", RegexOptions.CultureInvariant)

    let private tableRule =
        Regex(@"^\|?[\s:|-]+\|[\s:|-]*$", RegexOptions.CultureInvariant)

    /// WhatsApp writes bold with one star and has no links with a text of their own.
    let private line (text: string) =
        let text = link.Replace(text, "$1 ($2)")
        let text = strong.Replace(text, "*$2*")

        if text.StartsWith '|' then
            text.Trim('|', ' ').Split '|' |> Array.map _.Trim() |> String.concat " · "
        else
            text

    /// Wrapped lines become one; list items and table rows keep their own line; a blank line stays one.
    let private body (lines: string list) =
        let paragraphs = List<string>()
        let mutable joins = false

        for raw in lines do
            let text = raw.Trim()

            if text = "" then
                joins <- false
            elif tableRule.IsMatch text then
                ()
            elif joins && not (standsAlone.IsMatch text) then
                paragraphs[paragraphs.Count - 1] <- paragraphs[paragraphs.Count - 1] + " " + line text
            else
                paragraphs.Add(line text)
                joins <- true

        String.Join('\n', paragraphs)

    /// The passages of one file in order. A heading without text of its own is only part of its children's
    /// path.
    let passages (file: string) (text: string) : Passage list =
        let found = List<Passage>()
        let mutable path: (int * string) list = []
        let mutable lines: string list = []
        let mutable keywords: string list = []

        let finish () =
            let text = body (List.rev lines)

            if text <> "" then
                found.Add {
                    File = file
                    Path =
                        match List.rev (List.map snd path) with
                        | [] -> [ nonNull (Path.GetFileNameWithoutExtension file) ]
                        | names -> names
                    Text = text
                    Keywords = String.Join(", ", List.rev keywords)
                }

            lines <- []
            keywords <- []

        for raw in text.Replace("\r\n", "\n").Split '\n' do
            let trimmed = raw.Trim()
            let asHeading = heading.Match trimmed
            let asKeywords = keywordLine.Match trimmed

            if asHeading.Success then
                finish ()
                let depth = asHeading.Groups[1].Length

                path <-
                    (depth, asHeading.Groups[2].Value)
                    :: List.filter (fun (above, _) -> above < depth) path
            elif asKeywords.Success then
                keywords <- asKeywords.Groups[1].Value :: keywords
            elif not (trimmed.StartsWith "<!--" && trimmed.EndsWith "-->") then
                lines <- raw :: lines

        finish ()
        List.ofSeq found
