/// A telephone's side of WhatsApp Flows: invented keys, requests encrypted as a client does it, answers read.
module FunctionalBot.Tests.FlowTelephone

open System
open System.Security.Cryptography
open System.Text
open System.Text.Json.Nodes
open FunctionalBot.Effects

/// A pair made up for the tests of one run.
let pair: Lazy<RSA> = lazy (RSA.Create 2048)

/// The bot's key of this pair.
let keyOf (rsa: RSA) : FlowKey =
    match FlowKey.ofPem (rsa.ExportPkcs8PrivateKeyPem()) None with
    | Ok key -> key
    | Error problem -> failwith problem

/// What a telephone keeps to read the answer.
type Exchange = { AesKey: byte[]; Iv: byte[] }

/// A body for this exchange. The initial vector has 16 bytes, as Meta's samples have it.
let envelope (rsa: RSA) (exchange: Exchange) (plain: byte[]) : string =
    let encryptedKey = rsa.Encrypt(exchange.AesKey, RSAEncryptionPadding.OaepSHA256)
    let data = GaloisCounter.encrypt exchange.AesKey exchange.Iv [||] plain
    let body = JsonObject()
    body["encrypted_aes_key"] <- JsonValue.Create(Convert.ToBase64String encryptedKey)
    body["encrypted_flow_data"] <- JsonValue.Create(Convert.ToBase64String data)
    body["initial_vector"] <- JsonValue.Create(Convert.ToBase64String exchange.Iv)
    body.ToJsonString()

/// Made up for one exchange.
let exchange (ivSize: int) : Exchange = {
    AesKey = RandomNumberGenerator.GetBytes 16
    Iv = RandomNumberGenerator.GetBytes ivSize
}

/// The body of a request that holds this JSON, and what its answer is read with.
let ask (rsa: RSA) (json: string) : string * Exchange =
    let made = exchange 16
    envelope rsa made (Encoding.UTF8.GetBytes json), made

/// The answer as a telephone reads it: the same key, every bit of the initial vector turned over.
let readAnswer (exchange: Exchange) (base64: string) : JsonNode =
    let flipped = exchange.Iv |> Array.map (fun unit -> unit ^^^ 0xFFuy)

    match GaloisCounter.decrypt exchange.AesKey flipped [||] (Convert.FromBase64String base64) with
    | Some plain -> nonNull (JsonNode.Parse(Encoding.UTF8.GetString plain))
    | None -> failwith "the answer cannot be decrypted"
