/// The files of this repository, for tests that look at the files themselves.
module FunctionalBot.Tests.Repository

open System
open System.IO

/// The folder that holds FunctionalBot.sln, found from where the tests are built to.
let root: string =
    let rec climb (folder: DirectoryInfo | null) =
        match folder with
        | null -> failwith $"FunctionalBot.sln is in no folder above %s{AppContext.BaseDirectory}"
        | found when File.Exists(Path.Combine(found.FullName, "FunctionalBot.sln")) -> found.FullName
        | found -> climb found.Parent

    climb (DirectoryInfo AppContext.BaseDirectory)

/// The full path of a file of the repository, given with slashes.
let path (relative: string) : string = Path.Combine(root, relative)

/// The folder of Meta's and OpenAI's contract files, which is not part of the repository: BOT_CONTRACTS, or
/// shared/contracts beside the repository or above it.
let contracts () : string option =
    let rec above (folder: DirectoryInfo | null) =
        match folder with
        | null -> None
        | found ->
            let candidate = Path.Combine(found.FullName, "shared", "contracts")

            if Directory.Exists candidate then
                Some candidate
            else
                above found.Parent

    match Environment.GetEnvironmentVariable "BOT_CONTRACTS" with
    | NonNull folder when Directory.Exists folder -> Some folder
    | _ -> above (DirectoryInfo root)

/// Reads a file of the repository, given with slashes.
let read (relative: string) : string = File.ReadAllText(path relative)

/// What lies beside the sources without belonging to them; .gitignore names the same.
let private foreign =
    set [
        "bin"
        "obj"
        "logs"
        "node_modules"
        "paket-files"
        "artifacts"
        ".git"
        ".vs"
        ".idea"
        ".fake"
    ]

/// The files that a run leaves under data/.
let private kept = [ "data/postgres/"; "data/demo/"; "data/media/"; ".env" ]

/// Every source file of the repository, relative to its root and with slashes. A git clone is not needed.
let files: string list =
    let rec below (folder: string) = [
        for file in Directory.GetFiles folder do
            Path.GetRelativePath(root, file).Replace('\\', '/')
        for inner in Directory.GetDirectories folder do
            let relative = Path.GetRelativePath(root, inner).Replace('\\', '/') + "/"

            if
                not (foreign.Contains(DirectoryInfo(inner).Name))
                && not (List.contains relative kept)
            then
                yield! below inner
    ]

    below root
    |> List.filter (fun file -> not (List.contains file kept) && not (file.EndsWith ".tmp"))

/// The source files under a folder ("src/Domain/") whose name ends in one of the extensions.
let filesIn (folder: string) (extensions: string list) : string list =
    files
    |> List.filter (fun file ->
        file.StartsWith folder
        && List.exists (fun (ending: string) -> file.EndsWith ending) extensions)
