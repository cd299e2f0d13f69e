/// One keep-alive connection on a bare socket: a client that costs little, since it shares the processors
/// with what it measures.
module FunctionalBot.Bench.Connection

open System
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks

/// An open connection to the bot.
[<NoComparison; NoEquality>]
type Connection = { Socket: Socket; Buffer: byte[] }

/// Connects to a port of 127.0.0.1.
let connect (port: int) : Task<Connection> = task {
    let socket = new Socket(SocketType.Stream, ProtocolType.Tcp, NoDelay = true)
    do! socket.ConnectAsync(IPEndPoint(IPAddress.Loopback, port).Address, port)

    return {
        Socket = socket
        Buffer = Array.zeroCreate 8192
    }
}

/// Whether the bytes hold a whole response: all that the head announces, or the last chunk.
let private isWhole (received: ReadOnlySpan<byte>) =
    match received.IndexOf("\r\n\r\n"B.AsSpan()) with
    | -1 -> false
    | head ->
        let announced = "Content-Length: "B.AsSpan()

        match received.Slice(0, head).IndexOf announced with
        | -1 -> received.EndsWith("0\r\n\r\n"B.AsSpan())
        | at ->
            let digits = received.Slice(at + announced.Length, head - at - announced.Length)
            let lineEnd = digits.IndexOf '\r'B
            let digits = if lineEnd >= 0 then digits.Slice(0, lineEnd) else digits
            let mutable length = 0

            for digit in digits do
                length <- length * 10 + int (digit - '0'B)

            received.Length >= head + 4 + length

/// Sends a request and waits for the whole response; returns its status. Gives up when `cancel` says so.
let exchange (connection: Connection) (request: byte[]) (cancel: CancellationToken) : Task<int> = task {
    let! _ =
        connection.Socket.SendAsync(ReadOnlyMemory request, SocketFlags.None, cancel)

    let mutable count = 0
    let mutable whole = false

    while not whole do
        let! more =
            connection.Socket.ReceiveAsync(
                Memory(connection.Buffer, count, 8192 - count),
                SocketFlags.None,
                cancel
            )

        if more = 0 then
            invalidOp "The bot closed the connection in the middle of an answer."

        count <- count + more
        whole <- isWhole (ReadOnlySpan(connection.Buffer, 0, count))

    // "HTTP/1.1 200"
    return Int32.Parse(Text.Encoding.ASCII.GetString(connection.Buffer, 9, 3))
}

/// Closes it.
let close (connection: Connection) : unit = connection.Socket.Dispose()
