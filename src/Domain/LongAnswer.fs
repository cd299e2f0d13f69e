namespace FunctionalBot.Domain

open System
open System.Globalization
open System.Text.RegularExpressions

/// An answer that is longer than one message of WhatsApp, in as many messages as it needs: one where it fits, since
/// each costs money. It is cut at the end of a paragraph, else of a line or sentence, else of a word, else between
/// graphemes (what a reader sees as one character); never inside a link, and a block of code that is cut is closed
/// and opened again.
module LongAnswer =
    /// The longest text message, in UTF-16 units.
    let messageLimit = 4096

    /// More messages than these are no answer any more; what is beyond is left out, and said to be.
    let mostParts = 4

    /// What the wording puts ahead of the first thing said in a session: at most 500 units and the business's name.
    let private introductionRoom = 600

    /// What the wording puts behind the last part: the choices in words.
    let private choicesRoom = 600

    /// What it puts behind one that was cut.
    let private endingRoom = 510

    /// What closing and opening a block of code again takes.
    let private fenceRoom = 20

    /// The longest stretch of emphasis that is kept whole.
    let private emphasisLimit = 300

    /// How far behind a border a link is looked for that reaches over it.
    let private lookAhead = 2048

    /// Links, addresses and code: never cut, unless one alone is longer than a message.
    let private whole =
        Regex(
            @"!?\[[^\[\]\n]*\]\((?:[^()\n]|\([^()\n]*\))*\)|https?://[^\s]+|<[^<>\s]+>|`[^`\n]+`",
            RegexOptions.NonBacktracking ||| RegexOptions.CultureInvariant
        )

    /// Emphasis: cut only where nothing else is left.
    let private emphasis =
        Regex(
            @"\*\*[^*\n]+\*\*|__[^_\n]+__|~~[^~\n]+~~|\*[^*\n]+\*|_[^_\n]+_",
            RegexOptions.NonBacktracking ||| RegexOptions.CultureInvariant
        )

    /// The most units that one unit of Markdown becomes at the edge: a table's bar becomes " · ", and a bare quote
    /// mark gets a space. The core cannot see the edge's words, so that it counts the worst case.
    let private weight unit =
        match unit with
        | '|'
        | '`' -> 3
        | '>' -> 2
        | _ -> 1

    let private weightOf (text: string) = text |> Seq.sumBy weight

    /// Whether a line opens or closes a block of code. One that holds its code itself ("```x```") does neither.
    let isFence (line: ReadOnlySpan<char>) : bool =
        let line = line.Trim()

        if line.StartsWith("```".AsSpan(), StringComparison.Ordinal) then
            line.TrimStart('`').IndexOf '`' < 0
        else
            line.StartsWith("~~~".AsSpan(), StringComparison.Ordinal)

    /// For each border of a line whether it stands in a block of code: `(index behind the line feed, inside,
    /// beside a fence)`.
    let private lineBorders (isInCode: bool) (text: string) : (int * bool * bool) list =
        let rec walk start inside (found: (int * bool * bool) list) =
            match text.IndexOf('\n', (start: int)) with
            | -1 -> List.rev found
            | last ->
                let next = last + 1
                let opensOrCloses = isFence (text.AsSpan(start, last - start))
                let after = if opensOrCloses then not inside else inside

                let following =
                    match text.IndexOf('\n', next) with
                    | -1 -> text.AsSpan next
                    | ending -> text.AsSpan(next, ending - next)

                // Just behind an opening fence, or just ahead of a closing one, an empty block would be left.
                let leavesEmpty = after && (opensOrCloses || isFence following)
                walk next after ((next, after, leavesEmpty) :: found)

        walk 0 isInCode []

    /// Marks what must not be cut: an index is true where the text may be cut ahead of it.
    let private without (pattern: Regex) longest (text: string) (open': bool[]) =
        let kept = Array.copy open'

        for found in pattern.Matches text do
            if found.Length <= longest then
                for index in found.Index + 1 .. found.Index + found.Length - 1 do
                    kept[index] <- false

        kept

    let private isWhite (text: string) index = Char.IsWhiteSpace text[index]

    let private endsSentence (text: string) index =
        isWhite text index && index > 0 && ".!?…:;".Contains text[index - 1]

    /// Where the text is cut so that what stands ahead weighs at most `room`: the index, and whether that is in a
    /// block of code. The text weighs more than `room`.
    let private border room isInCode (text: string) : int * bool =
        let window = text.Substring(0, min text.Length (room + lookAhead))
        let graphemes = Array.create (window.Length + 1) false

        for start in StringInfo.ParseCombiningCharacters window do
            graphemes[start] <- true

        // The last index that the room reaches.
        let reach =
            let rec fit index taken =
                let taken = taken + weight window[index]

                if taken > room || index + 1 >= window.Length then
                    index
                else
                    fit (index + 1) taken

            fit 0 0

        let lines = lineBorders isInCode window
        let linesInReach = lines |> List.filter (fun (index, _, _) -> index <= reach)

        let insideAt index =
            match lines |> List.tryFindBack (fun (start, _, _) -> start <= index) with
            | Some(_, inside, _) -> inside
            | None -> isInCode

        let unbroken = without whole room window graphemes
        let clean = without emphasis emphasisLimit window unbroken

        // A border ahead of white space that is a grapheme by itself, so that no mark loses its base.
        let isGap (allowed: bool[]) index =
            allowed[index] && isWhite window index && graphemes[index + 1]

        let last earliest accept =
            seq { reach .. -1 .. max 1 earliest } |> Seq.tryFind accept

        let atLine earliest accept =
            linesInReach
            |> List.tryFindBack (fun (index, inside, leavesEmpty) ->
                index >= max 1 earliest
                && graphemes[index]
                && not leavesEmpty
                && accept index inside)
            |> Option.map (fun (index, _, _) -> index)

        let isParagraph index inside =
            not inside && index >= 2 && window[index - 2] = '\n'

        [
            fun () -> atLine (reach / 2) isParagraph
            fun () -> atLine (reach / 2) (fun _ inside -> not inside)
            fun () ->
                last (reach / 2) (fun index ->
                    isGap clean index && endsSentence window index && not (insideAt index))
            fun () -> atLine (reach / 3) (fun _ _ -> true)
            fun () -> last (reach / 2) (fun index -> isGap clean index && not (insideAt index))
            fun () -> last 1 (isGap unbroken)
            fun () -> last 1 (fun index -> unbroken[index])
            fun () -> last 1 (fun index -> graphemes[index])
            // One grapheme that fills a message: between code points.
            fun () -> last 1 (fun index -> not (Char.IsLowSurrogate window[index]))
        ]
        |> List.tryPick (fun search -> search ())
        |> Option.map (fun index -> index, insideAt index)
        |> Option.defaultValue (reach, insideAt reach)

    /// What follows a border, without the white space that the border takes the place of. The indentation of a
    /// line stays.
    let private rest (index: int) (text: string) =
        let isWhiteAlone at =
            isWhite text at && StringInfo.GetNextTextElementLength(text, at) = 1

        let rec behindWhite at =
            if at < text.Length && isWhiteAlone at then
                behindWhite (at + 1)
            else
                at

        let ending = behindWhite index

        if ending = text.Length then
            ""
        else
            match text.LastIndexOf('\n', ending, ending - index + 1) with
            | -1 when index > 0 && text[index - 1] = '\n' -> text.Substring index
            | -1 -> text.Substring ending
            | line -> text.Substring(line + 1)

    /// The parts, in order, and whether something was left out behind them.
    let private split (roomFor: bool -> bool -> int) (text: string) : string list * bool =
        let rec cut (parts: string list) isInCode (remaining: string) =
            let taken = if isInCode then 2 * fenceRoom else fenceRoom
            let middle = roomFor parts.IsEmpty false - taken
            let last = roomFor parts.IsEmpty true - taken
            let weight = weightOf remaining

            let add (part: string) =
                if String.IsNullOrWhiteSpace part then parts
                elif isInCode then ("```\n" + part) :: parts
                else part :: parts

            if weight <= last then
                List.rev (add (remaining.TrimEnd())), false
            else
                let isLast = parts.Length = mostParts - 1

                let room =
                    if isLast then last - endingRoom
                    elif weight <= middle then last
                    else middle

                let index, isCut = border room isInCode remaining
                let part = remaining.Substring(0, index).TrimEnd '\n'
                let parts = add (if isCut then part.TrimEnd() + "\n```" else part)

                match rest index remaining with
                | "" -> List.rev parts, false
                | _ when isLast -> List.rev parts, true
                | remaining -> cut parts isCut remaining

        cut [] false text

    /// The parts of a Markdown text of which each fits a message, at most `mostParts`, and whether something was
    /// left out behind them. `introduce` and `hasChoices` tell what the wording adds to it.
    let parts (introduce: bool) (hasChoices: bool) (text: string) : string list * bool =
        let text = text.Replace("\r\n", "\n").Replace('\r', '\n')

        let roomFor isFirst isLast =
            messageLimit
            - (if introduce && isFirst then introductionRoom else 0)
            - (if hasChoices && isLast then choicesRoom else 0)

        if weightOf text <= roomFor true true then
            [ text ], false
        else
            match split roomFor text with
            | [], _ -> [ text ], false
            | parts, isCut -> parts, isCut

    /// What is said for an answer of the assistant, HTML and Markdown mixed: one phrase for each message.
    let phrases (introduce: bool) (hasChoices: bool) (reply: string) : Phrase list =
        let parts, isCut = parts introduce hasChoices (HtmlAnswer.toMarkdown reply)
        let last = parts.Length - 1

        parts
        |> List.mapi (fun place part ->
            if place = last && place > 0 && isCut then
                AnswerCutShort part
            else
                Answer(part, introduce && place = 0))
