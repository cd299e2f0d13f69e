/// Customers on the stage: what they write and press on the emulated phone, and what they hear there.
module FunctionalBot.Tests.StageCustomers

open System
open System.Text.Json
open System.Threading.Tasks
open FunctionalBot.Tests.Stage

/// One message as a phone shows it.
type Seen = {
    Id: string
    FromBusiness: bool
    /// The text, or the body of an interactive message.
    Text: string
    /// The ids of its buttons or rows.
    Choices: string list
    Status: string
}

let private choicesOf (content: JsonElement) =
    let rec ids (element: JsonElement) = [
        match element.ValueKind with
        | JsonValueKind.Object ->
            for property in element.EnumerateObject() do
                if property.Name = "id" && property.Value.ValueKind = JsonValueKind.String then
                    match property.Value.GetString() with
                    | NonNull id -> yield id
                    | _ -> ()

                yield! ids property.Value
        | JsonValueKind.Array ->
            for item in element.EnumerateArray() do
                yield! ids item
        | _ -> ()
    ]

    match content.TryGetProperty "interactive" with
    | true, interactive ->
        match interactive.TryGetProperty "action" with
        | true, action -> ids action
        | _ -> []
    | _ -> []

let private seen (message: JsonElement) : Seen =
    let content = message.GetProperty "content"

    {
        Id = textAt message [ "id" ] |> Option.defaultValue ""
        FromBusiness = textAt message [ "from" ] = Some "business"
        Text =
            textAt content [ "text"; "body" ]
            |> Option.orElse (textAt content [ "interactive"; "body"; "text" ])
            |> Option.defaultValue ""
        Choices = choicesOf content
        Status = textAt message [ "status" ] |> Option.defaultValue ""
    }

/// Every message of a customer's phone, oldest first.
let messages (customer: string) stage : Task<Seen list> = task {
    let! body =
        client.GetStringAsync(Uri(stage.WhatsApp.Address, "/_emulator/messages?customer=" + customer))

    use document = JsonDocument.Parse body

    let items =
        match document.RootElement.ValueKind with
        | JsonValueKind.Array -> document.RootElement
        | _ -> document.RootElement.GetProperty "messages"

    return [ for message in items.EnumerateArray() -> seen message ]
}

/// What the bot said to a customer so far.
let said (customer: string) stage : Task<Seen list> = task {
    let! all = messages customer stage
    return all |> List.filter _.FromBusiness
}

/// The customer does what the emulator's page would send for it.
let private does (act: 'act) stage : Task = task {
    let! _ =
        postTo stage.WhatsApp.Address "/_emulator/send" (JsonSerializer.Serialize act)

    return ()
}

/// The customer writes.
let writes (customer: string) (words: string) stage : Task =
    does {| customer = customer; text = words |} stage

/// The customer writes a text of any length, as a webhook could hold it.
let writesAtLength (customer: string) (words: string) stage : Task =
    does
        {|
            customer = customer
            message = {|
                ``type`` = "text"
                text = {| body = words |}
            |}
        |}
        stage

/// The customer sends a sample: voice, photo, document…
let sendsSample (customer: string) (sample: string) stage : Task =
    does
        {|
            customer = customer
            sample = sample
        |}
        stage

/// Waits for the n-th message of the bot to this customer (from 1) and gives it.
let hears (customer: string) (count: int) stage : Task<Seen> =
    eventually $"message %d{count} to %s{customer}" (fun () -> task {
        let! all = said customer stage
        return if all.Length >= count then Some all[count - 1] else None
    })

/// The customer presses a choice on the bot's message.
let presses (customer: string) (message: Seen) (choice: string) stage : Task = task {
    let! _ =
        postTo
            stage.WhatsApp.Address
            "/_emulator/send"
            (JsonSerializer.Serialize {|
                customer = customer
                press = {| message = message.Id; id = choice |}
            |})

    return ()
}
