/// Runs of the built program that end by themselves: exit code, results and talk.
module FunctionalBot.Tests.BotRuns

open System.Diagnostics
open System.IO
open System.Text.Json
open System.Threading.Tasks
open FunctionalBot.Tests.StoreFixture

/// What a run gave.
type Run = {
    Code: int
    /// Standard output: results.
    Results: string
    /// Standard error: talk.
    Talk: string
}

/// Runs the program with nothing but these settings, and nobody to ask.
let bot (environment: (string * string) list) (words: string list) : Task<Run> = task {
    let folder = Directory.CreateTempSubdirectory("functionalbot-operating-").FullName
    let start = Stage.prepare (Map environment) folder words
    start.RedirectStandardInput <- true

    use running =
        match Process.Start start with
        | null -> failwith "dotnet could not be started"
        | started -> started

    running.StandardInput.Close()
    let results = running.StandardOutput.ReadToEndAsync()
    let talk = running.StandardError.ReadToEndAsync()
    do! running.WaitForExitAsync()
    let! results = results
    let! talk = talk
    Directory.Delete(folder, true)

    return {
        Code = running.ExitCode
        Results = results
        Talk = talk
    }
}

/// Runs the program with this database and nothing else.
let on (database: Database) (words: string list) : Task<Run> =
    bot [ "DATABASE_URL", database.ConnectionString ] words

/// What the run gave as JSON.
let json (run: Run) : JsonDocument = JsonDocument.Parse run.Results

/// The names of an object's members, in their order.
let names (element: JsonElement) : string list = [
    for property in element.EnumerateObject() -> property.Name
]
