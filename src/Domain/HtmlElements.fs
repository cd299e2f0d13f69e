namespace FunctionalBot.Domain

open System
open System.Net

/// What the elements of HTML are called, and what their contents become in Markdown.
module internal HtmlElements =
    /// What each kind of emphasis is written with.
    let markOf name =
        match name with
        | "b"
        | "strong" -> Some "**"
        | "i"
        | "em"
        | "cite" -> Some "*"
        | "s"
        | "del"
        | "strike" -> Some "~~"
        | _ -> None

    let isCode name =
        List.contains name [ "code"; "kbd"; "samp"; "tt" ]

    let isHeading (name: string) =
        name.Length = 2 && name[0] = 'h' && name[1] >= '1' && name[1] <= '6'

    /// Left out with all that is in them.
    let silent =
        set [ "script"; "style"; "head"; "iframe"; "object"; "template"; "svg"; "noscript" ]

    /// Begin and end a paragraph.
    let paragraphs = set [ "p"; "section"; "article"; "figure"; "dl"; "hr" ]

    /// Begin and end a line.
    let lines =
        set [
            "div"
            "dt"
            "dd"
            "header"
            "footer"
            "main"
            "nav"
            "figcaption"
            "caption"
        ]

    /// Without meaning here.
    let plain =
        set (
            ("span font u ins mark small big sub sup center label abbr time q html body thead tbody tfoot colgroup col "
             + "var dfn wbr picture source video audio form button input select option textarea details summary")
                .Split
                ' '
        )

    let oneLine (text: string) =
        text.Split('\n')
        |> Array.map _.Trim()
        |> Array.filter (fun line -> line <> "")
        |> String.concat " "

    /// Marks around the words of each line, with the blanks outside of them: Markdown takes no others.
    let emphasised (mark: string) (text: string) =
        let line (text: string) =
            let words = text.Trim()

            if words = "" then
                text
            else
                let before = text.Length - text.TrimStart().Length

                String.Concat(text.Substring(0, before), mark, words, mark)
                + text.Substring(before + words.Length)

        text.Split '\n' |> Array.map line |> String.concat "\n"

    let codeSpan (text: string) =
        let words = text.Trim()

        if words = "" then
            text
        elif words.Contains '\n' then
            "\n```\n" + text.Trim '\n' + "\n```\n"
        elif words.Contains '`' then
            "``" + words + "``"
        else
            "`" + words + "`"

    let isWeb (address: string) =
        address.StartsWith("https://", StringComparison.OrdinalIgnoreCase)
        || address.StartsWith("http://", StringComparison.OrdinalIgnoreCase)

    let contactSchemes = [ "mailto:"; "tel:" ]

    /// The words with their address, in Markdown where it is one of the web. Other schemes lead nowhere.
    let linked (address: string) (words: string) =
        let words = (oneLine words).Replace('[', '(').Replace(']', ')')

        let address =
            (WebUtility.HtmlDecode address |> Option.ofObj |> Option.defaultValue "").Trim()

        let scheme =
            contactSchemes
            |> List.tryFind (fun scheme -> address.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))

        match scheme with
        | _ when Seq.exists Char.IsControl address -> words
        | Some scheme ->
            let contact = address.Substring(scheme.Length).Split('?')[0]

            if words.Contains contact then words
            elif words = "" then contact
            else $"%s{words} (%s{contact})"
        | None when isWeb address ->
            let address = address.Replace(" ", "%20").Replace("(", "%28").Replace(")", "%29")
            $"[%s{words}](%s{address})"
        | None -> words

    let quote (text: string) =
        text.Trim().Split '\n'
        |> Array.map (fun line -> "> " + line.Trim())
        |> String.concat "\n"
