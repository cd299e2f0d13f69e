/// Search domains: Odoo's prefix lists of conditions, such as `["|", ["name", "ilike", "a"], ["id", "in", [1,
/// 2]]]`.
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
