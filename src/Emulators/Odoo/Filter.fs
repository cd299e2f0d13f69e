/// Search domains: Odoo's prefix lists of conditions, such as `["|", ["name", "ilike", "a"], ["id", "in", [1, 2]]]`.
module FunctionalBot.Emulators.Odoo.Filter

open System
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Catalogue
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records

/// A domain as a tree.
type Condition =
    /// Every record, or none.
    | Always of bool
    /// A field path, an operator and the value to compare with.
    | Compare of path: string list * operator: string * value: Json
    /// Both hold.
    | Both of Condition * Condition
    /// One of them holds.
    | Either of Condition * Condition
    /// It doesn't hold.
    | Opposite of Condition

let private operators =
    set [
        "="
        "!="
        "<>"
        "<"
        "<="
        ">"
        ">="
        "in"
        "not in"
        "like"
        "not like"
        "ilike"
        "not ilike"
        "=like"
        "=ilike"
    ]

/// Checks that the path leads through existing fields.
let rec private checkPath (caller: Caller) (model: Model) (path: string list) : bool =
    match path with
    | []
    | [ "id" ] -> true
    | name :: rest ->
        match tryField name model with
        | None -> false
        | Some {
                   Kind = (ManyToOne target | ManyToMany target | OneToMany target)
               } when not rest.IsEmpty ->
            caller.Models
            |> Map.tryFind target
            |> Option.exists (fun target -> checkPath caller target rest)
        | Some _ -> rest.IsEmpty

let private leaf (caller: Caller) (model: Model) (item: Json) : Outcome<Condition> =
    match item with
    | Items [ Whole left; Text "="; Whole right ] -> Ok(Always((left = right)))
    | Items [ Text path; Text operator; value ] ->
        let condition = $"('%s{path}', '%s{operator}', %s{pythonText value})"
        let names = path.Split '.' |> List.ofArray

        if not (operators.Contains operator) then
            valueError $"Invalid operator in condition %s{condition}"
        elif not (checkPath caller model names) then
            valueError $"Invalid field %s{model.Name}.%s{List.head names} in condition %s{condition}"
        else
            Ok(Compare(names, operator, value))
    | other -> valueError $"Domain() invalid item in domain: %s{pythonText other}"

/// Reads one term and gives what is left behind it.
let rec private term (caller: Caller) (model: Model) (items: Json list) : Outcome<Condition * Json list> =
    outcome {
        match items with
        | Text("&" | "|" as connective) :: rest ->
            let! first, rest = term caller model rest
            let! second, rest = term caller model rest

            return
                (if connective = "&" then
                     Both(first, second)
                 else
                     Either(first, second)),
                rest
        | Text "!" :: rest ->
            let! inner, rest = term caller model rest
            return Opposite inner, rest
        | item :: rest ->
            let! condition = leaf caller model item
            return condition, rest
        | [] -> return! valueError "Domain() has too few conditions for its operators"
    }

/// Reads a whole domain; terms beside each other must all hold. `false` and `null` are the empty domain.
let parse (caller: Caller) (model: Model) (domain: Json) : Outcome<Condition> =
    let rec all (found: Condition) (items: Json list) : Outcome<Condition> =
        match items with
        | [] -> Ok found
        | _ ->
            term caller model items
            |> Result.bind (fun (next, rest) ->
                all (if found = Always true then next else Both(found, next)) rest)

    match domain with
    | Items items -> all (Always true) items
    | Flag false
    | Null -> Ok(Always true)
    | other -> valueError $"Domain() invalid item in domain: %s{pythonText other}"

/// True when the domain speaks of the field itself.
let rec mentions (name: string) (condition: Condition) : bool =
    match condition with
    | Always _ -> false
    | Compare(path, _, _) -> List.tryHead path = Some name
    | Both(first, second)
    | Either(first, second) -> mentions name first || mentions name second
    | Opposite inner -> mentions name inner

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
