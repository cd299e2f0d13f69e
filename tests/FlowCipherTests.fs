/// The encryption of WhatsApp Flows: GCM against published vectors and .NET's own, the envelope, the key's file.
module FunctionalBot.Tests.FlowCipherTests

open System
open System.Security.Cryptography
open System.Text
open System.Text.Json.Nodes
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Effects
open FunctionalBot.Tests.FlowTelephone
open Xunit

let private hex (text: string) = Convert.FromHexString text

let private key = "feffe9928665731c6d6a8f9467308308"

let private plain =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"

let private associated = "feedfacedeadbeeffeedfacedeadbeefabaddad2"

/// Key, initial vector, associated data, plain text, cipher text with its tag. The first five are the test cases 1, 2,
/// 4, 5 and 6 of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B; 5 has a vector of 64 bits,
/// 6 one of 480. The last two, with vectors of 128 bits, were made with OpenSSL.
let private vectors = [
    String('0', 32), String('0', 24), "", "", "58e2fccefa7e3061367f1d57a4e7455a"
    String('0', 32),
    String('0', 24),
    "",
    String('0', 32),
    "0388dace60b6a392f328c2b971b2fe78" + "ab6e47d42cec13bdf53a67b21257bddf"
    key,
    "cafebabefacedbaddecaf888",
    associated,
    plain,
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
    + "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
    + "5bc94fbc3221a5db94fae95ae7121a47"
    key,
    "cafebabefacedbad",
    associated,
    plain,
    "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423"
    + "73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598"
    + "3612d2e79e3b0785561be14aaca2fccb"
    key,
    "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728"
    + "c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b",
    associated,
    plain,
    "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca7"
    + "01e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5"
    + "619cc5aefffe0bfa462af43c1699d050"
    key,
    "cafebabefacedbaddecaf88800112233",
    associated,
    plain,
    "d1067ad6523131783aeb145fe053776228efdf2cf5387472fe31e338f4b417c4"
    + "a24bf390e0b5c0a856efaf4acb1613183c7f3d3d057ed18636086617"
    + "22d26b7f3bb03178a8045c98451c1000"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
    "",
    String('0', 80),
    "b8611c2f9180eec7a8e553c50d2ebaaa72e440bbf8a0f192a99477785adf5bd8"
    + "cc5d849e70df4d5bf6d9f146d9e782e79f301ff77c52757e"
]

[<Fact>]
let ``published vectors are encrypted and decrypted`` () =
    for key, iv, associated, plain, cipher in vectors do
        let encrypted =
            GaloisCounter.encrypt (hex key) (hex iv) (hex associated) (hex plain)

        Assert.Equal(cipher, Convert.ToHexStringLower encrypted)

        match GaloisCounter.decrypt (hex key) (hex iv) (hex associated) encrypted with
        | Some decrypted -> Assert.Equal(plain, Convert.ToHexStringLower decrypted)
        | None -> failwith $"vector of %d{iv.Length * 4} bits"

let private bytes least most =
    Gen.choose (least, most)
    |> Gen.bind (fun count -> Gen.listOfLength count (Gen.choose (0, 255)))
    |> Gen.map (List.map byte >> Array.ofList)

let private check name count gen property =
    Check.One(
        Config.QuickThrowOnFailure.WithName(name).WithMaxTest count,
        Prop.forAll (Arb.fromGen gen) property
    )

[<Fact>]
let ``with twelve bytes it gives what .NET's own gives`` () =
    let inputs =
        Gen.zip3
            (Gen.oneof [ bytes 16 16; bytes 24 24; bytes 32 32 ])
            (bytes 12 12)
            (Gen.zip (bytes 0 70) (bytes 0 40))

    check "as AesGcm" 200 inputs (fun (key, iv, (plain, associated)) ->
        let cipher = Array.zeroCreate<byte> plain.Length
        let tag = Array.zeroCreate<byte> 16
        use own = new AesGcm(key, 16)
        own.Encrypt(iv, plain, cipher, tag, associated)
        GaloisCounter.encrypt key iv associated plain = Array.append cipher tag)

