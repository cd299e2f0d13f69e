namespace FunctionalBot.Effects.OdooAdapter

open System
open System.Buffers
open System.Buffers.Text
open System.IO
open System.Net
open System.Net.Http
open System.Net.Http.Headers
open System.Threading
open System.Threading.Tasks

/// A file that a call brings with it.
[<NoComparison; NoEquality>]
type OdooFile = {
    /// Bytes.
    Size: int64
    /// From the beginning, each time; None where it was deleted.
    Open: CancellationToken -> Task<Stream option>
}

/// JSON with a file in its midst as base64. Of the file two buffers are in memory; the length is known ahead, since not
/// every server of Odoo's takes a body without one.
type internal OdooFileContent(around: byte[] * byte[], file: OdooFile) as this =
    inherit HttpContent()

    // Three bytes become four letters, so that only the last block has to be filled up.
    static let blockSize = 48 * 1024

    do this.Headers.ContentType <- MediaTypeHeaderValue("application/json", "utf-8")

    /// How many bytes base64 makes of so many.
    static member Encoded(size: int64) : int64 = (size + 2L) / 3L * 4L

    static member private Encode(input: byte[], count: int, output: byte[], isLast: bool) : int =
        let mutable consumed = 0
        let mutable written = 0

        let status =
            Base64.EncodeToUtf8(
                ReadOnlySpan(input, 0, count),
                Span output,
                &consumed,
                &written,
                isFinalBlock = isLast
            )

        if status <> OperationStatus.Done || consumed <> count then
            invalidOp $"Base64 of %d{count} bytes ended with %O{status}."

        written

    member private _.Write(target: Stream, token: CancellationToken) : Task = task {
        do! target.WriteAsync(ReadOnlyMemory(fst around), token)

        match! file.Open token with
        // Whoever sends has looked before: it went in between, and the next try tells it.
        | None -> raise (IOException "The file was deleted while it was sent.")
        | Some opened ->
            use source = opened
            let input = ArrayPool.Shared.Rent blockSize
            let output = ArrayPool.Shared.Rent(blockSize / 3 * 4)
            let mutable left = file.Size

            try
                while left > 0L do
                    let wanted = int (min left (int64 blockSize))
                    let! count = source.ReadAtLeastAsync(Memory(input, 0, wanted), wanted, false, token)

                    if count < wanted then
                        raise (IOException "The file is shorter than when it was kept.")

                    left <- left - int64 count
                    let written = OdooFileContent.Encode(input, count, output, (left = 0L))
                    do! target.WriteAsync(ReadOnlyMemory(output, 0, written), token)
            finally
                ArrayPool.Shared.Return input
                ArrayPool.Shared.Return output

        do! target.WriteAsync(ReadOnlyMemory(snd around), token)
    }

    override content.SerializeToStreamAsync(stream: Stream, _: TransportContext | null) : Task =
        content.Write(stream, CancellationToken.None)

    override content.SerializeToStreamAsync
        (stream: Stream, _: TransportContext | null, token: CancellationToken)
        : Task =
        content.Write(stream, token)

    override _.TryComputeLength(length: byref<int64>) =
        length <-
            int64 (fst around).Length
            + OdooFileContent.Encoded file.Size
            + int64 (snd around).Length

        true
