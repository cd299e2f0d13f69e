namespace FunctionalBot.Effects.Memory

open System
open System.Threading.Tasks
open FunctionalBot.Effects

/// An assistant that answers by a function.
module MemoryAssistant =
    /// Answers after `latency ()`. `isDown` is asked when the question comes: then the same question is
    /// worth another try.
    let create
        (world: World)
        (latency: unit -> TimeSpan)
        (isDown: unit -> bool)
        (answer: AssistantRequest -> Result<FunctionalBot.Domain.AssistantAnswer, AssistantFailure>)
        : AssistantPort = {
        Ask =
            fun request cancel -> task {
                let down = isDown ()
                do! world.Delay (latency ()) cancel

                if down then
                    return Error(AskAgain(None, "the assistant in memory is set to be down"))
                else
                    return answer request
            }
    }
