/// What customers do before several nodes, and how many answers each may expect.
module FunctionalBot.Tests.Talk

open System.Threading.Tasks
open FunctionalBot.Emulators
open FunctionalBot.Tests.Nodes
open FunctionalBot.Tests.Stage

/// How many answers each customer must have got, and how many tickets each has confirmed.
type Expected = {
    Answers: Map<string, int>
    Confirmed: Map<string, int>
}

/// Nothing was said yet.
let nothing = {
    Answers = Map.empty
    Confirmed = Map.empty
}

let private added (more: Map<string, int>) (counts: Map<string, int>) =
    (counts, more)
    ||> Map.fold (fun all customer count ->
        all
        |> Map.change customer (fun before -> Some(Option.defaultValue 0 before + count)))

/// Both together.
let plus (more: Expected) (expected: Expected) : Expected = {
    Answers = expected.Answers |> added more.Answers
    Confirmed = expected.Confirmed |> added more.Confirmed
}

/// The customer has so many answers, and no ticket.
let answered (customer: string) (count: int) : Expected = {
    nothing with
        Answers = Map [ customer, count ]
}

/// The bot's messages to a customer, oldest first.
let heard (customer: string) (theatre: Theatre) : WhatsApp.Message list =
    theatre.Stage.WhatsApp.Conversations.Thread customer
    |> List.filter (fun message -> message.Author = WhatsApp.ByBusiness)

/// How many messages of the bot all customers together have got.
let heardByAll (theatre: Theatre) : int =
    theatre.Stage.WhatsApp.Conversations.All
    |> List.filter (fun message -> message.Author = WhatsApp.ByBusiness)
    |> List.length

/// The text of a message, or the body of an interactive one.
let textOf (message: WhatsApp.Message) : string =
    Json.textAt [ "text"; "body" ] message.Content
    |> Option.orElse (Json.textAt [ "interactive"; "body"; "text" ] message.Content)
    |> Option.defaultValue ""

let private sure (result: Result<string, string>) =
    match result with
    | Ok _ -> ()
    | Error problem -> failwith problem

/// The customer writes.
let write (customer: string) (words: string) (theatre: Theatre) : unit =
    theatre.Stage.WhatsApp.Customers.Text customer words None |> sure

/// Waits until the customer has heard so many messages, and gives the last of these.
let hear (customer: string) (count: int) (theatre: Theatre) : Task<WhatsApp.Message> =
    eventually $"message %d{count} to %s{customer}" (fun () ->
        let all = heard customer theatre

        Task.FromResult(if all.Length >= count then Some all[count - 1] else None))

/// Words that no rule knows, so that the echo says them back.
let question (customer: string) (number: int) : string = $"zanahoria %d{number} de %s{customer}"

/// Asks something and waits for the answer to it: its own words.
let ask (customer: string) (number: int) (theatre: Theatre) : Task<Expected> = task {
    let words = question customer number
    write customer words theatre

    do!
        eventually $"the answer to \"%s{words}\"" (fun () ->
            Task.FromResult(
                if
                    heard customer theatre
                    |> List.exists (fun message -> (textOf message).Contains words)
                then
                    Some()
                else
                    None
            ))

    return answered customer 1
}

/// Asks so many questions, one after the other, and then for help so many times without waiting.
let converse (customer: string) (questions: int) (burst: int) (theatre: Theatre) : Task<Expected> = task {
    let expected = ref nothing
    // No question is like one that was asked before.
    let asked = (theatre.Stage.WhatsApp.Conversations.Thread customer).Length

    for number in 1..questions do
        let! more = ask customer (asked + number) theatre
        expected.Value <- expected.Value |> plus more

    let before = (heard customer theatre).Length

    for _ in 1..burst do
        write customer "ayuda" theatre

    let! _ = hear customer (max 1 (before + burst)) theatre
    return expected.Value |> plus (answered customer burst)
}

/// All that is called "id", in whatever depth.
let rec idsIn (json: Json.Json) : string list =
    match json with
    | Json.Fields fields -> [
        for name, value in fields do
            match name, value with
            | "id", Json.Text id -> id
            | _ -> yield! idsIn value
      ]
    | Json.Items items -> List.collect idsIn items
    | _ -> []

/// The ids of a message's buttons or rows.
let choices (message: WhatsApp.Message) : string list = idsIn message.Content

/// Presses a choice of the message that begins like this.
let press (customer: string) (message: WhatsApp.Message) (choice: string) (theatre: Theatre) : unit =
    let id = choices message |> List.find (fun id -> id.StartsWith choice)
    theatre.Stage.WhatsApp.Customers.Press customer message.Id id |> sure

/// What the customer's tickets are called: nobody else's are.
let ticketTitle (customer: string) : string =
    $"La taladradora de %s{customer} no enciende"

/// From the wish for a ticket to the message that shows it, and what was expected so far.
let fillInTicket (customer: string) (theatre: Theatre) : Task<WhatsApp.Message * Expected> = task {
    let before = (heard customer theatre).Length
    write customer "quiero abrir un ticket" theatre
    let! _ = hear customer (before + 1) theatre
    write customer (ticketTitle customer) theatre
    let! _ = hear customer (before + 2) theatre
    write customer "La compré ayer y no enciende." theatre
    let! email = hear customer (before + 3) theatre
    press customer email "skip-email" theatre
    let! shown = hear customer (before + 4) theatre
    return shown, answered customer 4
}

/// A whole ticket: filled in, confirmed once, and its number heard.
let openTicket (customer: string) (theatre: Theatre) : Task<Expected> = task {
    let! shown, expected = fillInTicket customer theatre
    let before = (heard customer theatre).Length
    press customer shown "confirm:" theatre
    let! _ = hear customer (before + 1) theatre

    return
        expected
        |> plus {
            answered customer 1 with
                Confirmed = Map [ customer, 1 ]
        }
}

/// All of them at the same time.
let together (work: Task<Expected> list) : Task<Expected> = task {
    let! all = Task.WhenAll work
    return (nothing, all) ||> Array.fold (fun expected more -> expected |> plus more)
}
