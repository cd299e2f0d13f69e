/// What the tests of kept files share: a clock, a scanner and a look into the folder.
module FunctionalBot.Tests.FileStage

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

let none = CancellationToken.None
let start = DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero)

/// A world whose clock the test moves.
let worldOf (clock: DateTimeOffset ref) : World = {
    Now = fun () -> clock.Value
    Elapsed = fun () -> TimeSpan.Zero
    Delay = fun _ _ -> Task.CompletedTask
    NewId = Guid.NewGuid
    Random = fun () -> 0.5
}

/// Everything that lies below a folder, in the order of the names.
let filesBelow (folder: string) =
    if Directory.Exists folder then
        Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
        |> Array.map (fun path -> Path.GetRelativePath(folder, path).Replace('\\', '/'))
        |> Array.sort
        |> List.ofArray
    else
        []

/// Writes these bytes as a source does.
let write (bytes: byte[]) (stream: Stream) : Task<Result<Downloaded, FileFailure>> = task {
    do! stream.WriteAsync(ReadOnlyMemory bytes)

    return
        Ok {
            Hash = FileHash(Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData bytes))
            Size = int64 bytes.Length
            Begin = Array.truncate 4096 bytes
        }
}

/// As files are named by.
let hashOfBytes (bytes: byte[]) =
    Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData bytes)

/// The bytes that lie under a hash.
let readAll (store: FileStorePort) hash = task {
    match! store.Open hash none with
    | None -> return None
    | Some stream ->
        use stream = stream
        use memory = new MemoryStream()
        do! stream.CopyToAsync memory
        return Some(memory.ToArray())
}

/// Why it was not kept.
let failed (result: Result<'value, FileFailure>) =
    match result with
    | Error failure -> failure
    | Ok _ -> failwith "It was kept."

/// A scanner that says this of each file.
let scanner verdict : ScannerPort = {
    Scan = fun _ _ -> Task.FromResult verdict
}
