/// Verbs that change something: the reason, the consent, the dry run, and what they print.
module FunctionalBot.Web.Changing

open System
open System.Threading.Tasks
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine

/// The flags that every changing verb has.
type Wish = {
    Reason: string option
    IsRehearsal: bool
    HasConsent: bool
    /// More than one thing may be changed: nobody is asked, `--yes` is needed.
    IsForMany: bool
    IsJson: bool
}

/// What came of one target.
type Result = {
    Number: string
    Outcome: ChangeOutcome
}

/// Asks on the terminal whether to go on with `what`; no answer is a no.
let asked (what: string) : bool =
    Console.Error.Write $"%s{what} Go on? [y/N] "

    match Console.In.ReadLine() with
    | null -> false
    | answer ->
        answer.Trim().ToLowerInvariant() = "y"
        || answer.Trim().ToLowerInvariant() = "yes"

/// The request to change `what`, or the exit code of why there is none.
let request (what: string) (wish: Wish) : Result<ChangeRequest, int> =
    let made reason = {
        Who = Environment.UserName
        Reason = reason
        IsRehearsal = wish.IsRehearsal
    }

    match wish.Reason |> Option.map _.Trim() with
    | None when wish.IsRehearsal -> Ok(made "")
    | None
    | Some "" ->
        Output.say "Say why with --reason TEXT; it is kept in the audit."
        Error ExitCode.usage
    | Some reason when wish.IsRehearsal || wish.HasConsent -> Ok(made reason)
    | Some _ when wish.IsForMany || not (Output.mayAsk ()) ->
        Output.say $"%s{what} Nothing was changed: this needs --yes. See what it would do with --dry-run."
        Error ExitCode.refused
    | Some reason when asked what -> Ok(made reason)
    | Some _ ->
        Output.say "Nothing was changed."
        Error ExitCode.refused

let private word outcome =
    match outcome with
    | Changed _ -> "changed"
    | NotFound -> "not-found"
    | NotAllowed _ -> "refused"
    | Unchanged _ -> "unchanged"

let private detail outcome =
    match outcome with
    | Changed effect -> effect
    | NotFound -> "there is none"
    | NotAllowed why
    | Unchanged why -> why

let private exitCode (results: Result list) =
    match results with
    | [ { Outcome = Changed _ } ] -> ExitCode.ok
    | [ { Outcome = NotFound } ] -> ExitCode.notFound
    | [ { Outcome = NotAllowed _ } ] -> ExitCode.refused
    | results ->
        if results |> List.forall (fun result -> result.Outcome.IsChanged) then
            ExitCode.ok
        else
            ExitCode.problems

/// Prints the results, and gives the exit code: of one target its own, of several 1 where one was not changed.
let report (noun: string) (wish: Wish) (results: Result list) : int =
    if wish.IsJson then
        Document.create [
            "dry_run", Document.truth wish.IsRehearsal
            "results",
            Document.list [
                for result in results do
                    Document.fields [
                        noun, Document.text result.Number
                        "outcome", Document.text (word result.Outcome)
                        "detail", Document.text (detail result.Outcome)
                    ]
            ]
        ]
        |> Output.writeJson
    else
        let verb = if wish.IsRehearsal then "would be " else ""

        for result in results do
            match result.Outcome with
            | Changed effect ->
                Console.Out.WriteLine $"%s{noun} %s{result.Number} %s{verb}changed: %s{effect}"
            | NotFound -> Output.say $"There is no %s{noun} %s{Logging.mask result.Number}."
            | NotAllowed why ->
                Output.say $"%s{noun} %s{Logging.mask result.Number} is left as it is: %s{why}."
            | Unchanged why -> Output.say $"%s{noun} %s{Logging.mask result.Number} stays as it is: %s{why}."

        if results.IsEmpty then
            Output.say "Nothing is dead; nothing to do."
        elif wish.IsRehearsal then
            Output.say "This was a dry run: nothing was changed."

    exitCode results

/// What came of the targets in their order, and why it went no further.
let private each (targets: 'target list) name (change: 'target -> Task<ChangeOutcome>) passed = task {
    let results = ResizeArray<Result>()
    let stopped = ref None

    for target in targets do
        if stopped.Value.IsNone then
            try
                let! outcome = change target

                results.Add {
                    Number = name target
                    Outcome = outcome
                }

                passed (int64 results.Count)
            with StoreUnavailable(message, _) ->
                stopped.Value <- Some message

    return List.ofSeq results, stopped.Value
}

/// Changes each target in a transaction of its own, so that what is done stays done when it is interrupted, prints
/// what came of it, and gives the exit code.
let many
    (noun: string)
    (wish: Wish)
    (targets: 'target list)
    (name: 'target -> string)
    (change: 'target -> Task<ChangeOutcome>)
    : Task<int> = task {
    let work = each targets name change

    let! results, stopped =
        if targets.Length < 2 then
            work ignore
        else
            Output.withProgress "changing" (Some(int64 targets.Length)) work

    match stopped with
    | None -> return report noun wish results
    | Some message when results.IsEmpty ->
        Output.say (Logging.mask message)
        return ExitCode.unreachable
    | Some message ->
        report noun wish results |> ignore

        Output.say (
            $"%s{Logging.mask message} %d{results.Length} of %d{targets.Length} are done. "
            + "Run the same command again to go on."
        )

        return ExitCode.partly
}