[<Fact>]
let ``any length of the vector comes back, and any change is noticed`` () =
    let inputs =
        Gen.zip3
            (bytes 16 16)
            (bytes 1 64)
            (Gen.zip3 (bytes 0 70) (Gen.choose (0, 100_000)) (Gen.choose (0, 7)))

    check "round trip" 300 inputs (fun (key, iv, (plain, position, bit)) ->
        let cipher = GaloisCounter.encrypt key iv [||] plain
        let changed = Array.copy cipher
        let place = position % cipher.Length
        changed[place] <- changed[place] ^^^ (1uy <<< bit)

        GaloisCounter.decrypt key iv [||] cipher = Some plain
        && GaloisCounter.decrypt key iv [||] changed = None
        && GaloisCounter.decrypt key iv [| 0uy |] cipher = None
        && GaloisCounter.decrypt key iv [||] (Array.truncate 15 cipher) = None)

[<Fact>]
let ``a long text is counted block by block`` () =
    let key = Array.init 16 byte
    let iv = Array.init 12 (fun index -> byte (255 - index))
    let plain = Array.init 100_000 (fun index -> byte (index * 7))
    let cipher = Array.zeroCreate<byte> plain.Length
    let tag = Array.zeroCreate<byte> 16
    use own = new AesGcm(key, 16)
    own.Encrypt(iv, plain, cipher, tag)
    Assert.Equal<byte[]>(Array.append cipher tag, GaloisCounter.encrypt key iv [||] plain)

let private opened body =
    FlowCipher.read (keyOf pair.Value) (ReadOnlyMemory(Encoding.UTF8.GetBytes(body: string)))

[<Fact>]
let ``a request is read and its answer is for the telephone that asked`` () =
    for ivSize in [ 12; 16 ] do
        let made = exchange ivSize
        let content = Encoding.UTF8.GetBytes """{"action":"ping","text":"¿Qué tal? 😀"}"""

        match opened (envelope pair.Value made content) with
        | Error problem -> failwith $"%A{problem}"
        | Ok(plain, key) ->
            Assert.Equal<byte[]>(content, plain)

            let answer =
                FlowCipher.answer key (Encoding.UTF8.GetBytes """{"data":{"status":"active"}}""")

            Assert.Equal("""{"data":{"status":"active"}}""", (readAnswer made answer).ToJsonString())
            Assert.DoesNotContain(Convert.ToHexStringLower made.AesKey, $"%O{key}".ToLowerInvariant())

            // Under the request's own vector it is nothing: the key stream must not be used twice.
            Assert.Equal(
                None,
                GaloisCounter.decrypt made.AesKey made.Iv [||] (Convert.FromBase64String answer)
            )

let private changed (body: string) (change: JsonObject -> unit) =
    let root = (nonNull (JsonNode.Parse body)).AsObject()
    change root
    root.ToJsonString()

let private without (name: string) body =
    changed body (fun root -> root.Remove name |> ignore)

let private replaced (name: string) (text: string) body =
    changed body (fun root -> root[name] <- JsonValue.Create text)

[<Fact>]
let ``another key, a changed text and a short key cannot be decrypted`` () =
    let body, made = ask pair.Value """{"action":"ping"}"""
    use other = RSA.Create 2048

    let long = {
        made with
            AesKey = RandomNumberGenerator.GetBytes 32
    }

    let data = GaloisCounter.encrypt made.AesKey made.Iv [||] "{}"B
    data[0] <- data[0] ^^^ 1uy

    for wrong in
        [
            envelope other made "{}"B
            envelope pair.Value long "{}"B
            replaced "encrypted_flow_data" (Convert.ToBase64String data) body
            replaced "encrypted_flow_data" "AAAA" body
            replaced "encrypted_flow_data" "" body
            replaced "encrypted_aes_key" "AAAA" body
            replaced "encrypted_aes_key" "" body
            replaced "initial_vector" (Convert.ToBase64String(Array.zeroCreate<byte> 16)) body
        ] do
        match opened wrong with
        | Error CannotBeDecrypted -> ()
        | other -> failwith $"%s{wrong}: %A{other}"

[<Fact>]
let ``nothing is read with the key that stands in for one that cannot be had`` () =
    for ivSize in [ 12; 16 ] do
        let made = {
            exchange ivSize with
                AesKey = Array.zeroCreate<byte> 16
        }

        let body = envelope pair.Value made "{}"B
        Assert.True(Result.isOk (opened body))

        match opened (replaced "encrypted_aes_key" "AAAA" body) with
        | Error CannotBeDecrypted -> ()
        | other -> failwith $"%A{other}"

