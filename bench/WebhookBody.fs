/// Signed webhook bodies, as Meta sends them, with invented people.
module FunctionalBot.Bench.WebhookBody

open System
open System.Security.Cryptography
open System.Text

let private secret = Encoding.UTF8.GetBytes BotProcess.appSecret

/// The ids of this run are its own, so that a second run on the same database repeats none.
let private run = Guid.NewGuid().ToString "N"

/// A customer's id and phone; both sort as the numbers do, up to nine digits.
let customerId (customer: int) : string = $"ES.1349120865%09d{customer}"

/// The phone that belongs to the id.
let phone (customer: int) : string = $"34600%09d{customer}"

/// Meta's id of a customer's message with this number. No customer may write the same number twice in a run.
let messageId (customer: int) (number: int) : string =
    $"wamid.%s{run}.%d{customer}.%d{number}"

let private envelope (field: string) (value: string) =
    """{"object":"whatsapp_business_account","entry":[{"id":"900","time":1790000000,"changes":[{"field":"""
    + $"\"%s{field}\",\"value\":%s{value}}}]}}]}}"

/// The mark by which a reply is known: the customer and the number of the message.
let private mark (customer: int) (number: int) = $"k%d{customer}x%d{number}z"

/// Reads the mark in a reply; None where there is none.
let readMark (text: string) : struct (int * int) voption =
    let rec from (start: int) =
        match text.IndexOf('k', start) with
        | -1 -> ValueNone
        | at ->
            let cross = text.IndexOf('x', at)
            let last = text.IndexOf('z', at)

            if cross > at && last > cross then
                match
                    Int32.TryParse(text.AsSpan(at + 1, cross - at - 1)),
                    Int32.TryParse(text.AsSpan(cross + 1, last - cross - 1))
                with
                | (true, customer), (true, number) -> ValueSome struct (customer, number)
                | _ -> from (at + 1)
            else
                ValueNone

    from 0

/// A customer's message with this number and text.
let text (customer: int) (number: int) (text: string) (at: DateTimeOffset) : byte[] =
    let phone = phone customer
    let id = customerId customer
    let person = $"\"from\":\"%s{phone}\",\"from_user_id\":\"%s{id}\""

    let contact =
        $"{{\"profile\":{{\"name\":\"Ana\"}},\"wa_id\":\"%s{phone}\",\"user_id\":\"%s{id}\"}}"

    $"{{\"messaging_product\":\"whatsapp\",\"metadata\":{{\"display_phone_number\":\"34910000000\",\
       \"phone_number_id\":\"%s{BotProcess.phoneNumberId}\"}},\"contacts\":[%s{contact}],\"messages\":[{{%s{person},\
       \"id\":\"%s{messageId customer number}\",\"timestamp\":\"%d{at.ToUnixTimeSeconds()}\",\
       \"type\":\"text\",\"text\":{{\"body\":\"%s{text}\"}}}}]}}"
    |> envelope "messages"
    |> Encoding.UTF8.GetBytes

/// A customer's message with this number: a question that no rule answers, so that the assistant is asked.
let message (customer: int) (number: int) (at: DateTimeOffset) : byte[] =
    let question =
        $"Pregunta %s{mark customer number} sobre una taladradora que sigue en el taller"

    text customer number question at

/// A body that is kept and of no further use: it ends at the door.
let ofNoUse (number: int) : byte[] =
    let padding = String('a', 400)

    $"{{\"event\":\"ACCOUNT_UPDATE\",\"number\":%d{number},\"run\":\"%s{run}\",\"text\":\"%s{padding}\"}}"
    |> envelope "account_update"
    |> Encoding.UTF8.GetBytes

/// The whole HTTP request of a body, signed.
let request (body: byte[]) : byte[] =
    let signature = Convert.ToHexStringLower(HMACSHA256.HashData(secret, body))

    let head =
        "POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        + $"X-Hub-Signature-256: sha256=%s{signature}\r\nContent-Length: %d{body.Length}\r\n\r\n"

    Array.append (Encoding.ASCII.GetBytes head) body
