/// A network between the bot and PostgreSQL that breaks at the worst moment: when a transaction is committed. It
/// understands as much of the protocol as it takes to know that moment (version 3, without TLS).
module FunctionalBot.Tests.CuttingProxy

open System
open System.Buffers.Binary
open System.Collections.Concurrent
open System.Collections.Generic
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading
open System.Threading.Tasks
open Npgsql

/// What happens to a commit.
type Fate =
    /// It goes its way.
    | Passes
    /// The connection is cut before PostgreSQL hears of the commit.
    | CutBefore
    /// PostgreSQL commits, and the connection is cut before the bot hears of it.
    | CutAfter
    /// Neither hears of the other any more, and no connection is cut: so it looks when a node freezes.
    | Frozen

[<NoComparison; NoEquality>]
type Proxy = {
    Port: int
    /// Asked at each commit of a transaction that may have written something.
    Fate: (unit -> Fate) ref
    /// The fates so far, but for those that passed.
    Struck: ConcurrentQueue<Fate>
    Stop: unit -> unit
}

/// The same connection string, but through the proxy and without TLS.
let through (connectionString: string) (proxy: Proxy) : string =
    NpgsqlConnectionStringBuilder(
        connectionString,
        Host = "127.0.0.1",
        Port = proxy.Port,
        SslMode = SslMode.Disable,
        Pooling = true
    )
        .ConnectionString

/// What is known of one connection.
type private Line() =
    /// Between BEGIN and COMMIT.
    member val InTransaction = false with get, set
    /// Whether what was sent since the last Sync changes rows.
    member val Writes = false with get, set
    /// Prepared statements that change rows, and those that commit.
    member val Writing = HashSet<string>()
    member val Committing = HashSet<string>()
    /// Set once PostgreSQL's answers are kept from the bot.
    member val Holding = false with get, set

let private textAt (body: ReadOnlySpan<byte>) (from: int) =
    let rest = body.Slice from
    let length = rest.IndexOf 0uy
    Encoding.UTF8.GetString(rest.Slice(0, length)), from + length + 1

let private beginsWith (word: string) (sql: string) =
    sql.TrimStart().StartsWith(word, StringComparison.OrdinalIgnoreCase)

let private changesRows (sql: string) =
    [ "INSERT"; "UPDATE"; "DELETE" ]
    |> List.exists (fun word -> sql.Contains(word, StringComparison.OrdinalIgnoreCase))

/// Notes what a message of the bot does, and tells whether it makes PostgreSQL commit.
let private isCommit (line: Line) (kind: char) (body: byte[]) : bool =
    match kind with
    | 'Q' ->
        let sql, _ = textAt (ReadOnlySpan body) 0

        if beginsWith "BEGIN" sql then
            line.InTransaction <- true
            false
        elif beginsWith "ROLLBACK" sql then
            line.InTransaction <- false
            false
        elif beginsWith "COMMIT" sql then
            line.InTransaction <- false
            true
        else
            not line.InTransaction && changesRows sql
    | 'P' ->
        let name, next = textAt (ReadOnlySpan body) 0
        let sql, _ = textAt (ReadOnlySpan body) next
        line.Writing.Remove name |> ignore
        line.Committing.Remove name |> ignore

        if beginsWith "COMMIT" sql then
            line.Committing.Add name |> ignore
        elif changesRows sql then
            line.Writing.Add name |> ignore

        false
    | 'B' ->
        let _, next = textAt (ReadOnlySpan body) 0
        let name, _ = textAt (ReadOnlySpan body) next
        line.Writes <- line.Writes || line.Writing.Contains name
        let commits = line.Committing.Contains name

        if commits then
            line.InTransaction <- false

        commits
    | 'S' ->
        // Without BEGIN all that was sent up to here is one transaction.
        let commits = line.Writes && not line.InTransaction
        line.Writes <- false
        commits
    | _ -> false

let private readWhole (stream: NetworkStream) (count: int) : Task<byte[]> = task {
    let buffer = Array.zeroCreate count
    do! stream.ReadExactlyAsync(buffer, 0, count)
    return buffer
}

let private lengthIn (head: byte[]) (at: int) =
    BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(head, at, 4))

