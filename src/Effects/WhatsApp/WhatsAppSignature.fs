namespace FunctionalBot.Effects

open System
open System.Security.Cryptography
open System.Text

/// Whether a webhook call comes from Meta.
module WhatsAppSignature =
    let private prefix = "sha256="

    /// True if the header `X-Hub-Signature-256` is the HMAC-SHA256 of exactly these bytes under one of the
    /// app secrets (there may be several while they are rotated). The time it takes tells nothing about a
    /// secret: each is tried to the end. A missing or malformed header, or an empty list of secrets, is
    /// false; empty secrets are passed over, since anybody can sign with those.
    let verify (secrets: byte[] list) (header: string | null) (body: ReadOnlyMemory<byte>) : bool =
        match header with
        | null -> false
        | header when
            header.Length <> prefix.Length + 64
            || not (header.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            || not (header.AsSpan(prefix.Length).IndexOfAnyExcept("0123456789abcdefABCDEF".AsSpan()) < 0)
            ->
            false
        | header ->
            let given = Convert.FromHexString(header.AsSpan prefix.Length)
            let computed = Array.zeroCreate<byte> HMACSHA256.HashSizeInBytes
            let mutable verified = false

            for secret in secrets do
                HMACSHA256.HashData(ReadOnlySpan secret, body.Span, Span computed) |> ignore

                let same =
                    CryptographicOperations.FixedTimeEquals(ReadOnlySpan computed, ReadOnlySpan given)

                verified <- (same && secret.Length > 0) || verified

            verified

    /// The header that `verify` accepts, as Meta writes it. For whoever plays Meta's part.
    let sign (secret: byte[]) (body: ReadOnlyMemory<byte>) : string =
        prefix
        + Convert.ToHexStringLower(HMACSHA256.HashData(ReadOnlySpan secret, body.Span))

    /// The answer to Meta's GET handshake: the challenge to send back as the bare body with 200, or None
    /// for 403. The arguments are the expected token and the query's `hub.mode`, `hub.verify_token` and
    /// `hub.challenge`.
    let challenge
        (expectedToken: string)
        (mode: string | null)
        (token: string | null)
        (challenge: string | null)
        : string option =
        match mode, token, challenge with
        | "subscribe", NonNull token, NonNull challenge when expectedToken <> "" && challenge <> "" ->
            // Hashes have one length, so that comparing them does not tell the length of the token either.
            let digest (text: string) =
                SHA256.HashData(Encoding.UTF8.GetBytes text)

            if
                CryptographicOperations.FixedTimeEquals(
                    ReadOnlySpan(digest expectedToken),
                    ReadOnlySpan(digest token)
                )
            then
                Some challenge
            else
                None
        | _ -> None
