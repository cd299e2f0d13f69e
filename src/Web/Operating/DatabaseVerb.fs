/// Verbs that need the database and nothing else: they read DATABASE_URL only, want this build's schema, and say
/// clearly why a database cannot be used.
module FunctionalBot.Web.DatabaseVerb

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine

/// Says why the database cannot be used.
let unfit (problem: MigrationProblem) : int =
    Output.say (Logging.mask (Migrations.explain problem))
    ExitCode.unreachable

/// Runs work, and says clearly where it ends because the database is away or the role lacks rights.
let guarded (work: unit -> Task<int>) : int =
    try
        (work ()).GetAwaiter().GetResult()
    with
    | StoreUnavailable(message, _) ->
        Output.say (Logging.mask message)
        ExitCode.unreachable
    | :? PostgresException as refused when refused.SqlState = PostgresErrorCodes.InsufficientPrivilege ->
        unfit (RightsAreMissing refused.MessageText)

/// Says what is wrong with the settings.
let misconfigured (problems: Setting.Problem list) : int =
    for problem in problems do
        Output.say $"%s{problem.Name} %s{problem.Wrong}."
        Output.say $"    fix: %s{problem.Mend}"

    ExitCode.configuration

/// Runs work where the database has this build's schema, and says what it has instead.
let onSchema (connectionString: string) (work: unit -> Task<int>) : Task<int> = task {
    match! Migrations.status connectionString with
    | Error problem -> return unfit problem
    | Ok status when not status.Waiting.IsEmpty ->
        Output.say (
            $"The database is older than this build: %d{status.Waiting.Length} migration(s) are waiting. "
            + "Nothing was changed. Run: bot db migrate"
        )

        return ExitCode.unreachable
    | Ok _ -> return! work ()
}

/// Runs work with the connection string of DATABASE_URL, from the environment or the file.
let withConnection (envFile: string) (work: string -> Task<int>) : int =
    let source = Setting.source Environment.GetEnvironmentVariable (Some envFile)

    match DatabaseSettings.read source with
    | Error problems -> misconfigured problems
    | Ok connectionString -> guarded (fun () -> work connectionString)

let private operate (connectionString: string) (work: Operations -> Task<int>) : Task<int> = task {
    // Leases are judged: what an operator's machine believes of the time must not end one.
    let! world = DatabaseClock.measured connectionString Composition.world

    let operations =
        Operations.create connectionString (fun body -> WhatsAppInbound.read (ReadOnlyMemory body)) world

    try
        return! work operations
    finally
        operations.Close().GetAwaiter().GetResult()
}

/// Runs work on the database of this connection string, where it has this build's schema.
let onOperations (connectionString: string) (work: Operations -> Task<int>) : Task<int> =
    onSchema connectionString (fun () -> operate connectionString work)

/// Runs work on a database that has this build's schema.
let withOperations (envFile: string) (work: Operations -> Task<int>) : int =
    withConnection envFile (fun connectionString -> onOperations connectionString work)