/// What a connection begins with has no type: requests for encryption, each answered with one letter, and then
/// the start itself.
let private letStart (bot: NetworkStream) (postgres: NetworkStream) : Task = task {
    let started = ref false

    while not started.Value do
        let! head = readWhole bot 4
        let! rest = readWhole bot (lengthIn head 0 - 4)
        do! postgres.WriteAsync(ReadOnlyMemory(Array.append head rest))
        let code = lengthIn rest 0

        if code = 80877103 || code = 80877104 then
            let! letter = readWhole postgres 1
            do! bot.WriteAsync(ReadOnlyMemory letter)
        else
            started.Value <- true
}

/// One message with its type and length.
let private readMessage (stream: NetworkStream) = task {
    let! head = readWhole stream 5
    let! body = readWhole stream (lengthIn head 1 - 4)
    return char head[0], head, body
}

let private carry (proxy: Proxy) (bot: TcpClient) (postgres: TcpClient) : Task = task {
    let line = Line()
    let frozen = ref false

    let close () =
        bot.Close()
        postgres.Close()

    let fromBot () : Task = task {
        let bot, postgres = bot.GetStream(), postgres.GetStream()

        while true do
            let! kind, head, body = readMessage bot

            let fate =
                if isCommit line kind body then
                    proxy.Fate.Value()
                else
                    Passes

            if fate <> Passes then
                proxy.Struck.Enqueue fate

            match fate with
            | CutBefore -> raise (OperationCanceledException())
            | Frozen ->
                frozen.Value <- true
                line.Holding <- true
            | CutAfter -> line.Holding <- true
            | Passes -> ()

            if not frozen.Value then
                do! postgres.WriteAsync(ReadOnlyMemory(Array.append head body))
    }

    let fromPostgres () : Task = task {
        let bot, postgres = bot.GetStream(), postgres.GetStream()

        while true do
            let! kind, head, body = readMessage postgres

            if not line.Holding then
                do! bot.WriteAsync(ReadOnlyMemory(Array.append head body))
            elif kind = 'Z' && body[0] = byte 'I' && not frozen.Value then
                // The transaction is over there.
                raise (OperationCanceledException())
    }

    // Whoever ends takes the other direction along; a frozen node notices nothing, and keeps its end open.
    let guarded (closes: unit -> bool) (work: unit -> Task) : Task = task {
        try
            do! work ()
        with
        | :? IO.IOException
        | :? SocketException
        | :? ObjectDisposedException
        | :? InvalidOperationException
        | :? OperationCanceledException -> ()

        if closes () then
            close ()
    }

    let never () = false
    let unlessFrozen () = not frozen.Value

    do! guarded never (fun () -> letStart (bot.GetStream()) (postgres.GetStream()))
    do! Task.WhenAll(guarded unlessFrozen fromBot, guarded unlessFrozen fromPostgres)
}

/// Stands before the PostgreSQL of this address.
let before (host: string) (port: int) : Proxy =
    let listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    let stopping = new CancellationTokenSource()
    let clients = ConcurrentBag<TcpClient>()

    let proxy = {
        Port = (listener.LocalEndpoint :?> IPEndPoint).Port
        Fate = ref (fun () -> Passes)
        Struck = ConcurrentQueue()
        Stop =
            fun () ->
                stopping.Cancel()
                listener.Stop()

                for client in clients do
                    client.Close()
    }

    let accept () : Task = task {
        while not stopping.IsCancellationRequested do
            let! bot = listener.AcceptTcpClientAsync stopping.Token
            let postgres = new TcpClient()
            bot.NoDelay <- true
            postgres.NoDelay <- true
            clients.Add bot
            clients.Add postgres

            try
                do! postgres.ConnectAsync(host, port)
                carry proxy bot postgres |> ignore
            with :? SocketException ->
                bot.Close()
    }

    accept () |> ignore
    proxy

/// Stands before the PostgreSQL of this connection string.
let beforeServerOf (connectionString: string) : Proxy =
    let server = NpgsqlConnectionStringBuilder connectionString
    before (string server.Host) server.Port

/// The next commit has this fate, and those after it pass.
let strikeOnce (fate: Fate) (proxy: Proxy) : unit =
    let left = ref 1

    proxy.Fate.Value <-
        fun () ->
            if Interlocked.Decrement &left.contents = 0 then
                fate
            else
                Passes
