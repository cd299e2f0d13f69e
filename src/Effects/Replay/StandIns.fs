namespace FunctionalBot.Effects.Replay

open System
open System.Collections.Generic
open System.Text
open System.Text.RegularExpressions
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Stand-ins for personal data within one conversation: the same value always gets the same one, and none can be
/// turned back, since they are numbered in the order in which they are met.
type internal StandIns() =
    let words = Dictionary<string, string>()
    let taken = HashSet<string>()
    let numbered = Dictionary<struct (string * string), int>()
    let counts = Dictionary<string, int>()

    let consonants = "bcdfgjklmnprstvz"
    let vowels = "aeiou"

    /// A pronounceable nothing of the same length; letters stay letters and digits stay digits.
    let invent (number: int) (word: string) =
        let made = StringBuilder word.Length
        let mutable rest = number
        let mutable letters = 0

        for character in word do
            if Char.IsDigit character then
                made.Append(char (int '0' + (rest + 1) % 10)) |> ignore
                rest <- rest / 10
            elif Char.IsLetterOrDigit character then
                let from = if letters % 2 = 0 then consonants else vowels
                made.Append from[(rest + letters) % from.Length] |> ignore
                rest <- rest / from.Length
                letters <- letters + 1
            else
                made.Append character |> ignore

        made.ToString()

    let standInFor (word: string) =
        match words.TryGetValue word with
        | true, known -> known
        | false, _ ->
            // Short words run out of inventions; then one is used twice, which the rules do not see either.
            let fits tried candidate =
                candidate <> word
                && not (Rules.listensFor candidate)
                && (tried > 200 || not (taken.Contains candidate))

            let rec search tried =
                let candidate = invent (words.Count * 7 + tried * 3) word

                if tried > 400 || fits tried candidate then
                    candidate
                else
                    search (tried + 1)

            let found = search 0
            taken.Add found |> ignore
            words[word] <- found
            found

    let withCaseOf (original: string) (standIn: string) =
        String.mapi
            (fun index character ->
                if Char.IsUpper original[index] then
                    Char.ToUpperInvariant character
                else
                    character)
            standIn

    let isPart (character: char) =
        Char.IsLetterOrDigit character || character = '\'' || character = '’'

    /// Replaces every run of letters and digits by what `replace` gives; everything else stays where it is. Letters
    /// beyond the basic plane, with which names can be written too, become one and the same.
    let eachWord (replace: string -> string) (text: string) =
        let made = StringBuilder text.Length
        let mutable index = 0

        while index < text.Length do
            if isPart text[index] then
                let start = index

                while index < text.Length && isPart text[index] do
                    index <- index + 1

                made.Append(replace (text.Substring(start, index - start))) |> ignore
            elif index + 1 < text.Length && Char.IsSurrogatePair(text[index], text[index + 1]) then
                let rune = Rune(text[index], text[index + 1])

                made.Append(
                    if Rune.IsLetterOrDigit rune then
                        "\U0001D431"
                    else
                        rune.ToString()
                )
                |> ignore

                index <- index + 2
            else
                made.Append text[index] |> ignore
                index <- index + 1

        made.ToString()

    let replaced (word: string) =
        withCaseOf word (standInFor (word.ToLowerInvariant()))

    let spoken (word: string) =
        if Rules.listensFor word then word else replaced word

    /// A mail host becomes example.<ending>, and the ending stays where the rules know it as a word: else it has a
    /// stand-in like any word. What was no address must not become one.
    let hosted (text: string) =
        Regex.Replace(
            text,
            @"[^\s,;:<>()""]+@[^\s,;:<>()""]+",
            fun found ->
                let token = found.Value
                let address = token.TrimEnd('.', '!', '?', '¿', '¡', '\'')

                if Result.isError (EmailAddress.create address) then
                    token
                else
                    let at = address.IndexOf '@'
                    let labels = address.Substring(at + 1).Split '.'
                    labels[labels.Length - 2] <- "example"

                    address.Substring(0, at + 1)
                    + String.Join('.', labels)
                    + token.Substring address.Length
        )

    /// A text: what the rules listen for stays, every other word is replaced by one of the same length.
    member _.Text(text: string) : string =
        let hosts = hosted text
        eachWord (fun word -> if word = "example" then word else spoken word) hosts

    /// A name: every word of it is replaced, by the same stand-in as in texts.
    member _.Name(name: string) : string = eachWord replaced name

    /// The place of the value among the values of that kind, from 1.
    member _.Number(kind: string, value: string) : int =
        match numbered.TryGetValue(struct (kind, value)) with
        | true, number -> number
        | false, _ ->
            let number =
                match counts.TryGetValue kind with
                | true, met -> met + 1
                | false, _ -> 1

            counts[kind] <- number
            numbered[struct (kind, value)] <- number
            number

    /// Whether a value of that kind has been met.
    member _.Knows(kind: string, value: string) : bool =
        numbered.ContainsKey(struct (kind, value))
