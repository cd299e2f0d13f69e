/// The one setting that verbs need which work on the database only: DATABASE_URL.
module FunctionalBot.Web.DatabaseSettings

open System
open FunctionalBot.Web.Setting

/// Takes what PostgreSQL's own tools take (postgres://user:password@host:port/database) and what Npgsql
/// takes.
let connectionString (text: string) : string option =
    if text.Contains "://" then
        match Uri.TryCreate(text, UriKind.Absolute) with
        | true, NonNull uri when uri.Scheme = "postgres" || uri.Scheme = "postgresql" ->
            let user, password =
                match uri.UserInfo.Split(':', 2) with
                | [| user; password |] -> Uri.UnescapeDataString user, Uri.UnescapeDataString password
                | parts -> Uri.UnescapeDataString parts[0], ""

            let builder = Npgsql.NpgsqlConnectionStringBuilder()
            builder.Host <- uri.Host
            builder.Port <- if uri.Port > 0 then uri.Port else 5432
            builder.Database <- Uri.UnescapeDataString(uri.AbsolutePath.TrimStart '/')

            if user <> "" then
                builder.Username <- user

            if password <> "" then
                builder.Password <- password

            Some builder.ConnectionString
        | _ -> None
    else
        try
            let builder = Npgsql.NpgsqlConnectionStringBuilder text

            if String.IsNullOrEmpty builder.Host then
                None
            else
                Some builder.ConnectionString
        with :? ArgumentException ->
            None

/// Reads DATABASE_URL, as a connection string for Npgsql.
let read (source: Source) : Reading<string> =
    let mend =
        "For example postgres://bot:secret@127.0.0.1:5432/bot; make the database with: createdb bot."

    required source "DATABASE_URL" mend
    |> Result.bind (fun text ->
        match connectionString text with
        | Some value -> Ok value
        | None ->
            Error [
                {
                    Name = "DATABASE_URL"
                    Wrong = "is not a PostgreSQL address"
                    Mend = mend
                }
            ])
