namespace FunctionalBot.Effects

open System
open System.Security.Cryptography
open System.Text.Json

/// Why the content of a request of WhatsApp Flows could not be had.
type FlowCipherProblem =
    /// The body is not the JSON object of three texts in base64 that it should be.
    | NotAnEnvelope of reason: string
    /// It was encrypted with another key or changed on its way. The telephone fetches the public key anew on HTTP 421.
    | CannotBeDecrypted

/// What an answer is encrypted with: the key that the telephone made up for this one exchange.
type FlowAnswerKey = private {
    Key: byte[]
    /// Of the answer, not of the request.
    Iv: byte[]
} with

    /// Never the key itself, wherever it is written to.
    override _.ToString() = "FlowAnswerKey"

/// The encryption of WhatsApp Flows' data exchange: the telephone makes up an AES key, encrypts its request with that,
/// and the AES key with the business's public one.
module FlowCipher =
    /// AES-128.
    let private keySize = 16

    /// Meta's samples use 16 bytes and .NET's own GCM takes 12; a vector out of these bounds is none of theirs.
    let private shortestIv, longestIv = 12, 64

    let private encrypt (key: byte[]) (iv: byte[]) (plain: byte[]) : byte[] =
        if iv.Length = 12 && AesGcm.IsSupported then
            let cipher = Array.zeroCreate<byte> plain.Length
            let tag = Array.zeroCreate<byte> GaloisCounter.tagSize
            use aes = new AesGcm(key, GaloisCounter.tagSize)
            aes.Encrypt(iv, plain, cipher, tag)
            Array.append cipher tag
        else
            GaloisCounter.encrypt key iv [||] plain

    let private decrypt (key: byte[]) (iv: byte[]) (cipher: byte[]) : byte[] option =
        if cipher.Length < GaloisCounter.tagSize then
            None
        elif iv.Length = 12 && AesGcm.IsSupported then
            let body = Array.sub cipher 0 (cipher.Length - GaloisCounter.tagSize)
            let plain = Array.zeroCreate<byte> body.Length
            use aes = new AesGcm(key, GaloisCounter.tagSize)

            try
                aes.Decrypt(iv, body, Array.skip body.Length cipher, plain)
                Some plain
            with :? CryptographicException ->
                None
        else
            GaloisCounter.decrypt key iv [||] cipher

    /// Stands in for the key of an exchange that cannot be had. Nothing that is deciphered with it is handed on.
    let private decoy = Array.zeroCreate<byte> keySize

    let private flipped (iv: byte[]) = iv |> Array.map (fun unit -> ~~~unit)

    let private part (root: JsonElement) (name: string) : Result<byte[], FlowCipherProblem> =
        match LenientJson.field name root with
        | Some element when element.ValueKind = JsonValueKind.String ->
            try
                match element.TryGetBytesFromBase64() with
                | true, NonNull bytes -> Ok bytes
                | _ -> Error(NotAnEnvelope(name + " is not base64"))
            with :? InvalidOperationException ->
                // It is no Unicode either.
                Error(NotAnEnvelope(name + " is not base64"))
        | _ -> Error(NotAnEnvelope(name + " is missing"))

    let private parts (body: ReadOnlyMemory<byte>) =
        try
            use document = JsonDocument.Parse(body, JsonDocumentOptions(MaxDepth = 8))
            let root = document.RootElement

            match
                part root "encrypted_aes_key", part root "initial_vector", part root "encrypted_flow_data"
            with
            | Ok key, Ok iv, Ok data -> Ok(key, iv, data)
            | Error problem, _, _
            | _, Error problem, _
            | _, _, Error problem -> Error problem
        with :? JsonException ->
            Error(NotAnEnvelope "the body is no JSON")

    /// The content of a request, and what its answer is encrypted with.
    let read (key: FlowKey) (body: ReadOnlyMemory<byte>) : Result<byte[] * FlowAnswerKey, FlowCipherProblem> =
        match parts body with
        | Error problem -> Error problem
        | Ok(_, iv, _) when iv.Length < shortestIv || iv.Length > longestIv ->
            Error(NotAnEnvelope $"initial_vector has %d{iv.Length} bytes")
        | Ok(encryptedKey, iv, data) ->
            let aesKey =
                FlowKey.decrypt key encryptedKey
                |> Option.filter (fun aesKey -> aesKey.Length = keySize)

            let plain = decrypt (Option.defaultValue decoy aesKey) iv data

            // Which of the two steps failed is not told, and the second is done whatever became of the first: the
            // difference, in words or in time, would help to guess the key.
            match aesKey, plain with
            | Some aesKey, Some plain -> Ok(plain, { Key = aesKey; Iv = flipped iv })
            | _ -> Error CannotBeDecrypted

    /// The answer to the request that the key came from, in base64: the same AES key, and the request's initial vector
    /// with every bit turned over. To be used once.
    let answer (key: FlowAnswerKey) (plain: byte[]) : string =
        Convert.ToBase64String(encrypt key.Key key.Iv plain)