[<Fact>]
let ``what is no envelope is told with its reason`` () =
    let body, _ = ask pair.Value """{"action":"ping"}"""

    for wrong, expected in
        [
            "", "the body is no JSON"
            "{", "the body is no JSON"
            "[1]", "encrypted_aes_key is missing"
            String('[', 1000) + String(']', 1000), "the body is no JSON"
            without "encrypted_aes_key" body, "encrypted_aes_key is missing"
            without "initial_vector" body, "initial_vector is missing"
            without "encrypted_flow_data" body, "encrypted_flow_data is missing"
            replaced "initial_vector" "no base64!" body, "initial_vector is not base64"
            replaced "initial_vector" "AAAA" body, "initial_vector has 3 bytes"
            replaced "initial_vector" (Convert.ToBase64String(Array.zeroCreate<byte> 65)) body,
            "initial_vector has 65 bytes"
            changed body (fun root -> root["encrypted_flow_data"] <- JsonValue.Create 1),
            "encrypted_flow_data is missing"
        ] do
        match opened wrong with
        | Error(NotAnEnvelope reason) -> Assert.Equal(expected, reason)
        | other -> failwith $"%s{wrong}: %A{other}"

[<Fact>]
let ``bytes that are no text at all are an error and no exception`` () =
    check "any bytes" 300 (bytes 0 80) (fun body ->
        match FlowCipher.read (keyOf pair.Value) (ReadOnlyMemory body) with
        | Error(NotAnEnvelope _) -> true
        | _ -> false)

[<Fact>]
let ``an envelope in which anything was changed is a problem and no exception`` () =
    let body, _ = ask pair.Value """{"action":"ping"}"""
    let names = [ "encrypted_aes_key"; "initial_vector"; "encrypted_flow_data" ]

    for place in 0..2 do
        match opened (MutatedJson.changed (MutatedJson.Replaced "\"\\ud800\"") place body) with
        | Error(NotAnEnvelope _) -> ()
        | other -> failwith $"%A{other}"

    check "any change" 300 (MutatedJson.mutated names WhatsAppSamples.json body) (fun changed ->
        match opened changed with
        | Ok _
        | Error(NotAnEnvelope _)
        | Error CannotBeDecrypted -> true)

[<Fact>]
let ``whatever an envelope holds, it is read without an exception`` () =
    check "any content" 300 WhatsAppSamples.json (fun content ->
        match FlowExchange.read (Encoding.UTF8.GetBytes content) with
        | Ok _
        | Error _ -> true)

[<Fact>]
let ``the key is read from PEM, and what is wrong with it is told without it`` () =
    use good = RSA.Create 2048
    use small = RSA.Create 1024
    use curve = ECDsa.Create()

    let parameters =
        PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 10)

    let encrypted =
        good.ExportEncryptedPkcs8PrivateKeyPem("abracadabra".AsSpan(), parameters)

    let fine pem passphrase =
        FlowKey.ofPem pem passphrase |> Result.map FlowKey.publicPem

    let expected = Ok(good.ExportSubjectPublicKeyInfoPem())
    Assert.Equal(expected, fine (good.ExportPkcs8PrivateKeyPem()) None)
    Assert.Equal(expected, fine (good.ExportRSAPrivateKeyPem()) None)
    // Who has no need of a passphrase may have set one all the same.
    Assert.Equal(expected, fine (good.ExportPkcs8PrivateKeyPem()) (Some "abracadabra"))
    Assert.Equal(expected, fine encrypted (Some "abracadabra"))
    Assert.Contains("BEGIN PUBLIC KEY", Result.defaultValue "" expected)

    for pem, passphrase, words in
        [
            encrypted, None, "set FLOW_PRIVATE_KEY_PASSPHRASE"
            encrypted, Some "hocuspocus", "passphrase"
            small.ExportPkcs8PrivateKeyPem(), None, "1024 bits"
            good.ExportSubjectPublicKeyInfoPem(), None, "no RSA private key"
            curve.ExportPkcs8PrivateKeyPem(), None, "no RSA private key"
            "", None, "no RSA private key"
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", None, "no RSA private key"
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----",
            Some "x",
            "openssl pkcs8 -topk8"
        ] do
        match FlowKey.ofPem pem passphrase with
        | Error problem ->
            Assert.Contains(words, problem)
            Assert.DoesNotContain("hocuspocus", problem)
        | Ok _ -> failwith words

    Assert.Equal("FlowKey", $"%O{keyOf good}")
