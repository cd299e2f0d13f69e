namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Buffers.Binary
open System.Security.Cryptography
open System.Text

/// The encryption between WhatsApp and the endpoint of a form: a fresh AES-128 key under the business's public
/// key (RSA-OAEP with SHA-256), the data in AES-GCM with the tag behind it, the answer with the same key and
/// every bit of the initial vector flipped. Meta's vectors have 16 bytes, and .NET's own AES-GCM takes 12 only.
[<RequireQualifiedAccess>]
module FlowCipher =

    // A field element of GCM: its first 64 bits and its last.
    let private element (block: ReadOnlySpan<byte>) =
        struct (BinaryPrimitives.ReadUInt64BigEndian block,
                BinaryPrimitives.ReadUInt64BigEndian(block.Slice 8))

    let private multiply (struct (xHigh, xLow): struct (uint64 * uint64)) (struct (yHigh, yLow)) =
        let mutable high, low = 0UL, 0UL
        let mutable vHigh, vLow = yHigh, yLow

        for index in 0..127 do
            let word = if index < 64 then xHigh else xLow

            if (word >>> (63 - index % 64)) &&& 1UL = 1UL then
                high <- high ^^^ vHigh
                low <- low ^^^ vLow

            let carry = vLow &&& 1UL
            vLow <- (vLow >>> 1) ||| (vHigh <<< 63)
            vHigh <- vHigh >>> 1

            if carry = 1UL then
                vHigh <- vHigh ^^^ 0xE100000000000000UL

        struct (high, low)

    // The data in blocks of 16 bytes, the last one filled up with zeros, and a block with its length in bits.
    let private hashOf key (data: byte array) =
        let blocks = (data.Length + 15) / 16
        let padded: byte array = Array.zeroCreate ((blocks + 1) * 16)
        Array.blit data 0 padded 0 data.Length

        BinaryPrimitives.WriteUInt64BigEndian(
            Span<byte>(padded, padded.Length - 8, 8),
            uint64 data.Length * 8UL
        )

        let mutable found = struct (0UL, 0UL)

        for block in 0..blocks do
            let struct (high, low) = found

            let struct (nextHigh, nextLow) =
                element (ReadOnlySpan<byte>(padded, block * 16, 16))

            found <- multiply (struct (high ^^^ nextHigh, low ^^^ nextLow)) key

        let struct (high, low) = found
        let written: byte array = Array.zeroCreate 16
        BinaryPrimitives.WriteUInt64BigEndian(Span<byte>(written, 0, 8), high)
        BinaryPrimitives.WriteUInt64BigEndian(Span<byte>(written, 8, 8), low)
        written

    let private xor (first: byte array) (second: byte array) =
        Array.init first.Length (fun index -> first[index] ^^^ second[index])

    // The hash key, and the first counter block of an initial vector.
    let private prepared (aes: Aes) (vector: byte array) =
        let zero: byte array = Array.zeroCreate 16

        let key = element (ReadOnlySpan<byte>(aes.EncryptEcb(zero, PaddingMode.None)))

        let first =
            if vector.Length = 12 then
                Array.append vector [| 0uy; 0uy; 0uy; 1uy |]
            else
                hashOf key vector

        key, first

    let private counted (aes: Aes) (first: byte array) (data: byte array) =
        let counter = Array.copy first
        let result: byte array = Array.zeroCreate data.Length

        for start in 0..16 .. data.Length - 1 do
            let place = Span<byte>(counter, 12, 4)
            BinaryPrimitives.WriteUInt32BigEndian(place, BinaryPrimitives.ReadUInt32BigEndian place + 1u)
            let stream = aes.EncryptEcb(counter, PaddingMode.None)

            for index in start .. min (start + 15) (data.Length - 1) do
                result[index] <- data[index] ^^^ stream[index - start]

        result

    let private tagOf (aes: Aes) key (first: byte array) cipher =
        xor (hashOf key cipher) (aes.EncryptEcb(first, PaddingMode.None))

    let private aesOf (key: byte array) =
        let aes = Aes.Create()
        aes.Key <- key
        aes

    /// Encrypts under AES-GCM; the tag of 16 bytes stands behind the data.
    let encrypt (key: byte array) (vector: byte array) (data: byte array) : byte array =
        use aes = aesOf key
        let hashKey, first = prepared aes vector
        let cipher = counted aes first data
        Array.append cipher (tagOf aes hashKey first cipher)

    /// Decrypts what `encrypt` gave; `None` when key, vector, data or tag are not those.
    let decrypt (key: byte array) (vector: byte array) (data: byte array) : byte array option =
        if data.Length < 16 then
            None
        else
            use aes = aesOf key
            let hashKey, first = prepared aes vector
            let cipher = Array.sub data 0 (data.Length - 16)
            let tag = Array.sub data (data.Length - 16) 16

            if CryptographicOperations.FixedTimeEquals(tag, tagOf aes hashKey first cipher) then
                Some(counted aes first cipher)
            else
                None

    /// The vector of the answer.
    let flipped (vector: byte array) =
        Array.map (fun value -> ~~~value) vector

    /// What is needed to read the answer to a request.
    type Opened = { Key: byte array; Vector: byte array }

    /// A request for the endpoint: the encrypted key, data and vector in base64, and what opens the answer. The
    /// key is a public one in PEM.
    let request (publicKey: string) (plain: string) =
        use rsa = RSA.Create()
        rsa.ImportFromPem publicKey
        let key = RandomNumberGenerator.GetBytes 16
        let vector = RandomNumberGenerator.GetBytes 16
        let sealedKey = rsa.Encrypt(key, RSAEncryptionPadding.OaepSHA256)
        let data = encrypt key vector (Encoding.UTF8.GetBytes plain)

        {|
            EncryptedKey = Convert.ToBase64String sealedKey
            EncryptedData = Convert.ToBase64String data
            Vector = Convert.ToBase64String vector
            Opened = { Key = key; Vector = vector }
        |}

    /// Reads the endpoint's answer, base64 of encrypted UTF-8; `None` when it is not that.
    let answer (opened: Opened) (body: string) : string option =
        let buffer: byte array = Array.zeroCreate body.Length

        match Convert.TryFromBase64String(body.Trim(), Span<byte> buffer) with
        | true, count ->
            decrypt opened.Key (flipped opened.Vector) (Array.sub buffer 0 count)
            |> Option.map Encoding.UTF8.GetString
        | false, _ -> None
