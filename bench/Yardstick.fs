/// What PostgreSQL does on this machine when it is asked for nothing but single rows, each in a transaction
/// of its own: the measure for everything that the bot does with it.
module FunctionalBot.Bench.Yardstick

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Bench.Database
open FunctionalBot.Bench.Measurement

/// Clients at the same time, as many as the webhook has connections.
let clients = 64

let private figure name unit' rounds = {
    Group = "yardstick"
    Name = name
    Unit = unit'
    Rounds = rounds
    Budget = None
}

let private execute (database: BenchDatabase) (sql: string) =
    use source = NpgsqlDataSource.Create database.Connection
    use command = source.CreateCommand sql
    command.ExecuteNonQuery() |> ignore

/// Inserts rows from every client for the span; the milliseconds of each insert.
let private insertFor (source: NpgsqlDataSource) (span: TimeSpan) = task {
    let body = Array.zeroCreate<byte> 700
    let watch = Stopwatch.StartNew()

    let! taken =
        Task.WhenAll [|
            for _ in 1..clients ->
                Task.Run<ResizeArray<float>>(fun () -> task {
                    use! connection = source.OpenConnectionAsync()
                    use command = connection.CreateCommand()
                    command.CommandText <- "INSERT INTO bench_row (body) VALUES ($1)"
                    command.Parameters.Add(NpgsqlParameter<byte[]>(TypedValue = body)) |> ignore
                    do! command.PrepareAsync()
                    let times = ResizeArray()

                    while watch.Elapsed < span do
                        let since = Stopwatch.GetTimestamp()
                        let! _ = command.ExecuteNonQueryAsync()
                        times.Add((Stopwatch.GetElapsedTime since).TotalMilliseconds)

                    return times
                })
        |]

    let seconds = watch.Elapsed.TotalSeconds
    let sorted = taken |> Seq.concat |> Seq.toArray
    Array.Sort sorted
    return float sorted.Length / seconds, percentile 0.5 sorted, percentile 0.99 sorted
}

let private byNpgsql (effort: Effort) (database: BenchDatabase) =
    let settings =
        NpgsqlConnectionStringBuilder(database.Connection, MaxPoolSize = clients)

    use source = NpgsqlDataSource.Create settings.ConnectionString

    let insert () =
        (insertFor source effort.Span).GetAwaiter().GetResult()

    insert () |> ignore
    let taken = [ for _ in 1 .. effort.Rounds -> insert () ]

    [
        figure $"one row a commit, Npgsql, %d{clients} clients" "rows/s" [ for rate, _, _ in taken -> rate ]
        figure "  p50" "ms" [ for _, middle, _ in taken -> middle ]
        figure "  p99" "ms" [ for _, _, slow in taken -> slow ]
    ]

/// pgbench beside the server's other programs; npm's package has none.
let private byPgbench (effort: Effort) (database: BenchDatabase) : Findings =
    let program = Path.Combine(database.Programs, "pgbench")

    if not (File.Exists program) then
        {
            nothing with
                Remarks = [
                    {
                        About = "yardstick"
                        Text = $"pgbench is not beside PostgreSQL's programs (%s{database.Programs})."
                    }
                ]
        }
    else
        let script = Path.GetTempFileName()
        File.WriteAllText(script, "INSERT INTO bench_row (body) VALUES (decode(repeat('00', 700), 'hex'));\n")
        let settings = NpgsqlConnectionStringBuilder database.Connection
        let seconds = max 1 (int (Math.Round effort.Span.TotalSeconds))

        let measure () =
            let start =
                ProcessStartInfo(
                    program,
                    [
                        "--no-vacuum"
                        "--protocol=prepared"
                        "--client"
                        string clients
                        "--jobs"
                        "2"
                        "--time"
                        string seconds
                        "--file"
                        script
                    ],
                    RedirectStandardOutput = true,
                    RedirectStandardError = true
                )

            start.Environment["PGHOST"] <- settings.Host
            start.Environment["PGPORT"] <- string settings.Port
            start.Environment["PGUSER"] <- settings.Username
            start.Environment["PGPASSWORD"] <- settings.Password
            start.Environment["PGDATABASE"] <- settings.Database
            use running = new Process(StartInfo = start)
            running.Start() |> ignore
            let problems = running.StandardError.ReadToEndAsync()
            let output = running.StandardOutput.ReadToEnd()
            running.WaitForExit()

            match Regex.Match(output, @"tps = ([0-9.]+)") with
            | found when found.Success ->
                Ok(Double.Parse(found.Groups[1].Value, Globalization.CultureInfo.InvariantCulture))
            | _ -> Error(problems.GetAwaiter().GetResult().Trim())

        let taken = [ for _ in 1 .. effort.Rounds -> measure () ]
        File.Delete script

        match taken |> List.choose Result.toOption with
        | [] ->
            let why =
                taken
                |> List.tryPick (function
                    | Error text -> Some text
                    | Ok _ -> None)

            let why = why |> Option.defaultValue ""

            {
                nothing with
                    Remarks = [
                        {
                            About = "yardstick"
                            Text = $"pgbench gave no number: %s{why}"
                        }
                    ]
            }
        | rates -> {
            nothing with
                Figures = [ figure $"one row a commit, pgbench, %d{clients} clients" "rows/s" rates ]
          }

/// Single-row inserts by Npgsql, and by pgbench where it is found.
let measure (effort: Effort) (database: BenchDatabase) : Findings =
    execute
        database
        "CREATE TABLE bench_row (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL)"

    let inserts = byNpgsql effort database
    let others = byPgbench effort database
    execute database "DROP TABLE bench_row"
    join { nothing with Figures = inserts } others
