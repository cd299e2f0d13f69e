/// Measures reading a webhook of a thousand updates: the time, and the memory that it takes beside the body, while it
/// is read and once it is.
module FunctionalBot.Bench.Parsing

open System
open System.Diagnostics
open System.Runtime.CompilerServices
open System.Text
open System.Threading
open FunctionalBot.Effects
open FunctionalBot.Bench.Measurement

/// So many updates Meta puts into one body at most.
let private updates = 1000

/// How the updates of a body are made up.
[<NoComparison; NoEquality>]
type private Mixture = {
    Name: string
    Contact: int -> string option
    Message: int -> string option
    Status: int -> string option
}

let private joined (parts: int -> string option) =
    String.Join(",", Seq.init updates parts |> Seq.choose id)

let private body (mixture: Mixture) : byte[] =
    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900\",\"time\":1790000000,\"changes\":[{\"field\":"
    + "\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{"
    + "\"display_phone_number\":\"34910000000\","
    + $"\"phone_number_id\":\"%s{BotProcess.phoneNumberId}\"}},\"contacts\":[%s{joined mixture.Contact}],"
    + $"\"messages\":[%s{joined mixture.Message}],\"statuses\":[%s{joined mixture.Status}]}}}}]}}]}}"
    |> Encoding.UTF8.GetBytes

let private wamid (number: int) =
    $"wamid.HBgLMzQ2MDAxMTEyMjIVAgASGBQzQTdCMUM5RDVFM0YyQTRC%06d{number}"

let private person (number: int) =
    $"\"from\":\"34600%06d{number}\",\"from_user_id\":\"ES.1349120865%06d{number}\""

let private contact (number: int) =
    Some(
        $"{{\"profile\":{{\"name\":\"Ana\"}},\"wa_id\":\"34600%06d{number}\","
        + $"\"user_id\":\"ES.1349120865%06d{number}\"}}"
    )

let private message (number: int) (content: string) =
    Some $"{{%s{person number},\"id\":\"%s{wamid number}\",\"timestamp\":\"1790000001\",%s{content}}}"

let private text (number: int) =
    message
        number
        "\"type\":\"text\",\"text\":{\"body\":\"\\u00bfA qu\\u00e9 hora abren los s\\u00e1bados?\"}"

let private status (number: int) =
    Some(
        $"{{\"id\":\"%s{wamid number}\",\"status\":\"delivered\",\"timestamp\":\"1790000001\","
        + $"\"recipient_id\":\"34600%06d{number}\",\"recipient_user_id\":\"ES.1349120865%06d{number}\","
        + $"\"biz_opaque_callback_data\":\"session/whatsapp-100/ES.1349120865%06d{number}/1/4/0\","
        + "\"pricing\":{\"billable\":true,\"pricing_model\":\"PMP\",\"type\":\"regular\",\"category\":\"service\"}}"
    )

let private unknown (number: int) =
    message
        number
        "\"type\":\"hologram\",\"hologram\":{\"x\":1,\"y\":[1,2,3],\"words\":\"a b c d e f g h i j k l\"}"

let private none (_: int) : string option = None

let private one = text 1 |> Option.toList |> List.head

let private mixtures = [
    {
        Name = "1,000 texts of 1,000 people"
        Contact = contact
        Message = text
        Status = none
    }
    {
        Name = "250 texts and 750 statuses"
        Contact = fun number -> if number < 250 then contact number else None
        Message = fun number -> if number < 250 then text number else None
        Status = fun number -> if number >= 250 then status number else None
    }
    {
        Name = "1,000 messages of an unknown type"
        Contact = contact
        Message = unknown
        Status = none
    }
]

let private read (bytes: byte[]) : Update list =
    match WhatsAppInbound.read (ReadOnlyMemory bytes) with
    | Ok updates -> updates
    | Error reason -> invalidOp reason

/// Bytes that stay alive beside the body while the updates are held.
let private held (bytes: byte[]) : float =
    let before = GC.GetTotalMemory true
    let updates = read bytes
    let after = GC.GetTotalMemory true
    GC.KeepAlive updates
    float (after - before)

/// A call of its own, so that nothing of one reading is alive in the next.
[<MethodImpl(MethodImplOptions.NoInlining)>]
let private readAndForget (bytes: byte[]) : unit = read bytes |> ignore

/// What survives a collection of everything.
let private alive () : int64 =
    GC.Collect(2, GCCollectionMode.Forced, true)
    GC.GetGCMemoryInfo(GCKind.FullBlocking).PromotedBytes

/// The most bytes that are alive at once beside the body while it is read: of many looks, at whatever places, while one
/// thread reads it over and over.
let private mostAlive (bytes: byte[]) : float =
    let before = alive ()
    use stop = new CancellationTokenSource()

    let reader =
        Thread(fun () ->
            while not stop.IsCancellationRequested do
                readAndForget bytes)

    reader.Start()

    let most =
        Seq.max [
            for _ in 1..200 do
                // The reader stands still while it is looked at, and would hardly get on between two looks.
                Thread.Sleep 1
                alive ()
        ]

    stop.Cancel()
    reader.Join()
    float (most - before)

let private allocated (bytes: byte[]) : float =
    let before = GC.GetAllocatedBytesForCurrentThread()
    read bytes |> ignore
    float (GC.GetAllocatedBytesForCurrentThread() - before)

/// The middle of several reads: one alone is as long as whatever else the machine does.
let private milliseconds (bytes: byte[]) : float =
    median [
        for _ in 1..15 do
            let watch = Stopwatch.StartNew()
            read bytes |> ignore
            watch.Elapsed.TotalMilliseconds
    ]

let private measured (effort: Effort) (mixture: Mixture) : Figure list =
    let bytes = body mixture
    let size = float bytes.Length

    // Until the runtime has compiled the reader for good.
    for _ in 1..60 do
        read bytes |> ignore
        Thread.Sleep 5

    let figure name unit budget (measure: byte[] -> float) = {
        Group = "parsing"
        Name = mixture.Name + ", " + name
        Unit = unit
        Rounds = [ for _ in 1 .. effort.Rounds -> measure bytes ]
        Budget = budget
    }

    [
        figure "time" "ms" (Some(AtMost 20.)) milliseconds
        figure "held beside it" "times its size" (Some(AtMost 3.)) (fun bytes -> held bytes / size)
        // While it is read there are the contacts and what knows them by their ids, too.
        figure "alive beside it at once" "times its size" (Some(AtMost 3.)) (fun bytes ->
            mostAlive bytes / size)
        figure "allocated beside it" "times its size" None (fun bytes -> allocated bytes / size)
    ]

/// One text of three megabytes.
let private longText () : byte[] =
    let emoji = String.replicate 250_000 "\\ud83d\\ude00"

    body {
        Name = ""
        Contact = none
        Message =
            fun number ->
                if number = 0 then
                    Some(one.Replace("\\u00bfA qu\\u00e9 hora abren los s\\u00e1bados?", emoji))
                else
                    None
        Status = none
    }

/// What webhooks of a thousand updates cost, and one of a single text as long as a body may be.
let measure (effort: Effort) : Findings =
    let long = longText ()
    read long |> ignore

    {
        nothing with
            Figures = [
                for mixture in mixtures do
                    yield! measured effort mixture
                {
                    Group = "parsing"
                    Name = "one text of 250,000 emoji, allocated beside the body"
                    Unit = "times its size"
                    Rounds = [ for _ in 1 .. effort.Rounds -> allocated long / float long.Length ]
                    Budget = Some(AtMost 2.)
                }
            ]
    }
