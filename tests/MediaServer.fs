/// A Graph API that has one file, on loopback: where it is, and the file itself, each as a test wants it.
module FunctionalBot.Tests.MediaServer

open System
open System.Collections.Concurrent
open System.Security.Cryptography
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Emulators

/// One request: path and query, and the headers that matter.
type Asked = {
    Path: string
    Authorization: string
    UserAgent: string
}

/// The server, its address, and what it was asked, oldest first.
[<NoComparison; NoEquality>]
type Server = {
    Address: Uri
    Asked: unit -> Asked list
}

/// The file's bytes, from a seed; the same every time, and never all in memory.
let writeFile (size: int64) (write: ReadOnlyMemory<byte> -> Task) : Task = task {
    let block = Array.init 65536 (fun index -> byte (index * 31 % 251))
    let mutable left = size

    while left > 0L do
        let count = int (min left (int64 block.Length))
        do! write (ReadOnlyMemory(block, 0, count))
        left <- left - int64 count
}

/// The hash of what `writeFile` writes, after these first bytes.
let hashOf (first: byte[]) (size: int64) : byte[] =
    use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
    hash.AppendData first

    (writeFile size (fun block ->
        hash.AppendData block.Span
        Task.CompletedTask))
        .Wait()

    hash.GetHashAndReset()

/// Runs a test against a server. `answer` gets the server's own address, and the request.
let using (answer: Uri -> HttpContext -> Task) (test: Server -> Task<unit>) : Task = task {
    let asked = ConcurrentQueue<Asked>()
    let own = ref (Uri "http://127.0.0.1")

    let handle (context: HttpContext) : Task =
        asked.Enqueue {
            Path = string context.Request.Path + string context.Request.QueryString
            Authorization = Exchange.header "Authorization" context
            UserAgent = Exchange.header "User-Agent" context
        }

        answer own.Value context

    let! running =
        Hosting.start 0 1_000_000L (fun app -> app.Run(RequestDelegate(fun context -> handle context)))

    own.Value <- running.Address

    try
        do!
            test {
                Address = running.Address
                Asked = fun () -> List.ofSeq asked
            }
    finally
        running.Stop().Wait()
}

/// The description of a file as the Graph API gives it.
let describe (context: HttpContext) (url: string) (size: int64 option) (sha256: string option) : Task =
    let fields = [
        $"\"url\":\"%s{url}\""
        match size with
        | Some size -> $"\"file_size\":%d{size}"
        | None -> ()
        match sha256 with
        | Some hash -> $"\"sha256\":\"%s{hash}\""
        | None -> ()
        "\"mime_type\":\"image/jpeg\",\"id\":\"777\",\"messaging_product\":\"whatsapp\""
    ]

    Exchange.answer context 200 "application/json" ("{" + String.concat "," fields + "}")

/// An error of the Graph API.
let refuse (context: HttpContext) (status: int) (code: int) : Task =
    Exchange.answer
        context
        status
        "application/json"
        $"{{\"error\":{{\"message\":\"invented\",\"code\":%d{code},\"fbtrace_id\":\"A1\"}}}}"

/// Sends bytes, with their length or in chunks.
let send (context: HttpContext) (withLength: bool) (first: byte[]) (size: int64) : Task = task {
    if withLength then
        context.Response.ContentLength <- Nullable(int64 first.Length + size)

    do! context.Response.Body.WriteAsync(ReadOnlyMemory first)
    do! writeFile size (fun block -> (context.Response.Body.WriteAsync block).AsTask())
}

/// The settings for such a server.
let settings (address: Uri) : MediaSettings = {
    Graph = {
        GraphUrl = Uri(address, "v25.0")
        Token = fun () -> "invented-token"
        PhoneNumberId = "100"
        Timeout = TimeSpan.FromSeconds 20.
    }
    Hosts = WhatsAppMedia.defaultHosts
    Idle = TimeSpan.FromSeconds 20.
}

/// A request for the file 777 of a message.
let request: FileRequest = {
    Message = MessageId "wamid.1"
    Place = 0
    Kind = Image
    MediaId = "777"
    MimeType = Some "image/jpeg"
    Sha256 = None
    FileName = None
}

/// The command that fetches it.
let key: CommandKey = {
    Session = {
        Channel = "whatsapp-100"
        Customer = CustomerId "ES.1"
        Ordinal = 1
    }
    Version = 3L
    Ordinal = 0
}

/// The client with which the bot itself fetches files: what is tried here holds for that one.
let newClient () =
    FunctionalBot.Web.Composition.newClient Timeout.InfiniteTimeSpan

/// Downloads into a stream.
let downloadTo (target: IO.Stream) (settings: MediaSettings) (request: FileRequest) (limit: int64) = task {
    use client = newClient ()

    return! (WhatsAppMedia.create settings client).Download request limit target CancellationToken.None
}

/// Downloads into memory.
let downloadWith (settings: MediaSettings) (request: FileRequest) (limit: int64) = task {
    use memory = new IO.MemoryStream()
    let! downloaded = downloadTo memory settings request limit
    return downloaded, memory.ToArray()
}
