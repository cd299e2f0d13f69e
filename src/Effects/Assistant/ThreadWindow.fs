namespace FunctionalBot.Effects

open System

/// The part of a conversation that is sent to a language model.
module ThreadWindow =

    // The thread is sent anew with each turn: what is old and long costs money and helps little.
    let private mostLines = 30
    let private mostCharacters = 24_000
    let private longestLine = 4096

    /// The newest lines that fit, oldest first, beginning with a customer's line.
    let recent (thread: (Speaker * string) list) : (Speaker * string) list =
        let bounded =
            thread
            |> List.filter (fun (_, text) -> not (String.IsNullOrWhiteSpace text))
            |> List.map (fun (speaker, text) -> speaker, Excerpt.cut longestLine text)
            |> List.rev
            |> List.truncate mostLines

        let sizes =
            bounded |> List.scan (fun size (_, text) -> size + text.Length) 0 |> List.tail

        List.zip bounded sizes
        |> List.takeWhile (fun (_, size) -> size <= mostCharacters)
        |> List.map fst
        |> List.rev
        |> List.skipWhile (fun (speaker, _) -> speaker = BotSaid)
