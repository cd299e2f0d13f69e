/// The file that keeps the records over restarts: one line per change, so that a commit costs what it
/// changes. A last line that a crash cut short is left out when reading.
module FunctionalBot.Emulators.Odoo.DataFile

open System.IO
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Records

let private toLine (change: Change) : string =
    match change with
    | Put(model, id, row) -> Fields [ "model", Text model; "id", Whole id; "row", Fields(Map.toList row) ]
    | Named(externalId, model, id) ->
        Fields [ "external", Text externalId; "model", Text model; "id", Whole id ]
    |> write

let private ofLine (line: string) : Change option =
    match parse line with
    | Error _ -> None
    | Ok json ->
        match textField "model" json, wholeField "id" json, field "row" json, textField "external" json with
        | Some model, Some id, Some(Fields values), _ -> Some(Put(model, id, Map.ofList values))
        | Some model, Some id, None, Some externalId -> Some(Named(externalId, model, id))
        | _ -> None

/// Cuts off a line that a crash left without its end: the next change would otherwise be glued to it and
/// lost.
let private mend (path: string) : unit =
    use file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite)

    let endsLine (length: int64) =
        file.Position <- length - 1L
        file.ReadByte() = int '\n'

    let mutable length = file.Length

    while length > 0L && not (endsLine length) do
        length <- length - 1L

    file.SetLength length

/// The database that the file holds on top of `seed`; the seed itself where there is no file yet.
let read (path: string) (seed: Database) : Database =
    if File.Exists path then
        mend path
        File.ReadLines path |> Seq.choose ofLine |> Seq.fold apply seed
    else
        seed

/// Adds the changes of a commit, oldest first.
let append (path: string) (changes: Change list) : unit =
    File.AppendAllLines(path, changes |> List.map toLine)

/// Starts the file anew.
let clear (path: string) : unit = File.WriteAllText(path, "")
