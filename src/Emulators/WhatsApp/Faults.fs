namespace FunctionalBot.Emulators.WhatsApp

open System
open FunctionalBot.Emulators

/// When a fault strikes: the next `Next` times for certain, after that each time with `Probability` (0 to 1).
type Trigger = { Next: int; Probability: float }

/// What becomes of the status webhooks of a message.
type StatusFault =
    /// Sent, delivered, read, each once and in this order.
    | InOrder
    /// None is ever sent.
    | Dropped
    /// Read before delivered before sent.
    | Reversed
    /// Each one twice.
    | Doubled

/// What is wrong with a file that the bot fetches.
type MediaFault =
    /// Its bytes are not those of the hash.
    | WrongHash
    /// A program that the webhook calls by the type of what was picked. Strikes when it is sent.
    | LyingType
    /// Its bytes never end.
    | EndlessBody
    /// Its address leads to another host.
    | ElsewhereBody
    /// Its address is not found, however new it is.
    | GoneBody

/// Every switch of the emulator. `Faults.none` is a WhatsApp that works.
type Faults = {
    /// A webhook that was accepted is sent once more, byte for byte.
    Duplicate: Trigger
    /// Up to so many updates are gathered and sent in random order; 0 or 1 keeps the order.
    Shuffle: int
    /// Up to so many updates travel in one webhook.
    BatchSize: int
    /// Milliseconds that the gathering for `Shuffle` and `BatchSize` waits for more.
    Gather: int
    /// Milliseconds that every webhook waits before it leaves.
    WebhookDelay: int
    /// The webhook is signed with another secret (its repetition is judged anew).
    WrongSignature: Trigger
    Statuses: StatusFault
    /// A send is refused with `SendErrorCode` and is not taken.
    SendError: Trigger
    /// The code of a refused send, for example 130429.
    SendErrorCode: int
    /// The HTTP status of a refused send; `None` for the one that the code usually has.
    SendErrorStatus: int option
    /// The send is taken, the customer sees it, and the connection is cut before the answer.
    LostAnswer: Trigger
    /// The send is taken at once and answered after so many milliseconds.
    AnswerDelay: int
    /// The send is taken and answered, and a `failed` status with `FailureCode` follows instead of
    /// `delivered`.
    FailAfterwards: Trigger
    FailureCode: int
    /// True: outside the 24 hour window a send is taken and fails by status; false: it is refused at once
    /// (131047).
    LateByStatus: bool
    /// One message per six seconds to one customer, with a burst of 45 (131056).
    PairLimit: bool
    /// Messages per second that the number may send before 130429; 0 sets no limit.
    Throughput: int
    /// The token that counts instead of the one of the settings, which is answered with 190 from then on.
    AccessToken: string option
    /// A file has the fault `MediaFaultKind`, when it is fetched or, for a lying type, when it is sent.
    MediaFault: Trigger
    MediaFaultKind: MediaFault
    /// The numbers are used on a phone of the business too: edits and deletions of customers arrive.
    Coexistence: bool
    /// GREEN, YELLOW, RED or UNKNOWN, as the number's object tells it.
    Quality: string
    /// When the token ends, in seconds since 1970 UTC; 0 for never.
    TokenExpires: int64
}

