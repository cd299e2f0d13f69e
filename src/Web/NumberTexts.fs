/// The phrases and the knowledge of each number, read once before anything starts.
module FunctionalBot.Web.NumberTexts

open System.IO
open FunctionalBot.Effects
open FunctionalBot.Web.Configuration
open FunctionalBot.Web.NumberSettings

/// What is read for one number before anything starts.
[<NoComparison; NoEquality>]
type NumberTexts = {
    Phrases: PhraseBook
    Knowledge: Knowledge
}

/// What is read for each number before anything starts, by channel.
type Texts = Map<string, NumberTexts>

/// The channel of a number.
let channelOf (number: NumberConfiguration) : string = WhatsAppApi.channelOf number.Id

/// Reads each folder once.
let private loadEach (load: 'folder -> Result<'text, string list>) (folders: 'folder list) =
    [ for folder in List.distinct folders -> folder, load folder ] |> dict

/// Reads the phrases and the knowledge of all numbers, or says everything that is wrong with them.
let load (configuration: Configuration) : Result<Texts, string list> =
    let numbers = configuration.Numbers
    let common = Phrases.load (Path.Combine(configuration.Data, "phrases"))
    let knowledge = numbers |> List.map _.Knowledge |> loadEach Knowledge.load

    let phrases =
        numbers
        |> List.choose _.Phrases
        |> loadEach (fun folder -> common |> Result.bind (fun book -> Phrases.over book folder))

    let phrasesOf (number: NumberConfiguration) =
        match number.Phrases with
        | Some folder -> phrases[folder]
        | None -> common

    let read = [
        for number in numbers -> channelOf number, phrasesOf number, knowledge[number.Knowledge]
    ]

    let problemsOf reading =
        match reading with
        | Ok _ -> []
        | Error problems -> problems

    match
        problemsOf common
        @ (read
           |> List.collect (fun (_, phrases, knowledge) -> problemsOf phrases @ problemsOf knowledge))
        |> List.distinct
    with
    | [] ->
        read
        |> List.choose (fun (channel, phrases, knowledge) ->
            match phrases, knowledge with
            | Ok phrases, Ok knowledge ->
                Some(
                    channel,
                    {
                        Phrases = phrases
                        Knowledge = knowledge
                    }
                )
            | _ -> None)
        |> Map.ofList
        |> Ok
    | problems -> Error problems
