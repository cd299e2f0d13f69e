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

/// Where the values come from: a variable's text, or None where it is not set or blank. An error where it says
/// that the text is somewhere else, and it cannot be had there.
type Source = string -> Reading<string option>

/// Combines readings so that the problems of both are kept.
let apply (value: Reading<'value>) (next: Reading<'value -> 'result>) : Reading<'result> =
    match next, value with
    | Ok next, Ok value -> Ok(next value)
    | Error problems, Ok _
    | Ok _, Error problems -> Error problems
    | Error first, Error second -> Error(first @ second)

/// Begins a chain of `apply`.
let build (make: 'value -> 'result) (value: Reading<'value>) : Reading<'result> = Result.map make value

/// Two values that mean something together.
let both (first: Reading<'first>) (second: Reading<'second>) : Reading<'first * 'second> =
    build (fun first second -> first, second) first |> apply second

/// What is wrong with one setting.
let problem name wrong mend : Reading<'value> =
    Error [
        {
            Name = name
            Wrong = wrong
            Mend = mend
        }
    ]

/// A value that must be there.
let required (source: Source) name mend : Reading<string> =
    source name
    |> Result.bind (function
        | Some value -> Ok value
        | None -> problem name "is not set" mend)

/// A value that has a default.
let withDefault (source: Source) name fallback : Reading<string> =
    source name |> Result.map (Option.defaultValue fallback)

/// Texts that stand between commas or blanks; none where nothing is set.
let texts (source: Source) name fallback : Reading<string list> =
    withDefault source name fallback
    |> Result.map (fun text ->
        text.Split([| ','; ' ' |], StringSplitOptions.RemoveEmptyEntries)
        |> List.ofArray)

/// Names of hosts, as they stand in addresses between "//" and the next "/".
let hosts (source: Source) name fallback : Reading<string list> =
    texts source name fallback
    |> Result.bind (fun hosts ->
        match
            hosts
            |> List.tryFind (fun host -> Uri.CheckHostName host = UriHostNameType.Unknown)
        with
        | None when hosts.IsEmpty && fallback <> "" ->
            problem name "names no host" ("Leave it out for " + fallback + ".")
        | None -> Ok hosts
        | Some wrong ->
            problem
                name
                $"holds '%s{wrong}', which is no name of a host"
                "Write names alone, without https:// and without a path, separated by commas.")

/// Whether a text can be an access token, which stands in a header: no blanks, breaks of lines or letters with accents.
let isToken (text: string) =
    text <> "" && text |> Seq.forall (fun unit -> unit > ' ' && unit <= '~')

/// An access token that must be there. What is wrong with it is told without it.
let token (source: Source) name mend : Reading<string> =
    required source name mend
    |> Result.bind (fun text ->
        if isToken text then
            Ok text
        else
            problem
                name
                "holds a blank, a break of a line or a letter that no token has"
                "Copy the token once more, whole and alone.")

/// Reads a text further, where there is one.
let parsed
    (read: string -> 'value option)
    expected
    (source: Source)
    name
    (fallback: 'value)
    mend
    : Reading<'value> =
    source name
    |> Result.bind (function
        | None -> Ok fallback
        | Some text ->
            match read text with
            | Some value -> Ok value
            | None -> problem name ("is not " + expected) mend)

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

    source name
    |> Result.bind (fun text ->
        match text, read (Option.defaultValue fallback text) with
        | _, Some address -> Ok address
        | None, None -> problem name "is not set" mend
        | Some _, None -> problem name "is not an http or https address" mend)

/// One of a few words.
let oneOf (choices: (string * 'value) list) (source: Source) name fallback mend : Reading<'value> =
    let read (text: string) =
        choices
        |> List.tryFind (fun (word, _) -> String.Equals(word, text, StringComparison.OrdinalIgnoreCase))
        |> Option.map snd

    let words = choices |> List.map fst |> String.concat ", "
    parsed read ("one of " + words) source name fallback mend

/// The file that NAME_FILE names, where the value comes from it: NAME itself goes before.
let fileOf (source: Source) name : Reading<string option> = source (name + "_FILE")

/// The text of a file, or why it cannot be read.
let private contentOf (path: string) : Result<string, string> =
    try
        Ok(File.ReadAllText path)
    with
    | :? FileNotFoundException
    | :? DirectoryNotFoundException -> Error("names a file that is not there: " + path)
    | :? UnauthorizedAccessException
    | :? IOException
    | :? ArgumentException -> Error("names a file that cannot be read: " + path)

/// What is wrong with a file of settings, if anything is. One that was not asked for by name may be missing.
let fileProblem (envFile: string) (isNamed: bool) : Problem option =
    match contentOf envFile with
    | Error wrong when isNamed || File.Exists envFile ->
        Some {
            Name = "--env-file"
            Wrong = wrong
            Mend = "Name a file that is there and that the user who runs the bot may read."
        }
    | Error _
    | Ok _ -> None

let private variablesOf (text: string) =
    text.Split '\n'
    |> Array.choose (fun line ->
        let line = line.Trim()

        match line.IndexOf '=' with
        | at when at > 0 && not (line.StartsWith '#') ->
            Some(line.Substring(0, at).Trim(), line.Substring(at + 1).Trim().Trim('"', '\''))
        | _ -> None)
    |> Map.ofArray

let private notBlank (text: string) =
    match text.Trim() with
    | "" -> None
    | value -> Some value

/// The value that a file holds now; None where it is away, empty, or cannot be read.
let valueIn (path: string) : string option =
    match contentOf path with
    | Ok text -> notBlank text
    | Error _ -> None

/// The variables of the process, over those of a `.env` file (lines NAME=value, "#" begins a comment,
/// quotes are taken off). A variable NAME_FILE names a file that holds the value, for secrets kept by the
/// system. A file of settings that cannot be read is as none: whoever starts the program asks `fileProblem` first.
let source (environment: string -> string | null) (envFile: string option) : Source =
    let fromFile =
        match envFile |> Option.map contentOf with
        | Some(Ok text) -> variablesOf text
        | Some(Error _)
        | None -> Map.empty

    let plain name =
        match environment name with
        | null
        | "" -> Map.tryFind name fromFile
        | value -> Some value

    let isSet name =
        (plain name |> Option.bind notBlank).IsSome

    let ofFile = "_FILE"

    fun name ->
        match plain name |> Option.bind notBlank, plain (name + ofFile) |> Option.bind notBlank with
        // NAME goes before NAME_FILE, which then counts as not set.
        | Some _, _ when name.EndsWith ofFile && isSet (name.Substring(0, name.Length - ofFile.Length)) ->
            Ok None
        | Some value, _ -> Ok(Some value)
        | None, None -> Ok None
        | None, Some path ->
            match contentOf path with
            | Ok text -> Ok(notBlank text)
            | Error wrong ->
                problem (name + "_FILE") wrong $"Put the value into that file, or set %s{name} itself."
