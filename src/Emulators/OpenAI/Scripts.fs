/// Answers that a test prepares: the next requests get them, in order, instead of the emulated model's own.
module FunctionalBot.Emulators.OpenAI.Scripts

open System
open FunctionalBot.Emulators.Json

/// One prepared answer.
type Answer =
    /// A completed response whose output text is exactly this JSON, whatever the schema says.
    | Output of Json
    /// A completed response with this output text, JSON or not.
    | OutputText of string
    /// A completed response whose content is a refusal instead of text.
    | Refusal of string
    /// A response that stopped early: the reason (`max_output_tokens`, `content_filter`) and the text so far.
    | Incomplete of reason: string * text: string
    /// HTTP 200 with status failed and this error code.
    | Failed of code: string * message: string
    /// A call of one of the request's functions, with its arguments.
    | FunctionCall of name: string * arguments: Json
    /// An HTTP error with a code, and the seconds of Retry-After.
    | HttpError of status: int * code: string * retryAfter: int option
    /// No answer: the connection is cut.
    | Cut
    /// What the emulated model would answer anyway; useful with a delay.
    | Usual

/// A prepared answer and how long it takes.
type Step = { Answer: Answer; Delay: TimeSpan }

/// A step that answers at once.
let now (answer: Answer) : Step = {
    Answer = answer
    Delay = TimeSpan.Zero
}

let private stepOf (json: Json) : Result<Step, string> =
    let whole name = wholeField name json |> Option.map int
    let orEmpty = Option.defaultValue ""

    let answer =
        match json with
        | Fields fields ->
            fields
            |> List.tryPick (fun (name, value) ->
                match name, value with
                | "output", value -> Some(Output value)
                | "text", Text text -> Some(OutputText text)
                | "refusal", Text text -> Some(Refusal text)
                | "incomplete", Text reason -> Some(Incomplete(reason, textField "partial" json |> orEmpty))
                | "failed", Text code -> Some(Failed(code, textField "message" json |> orEmpty))
                | "function", Text name ->
                    Some(FunctionCall(name, field "arguments" json |> Option.defaultValue (Fields [])))
                | "status", Whole status ->
                    Some(HttpError(int status, textField "code" json |> orEmpty, whole "retry_after"))
                | "cut", Flag true -> Some Cut
                | "usual", Flag true -> Some Usual
                | _ -> None)
        | _ -> None

    match answer with
    | Some answer ->
        Ok {
            Answer = answer
            Delay = TimeSpan.FromMilliseconds(float (whole "delay_ms" |> Option.defaultValue 0))
        }
    | None ->
        Error(
            "Each answer needs one of: output, text, refusal, incomplete, failed, function, status, cut, "
            + "usual; and may have delay_ms, code, retry_after, partial, message, arguments."
        )

/// Reads the body of `POST /_emulator/script`: `{"answers": [{"output": {...}}, {"status": 429, "code":
/// "rate_limit_exceeded", "retry_after": 1}, ...]}`.
let ofJson (json: Json) : Result<Step list, string> =
    match field "answers" json with
    | Some(Items answers) ->
        let folder answer found =
            match stepOf answer, found with
            | Ok step, Ok steps -> Ok(step :: steps)
            | Error problem, _ -> Error problem
            | _, problem -> problem

        List.foldBack folder answers (Ok [])
    | _ -> Error "The body must be an object with a list named answers."