/// When faults strike, and how they are written as JSON.
[<RequireQualifiedAccess>]
module Faults =

    /// Never.
    let never = { Next = 0; Probability = 0.0 }

    /// Every time.
    let always = { Next = 0; Probability = 1.0 }

    /// The next so many times.
    let next count = { Next = count; Probability = 0.0 }

    /// Each time with this probability.
    let chance probability = { Next = 0; Probability = probability }

    /// Everything works; Meta's own limit for one pair is on.
    let none = {
        Duplicate = never
        Shuffle = 0
        BatchSize = 1
        Gather = 50
        WebhookDelay = 0
        WrongSignature = never
        Statuses = InOrder
        SendError = never
        SendErrorCode = 130429
        SendErrorStatus = None
        LostAnswer = never
        AnswerDelay = 0
        FailAfterwards = never
        FailureCode = 131026
        LateByStatus = false
        PairLimit = true
        Throughput = 0
        AccessToken = None
        MediaFault = never
        MediaFaultKind = WrongHash
        Coexistence = false
        Quality = "GREEN"
        TokenExpires = 0L
    }

    /// Whether the fault strikes now, and the trigger that is left.
    let strike (random: Random) trigger =
        if trigger.Next > 0 then
            true, { trigger with Next = trigger.Next - 1 }
        else
            trigger.Probability > 0.0 && random.NextDouble() < trigger.Probability, trigger

    let private statusNames = [
        "in-order", InOrder
        "dropped", Dropped
        "reversed", Reversed
        "doubled", Doubled
    ]

    let private mediaNames = [
        "wrong-hash", WrongHash
        "lying-type", LyingType
        "endless", EndlessBody
        "elsewhere", ElsewhereBody
        "gone", GoneBody
    ]

    let private qualities = [ "GREEN"; "YELLOW"; "RED"; "UNKNOWN" ]

    let private nameOf names case =
        names |> List.find (fun (_, known) -> known = case) |> fst

    let private triggerJson trigger =
        Json.Fields [
            "next", Json.Whole trigger.Next
            "probability", Json.Number trigger.Probability
        ]

    /// The switches as `GET /_emulator/faults` shows them.
    let toJson faults =
        Json.Fields [
            "duplicate", triggerJson faults.Duplicate
            "shuffle", Json.Whole faults.Shuffle
            "batchSize", Json.Whole faults.BatchSize
            "gather", Json.Whole faults.Gather
            "webhookDelay", Json.Whole faults.WebhookDelay
            "wrongSignature", triggerJson faults.WrongSignature
            "statuses", Json.Text(nameOf statusNames faults.Statuses)
            "sendError", triggerJson faults.SendError
            "sendErrorCode", Json.Whole faults.SendErrorCode
            "sendErrorStatus",
            faults.SendErrorStatus
            |> Option.map (int64 >> Json.Whole)
            |> Option.defaultValue Json.Null
            "lostAnswer", triggerJson faults.LostAnswer
            "answerDelay", Json.Whole faults.AnswerDelay
            "failAfterwards", triggerJson faults.FailAfterwards
            "failureCode", Json.Whole faults.FailureCode
            "lateByStatus", Json.Flag faults.LateByStatus
            "pairLimit", Json.Flag faults.PairLimit
            "throughput", Json.Whole faults.Throughput
            "accessToken", faults.AccessToken |> Option.map Json.Text |> Option.defaultValue Json.Null
            "mediaFault", triggerJson faults.MediaFault
            "mediaFaultKind", Json.Text(nameOf mediaNames faults.MediaFaultKind)
            "coexistence", Json.Flag faults.Coexistence
            "quality", Json.Text faults.Quality
            "tokenExpires", Json.Whole faults.TokenExpires
        ]

    let private number name least value =
        match Json.asNumber value with
        | Some found when found = floor found && found >= float least && found <= 1e9 -> Ok(int found)
        | _ -> Error $"`%s{name}` must be a whole number of at least %d{least}."

    let private case name names value =
        match names |> List.tryFind (fun (known, _) -> Json.Text known = value) with
        | Some(_, found) -> Ok found
        | None ->
            let known = String.Join(", ", names |> List.map fst)
            Error $"`%s{name}` must be one of: %s{known}."

    let private flag name value =
        match value with
        | Json.Flag found -> Ok found
        | _ -> Error $"`%s{name}` must be true or false."

    let private trigger name value =
        let between low high found = found >= low && found <= high

        match value with
        | Json.Flag true -> Ok always
        | Json.Flag false
        | Json.Null -> Ok never
        | Json.Whole _
        | Json.Number _ -> number name 0 value |> Result.map next
        | Json.Fields _ ->
            let read field =
                Json.given field value
                |> Option.map Json.asNumber
                |> Option.defaultValue (Some 0.0)

            match read "next", read "probability" with
            | Some count, Some probability when between 0.0 1e9 count && between 0.0 1.0 probability ->
                Ok {
                    Next = int count
                    Probability = probability
                }
            | _ -> Error $"`%s{name}` takes {{\"next\": 0 or more, \"probability\": 0 to 1}}."
        | _ -> Error $"`%s{name}` must be true, false, a count, or {{\"next\", \"probability\"}}."

    let private apply faults (name, value) =
        match name with
        | "duplicate" -> trigger name value |> Result.map (fun v -> { faults with Duplicate = v })
        | "shuffle" -> number name 0 value |> Result.map (fun v -> { faults with Shuffle = v })
        | "batchSize" ->
            number name 1 value
            |> Result.map (fun v -> { faults with BatchSize = min v 1000 })
        | "gather" -> number name 0 value |> Result.map (fun v -> { faults with Gather = v })
        | "webhookDelay" -> number name 0 value |> Result.map (fun v -> { faults with WebhookDelay = v })
        | "wrongSignature" -> trigger name value |> Result.map (fun v -> { faults with WrongSignature = v })
        | "statuses" ->
            case name statusNames value
            |> Result.map (fun v -> { faults with Statuses = v })
        | "sendError" -> trigger name value |> Result.map (fun v -> { faults with SendError = v })
        | "sendErrorCode" -> number name 0 value |> Result.map (fun v -> { faults with SendErrorCode = v })
        | "sendErrorStatus" when value = Json.Null -> Ok { faults with SendErrorStatus = None }
        | "sendErrorStatus" ->
            number name 400 value
            |> Result.map (fun v -> { faults with SendErrorStatus = Some v })
        | "lostAnswer" -> trigger name value |> Result.map (fun v -> { faults with LostAnswer = v })
        | "answerDelay" -> number name 0 value |> Result.map (fun v -> { faults with AnswerDelay = v })
        | "failAfterwards" -> trigger name value |> Result.map (fun v -> { faults with FailAfterwards = v })
        | "failureCode" -> number name 1 value |> Result.map (fun v -> { faults with FailureCode = v })
        | "lateByStatus" -> flag name value |> Result.map (fun v -> { faults with LateByStatus = v })
        | "pairLimit" -> flag name value |> Result.map (fun v -> { faults with PairLimit = v })
        | "throughput" -> number name 0 value |> Result.map (fun v -> { faults with Throughput = v })
        | "accessToken" ->
            match value with
            | Json.Null -> Ok { faults with AccessToken = None }
            | Json.Text token when token.Trim() <> "" -> Ok { faults with AccessToken = Some token }
            | _ -> Error "`accessToken` must be a text, or null for the token of the settings."
        | "mediaFault" -> trigger name value |> Result.map (fun v -> { faults with MediaFault = v })
        | "mediaFaultKind" ->
            case name mediaNames value
            |> Result.map (fun v -> { faults with MediaFaultKind = v })
        | "coexistence" -> flag name value |> Result.map (fun v -> { faults with Coexistence = v })
        | "quality" ->
            case name (qualities |> List.map (fun known -> known, known)) value
            |> Result.map (fun v -> { faults with Quality = v })
        | "tokenExpires" ->
            match value with
            | Json.Whole at when at >= 0L -> Ok { faults with TokenExpires = at }
            | _ -> Error "`tokenExpires` must be seconds since 1970, or 0 for never."
        | other -> Error $"There is no switch `%s{other}`; GET /_emulator/faults lists them all."

    /// The switches with those of a JSON object changed; the others stay. The error names the wrong switch.
    let ofJson faults changes =
        match changes with
        | Json.Fields fields ->
            (Ok faults, fields)
            ||> List.fold (fun known change -> known |> Result.bind (fun found -> apply found change))
        | _ -> Error "The body must be a JSON object of switches."
