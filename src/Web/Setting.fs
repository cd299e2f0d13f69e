/// Reading settings from the environment: typed, all problems at once, and never a secret in a message.
module FunctionalBot.Web.Setting

open System
open System.Globalization
open System.IO

/// What is wrong with one setting, and how to mend it.
type Problem = {
    /// The variable's name.
    Name: string
    Wrong: string
    Mend: string
}

/// A value that was read, or everything that is wrong with it. Combined with `apply`, problems add up.
type Reading<'value> = Result<'value, Problem list>

/// Where the values come from: a variable's text, or None where it is not set or blank.
type Source = string -> string option

/// Combines readings so that the problems of both are kept.
let apply (value: Reading<'value>) (next: Reading<'value -> 'result>) : Reading<'result> =
    match next, value with
    | Ok next, Ok value -> Ok(next value)
    | Error problems, Ok _
    | Ok _, Error problems -> Error problems
    | Error first, Error second -> Error(first @ second)

/// Begins a chain of `apply`.
let build (make: 'value -> 'result) (value: Reading<'value>) : Reading<'result> = Result.map make value

let private problem name wrong mend : Reading<'value> =
    Error [
        {
            Name = name
            Wrong = wrong
            Mend = mend
        }
    ]

/// A value that must be there.
let required (source: Source) name mend : Reading<string> =
    match source name with
    | Some value -> Ok value
    | None -> problem name "is not set" mend

/// A value that has a default.
let withDefault (source: Source) name fallback : Reading<string> =
    Ok(source name |> Option.defaultValue fallback)

/// Reads a text further, where there is one.
let parsed
    (read: string -> 'value option)
    expected
    (source: Source)
    name
    (fallback: 'value)
    mend
    : Reading<'value> =
    match source name with
    | None -> Ok fallback
    | Some text ->
        match read text with
        | Some value -> Ok value
        | None -> problem name ("is not " + expected) mend

/// A whole number within bounds.
let number (source: Source) name fallback (least, most) mend : Reading<int> =
    let read (text: string) =
        match Int32.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture) with
        | true, value when value >= least && value <= most -> Some value
        | _ -> None

    parsed read (sprintf "a whole number from %i to %i" least most) source name fallback mend

/// A number with a decimal point within bounds.
let amount (source: Source) name fallback (least, most) mend : Reading<float> =
    let read (text: string) =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when value >= least && value <= most -> Some value
        | _ -> None

    parsed read $"a number from %g{least} to %g{most}" source name fallback mend

/// An http or https address, without a slash at its end.
let address (source: Source) name fallback mend : Reading<Uri> =
    let read (text: string) =
        match Uri.TryCreate(text.TrimEnd '/', UriKind.Absolute) with
        | true, NonNull address when address.Scheme = "http" || address.Scheme = "https" -> Some address
        | _ -> None

    match source name with
    | None ->
        match read fallback with
        | Some address -> Ok address
        | None -> problem name "is not set" mend
    | Some _ -> parsed read "an http or https address" source name (Uri "http://127.0.0.1") mend

/// One of a few words.
let oneOf (choices: (string * 'value) list) (source: Source) name fallback mend : Reading<'value> =
    let read (text: string) =
        choices
        |> List.tryFind (fun (word, _) -> String.Equals(word, text, StringComparison.OrdinalIgnoreCase))
        |> Option.map snd

    let words = choices |> List.map fst |> String.concat ", "
    parsed read ("one of " + words) source name fallback mend

/// The variables of the process, over those of a `.env` file (lines NAME=value, "#" begins a comment,
/// quotes are taken off). A variable NAME_FILE names a file that holds the value, for secrets kept by the
/// system.
let source (environment: string -> string | null) (envFile: string option) : Source =
    let fromFile =
        match envFile with
        | Some path when File.Exists path ->
            File.ReadAllLines path
            |> Array.choose (fun line ->
                let line = line.Trim()

                match line.IndexOf '=' with
                | at when at > 0 && not (line.StartsWith '#') ->
                    Some(line.Substring(0, at).Trim(), line.Substring(at + 1).Trim().Trim('"', '\''))
                | _ -> None)
            |> Map.ofArray
        | _ -> Map.empty

    let plain name =
        match environment name with
        | null
        | "" -> Map.tryFind name fromFile
        | value -> Some value

    fun name ->
        match plain name, plain (name + "_FILE") with
        | Some value, _ when value.Trim() <> "" -> Some(value.Trim())
        | _, Some path when File.Exists path ->
            match (File.ReadAllText path).Trim() with
            | "" -> None
            | value -> Some value
        | _ -> None
