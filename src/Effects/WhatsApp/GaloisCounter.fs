namespace FunctionalBot.Effects

open System
open System.Buffers.Binary
open System.Security.Cryptography

/// AES in Galois/Counter Mode with an initial vector of any length (NIST SP 800-38D). .NET's own `AesGcm` takes
/// 12 bytes only, and WhatsApp Flows use 16.
module GaloisCounter =
    /// The tag that shows that nothing was changed, in bytes; it follows the cipher text.
    let tagSize = 16

    let private blockSize = 16

    /// A block as GHASH sees it: the first bit is the highest of `High`.
    [<Struct>]
    type private Block = { High: uint64; Low: uint64 }

    let private zero = { High = 0UL; Low = 0UL }

    /// The product in GF(2¹²⁸). It takes the same steps whatever the bits are: its time tells nothing of the key.
    let private multiply (x: Block) (h: Block) : Block =
        let mutable high = 0UL
        let mutable low = 0UL
        let mutable powerHigh = h.High
        let mutable powerLow = h.Low

        for bit in 0..127 do
            let shifted =
                if bit < 64 then
                    x.High >>> (63 - bit)
                else
                    x.Low >>> (127 - bit)

            let chosen = 0UL - (shifted &&& 1UL)
            high <- high ^^^ (powerHigh &&& chosen)
            low <- low ^^^ (powerLow &&& chosen)
            let reduced = (0UL - (powerLow &&& 1UL)) &&& 0xE100000000000000UL
            powerLow <- (powerLow >>> 1) ||| (powerHigh <<< 63)
            powerHigh <- (powerHigh >>> 1) ^^^ reduced

        { High = high; Low = low }

    let private readBlock (bytes: ReadOnlySpan<byte>) = {
        High = BinaryPrimitives.ReadUInt64BigEndian bytes
        Low = BinaryPrimitives.ReadUInt64BigEndian(bytes.Slice 8)
    }

    let private step h x (block: Block) =
        multiply
            {
                High = x.High ^^^ block.High
                Low = x.Low ^^^ block.Low
            }
            h

    /// GHASH over the bytes, the last block filled up with zeros.
    let private absorb h (from: Block) (bytes: byte[]) =
        let mutable x = from
        let whole = bytes.Length / blockSize

        for index in 0 .. whole - 1 do
            x <- step h x (readBlock (ReadOnlySpan(bytes, index * blockSize, blockSize)))

        if bytes.Length % blockSize > 0 then
            let last = Array.zeroCreate<byte> blockSize
            Array.blit bytes (whole * blockSize) last 0 (bytes.Length % blockSize)
            x <- step h x (readBlock (ReadOnlySpan last))

        x

    let private bits (bytes: byte[]) = 8UL * uint64 bytes.Length

    let private blockOf (x: Block) =
        let bytes = Array.zeroCreate<byte> blockSize
        BinaryPrimitives.WriteUInt64BigEndian(Span bytes, x.High)
        BinaryPrimitives.WriteUInt64BigEndian(Span(bytes, 8, 8), x.Low)
        bytes

    /// The block that counting begins at.
    let private firstCounter h (iv: byte[]) =
        if iv.Length = 12 then
            Array.append iv [| 0uy; 0uy; 0uy; 1uy |]
        else
            let hashed = absorb h zero iv
            blockOf (step h hashed { High = 0UL; Low = bits iv })

    /// The bytes XOR the key stream whose counter stands `ahead` of the first block's. Both ways.
    let private stream (aes: Aes) (first: byte[]) (ahead: uint32) (bytes: byte[]) =
        let blocks = (bytes.Length + blockSize - 1) / blockSize
        let counters = Array.zeroCreate<byte>(blocks * blockSize)
        let start = BinaryPrimitives.ReadUInt32BigEndian(ReadOnlySpan(first, 12, 4))

        for index in 0 .. blocks - 1 do
            Array.blit first 0 counters (index * blockSize) 12

            // The count wraps around within its four bytes.
            BinaryPrimitives.WriteUInt32BigEndian(
                Span(counters, index * blockSize + 12, 4),
                start + ahead + uint32 index
            )

        let key = aes.EncryptEcb(counters, PaddingMode.None)
        Array.init bytes.Length (fun index -> bytes[index] ^^^ key[index])

    let private tag (aes: Aes) h first (associated: byte[]) (cipher: byte[]) =
        let hashed = absorb h (absorb h zero associated) cipher

        let whole =
            step h hashed {
                High = bits associated
                Low = bits cipher
            }

        stream aes first 0u (blockOf whole)

    let private withKey (key: byte[]) (iv: byte[]) (work: Aes -> Block -> byte[] -> 'result) : 'result =
        use aes = Aes.Create()
        aes.Key <- key

        let h =
            readBlock (ReadOnlySpan(aes.EncryptEcb(Array.zeroCreate<byte> blockSize, PaddingMode.None)))

        work aes h (firstCounter h iv)

    /// The cipher text with its tag behind it. The key has 16, 24 or 32 bytes and the initial vector at least one;
    /// `associated` is protected and not part of the result.
    let encrypt (key: byte[]) (iv: byte[]) (associated: byte[]) (plain: byte[]) : byte[] =
        withKey key iv (fun aes h first ->
            let cipher = stream aes first 1u plain
            Array.append cipher (tag aes h first associated cipher))

    /// What `encrypt` was given, or None where anything of it was changed: then nothing is deciphered.
    let decrypt (key: byte[]) (iv: byte[]) (associated: byte[]) (cipher: byte[]) : byte[] option =
        if cipher.Length < tagSize then
            None
        else
            withKey key iv (fun aes h first ->
                let body = Array.sub cipher 0 (cipher.Length - tagSize)
                let expected = tag aes h first associated body
                let given = ReadOnlySpan(cipher, body.Length, tagSize)

                if CryptographicOperations.FixedTimeEquals(ReadOnlySpan expected, given) then
                    Some(stream aes first 1u body)
                else
                    None)
