/// The one setting that verbs need which work on the database only: DATABASE_URL.
module FunctionalBot.Web.DatabaseSettings

open System
open Npgsql
open FunctionalBot.Web.Setting

/// What may stand behind the "?" of an address, and what it is called for Npgsql.
let private parameters =
    Map [
        "application_name", "Application Name"
        "connect_timeout", "Timeout"
        "dbname", "Database"
        "host", "Host"
        "options", "Options"
        "password", "Password"
        "port", "Port"
        "sslcert", "SSL Certificate"
        "sslkey", "SSL Key"
        "sslmode", "SSL Mode"
        "sslpassword", "SSL Password"
        "sslrootcert", "Root Certificate"
        "user", "Username"
    ]

/// Sets what one "name=value" says. What it names and what it can be are told, the value never is.
let private add (builder: NpgsqlConnectionStringBuilder) (pair: string) : Result<unit, string> =
    let name, value =
        match pair.Split('=', 2) with
        | [| name; value |] -> Uri.UnescapeDataString name, Uri.UnescapeDataString value
        | _ -> Uri.UnescapeDataString pair, ""

    // Npgsql writes verify-full as VerifyFull.
    let value = if name = "sslmode" then value.Replace("-", "") else value

    match parameters.TryFind name with
    | None ->
        let known = parameters |> Map.keys |> String.concat ", "
        Error $"has a \"%s{name}\" behind its \"?\", which means nothing here (known are %s{known})"
    | Some keyword ->
        try
            builder[keyword] <- value
            Ok()
        with
        | :? ArgumentException
        | :? FormatException
        | :? OverflowException -> Error $"has a \"%s{name}\" behind its \"?\" that it cannot have"

let private ofAddress (uri: Uri) : Result<string, string> =
    let builder = NpgsqlConnectionStringBuilder()

    let user, password =
        match uri.UserInfo.Split(':', 2) with
        | [| user; password |] -> Uri.UnescapeDataString user, Uri.UnescapeDataString password
        | parts -> Uri.UnescapeDataString parts[0], ""

    let database = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart '/')

    if uri.Host <> "" then
        builder.Host <- uri.Host

    builder.Port <- if uri.Port > 0 then uri.Port else 5432

    if database <> "" then
        builder.Database <- database

    if user <> "" then
        builder.Username <- user

    if password <> "" then
        builder.Password <- password

    let wrong =
        uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
        |> List.ofArray
        |> List.tryPick (fun pair ->
            match add builder pair with
            | Ok() -> None
            | Error wrong -> Some wrong)

    match wrong with
    | Some wrong -> Error wrong
    | None when uri.Fragment <> "" -> Error "has a \"#\", which ends an address; within a password write %23"
    | None when String.IsNullOrEmpty builder.Host -> Error "names no host"
    | None -> Ok builder.ConnectionString

/// Takes what PostgreSQL's own tools take (postgres://user:password@host:port/database?sslmode=verify-full) and what
/// Npgsql takes. Nothing of it is passed over: what is not understood is an error, which says what is wrong.
let connectionString (text: string) : Result<string, string> =
    if text.Contains "://" then
        match Uri.TryCreate(text, UriKind.Absolute) with
        | true, NonNull uri when uri.Scheme = "postgres" || uri.Scheme = "postgresql" -> ofAddress uri
        | _ -> Error "is not a PostgreSQL address"
    else
        try
            let builder = NpgsqlConnectionStringBuilder text

            if String.IsNullOrEmpty builder.Host then
                Error "is not a PostgreSQL address"
            else
                Ok builder.ConnectionString
        with
        | :? ArgumentException
        | :? FormatException -> Error "is not a PostgreSQL address"

/// Reads DATABASE_URL, as a connection string for Npgsql.
let read (source: Source) : Reading<string> =
    let mend =
        "For example postgres://bot:secret@127.0.0.1:5432/bot; make the database with: createdb bot."

    required source "DATABASE_URL" mend
    |> Result.bind (fun text ->
        match connectionString text with
        | Ok value -> Ok value
        | Error wrong ->
            Error [
                {
                    Name = "DATABASE_URL"
                    Wrong = wrong
                    Mend = mend
                }
            ])
