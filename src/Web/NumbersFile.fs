/// The business numbers that one process serves: the one of the variables, and any number more from a file.
module FunctionalBot.Web.NumbersFile

open System
open System.IO
open System.Text
open System.Text.Json
open FunctionalBot.Effects
open FunctionalBot.Web.Setting
open FunctionalBot.Web.NumberSettings
open FunctionalBot.Web.NumberEntry

let private variable = "BOT_NUMBERS"

let private fileHelp =
    "Write a list of numbers as JSON; data/numbers.example.json is one."

/// What the file holds. Another encoding than UTF-8 would put broken letters into what customers read.
let private textOf (path: string) : string =
    let bytes = File.ReadAllBytes path
    let mark = Encoding.UTF8.GetPreamble()

    let start =
        if ReadOnlySpan<byte>(bytes).StartsWith(ReadOnlySpan<byte>(mark)) then
            mark.Length
        else
            0

    UTF8Encoding(encoderShouldEmitUTF8Identifier = false, throwOnInvalidBytes = true)
        .GetString(bytes, start, bytes.Length - start)

/// Whether names and texts of an entry are Unicode; "\ud83c" without its other half is none.
let private isUnicode (entry: JsonElement) =
    try
        if entry.ValueKind = JsonValueKind.Object then
            for part in entry.EnumerateObject() do
                part.Name |> ignore

                if part.Value.ValueKind = JsonValueKind.String then
                    part.Value.GetString() |> ignore

        true
    with :? InvalidOperationException ->
        false

/// The entries of the file, or why there are none.
let private entriesOf (path: string) : Reading<JsonElement list> =
    let options =
        JsonDocumentOptions(CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true)

    try
        use document = JsonDocument.Parse(textOf path, options)

        match document.RootElement.ValueKind with
        | JsonValueKind.Array -> Ok [ for entry in document.RootElement.EnumerateArray() -> entry.Clone() ]
        | _ -> problem variable ("names a file that holds no list: " + path) fileHelp
    with
    | :? JsonException as fault ->
        let line = fault.LineNumber.GetValueOrDefault() + 1L
        problem variable $"names a file that is no JSON, line %d{line}: %s{path}" fileHelp
    | :? DecoderFallbackException ->
        problem variable ("names a file that is not in UTF-8: " + path) "Save it anew in UTF-8."
    | :? FileNotFoundException
    | :? DirectoryNotFoundException ->
        problem variable ("names a file that is not there: " + path) "Name one that is."
    | :? UnauthorizedAccessException
    | :? IOException ->
        problem variable ("names a file that cannot be read: " + path) "Name a file that the bot may read."

/// All values, or all problems.
let private all (readings: Reading<'value> list) : Reading<'value list> =
    List.foldBack
        (fun reading rest -> build (fun value values -> value :: values) reading |> apply rest)
        readings
        (Ok [])

let private ofEntries (common: Common) (source: Source) (path: string) (entries: JsonElement list) =
    let folder =
        match Path.GetDirectoryName(Path.GetFullPath path) with
        | null -> "."
        | folder -> folder

    entries
    |> List.mapi (fun place fields ->
        let entry = {
            Place = $"%s{path}, entry %d{place + 1}"
            Folder = folder
            Fields = fields
        }

        match fields.ValueKind with
        | JsonValueKind.Object when not (isUnicode fields) ->
            problem entry.Place "holds half a character (\\u…)" "Write the character itself."
        | JsonValueKind.Object -> ofEntry common source entry
        | _ -> problem entry.Place "is no object" fileHelp)
    |> all

/// The ids that the entries have, whatever else is wrong with them.
let private idsOf (entries: JsonElement list) : string list =
    entries |> List.choose (LenientJson.filled "id") |> List.map _.Trim()

/// A number that is set twice could be meant either way.
let private distinct (ids: string list) : Reading<unit> =
    match ids |> List.countBy id |> List.filter (fun (_, count) -> count > 1) with
    | [] -> Ok()
    | several ->
        Error [
            for id, count in several do
                {
                    Name = variable
                    Wrong = $"has the number with the id %s{id} %d{count} times"
                    Mend = "Leave one; a number of the file is not set in " + phoneNumberId + " besides."
                }
        ]

/// The numbers of the file, behind the one of the variables where there is one.
let private withFile common source (first: string option) (path: string) : Reading<NumberConfiguration list> =
    entriesOf path
    |> Result.bind (fun entries ->
        match first, entries with
        | None, [] -> problem variable "names a file without numbers" fileHelp
        | _ ->
            let ofFile = ofEntries common source path entries

            let numbers =
                match first with
                | Some _ ->
                    build (fun first more -> first :: more) (ofVariables common source)
                    |> apply ofFile
                | None -> ofFile

            build (fun numbers () -> numbers) numbers
            |> apply (distinct (Option.toList first @ idsOf entries)))

/// Reads all numbers: the one of WHATSAPP_PHONE_NUMBER_ID, and those of the file that BOT_NUMBERS names, in this
/// order. At least one of the two variables must be set. On failure every problem there is. `data` is where the
/// program finds its data folder.
let read (data: string) (source: Source) : Reading<NumberConfiguration list> =
    let common = common data source

    both (source phoneNumberId) (source variable)
    |> Result.bind (function
        | first, Some path -> withFile common source first path
        | _, None -> ofVariables common source |> Result.map List.singleton)
