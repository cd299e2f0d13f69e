namespace FunctionalBot.Domain

open System
open System.Collections.Generic

/// A text that the rules recognised. `Surplus` counts the words beside the recognised ones and beside
/// courtesies: 0 for "quiero abrir un ticket, por favor", more where the customer said more than that.
type Recognition = { Meaning: Meaning; Surplus: int }

/// Words as they are compared: lower case, without accents, one mark for every pause.
module private Words =
    /// Stands for a comma, a full stop or any other pause between words.
    let pause = ","

    let private plain (letter: char) =
        match letter with
        // Nearly every letter is one of these, and need not be compared with all that follow.
        | _ when letter < 'à' -> letter
        | 'á'
        | 'à'
        | 'â'
        | 'ã'
        | 'ä' -> 'a'
        | 'é'
        | 'è'
        | 'ê'
        | 'ë' -> 'e'
        | 'í'
        | 'ì'
        | 'î'
        | 'ï' -> 'i'
        | 'ó'
        | 'ò'
        | 'ô'
        | 'õ'
        | 'ö' -> 'o'
        | 'ú'
        | 'ù'
        | 'û'
        | 'ü' -> 'u'
        | 'ç' -> 'c'
        | 'ñ' -> 'n'
        | other -> other

    /// Soft hyphens, zero-width spaces, marks of direction, accents that stand behind their letter: what is not seen,
    /// or was taken off the letter already. It neither ends a word nor belongs to it.
    let private isUnseen (text: string) index =
        match Char.GetUnicodeCategory text[index] with
        | Globalization.UnicodeCategory.Format
        | Globalization.UnicodeCategory.NonSpacingMark
        | Globalization.UnicodeCategory.EnclosingMark -> true
        // The tags from U+E0000 on, which are two units each.
        | Globalization.UnicodeCategory.Surrogate ->
            text[index] = '\uDB40' || (index > 0 && text[index - 1] = '\uDB40')
        | _ -> false

    /// Whether the unit at this place is the second half of a sign that begins with U+D83D, as 👍 and 👎 do.
    let private isThumb (text: string) index = index > 0 && text[index - 1] = '\uD83D'

    /// Only so much of a text is looked at: an intent that comes later than this is not one that the rules
    /// serve.
    let private longest = 600

    let split (text: string) : string[] =
        let words = List<string>()
        let looked = min longest text.Length
        let word: char[] = Array.zeroCreate looked
        let mutable length = 0
        let mutable run = 0

        for index in 0..looked do
            // A text that is over is a pause too.
            let letter =
                if index < looked then
                    plain (Char.ToLowerInvariant text[index])
                else
                    '.'

            if Char.IsLetterOrDigit letter then
                run <-
                    if length > 0 && word[length - 1] = letter then
                        run + 1
                    else
                        1

                // "holaaaa" is "hola"; no word that is looked for has the same letter three times.
                if run = 3 then
                    length <- length - 1
                elif run < 3 then
                    word[length] <- letter
                    length <- length + 1
            elif letter = '\'' || letter = '’' then
                ()
            // Below U+00AD nothing is unseen, so that most texts are not asked.
            elif letter >= '\u00AD' && isUnseen text index then
                ()
            else
                if length > 0 then
                    words.Add(String(word, 0, length))
                    length <- 0

                match letter with
                | ' '
                | '-'
                | '_' -> ()
                | _ ->
                    if words.Count > 0 && words[words.Count - 1] <> pause then
                        words.Add pause

                    match letter with
                    // The second halves of 👍 and 👎 (U+1F44D and U+1F44E).
                    | '\uDC4D' when isThumb text index -> words.Add "si"
                    | '\uDC4E' when isThumb text index -> words.Add "no"
                    | _ -> ()

        words.ToArray()

