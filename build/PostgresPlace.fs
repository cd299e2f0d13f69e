/// Where a private PostgreSQL keeps its data and its programs. An ordinary user keeps both where they are
/// asked to be. Root hands PostgreSQL to the user `nobody`, who may not be able to enter the project's
/// folder: then they go to a folder under /var/tmp that is named after a hash of the path that was asked for,
/// so that the next run finds it again.
module FunctionalBot.Build.PostgresPlace

open System
open System.IO
open System.Security.Cryptography
open System.Text
open FunctionalBot.Build.Processes
open FunctionalBot.Build.PostgresPrograms

/// A name for a path: the first 12 hexadecimal digits of its SHA-256.
let private hashOf (path: string) : string =
    let digest = SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath path))
    Convert.ToHexStringLower(digest).Substring(0, 12)

/// The stand-in for a path that `nobody` cannot reach.
let private elsewhere (path: string) : string =
    Path.Combine("/var/tmp", $"functionalbot-%s{hashOf path}")

/// Every user may write to /var/tmp: a folder of that name made by somebody else, or a link, is not taken.
let private claimElsewhere (path: string) : Result<string, string> =
    let folder = elsewhere path
    let information = DirectoryInfo folder

    if not information.Exists then
        let readableByAll =
            UnixFileMode.UserRead
            ||| UnixFileMode.UserWrite
            ||| UnixFileMode.UserExecute
            ||| UnixFileMode.GroupRead
            ||| UnixFileMode.GroupExecute
            ||| UnixFileMode.OtherRead
            ||| UnixFileMode.OtherExecute

        Directory.CreateDirectory(folder, readableByAll) |> ignore
        File.SetUnixFileMode(folder, readableByAll)

    let owner = run (invocation "/" "stat" [ "-c"; "%u"; folder ])

    if isNull (DirectoryInfo(folder).LinkTarget) && owner.Output.Trim() = "0" then
        Ok folder
    else
        Error $"%s{folder} was not made by root; remove it and try again."

let private allows (user: RunAs) (test: string) (folder: string) : bool =
    (run (invokeAs user neutralFolder "sh" [ "-c"; test; "sh"; folder ])).Code = 0

let private canEnter (user: RunAs) (folder: string) = allows user "cd \"$1\"" folder

let private canWrite (user: RunAs) (folder: string) =
    allows user "test -w \"$1\" && cd \"$1\"" folder

/// Makes a folder that only its owner can enter and gives it to the user that PostgreSQL runs as.
let private makeOwn (owner: string) (folder: string) : Result<string, string> =
    let onlyOwner =
        UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.UserExecute

    Directory.CreateDirectory(folder, onlyOwner) |> ignore
    let given = run (invocation "/" "chown" [ owner; folder ])

    match given.Code with
    | 0 -> Ok folder
    | _ -> Error $"%s{folder} could not be given to the user that PostgreSQL runs as: %s{given.Output.Trim()}"

/// The folder that really holds what was asked to be kept in `wanted`; it is made when it is not there. The
/// data folder, the password and the log lie in it.
let claim (user: RunAs) (wanted: string) : Result<string, string> =
    let wanted = Path.GetFullPath wanted

    match user with
    | Ourselves ->
        Directory.CreateDirectory wanted |> ignore

        if OperatingSystem.IsWindows() || canWrite user wanted then
            Ok wanted
        else
            Error $"%s{wanted} belongs to another user (did root run this before?). Remove it first."
    | Nobody(_, owner) ->
        let parent =
            Path.GetDirectoryName wanted |> Option.ofObj |> Option.defaultValue wanted

        Directory.CreateDirectory parent |> ignore

        if Directory.Exists wanted && canWrite user wanted then
            Ok wanted
        elif not (Directory.Exists wanted) && canEnter user parent then
            makeOwn owner wanted
        else
            claimElsewhere wanted
            |> Result.bind (fun folder ->
                let inside = Path.Combine(folder, "postgres")

                if Directory.Exists inside then
                    Ok inside
                else
                    makeOwn owner inside)

/// Deletes what is kept for `wanted`, wherever it lies. A cluster in it must have been stopped.
let discard (wanted: string) : unit =
    for folder in [ Path.GetFullPath wanted; elsewhere wanted ] do
        if Directory.Exists folder then
            Directory.Delete(folder, recursive = true)

/// The same programs in a folder in which the user that runs them can reach them: where they are, or a copy
/// of them. Only programs that npm brought lie inside a project and can need the copy.
let reachable (programs: Programs) : Result<Programs, string> =
    let runs folder =
        (run (invoke { programs with Folder = folder } "postgres" [ "--version" ])).Code = 0

    if runs programs.Folder then
        Ok programs
    else
        // bin, lib and share lie beside each other, and the programs look for the others from where they are.
        let tree =
            Path.GetDirectoryName programs.Folder
            |> Option.ofObj
            |> Option.defaultValue programs.Folder

        claimElsewhere tree
        |> Result.bind (fun folder ->
            let copied = Path.Combine(folder, "programs")
            let bin = Path.Combine(copied, "bin")

            let copy = "rm -rf \"$2\" && cp -R -P \"$1\" \"$2\" && chmod -R a+rX \"$2\""

            if runs bin then
                Ok { programs with Folder = bin }
            else
                let made = run (invocation "/" "sh" [ "-c"; copy; "sh"; tree; copied ])

                if made.Code = 0 && runs bin then
                    Ok { programs with Folder = bin }
                else
                    Error
                        $"PostgreSQL's programs in %s{programs.Folder} cannot be used by the user nobody, and a \
                          copy in %s{copied} did not work either: %s{made.Output.Trim()}")
