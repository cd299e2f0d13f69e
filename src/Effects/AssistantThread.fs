namespace FunctionalBot.Effects

open System.Threading.Tasks
open FunctionalBot.Domain

/// The conversation in the words that the assistant is told. Lines are oldest first.
module AssistantThread =
    /// Who said what.
    let spoken (render: Utterance -> string) (lines: ThreadLine list) : (Speaker * string) list =
        lines
        |> List.map (function
            | FromCustomer line -> CustomerSaid, line.Text
            | FromBot utterance -> BotSaid, render utterance)

    let private byCustomer (lines: ThreadLine list) (message: MessageId) : string option =
        lines
        |> List.tryPick (function
            | FromCustomer line when line.Message = Some message -> Some line.Text
            | FromCustomer _
            | FromBot _ -> None)

    /// The words that the customer's last lines answer, of either side. `said` finds what the bot said with a message;
    /// it is asked only where the lines do not hold the message themselves.
    let answered
        (said: MessageId -> Task<Utterance option>)
        (render: Utterance -> string)
        (lines: ThreadLine list)
        : Task<string option> = task {
        match Thread.quoted lines with
        | None -> return None
        | Some message ->
            match byCustomer lines message with
            | Some text -> return Some text
            | None ->
                let! utterance = said message
                return Option.map render utterance
    }
