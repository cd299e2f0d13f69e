/// Whether a record meets a domain's condition, and in which order found records come.
module FunctionalBot.Emulators.Odoo.Matching

open System
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Catalogue
open FunctionalBot.Emulators.Odoo.Filter
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records

let private contains (ignoreCase: bool) (text: string) (part: string) : bool =
    let comparison =
        if ignoreCase then
            StringComparison.OrdinalIgnoreCase
        else
            StringComparison.Ordinal

    // `%` stands for any run of characters: the pieces between must come one after another.
    let rec follows (from: int) (pieces: string list) =
        match pieces with
        | [] -> true
        | piece :: rest ->
            match text.IndexOf(piece, from, comparison) with
            | -1 -> false
            | place -> follows (place + piece.Length) rest

    follows 0 (part.Split '%' |> List.ofArray)

let private compareValues (left: Json) (right: Json) : int option =
    match left, right with
    | Whole first, Whole second -> Some(compare first second)
    | Number first, Number second -> Some(compare first second)
    | Whole first, Number second -> Some(compare (float first) second)
    | Number first, Whole second -> Some(compare first (float second))
    | Text first, Text second -> Some(String.CompareOrdinal(first, second))
    | _ -> None

let private isUnset (value: Json) : bool =
    match value with
    | Flag false
    | Null -> true
    | _ -> false

let private equals (stored: Json) (value: Json) : bool =
    stored = value
    || (isUnset stored && (isUnset value || value = Whole 0L))
    || (stored = Text "" && isUnset value)

/// Compares one stored value; `label` is the text that a reference shows.
let private compareOne (operator: string) (value: Json) (label: string option) (stored: Json) : bool =
    // A reference compared with text is compared by its label.
    let shown =
        match label, value with
        | Some label, (Text _ | Items(Text _ :: _)) -> Text label
        | _ -> stored

    let ordered test =
        compareValues shown value |> Option.exists test

    let matches ignoreCase =
        match shown, value with
        | Text text, Text part -> contains ignoreCase text part
        | _, Text "" -> true
        | _ -> false

    let isListed =
        match value with
        | Items items -> items |> List.exists (equals shown)
        | single -> equals shown single

    match operator with
    | "=" -> isListed
    | "!="
    | "<>" -> not isListed
    | "in" -> isListed
    | "not in" -> not isListed
    | "<" -> ordered (fun order -> order < 0)
    | "<=" -> ordered (fun order -> order <= 0)
    | ">" -> ordered (fun order -> order > 0)
    | ">=" -> ordered (fun order -> order >= 0)
    | "ilike"
    | "=ilike" -> matches true
    | "not ilike" -> not (matches true)
    | "not like" -> not (matches false)
    | _ -> matches false

let rec private follow
    (caller: Caller)
    database
    (model: string)
    path
    (operator: string)
    (value: Json)
    id
    (row: Row)
    =
    match path with
    | [] -> false
    | [ "id" ] -> compareOne operator value None (Whole id)
    | [ "display_name" ] -> compareOne operator value None (Text(labelOf caller model row))
    | name :: rest ->
        let target =
            caller.Models
            |> Map.tryFind model
            |> Option.bind (tryField name)
            |> Option.bind (fun field ->
                match field.Kind with
                | ManyToOne target
                | ManyToMany target
                | OneToMany target -> Some target
                | _ -> None)

        match target, valueOf name row with
        | None, stored -> compareOne operator value None stored
        | Some target, stored ->
            let ids =
                match stored with
                | Items ids -> ids
                | Whole id -> [ Whole id ]
                | _ -> []

            let rowOf reference =
                match reference with
                | Whole id -> tryRow target id database |> Option.map (fun row -> id, row)
                | _ -> None

            let holds reference =
                match rest, rowOf reference with
                | [], Some(_, row) -> compareOne operator value (Some(labelOf caller target row)) reference
                | _, Some(id, row) -> follow caller database target rest operator value id row
                | _, None -> false

            match rest, ids, operator with
            | [], [], _ -> compareOne operator value None (Flag false)
            | [], _, ("!=" | "<>" | "not in" | "not like" | "not ilike") -> ids |> List.forall holds
            | _, [], _ -> isUnset value && (operator = "=" || operator = "in")
            | _ -> ids |> List.exists holds

/// Whether a record meets the condition.
let rec holds
    (caller: Caller)
    (database: Database)
    (model: string)
    (condition: Condition)
    (id: int64, row: Row)
    : bool =
    match condition with
    | Always answer -> answer
    | Compare(path, operator, value) -> follow caller database model path operator value id row
    | Both(first, second) ->
        holds caller database model first (id, row)
        && holds caller database model second (id, row)
    | Either(first, second) ->
        holds caller database model first (id, row)
        || holds caller database model second (id, row)
    | Opposite inner -> not (holds caller database model inner (id, row))

/// Reads an order such as `"write_date desc, id"` into fields and directions (true for descending).
let parseOrder (model: Model) (order: string) : Outcome<(string * bool) list> =
    order.Split ','
    |> List.ofArray
    |> List.map (fun part ->
        part.Trim().Split([| ' ' |], StringSplitOptions.RemoveEmptyEntries)
        |> List.ofArray)
    |> eachOf (fun part ->
        match part with
        | name :: direction when name = "id" || (tryField name model).IsSome ->
            Ok(
                name,
                direction
                |> List.exists (fun word -> word.Equals("desc", StringComparison.OrdinalIgnoreCase))
            )
        | name :: _ -> valueError $"Invalid field '%s{name}' on model '%s{model.Name}'"
        | [] -> valueError $"Invalid \"order\" specified (%s{order})")

/// Sorts records by an order; PostgreSQL puts unset values last, first when descending.
let sort (order: (string * bool) list) (rows: (int64 * Row) list) : (int64 * Row) list =
    let valueAt name (id, row) =
        if name = "id" then Whole id else valueOf name row

    let compareBy first second (name, descending) =
        let left, right = valueAt name first, valueAt name second

        let ascending =
            match compareValues left right with
            | Some order -> order
            | None -> compare (isUnset left) (isUnset right)

        if descending then -ascending else ascending

    rows
    |> List.sortWith (fun first second ->
        order
        |> List.tryPick (fun key ->
            match compareBy first second key with
            | 0 -> None
            | decided -> Some decided)
        |> Option.defaultValue 0)
