namespace FunctionalBot.Effects

open System
open System.Threading.Tasks
open FunctionalBot.Domain

/// The assistant that needs no service: it finds the passage of the knowledge that fits and quotes it. It
/// is no language model and says so by what it does: it makes up no sentence about the business, and where
/// nothing fits it says that it does not know. It stands in while OpenAI is down and is what the demo runs
/// with.
module LocalAssistant =

    /// Below this fit (`Knowledge.search`, 0 to 1) a passage is not taken for an answer. Set between what
    /// questions about the sample shop reach and what unrelated questions reach; LocalAssistantTests hold
    /// both lists.
    let threshold = 0.33

    /// Longest quoted passage, in UTF-16 units: what one looks at on a phone without scrolling.
    let private quoteLimit = 700

    let private source language name =
        match language with
        | Spanish -> $"(De nuestra información: %s{name})"
        | English -> $"(From our information, in its own language: %s{name})"
        | Portuguese -> $"(Da nossa informação: %s{name})"

    let private unknown =
        function
        | Spanish ->
            "Eso no lo encuentro en la información que tengo. Si quieres, abro un ticket o aviso a una \
              persona del equipo."
        | English ->
            "I can't find that in the information I have. I can open a ticket or call a person of our team."
        | Portuguese ->
            "Não encontro isso na informação que tenho. Se quiser, abro um ticket ou chamo uma pessoa \
              da equipe."

    let private takenNote =
        function
        | Spanish -> "Claro, preparamos el ticket."
        | English -> "Of course, let's prepare the ticket."
        | Portuguese -> "Claro, vamos preparar o ticket."

    let private noHints: TicketHints = {
        Title = None
        Description = None
        Email = None
    }

    /// What the customer says now: the last lines in a row of the customer's, oldest first. The bot may have said
    /// something to them already, such as that it keeps a photo that came along.
    let lastWords (thread: (Speaker * string) list) : string =
        let isCustomer (speaker, _) = speaker = CustomerSaid

        List.rev thread
        |> List.skipWhile (isCustomer >> not)
        |> List.takeWhile isCustomer
        |> List.rev
        |> List.map snd
        |> String.concat "\n"

    let private answer (knowledge: Knowledge) (request: AssistantRequest) : AssistantAnswer =
        let words = lastWords request.Thread
        let language = Words.language words |> Option.defaultValue request.Language

        let nothing = {
            Reply = unknown language
            Intent = request.Hint |> Option.defaultValue AsksSomething
            Sentiment = Neutral
            Language = language
            Hints = noHints
            NeedsPerson = (request.Hint = Some WantsPerson)
            Knows = false
            Sources = []
        }

        match request.Hint, Knowledge.search knowledge words with
        | Some WantsTicket, _ -> {
            nothing with
                Reply = takenNote language
                Hints = TicketWords.read words
                Knows = true
          }
        | _, (passage, fit) :: _ when fit >= threshold ->
            let name = Passage.name passage

            {
                nothing with
                    Reply = Excerpt.cut quoteLimit passage.Text + "\n\n" + source language name
                    Knows = true
                    Sources = [ name ]
            }
        | _ -> nothing

    /// An assistant over this knowledge. It answers at once and never fails.
    let create (knowledge: Knowledge) : AssistantPort = {
        Ask = fun request _ -> Task.FromResult(Ok(answer knowledge request))
    }
