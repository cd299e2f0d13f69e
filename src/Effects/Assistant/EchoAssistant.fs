namespace FunctionalBot.Effects

open System.Threading.Tasks
open FunctionalBot.Domain

/// The assistant of benchmarks: it says what the customer said last, so that everything but the assistant
/// is measured.
module EchoAssistant =

    /// An assistant that answers at once with the customer's last line, or with "…" when there is none.
    let create () : AssistantPort =
        let lastLine (request: AssistantRequest) =
            request.Thread
            |> List.tryFindBack (fun (speaker, _) -> speaker = CustomerSaid)
            |> Option.map snd
            |> Option.defaultValue "…"

        {
            Ask =
                fun request _ ->
                    Task.FromResult(
                        Ok {
                            Reply = lastLine request
                            Intent = request.Hint |> Option.defaultValue AsksSomething
                            Sentiment = Neutral
                            Language = request.Language
                            Hints = {
                                Title = None
                                Description = None
                                Email = None
                            }
                            NeedsPerson = false
                            Knows = true
                            Sources = []
                        }
                    )
        }
