namespace FunctionalBot.Effects

open System
open System.Collections.Generic
open System.IO

/// The business's own texts, ready to be searched. Immutable; many may search at the same time.
[<NoComparison; NoEquality>]
type Knowledge = private {
    All: Passage array
    /// Term → passages that hold it, with how often (a title or keyword counts as `titleWeight`).
    Postings: Dictionary<string, (int * float) list>
    /// The keyword phrases of each passage: folded words with a space before, between and after them.
    Phrases: string list array
    Lengths: float array
    AverageLength: float
}

/// Finding passages. Ranking is BM25 (Robertson and Zaragoza 2009: k1 = 1.2, b = 0.75), put on a scale of 0
/// to 1.
module Knowledge =

    let private k1 = 1.2
    let private b = 0.75

    /// How many times a term of a heading or a keyword counts, beside one in the text.
    let private titleWeight = 4.

    /// A term that no passage holds says that the question is about something else, but customers also tell
    /// stories around their question; so it weighs this much of the rarest term.
    let private unknownWeight = 0.8

    /// How much of what is missing from a perfect fit a keyword phrase adds when the question holds it word
    /// for word and nothing else. It tells "cuánto cuesta el envío" from "cuánto tarda el envío", whose
    /// terms are the same.
    let private phraseWeight = 0.5

    let private asPhrase (text: string) =
        " " + String.Join(' ', Words.split text) + " "

    let private phrasesOf (passage: Passage) =
        passage.Keywords.Split(',', StringSplitOptions.RemoveEmptyEntries)
        |> Array.map asPhrase
        |> Array.filter (fun phrase -> phrase.Trim().Contains ' ')
        |> List.ofArray

    let private valueOf (counts: Dictionary<'key, float>) key =
        match counts.TryGetValue key with
        | true, value -> value
        | _ -> 0.

    let private build (all: Passage list) : Knowledge =
        let postings = Dictionary<string, (int * float) list>()
        let lengths = Array.zeroCreate all.Length

        for index, passage in List.indexed all do
            let counts = Dictionary<string, float>()

            let add weight term =
                counts[term] <- valueOf counts term + weight

            let inText = Words.terms passage.Text
            inText |> List.iter (add 1.)
            // The innermost heading says what this passage is; the outer ones are shared with its neighbours.
            let own, shared =
                List.last passage.Path, List.take (passage.Path.Length - 1) passage.Path

            Words.terms own @ Words.terms passage.Keywords
            |> List.distinct
            |> List.iter (add titleWeight)

            shared |> List.collect Words.terms |> List.distinct |> List.iter (add 1.)

            lengths[index] <- float inText.Length

            for pair in counts do
                let others =
                    match postings.TryGetValue pair.Key with
                    | true, holders -> holders
                    | _ -> []

                postings[pair.Key] <- (index, pair.Value) :: others

        {
            All = Array.ofList all
            Postings = postings
            Phrases = all |> List.map phrasesOf |> Array.ofList
            Lengths = lengths
            AverageLength =
                if lengths.Length = 0 then
                    1.
                else
                    max 1. (Array.average lengths)
        }

    /// Knowledge of these passages, however they were come by.
    let ofPassages (passages: Passage list) : Knowledge = build passages

    /// Reads every `*.md` file of the folder (not of folders in it), in the order of their names. The
    /// errors name the folder or file and what is wrong with it.
    let load (folder: string) : Result<Knowledge, string list> =
        if not (Directory.Exists folder) then
            Error [
                $"The knowledge folder %s{folder} does not exist. Create it with one .md file per topic."
            ]
        else
            let files =
                Directory.GetFiles(folder, "*.md")
                |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))

            let read (file: string) =
                let name = nonNull (Path.GetFileName file)

                try
                    match Markdown.passages name (File.ReadAllText file) with
                    | [] ->
                        Error
                            $"The knowledge file %s{name} holds no text. Write some under its headings, \
                              or delete it."
                    | passages -> Ok passages
                with
                | :? IOException as problem ->
                    Error $"The knowledge file %s{name} cannot be read: %s{problem.Message}"
                | :? UnauthorizedAccessException ->
                    Error $"The knowledge file %s{name} may not be read by this user."

            let results = Array.map read files |> List.ofArray

            let errors =
                results
                |> List.choose (function
                    | Error problem -> Some problem
                    | Ok _ -> None)

            match errors with
            | [] when files.Length = 0 -> Error [ $"The knowledge folder %s{folder} holds no .md file." ]
            | [] ->
                results
                |> List.collect (function
                    | Ok passages -> passages
                    | Error _ -> [])
                |> build
                |> Ok
            | errors -> Error errors

    /// All passages, in the order of files and headings.
    let passages (knowledge: Knowledge) : Passage list = List.ofArray knowledge.All

    /// The passages that share a term with the question, best first, each with how well it fits: the share
    /// of what a passage would get that is about nothing but the question's words. 1 is never reached; 0
    /// shares nothing.
    let search (knowledge: Knowledge) (question: string) : (Passage * float) list =
        let count = float knowledge.All.Length

        let rarity holders =
            log (1. + (count - holders + 0.5) / (holders + 0.5))

        let terms = Words.terms question |> List.distinct
        let scores = Dictionary<int, float>()
        let mutable best = 0.

        for term in terms do
            match knowledge.Postings.TryGetValue term with
            | true, holders ->
                let weight = rarity (float holders.Length)
                best <- best + weight * (k1 + 1.)

                for index, times in holders do
                    let length = 1. - b + b * knowledge.Lengths[index] / knowledge.AverageLength
                    let gain = weight * times * (k1 + 1.) / (times + k1 * length)
                    scores[index] <- valueOf scores index + gain
            | _ -> best <- best + unknownWeight * rarity 1. * (k1 + 1.)

        let asked = asPhrase question

        // The share of the question's terms that lie within a keyword phrase of the passage.
        let covered (index: int) =
            knowledge.Phrases[index]
            |> List.filter asked.Contains
            |> List.map (fun phrase -> (List.distinct (Words.terms phrase)).Length)
            |> List.fold max 0
            |> fun most -> float most / float terms.Length

        [
            for pair in scores do
                let fit = pair.Value / best
                knowledge.All[pair.Key], fit + (1. - fit) * phraseWeight * covered pair.Key
        ]
        |> List.sortBy (fun (passage, score) -> -score, Passage.name passage)
