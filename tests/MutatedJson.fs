/// JSON that was right once: members taken away, put twice, renamed, put deeper, or become something else. Everything
/// else stays as it was written, also what is no Unicode.
module FunctionalBot.Tests.MutatedJson

open System
open System.Runtime.InteropServices
open System.Text
open System.Text.Json
open FsCheck
open FsCheck.FSharp

type private Tree =
    /// As it was written.
    | Leaf of string
    | Elements of Tree list
    /// Names as they are written, with their quotation marks.
    | Members of (string * Tree) list

/// What becomes of one member or element.
type Change =
    /// It became this JSON.
    | Replaced of string
    | Removed
    | Doubled
    /// It comes once more behind itself, as this JSON.
    | Contradicted of string
    /// It has another name, where it has one.
    | Renamed of string
    /// It lies in so many lists.
    | Deepened of int

let rec private parse (element: JsonElement) : Tree =
    match element.ValueKind with
    | JsonValueKind.Object ->
        Members [
            for part in element.EnumerateObject() ->
                "\"" + Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8PropertyName part) + "\"",
                parse part.Value
        ]
    | JsonValueKind.Array -> Elements [ for part in element.EnumerateArray() -> parse part ]
    | _ -> Leaf(element.GetRawText())

let rec private written (tree: Tree) : string =
    match tree with
    | Leaf text -> text
    | Elements parts -> "[" + String.Join(",", List.map written parts) + "]"
    | Members parts ->
        let members = [ for name, part in parts -> name + ":" + written part ]
        "{" + String.Join(",", members) + "}"

let rec private count (tree: Tree) : int =
    match tree with
    | Leaf _ -> 0
    | Elements parts -> parts |> List.sumBy (fun part -> 1 + count part)
    | Members parts -> parts |> List.sumBy (fun (_, part) -> 1 + count part)

let private applied (change: Change) (name: string, part: Tree) : (string * Tree) list =
    match change with
    | Replaced json -> [ name, Leaf json ]
    | Removed -> []
    | Doubled -> [ name, part; name, part ]
    | Contradicted json -> [ name, part; name, Leaf json ]
    | Renamed other -> [ JsonSerializer.Serialize other, part ]
    | Deepened levels -> [
        name, Leaf(String.replicate levels "[" + written part + String.replicate levels "]")
      ]

/// `left` counts down to the place that is meant.
let rec private inside (left: int ref) (change: Change) (tree: Tree) : Tree =
    let at (name: string, part: Tree) : (string * Tree) list =
        let isHere = left.Value = 0
        left.Value <- left.Value - 1

        if isHere then
            applied change (name, part)
        else
            [ name, inside left change part ]

    match tree with
    | Leaf _ -> tree
    | Elements parts -> parts |> List.collect (fun part -> at ("", part)) |> List.map snd |> Elements
    | Members parts -> parts |> List.collect at |> Members

/// The JSON with its member or element at this place changed, counted as they are read and from the start again behind
/// the last.
let changed (change: Change) (place: int) (json: string) : string =
    use document = JsonDocument.Parse json
    let tree = parse document.RootElement

    match count tree with
    | 0 -> json
    | places -> written (inside (ref (place % places)) change tree)

/// Up to three changes of this JSON, which begin with valid JSON. `names` is what members may be called, `other` what
/// they may become.
let mutated (names: string list) (other: Gen<string>) (json: string) : Gen<string> =
    let change =
        Gen.frequency [
            4, Gen.map Replaced other
            3, Gen.constant Removed
            1, Gen.constant Doubled
            1, Gen.map Contradicted other
            2, Gen.elements names |> Gen.map Renamed
            1, Gen.elements [ 1; 2; 60; 64; 1_000 ] |> Gen.map Deepened
        ]

    Gen.zip change (Gen.choose (0, 10_000))
    |> Gen.nonEmptyListOf
    |> Gen.map (fun changes ->
        (json, List.truncate 3 changes)
        ||> List.fold (fun json (change, place) ->
            try
                changed change place json
            with :? JsonException ->
                // It is deeper already than this can read.
                json))
