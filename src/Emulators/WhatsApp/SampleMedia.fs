namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open System.Text

/// A file that travels as media.
type MediaFile = {
    /// The media type, for example `image/png`.
    ContentType: string
    /// The name that a document shows.
    Name: string option
    Bytes: byte array
}

/// Real files to send from the phones, drawn here so that none has to be shipped: every reader of their
/// formats accepts them.
[<RequireQualifiedAccess>]
module SampleMedia =

    let private checksumTable (polynomial: uint32) shiftLeft =
        Array.init 256 (fun index ->
            let mutable value = if shiftLeft then uint32 index <<< 24 else uint32 index

            for _ in 1..8 do
                value <-
                    if shiftLeft then
                        (value <<< 1) ^^^ (if value &&& 0x80000000u <> 0u then polynomial else 0u)
                    else
                        (value >>> 1) ^^^ (if value &&& 1u <> 0u then polynomial else 0u)

            value)

    let private bigEndian (value: uint32) =
        let bytes: byte array = Array.zeroCreate 4
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value)
        bytes

    let private pngTable = checksumTable 0xEDB88320u false

    let private pngChunk (kind: string) (data: byte array) =
        let named = Array.append (Encoding.ASCII.GetBytes kind) data

        let sum =
            (0xFFFFFFFFu, named)
            ||> Array.fold (fun sum value -> pngTable[int ((sum ^^^ uint32 value) &&& 0xFFu)] ^^^ (sum >>> 8))

        Array.concat [ bigEndian (uint32 data.Length); named; bigEndian (~~~sum) ]

    /// A PNG of 480 by 320 points: a sun over two hills.
    let photo =
        lazy
            let width, height = 480, 320
            let mix low high part = low + (high - low) * part

            let colour x y =
                let across, down = float x / float width, float y / float height
                let far = 0.62 + 0.07 * sin (across * 7.0) + 0.02 * sin (across * 23.0)
                let near = 0.78 + 0.05 * cos (across * 5.0 + 1.0)
                let sun = sqrt ((float x - 340.0) ** 2.0 + (float y - 105.0) ** 2.0)

                if down > near then
                    38.0, 84.0, 64.0
                elif down > far then
                    66.0, 121.0, 98.0
                elif sun < 38.0 then
                    255.0, 236.0, 179.0
                else
                    mix 96.0 255.0 (down / far), mix 150.0 183.0 (down / far), mix 208.0 130.0 (down / far)

            let pixels = [|
                for y in 0 .. height - 1 do
                    0uy

                    for x in 0 .. width - 1 do
                        let red, green, blue = colour x y
                        byte red
                        byte green
                        byte blue
            |]

            use packed = new MemoryStream()

            (use deflate = new ZLibStream(packed, CompressionLevel.Optimal, true)
             deflate.Write(pixels, 0, pixels.Length))

            {
                ContentType = "image/png"
                Name = None
                Bytes =
                    Array.concat [
                        [| 0x89uy; 0x50uy; 0x4Euy; 0x47uy; 0x0Duy; 0x0Auy; 0x1Auy; 0x0Auy |]
                        pngChunk "IHDR" [|
                            yield! bigEndian (uint32 width)
                            yield! bigEndian (uint32 height)
                            8uy
                            2uy
                            0uy
                            0uy
                            0uy
                        |]
                        pngChunk "IDAT" (packed.ToArray())
                        pngChunk "IEND" [||]
                    ]
            }

    let private oggTable = checksumTable 0x04C11DB7u true

    let private oggPage (flags: byte) (position: int64) (number: int) (packets: byte array list) =
        let head = Array.zeroCreate<byte> 27
        Encoding.ASCII.GetBytes("OggS").CopyTo(head, 0)
        head[5] <- flags
        BinaryPrimitives.WriteInt64LittleEndian(Span(head, 6, 8), position)
        BinaryPrimitives.WriteUInt32LittleEndian(Span(head, 14, 4), 0x46424F54u)
        BinaryPrimitives.WriteInt32LittleEndian(Span(head, 18, 4), number)
        head[26] <- byte packets.Length
        let lengths = [| for packet in packets -> byte packet.Length |]
        let page = Array.concat [ head; lengths; Array.concat packets ]

        let sum =
            (0u, page)
            ||> Array.fold (fun sum value -> (sum <<< 8) ^^^ oggTable[int ((sum >>> 24) ^^^ uint32 value)])

        BinaryPrimitives.WriteUInt32LittleEndian(Span(page, 22, 4), sum)
        page

    /// A voice note of seven seconds: Ogg with Opus, mono, silent (frames of 20 ms that hold no sound).
    let voice =
        lazy
            let head = [|
                yield! Encoding.ASCII.GetBytes "OpusHead"
                yield! [| 1uy; 1uy; 0uy; 0uy; 0x80uy; 0xBBuy; 0uy; 0uy; 0uy; 0uy; 0uy |]
            |]

            let vendor = Encoding.ASCII.GetBytes "emulator"

            let tags = [|
                yield! Encoding.ASCII.GetBytes "OpusTags"
                yield! [| byte vendor.Length; 0uy; 0uy; 0uy |]
                yield! vendor
                yield! [| 0uy; 0uy; 0uy; 0uy |]
            |]

            let frames, perPage = 350, 50
            let silence = [| 0xF8uy; 0xFFuy; 0xFEuy |]

            let pages = [
                for page in 0 .. frames / perPage - 1 do
                    let last = (page + 1) * perPage = frames
                    // A position counts samples at 48 kHz, 960 to a frame.
                    let position = int64 ((page + 1) * perPage * 960)
                    oggPage (if last then 4uy else 0uy) position (page + 2) (List.replicate perPage silence)
            ]

            {
                ContentType = "audio/ogg; codecs=opus"
                Name = None
                Bytes = Array.concat (oggPage 2uy 0L 0 [ head ] :: oggPage 0uy 0L 1 [ tags ] :: pages)
            }

    /// A PDF of one page with an invented invoice.
    let document =
        lazy
            let lines = [ "Factura 2026-0142"; "Tienda Aurora (ejemplo)"; "Total: 48,90 EUR" ]

            let drawn =
                lines
                |> List.map (fun line -> $"(%s{line.Replace('(', '[').Replace(')', ']')}) Tj T*")
                |> String.concat "\n"

            let page = $"BT /F1 22 Tf 32 TL 72 720 Td\n%s{drawn}\nET"

            let objects = [
                "<< /Type /Catalog /Pages 2 0 R >>"
                "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
                + "/Resources << /Font << /F1 5 0 R >> >> >>"
                $"<< /Length %d{page.Length} >>\nstream\n%s{page}\nendstream"
                "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
            ]

            let file = StringBuilder "%PDF-1.4\n"

            let offsets = [
                for index, text in List.indexed objects do
                    file.Length
                    file.Append($"%d{index + 1} 0 obj\n%s{text}\nendobj\n") |> ignore
            ]

            let start = file.Length
            file.Append("xref\n0 6\n0000000000 65535 f \n") |> ignore

            for offset in offsets do
                file.Append($"%010d{offset} 00000 n \n") |> ignore

            file.Append($"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d{start}\n%%%%EOF\n")
            |> ignore

            {
                ContentType = "application/pdf"
                Name = Some "factura-2026-0142.pdf"
                Bytes = Encoding.ASCII.GetBytes(file.ToString())
            }

    /// A lossless WebP of 256 by 256 points: a smiling face on a transparent ground. Each colour channel has
    /// at most two values, so that one bit for each of red, green and alpha tells a point.
    let sticker =
        lazy
            let size = 256
            let packed = ResizeArray<byte>()
            let mutable current, used = 0, 0

            let bits count value =
                for index in 0 .. count - 1 do
                    current <- current ||| (((value >>> index) &&& 1) <<< used)
                    used <- used + 1

                    if used = 8 then
                        packed.Add(byte current)
                        current <- 0
                        used <- 0

            let oneOf values =
                bits 1 1
                bits 1 (List.length values - 1)
                bits 1 1
                values |> List.iter (bits 8)

            bits 8 0x2F
            bits 14 (size - 1)
            bits 14 (size - 1)
            bits 1 1
            bits 3 0
            // No transform, no colour cache, one group of prefix codes.
            bits 3 0
            // Green, red, blue, alpha, distance.
            oneOf [ 0; 200 ]
            oneOf [ 0; 255 ]
            oneOf [ 0 ]
            oneOf [ 0; 255 ]
            oneOf [ 0 ]

            for y in 0 .. size - 1 do
                for x in 0 .. size - 1 do
                    let distance centreX centreY =
                        sqrt ((float x - centreX) ** 2.0 + (float y - centreY) ** 2.0)

                    let face = distance 128.0 128.0 < 120.0
                    let eyes = distance 88.0 100.0 < 14.0 || distance 168.0 100.0 < 14.0
                    let curve = distance 128.0 130.0
                    let mouth = curve > 58.0 && curve < 72.0 && y > 146
                    let yellow = if face && not eyes && not mouth then 1 else 0
                    bits 1 yellow
                    bits 1 yellow
                    bits 1 (if face then 1 else 0)

            if used > 0 then
                bits (8 - used) 0

            let data = packed.ToArray()
            let little (value: int) = BitConverter.GetBytes value
            let padding = if data.Length % 2 = 1 then [| 0uy |] else [||]

            {
                ContentType = "image/webp"
                Name = None
                Bytes =
                    Array.concat [
                        Encoding.ASCII.GetBytes "RIFF"
                        little (12 + data.Length + padding.Length)
                        Encoding.ASCII.GetBytes "WEBPVP8L"
                        little data.Length
                        data
                        padding
                    ]
            }

    /// The beginning of a Windows program, for files that are not what they say.
    let windowsProgram =
        lazy
            Array.concat [
                Encoding.ASCII.GetBytes "MZ"
                Array.zeroCreate<byte> 58
                BitConverter.GetBytes 128
                Array.zeroCreate<byte> 64
                Encoding.ASCII.GetBytes "PE\000\000"
                Array.zeroCreate<byte> 400
            ]
