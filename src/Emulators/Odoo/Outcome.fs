/// What a call to Odoo can fail with, as a value: the name of the Python exception decides the HTTP status.
module FunctionalBot.Emulators.Odoo.Outcome

open FunctionalBot.Emulators.Json

/// A failed call. `Name` is the Python exception's full name, `Message` what Odoo writes with it.
type Failure = { Name: string; Message: string }

/// The result of a step inside Odoo.
type Outcome<'value> = Result<'value, Failure>

/// Chains steps that can fail; the first failure ends the chain, as an exception ends the real transaction.
type OutcomeBuilder() =
    /// Goes on with the value of a step that went well.
    member _.Bind(step: Outcome<'first>, next: 'first -> Outcome<'second>) : Outcome<'second> =
        Result.bind next step

    /// Ends the chain with a value.
    member _.Return(value: 'value) : Outcome<'value> = Ok value
    /// Ends the chain with another step's outcome.
    member _.ReturnFrom(step: Outcome<'value>) : Outcome<'value> = step
    /// A step that says nothing went well.
    member _.Zero() : Outcome<unit> = Ok()

    /// Runs one step after another.
    member _.Combine(first: Outcome<unit>, next: unit -> Outcome<'value>) : Outcome<'value> =
        Result.bind next first

    /// Holds a step back until the one before it went well.
    member _.Delay(step: unit -> Outcome<'value>) : unit -> Outcome<'value> = step
    /// Starts the chain.
    member _.Run(step: unit -> Outcome<'value>) : Outcome<'value> = step ()

/// The chain of steps that can fail.
let outcome = OutcomeBuilder()

let private failure (name: string) (message: string) : Outcome<'value> =
    Error { Name = name; Message = message }

/// `builtins.ValueError`: a field, value or operator that does not exist; 500 over JSON-2.
let valueError (message: string) : Outcome<'value> = failure "builtins.ValueError" message

/// `builtins.TypeError`: wrong arguments over JSON-RPC.
let typeError (message: string) : Outcome<'value> = failure "builtins.TypeError" message

/// `odoo.exceptions.AccessError`: the user may not do that; 403.
let accessError (message: string) : Outcome<'value> =
    failure "odoo.exceptions.AccessError" message

/// `odoo.exceptions.ValidationError`: a mandatory field is not set, and the like; 422.
let validationError (message: string) : Outcome<'value> =
    failure "odoo.exceptions.ValidationError" message

/// `odoo.exceptions.UserError`; 422.
let userError (message: string) : Outcome<'value> =
    failure "odoo.exceptions.UserError" message

/// `odoo.exceptions.MissingError`: the record is not there any more; 404 as JSON.
let missingError (model: string) (id: int64) (user: int64) : Outcome<'value> =
    failure
        "odoo.exceptions.MissingError"
        $"Record does not exist or has been deleted.\n(Record: %s{model}(%d{id},), User: %d{user})"

/// `werkzeug.exceptions.UnprocessableEntity`: arguments that the method does not take; 422.
let unprocessable (message: string) : Outcome<'value> =
    failure "werkzeug.exceptions.UnprocessableEntity" message

/// `werkzeug.exceptions.NotFound`: no such model or method; 404 as JSON.
let notFound (message: string) : Outcome<'value> =
    failure "werkzeug.exceptions.NotFound" message

/// `werkzeug.exceptions.BadRequest`: the body is not JSON; 400.
let badRequest (message: string) : Outcome<'value> =
    failure "werkzeug.exceptions.BadRequest" message

/// `werkzeug.exceptions.Unauthorized`: no key or a wrong one; 401.
let unauthorized (message: string) : Outcome<'value> =
    failure "werkzeug.exceptions.Unauthorized" message

/// The HTTP status that JSON-2 gives to a failure (seen on Odoo 19).
let statusOf (problem: Failure) : int =
    match problem.Name with
    | "werkzeug.exceptions.Unauthorized" -> 401
    | "odoo.exceptions.AccessError"
    | "odoo.exceptions.AccessDenied" -> 403
    | "werkzeug.exceptions.NotFound"
    | "odoo.exceptions.MissingError" -> 404
    | "werkzeug.exceptions.BadRequest" -> 400
    | "werkzeug.exceptions.UnprocessableEntity"
    | "odoo.exceptions.ValidationError"
    | "odoo.exceptions.UserError" -> 422
    | _ -> 500

/// Runs a step on each item, from first to last, and hands on what the steps gave and the last state.
let rec foldEach
    (step: 'state -> 'item -> Outcome<'result * 'state>)
    (state: 'state)
    (items: 'item list)
    : Outcome<'result list * 'state> =
    let folder (found: Outcome<'result list * 'state>) item =
        found
        |> Result.bind (fun (results, state) ->
            step state item |> Result.map (fun (result, state) -> result :: results, state))

    items
    |> List.fold folder (Ok([], state))
    |> Result.map (fun (results, state) -> List.rev results, state)

/// Runs a step on each item that needs no state.
let eachOf (step: 'item -> Outcome<'result>) (items: 'item list) : Outcome<'result list> =
    foldEach (fun () item -> step item |> Result.map (fun result -> result, ())) () items
    |> Result.map fst

/// A value as Python writes it in messages: `'text'`, `False`, `None`, `[1, 2]`.
let rec pythonText (json: Json) : string =
    match json with
    | Null -> "None"
    | Flag true -> "True"
    | Flag false -> "False"
    | Whole whole -> string whole
    | Number number -> string number
    | Text text -> "'" + text.Replace("\\", "\\\\").Replace("'", "\\'").Replace("\n", "\\n") + "'"
    | Items items -> "[" + (items |> List.map pythonText |> String.concat ", ") + "]"
    | Fields fields ->
        "{"
        + (fields
           |> List.map (fun (name, value) -> $"'%s{name}': %s{pythonText value}")
           |> String.concat ", ")
        + "}"