/// Intents by rule, in Spanish, English and Portuguese, so that the main things work with no AI at all.
module Rules =
    [<NoComparison; NoEquality>]
    type private Pattern = {
        Words: string[]
        Meaning: Meaning
        Allowed: int
    }

    /// Patterns by their first word, the longest first.
    let private patterns: Dictionary<string, Pattern[]> =
        let all = [
            for listening in Vocabulary.heard do
                for wording in listening.Wordings do
                    {
                        Words = wording.Split ' '
                        Meaning = listening.Meaning
                        Allowed = listening.Allowed
                    }
        ]

        let byFirstWord = Dictionary<string, Pattern[]>()

        for first, group in List.groupBy (fun pattern -> pattern.Words[0]) all do
            byFirstWord[first] <-
                group
                |> List.sortByDescending (fun pattern -> pattern.Words.Length)
                |> List.toArray

        byFirstWord

    /// Every word that a rule looks for: of a wish, of a courtesy, of a negation, or telling of a language.
    let private listenedFor: HashSet<string> =
        HashSet<string>(
            seq {
                for group in patterns.Values do
                    for pattern in group do
                        yield! pattern.Words

                yield! Vocabulary.courtesies
                yield! Vocabulary.negations

                for wording in Vocabulary.stepWords do
                    yield! wording.Split ' '

                for _, telling in Vocabulary.tellingWords do
                    yield! telling
            }
        )

    /// Whether the rules would take another word in this one's place differently. A text in which every other word
    /// is replaced means the same to them.
    let listensFor (word: string) : bool =
        let words = Words.split word

        words
        |> Array.exists (fun each -> each <> Words.pause && listenedFor.Contains each)

    let private standsAt (words: string[]) start (pattern: Pattern) =
        start + pattern.Words.Length <= words.Length
        && ReadOnlySpan(words, start, pattern.Words.Length).SequenceEqual(ReadOnlySpan pattern.Words)

    /// "no quiero hablar con una persona" wants no person; "no, quiero hablar con una persona" does.
    let private isNegated (words: string[]) start =
        (start > 0 && Vocabulary.negations.Contains words[start - 1])
        || (start > 1
            && words[start - 1] <> Words.pause
            && Vocabulary.negations.Contains words[start - 2])

    let private surplusBeside (words: string[]) start length =
        let mutable surplus = 0

        for index in 0 .. words.Length - 1 do
            let outside = index < start || index >= start + length

            if
                outside
                && words[index] <> Words.pause
                && not (Vocabulary.courtesies.Contains words[index])
            then
                surplus <- surplus + 1

        surplus

    /// The longest pattern in the text that stands as alone as it must; of two equally long ones the first.
    /// None where nothing is recognised: the text is for the assistant then, or an answer to what was
    /// asked.
    let recognise (text: string) : Recognition option =
        let words = Words.split text
        let mutable best = ValueNone

        for start in 0 .. words.Length - 1 do
            match patterns.TryGetValue words[start] with
            | true, candidates when not (isNegated words start) ->
                for pattern in candidates do
                    let isLonger =
                        match best with
                        | ValueSome struct (length, _) -> pattern.Words.Length > length
                        | ValueNone -> true

                    if isLonger && standsAt words start pattern then
                        let surplus = surplusBeside words start pattern.Words.Length

                        if surplus <= pattern.Allowed then
                            best <-
                                ValueSome
                                    struct (pattern.Words.Length,
                                            {
                                                Meaning = pattern.Meaning
                                                Surplus = surplus
                                            })
            | _ -> ()

        match best with
        | ValueSome struct (_, recognition) -> Some recognition
        | ValueNone -> None

    /// No wish for silence that stands alone is longer, in UTF-16 units, so that other texts need not be read for it.
    let private longestWish = 100

    /// Whether a text says that its writer wants to hear nothing, and nothing else.
    let asksForSilence (text: string) : bool =
        text.Length <= longestWish
        && recognise text =
            Some {
                Meaning = Means WantsSilence
                Surplus = 0
            }

    /// So many words more than that are still an answer to "or step by step?": "prefiero paso a paso, por favor".
    let private besideSteps = 3

    /// Whether a short text says that its writer would rather be asked step by step.
    let asksForSteps (text: string) : bool =
        let words = Words.split text |> Array.filter (fun word -> word <> Words.pause)

        Vocabulary.stepWords
        |> List.exists (fun wording ->
            let wanted = wording.Split ' '

            words.Length <= wanted.Length + besideSteps
            && words |> Array.windowed wanted.Length |> Array.contains wanted)

    /// Whether a reaction with this emoji looks like a yes.
    let agrees (emoji: string) : bool =
        match emoji with
        | "👍"
        | "✅"
        | "👌"
        | "❤️"
        | "🙏" -> true
        | _ -> false

    /// The language of a text, where its words speak for one language more than for any other: by one word
    /// in a text of up to three words, by two in a longer one, so that a name or a loan word changes
    /// nothing.
    let languageOf (text: string) : Language option =
        let words = Words.split text
        let mutable count = 0

        for word in words do
            if word <> Words.pause then
                count <- count + 1

        let score (telling: HashSet<string>) =
            let mutable score = 0

            for word in words do
                if telling.Contains word then
                    score <- score + 1

            score

        let margin = if count <= 3 then 1 else 2

        let scores =
            Vocabulary.tellingWords
            |> List.map (fun (language, telling) -> struct (language, score telling))
            |> List.sortByDescending (fun struct (_, score) -> score)

        match scores with
        | struct (language, first) :: struct (_, second) :: _ when first - second >= margin -> Some language
        | _ -> None
