/// `bot db`: the schema and the soundness of the database.
module FunctionalBot.Web.DatabaseVerbs

open System
open System.Threading.Tasks
open Argu
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.DatabaseArguments

let private named (migration: Migration) =
    Document.fields [
        "number", Document.number (int64 migration.Number)
        "name", Document.text migration.Name
    ]

let private status (given: ParseResults<DatabaseShowArguments>) (connectionString: string) : Task<int> = task {
    match! Migrations.status connectionString with
    | Error problem -> return DatabaseVerb.unfit problem
    | Ok status ->
        let isCurrent = status.Waiting.IsEmpty

        if given.Contains DatabaseShowArguments.Json then
            Document.create [
                "current", Document.truth isCurrent
                "applied", Document.list (List.map named status.Applied)
                "waiting", Document.list (List.map named status.Waiting)
            ]
            |> Output.writeJson
        else
            Output.writeTable [ "migration"; "state" ] [
                for migration in status.Applied do
                    [ migration.Name; "applied" ]
                for migration in status.Waiting do
                    [ migration.Name; "waiting" ]
            ]

        if isCurrent then
            return ExitCode.ok
        else
            Output.say $"%d{status.Waiting.Length} migration(s) are waiting. Run: bot db migrate"
            return ExitCode.problems
}

/// The text of each file that would run, ready for a review or for psql.
let private rehearse isJson (connectionString: string) : Task<int> = task {
    match! Migrations.status connectionString with
    | Error problem -> return DatabaseVerb.unfit problem
    | Ok status ->
        if isJson then
            Document.create [
                "dry_run", Document.truth true
                "migrations",
                Document.list [
                    for migration in status.Waiting do
                        let node = named migration
                        node["sql"] <- Document.text migration.Sql
                        node
                ]
            ]
            |> Output.writeJson
        else
            for migration in status.Waiting do
                Console.Out.WriteLine $"-- %s{migration.Name}"
                Console.Out.WriteLine migration.Sql

            Output.say
                $"%d{status.Waiting.Length} migration(s) would run. This was a dry run: nothing was changed."

        return ExitCode.ok
}

let private migrate (given: ParseResults<DatabaseMigrateArguments>) (connectionString: string) : Task<int> =
    let isJson = given.Contains DatabaseMigrateArguments.Json

    if given.Contains DatabaseMigrateArguments.Dry_Run then
        rehearse isJson connectionString
    else
        task {
            match! Migrations.run connectionString with
            | Error problem -> return DatabaseVerb.unfit problem
            | Ok applied ->
                if isJson then
                    Document.create [
                        "dry_run", Document.truth false
                        "migrations", Document.list (List.map named applied)
                    ]
                    |> Output.writeJson
                else
                    for migration in applied do
                        Console.Out.WriteLine $"applied %s{migration.Name}"

                    if applied.IsEmpty then
                        Output.say "The schema is current; there was nothing to do."

                return ExitCode.ok
        }

let private findingFields (finding: CheckFinding) =
    Document.fields [
        "name", Document.text finding.Check.Name
        "rule", Document.optionalNumber (Option.map int64 finding.Check.Rule)
        "ok", Document.truth finding.Offences.IsEmpty
        "count", Document.number finding.Count
        "offences", Document.texts finding.Offences
    ]

let private check (given: ParseResults<DatabaseShowArguments>) (operations: Operations) : Task<int> = task {
    let checks = LayoutCheck.all @ BooksCheck.all

    let! findings =
        Output.withProgress "checking" (Some(int64 checks.Length)) (operations.Check checks)

    let broken = findings |> List.filter (fun finding -> not finding.Offences.IsEmpty)

    if given.Contains DatabaseShowArguments.Json then
        Document.create [
            "ok", Document.truth broken.IsEmpty
            "checks", Document.list (List.map findingFields findings)
        ]
        |> Output.writeJson
    else
        Output.writeTable [ ""; "check"; "finding" ] [
            for finding in findings do
                let rule =
                    match finding.Check.Rule with
                    | Some rule -> $"layout %d{rule}: "
                    | None -> "books: "

                match finding.Offences with
                | [] -> [ "ok"; rule + finding.Check.Name; "" ]
                | first :: others ->
                    [ "FAIL"; rule + finding.Check.Name; first ]

                    for offence in others do
                        [ ""; ""; offence ]

                    if finding.Count > int64 finding.Offences.Length then
                        [ ""; ""; $"and %d{finding.Count - int64 finding.Offences.Length} more" ]
        ]

    if broken.IsEmpty then
        return ExitCode.ok
    else
        Output.say (
            $"%d{broken.Length} of %d{findings.Length} checks found something. "
            + "Keep a copy of the database (pg_dump) before anything is mended."
        )

        return ExitCode.problems
}

/// Runs the verb; returns the exit code.
let run (envFile: string) (given: ParseResults<DatabaseArguments>) : int =
    match given.GetSubCommand() with
    | DatabaseArguments.Status given -> DatabaseVerb.withConnection envFile (status given)
    | DatabaseArguments.Migrate given -> DatabaseVerb.withConnection envFile (migrate given)
    | DatabaseArguments.Check given -> DatabaseVerb.withOperations envFile (check given)
