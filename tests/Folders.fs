/// Where tests find the project's files, from wherever they are run.
module FunctionalBot.Tests.Folders

open System
open System.IO

let rec private above (relative: string) (folder: DirectoryInfo | null) =
    match folder with
    | null -> None
    | folder ->
        let candidate = Path.Combine(folder.FullName, relative)

        if Directory.Exists candidate then
            Some candidate
        else
            above relative folder.Parent

/// The first folder of that relative path in the test's own folder or any above it.
let find (relative: string) : string option =
    above relative (DirectoryInfo AppContext.BaseDirectory)

/// data/phrases of the project.
let phrases () =
    find (Path.Combine("data", "phrases"))
    |> Option.defaultWith (fun () -> failwith "data/phrases is not above the test's folder")

/// The folder of Meta's and OpenAI's contract files, which is not part of the repository: BOT_CONTRACTS, or
/// shared/contracts beside the project or above it.
let contracts () : string option =
    match Environment.GetEnvironmentVariable "BOT_CONTRACTS" with
    | NonNull folder when Directory.Exists folder -> Some folder
    | _ -> find (Path.Combine("shared", "contracts"))
