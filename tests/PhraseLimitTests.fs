/// Whatever is said fits into WhatsApp's messages.
module FunctionalBot.Tests.PhraseLimitTests

open System
open System.Globalization
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Effects
open FunctionalBot.Tests.Utterances
open Xunit

let private isFit limit (text: string) =
    text.Length <= limit && not (String.IsNullOrWhiteSpace text)

let private areDistinct texts = List.distinct texts = texts

/// Meta's limits for each kind of message that phrases become.
let private fits message =
    match message with
    | TextMessage body -> isFit 4096 body
    | ButtonMessage(body, buttons) ->
        isFit 1024 body
        && buttons.Length >= 1
        && buttons.Length <= 3
        && areDistinct (List.map fst buttons)
        && areDistinct (List.map snd buttons)
        && buttons
           |> List.forall (fun (id, title) -> isFit 256 id && isFit 20 title && title.Trim() = title)
    | ListMessage(body, button, rows) ->
        isFit 1024 body
        && isFit 20 button
        && rows.Length >= 1
        && rows.Length <= 10
        && areDistinct (rows |> List.map (fun (id, _, _) -> id))
        && rows
           |> List.forall (fun (id, title, about) ->
               isFit 200 id && isFit 24 title && about |> Option.forall (isFit 72))
    | other -> failwith $"no phrase becomes %A{other}"

[<Fact>]
let ``every phrase in every language fits WhatsApp with whatever is put into it`` () =
    for case in phraseCases do
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest 60,
            Prop.forAll (Arb.fromGen (utteranceOf case)) (render >> fits)
        )

[<Fact>]
let ``a business with any name and contact fits too`` () =
    let inputs = Gen.zip3 anyText anyText utterance |> Arb.fromGen

    let property (name, contact, utterance) =
        fits (Phrases.render (book.Force()) { Name = name; Contact = contact } utterance None)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll inputs property)

[<Fact>]
let ``a message ends between graphemes`` () =
    let property (count, extra) =
        let family = "👨‍👩‍👧‍👦"
        let text = String.replicate extra "x" + String.replicate count family
        let cut = (Graphemes.cut 1024 text).TrimEnd('…')
        let left = cut.Length - min extra cut.Length
        left % family.Length = 0

    let inputs = Gen.zip (Gen.choose (0, 400)) (Gen.choose (0, 30)) |> Arb.fromGen
    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll inputs property)

[<Fact>]
let ``cutting keeps to the limit and to whole graphemes of the text`` () =
    let inputs = Gen.zip anyText (Gen.choose (2, 200)) |> Arb.fromGen

    let property (text: string, limit) =
        let check (cut: string) =
            let kept =
                if text.Length <= limit then
                    cut
                else
                    cut.Substring(0, cut.Length - 1)

            let borders = StringInfo.ParseCombiningCharacters text

            let endsAtBorder =
                kept.Length = text.Length
                || Array.contains kept.Length borders
                // A first grapheme that is longer than the limit has to be broken.
                || (borders.Length > 1 && borders[1] > limit - 1)
                || (borders.Length = 1 && text.Length > limit)

            cut.Length <= limit
            && text.StartsWith(kept, StringComparison.Ordinal)
            && endsAtBorder

        check (Graphemes.cut limit text) && check (Graphemes.cutAtSentence limit text)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 1000, Prop.forAll inputs property)

[<Fact>]
let ``a cut prefers the end of a sentence`` () =
    let text = "Primera frase. Segunda frase aquí. Y una tercera que no cabe entera"
    Assert.Equal("Primera frase. Segunda frase aquí.…", Graphemes.cutAtSentence 45 text)
    Assert.Equal("palabra palabra palabra…", Graphemes.cutAtSentence 28 (String.replicate 9 "palabra "))
    Assert.Equal("abc", Graphemes.cutAtSentence 3 "abc")
