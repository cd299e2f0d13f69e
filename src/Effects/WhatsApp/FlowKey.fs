namespace FunctionalBot.Effects

open System
open System.Security.Cryptography

/// The business's RSA key, whose public half Meta has: customers' telephones encrypt with that.
type FlowKey = private {
    /// PKCS #8. The key is built anew for each use, since .NET does not promise that one can serve several threads.
    Private: byte[]
} with

    /// Never the key itself, wherever it is written to.
    override _.ToString() = "FlowKey"

/// Reading the key, and what Meta is given of it.
module FlowKey =
    /// Bits; Meta takes keys of 2,048.
    let smallest = 2048

    let private build (bytes: byte[]) =
        let rsa = RSA.Create()
        let mutable read = 0
        rsa.ImportPkcs8PrivateKey(ReadOnlySpan bytes, &read)
        rsa

    let private isOldEncryption (pem: string) =
        pem.Contains("Proc-Type:", StringComparison.Ordinal)

    let private isEncrypted (pem: string) =
        pem.Contains("BEGIN ENCRYPTED PRIVATE KEY", StringComparison.Ordinal)

    /// The key of a PEM text, encrypted with the passphrase where it says so. Error with what is wrong and how to mend
    /// it; nothing of the text is in it.
    let ofPem (pem: string) (passphrase: string option) : Result<FlowKey, string> =
        use rsa = RSA.Create()

        let import () =
            match isEncrypted pem, passphrase with
            | true, Some passphrase ->
                rsa.ImportFromEncryptedPem(pem.AsSpan(), passphrase.AsSpan())
                Ok()
            | true, None -> Error "is encrypted; set FLOW_PRIVATE_KEY_PASSPHRASE"
            | false, _ ->
                rsa.ImportFromPem(pem.AsSpan())
                Ok()

        if isOldEncryption pem then
            Error
                "is encrypted in OpenSSL's old way; convert it: openssl pkcs8 -topk8 -in old.pem -out new.pem"
        else
            try
                import ()
                |> Result.bind (fun () ->
                    // A public key can be imported from PEM too; only here it shows that the private half is missing.
                    let exported = rsa.ExportPkcs8PrivateKey()

                    if rsa.KeySize < smallest then
                        Error $"has %d{rsa.KeySize} bits; Meta takes keys of %d{smallest}"
                    else
                        Ok { Private = exported })
            with
            | :? CryptographicException when isEncrypted pem ->
                Error "cannot be read with the passphrase of FLOW_PRIVATE_KEY_PASSPHRASE"
            | :? CryptographicException
            | :? ArgumentException ->
                Error "is no RSA private key in PEM form; make one: openssl genrsa -out flow.pem 2048"

    /// The public half as PEM ("BEGIN PUBLIC KEY"), as Meta takes it.
    let publicPem (key: FlowKey) : string =
        use rsa = build key.Private
        rsa.ExportSubjectPublicKeyInfoPem()

    /// What was encrypted with the public half, by OAEP with SHA-256 in both places. None for anything else.
    let internal decrypt (key: FlowKey) (cipher: byte[]) : byte[] option =
        use rsa = build key.Private

        try
            Some(rsa.Decrypt(cipher, RSAEncryptionPadding.OaepSHA256))
        with :? CryptographicException ->
            None
