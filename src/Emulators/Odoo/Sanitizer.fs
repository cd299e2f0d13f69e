/// What Odoo does to markup that is written into a field of type html, in the ways that a bot can notice:
/// plain text is wrapped in a paragraph, unknown tags and line breaks of plain text do not survive as such,
/// scripts, frames, forms, event handlers and javascript: addresses go, images, links and styling stay. Each
/// case was compared with Odoo 19's own answer.
module FunctionalBot.Emulators.Odoo.Sanitizer

open System
open System.Net
open System.Text
open System.Text.RegularExpressions

/// A piece of markup as a browser would read it.
type private Piece =
    | Words of string
    | Opening of name: string * attributes: (string * string) list * closed: bool
    | Closing of name: string

let private piecePattern =
    Regex(
        "<!--.*?-->|"
        + "<(?<close>/?)(?<name>[a-zA-Z][a-zA-Z0-9:-]*)"
        + "(?<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)(?<self>/?)>|"
        + "[^<]+|<",
        RegexOptions.Singleline ||| RegexOptions.CultureInvariant
    )

let private attributePattern =
    Regex("([a-zA-Z_:][a-zA-Z0-9_:.-]*)(?:\\s*=\\s*(\"[^\"]*\"|'[^']*'|[^\\s\"'>]+))?")

/// Names of a list that is written with spaces between.
let private listed (text: string) : Set<string> = text.Split ' ' |> Set.ofArray

/// Tags that go together with everything in them.
let private dropped =
    listed "script style iframe object embed form noscript title head"

/// Tags that go, while their content stays.
let private unwrapped =
    listed "input button select textarea link meta base html body"

let private empty = listed "br hr img col wbr"

let private block =
    listed "p div ul ol table h1 h2 h3 h4 h5 h6 blockquote pre section hr"

let private known =
    Set.unionMany [
        block
        empty
        listed "a b i u s em strong small big sub sup span font code tt"
        listed "li dl dt dd thead tbody tfoot tr td th caption colgroup center"
        listed "abbr cite del ins q mark kbd label article header footer main nav"
    ]

let private kept =
    listed (
        "href src alt title style class id width height align colspan rowspan target rel name "
        + "border cellpadding cellspacing dir lang"
    )

let private escapeText (text: string) : string =
    text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;")

let private escapeAttribute (text: string) : string =
    (escapeText text).Replace("\"", "&quot;")

let private safeAddress (address: string) : string =
    let plain = Regex.Replace(address, "[\\x00-\\x20]", "").ToLowerInvariant()

    let startsWith (scheme: string) =
        plain.StartsWith(scheme, StringComparison.Ordinal)

    if
        startsWith "javascript:"
        || startsWith "vbscript:"
        || (startsWith "data:" && not (startsWith "data:image/"))
    then
        ""
    else
        address

/// The value without the pair of quotes around it; quotes inside are part of it.
let private unquoted (value: string) : string =
    if value.StartsWith '"' || value.StartsWith '\'' then
        value.Substring(1, value.Length - 2)
    else
        value

let private attributesOf (text: string) : (string * string) list = [
    for found in attributePattern.Matches text do
        let name = found.Groups[1].Value.ToLowerInvariant()
        let value = WebUtility.HtmlDecode(unquoted found.Groups[2].Value) |> string

        if kept.Contains name || name.StartsWith("data-", StringComparison.Ordinal) then
            name,
            (if name = "href" || name = "src" then
                 safeAddress value
             else
                 value)
]

let private piecesOf (markup: string) : Piece list = [
    for found in piecePattern.Matches markup do
        if found.Groups["name"].Success then
            let name = found.Groups["name"].Value.ToLowerInvariant()

            if found.Groups["close"].Value = "/" then
                Closing name
            else
                Opening(name, attributesOf found.Groups["rest"].Value, found.Groups["self"].Value = "/")
        elif not (found.Value.StartsWith("<!--", StringComparison.Ordinal)) then
            Words(WebUtility.HtmlDecode found.Value |> string)
]

/// Drops forbidden elements with their content; `within` is the forbidden element that is open, if any.
let private withoutForbidden (pieces: Piece list) : Piece list =
    let folder (within: string option, result: Piece list) (piece: Piece) =
        match within, piece with
        | Some name, Closing closing when closing = name -> None, result
        | Some _, _ -> within, result
        | None, Opening(name, _, closed) when dropped.Contains name ->
            (if closed then None else Some name), result
        | None, Closing name when dropped.Contains name -> None, result
        | None, (Opening(name, _, _) | Closing name) when unwrapped.Contains name -> None, result
        | None, other -> None, other :: result

    pieces |> List.fold folder (None, []) |> snd |> List.rev

let private render (pieces: Piece list) : string =
    let output = StringBuilder()

    let put (opened: string list) (piece: Piece) : string list =
        match piece with
        | Words text ->
            output.Append(escapeText text) |> ignore
            opened
        | Opening(name, attributes, _) ->
            output.Append('<').Append(name) |> ignore

            for attribute, value in attributes do
                output.Append(' ').Append(attribute).Append("=\"").Append(escapeAttribute value).Append('"')
                |> ignore

            output.Append '>' |> ignore
            if empty.Contains name then opened else name :: opened
        | Closing name when List.contains name opened ->
            let inner = opened |> List.takeWhile (fun other -> other <> name)

            for other in inner @ [ name ] do
                output.Append("</").Append(other).Append('>') |> ignore

            opened |> List.skip (List.length inner + 1)
        | Closing _ -> opened

    for name in List.fold put [] pieces do
        output.Append("</").Append(name).Append('>') |> ignore

    output.ToString()

/// The markup as Odoo stores it. Empty text stays empty.
let sanitize (markup: string) : string =
    let pieces = piecesOf markup |> withoutForbidden

    // An unknown element that is alone becomes a div, one inside other text vanishes and leaves its content
    // (seen).
    let isUnknown piece =
        match piece with
        | Opening(name, _, _)
        | Closing name -> not (known.Contains name)
        | Words _ -> false

    let alone =
        match pieces with
        | Opening(name, _, false) :: rest when
            not (known.Contains name) && List.tryLast rest = Some(Closing name)
            ->
            true
        | _ -> false

    let clean = pieces |> List.filter (isUnknown >> not)

    let startsAsBlock =
        match clean |> List.tryFind (fun piece -> piece <> Words "") with
        | Some(Opening(name, _, _)) -> block.Contains name || name = "img"
        | _ -> false

    if markup = "" then
        ""
    elif alone then
        "<div>" + render clean + "</div>"
    elif startsAsBlock || List.isEmpty clean then
        render clean

    else
        "<p>" + render clean + "</p>"

/// The text that a reader of the markup sees, on one line: `mail.message.preview`.
let plainText (markup: string) : string =
    let text = Regex.Replace(markup, "<[^>]+>", " ")
    Regex.Replace(WebUtility.HtmlDecode text |> string, "\\s+", " ").Trim()

/// Plain text as markup that shows the same, as message_post does to a text body from 17 on.
let ofPlainText (text: string) : string = "<p>" + escapeText text + "</p>"
