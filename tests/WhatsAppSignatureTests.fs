module FunctionalBot.Tests.WhatsAppSignatureTests

open System
open System.Text
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Effects
open Xunit

let private bytes (text: string) = Encoding.UTF8.GetBytes text
let private body = ReadOnlyMemory(bytes """{"text":"se\u00f1al \/ \ud83d\ude00"}""")

// RFC 4231, test case 2.
let private rfcKey = bytes "Jefe"
let private rfcBody = ReadOnlyMemory(bytes "what do ya want for nothing?")

let private rfcHex =
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

[<Fact>]
let ``the published test vector verifies`` () =
    Assert.True(WhatsAppSignature.verify [ rfcKey ] ("sha256=" + rfcHex) rfcBody)
    Assert.Equal("sha256=" + rfcHex, WhatsAppSignature.sign rfcKey rfcBody)

[<Fact>]
let ``any of several secrets will do, in any place`` () =
    let secrets = [ bytes "old"; bytes "current"; bytes "next" ]

    for secret in secrets do
        Assert.True(WhatsAppSignature.verify secrets (WhatsAppSignature.sign secret body) body)

    Assert.False(WhatsAppSignature.verify secrets (WhatsAppSignature.sign (bytes "other") body) body)
    Assert.False(WhatsAppSignature.verify [] (WhatsAppSignature.sign (bytes "old") body) body)

[<Fact>]
let ``a signature with an empty secret is worth nothing`` () =
    Assert.False(
        WhatsAppSignature.verify [ Array.empty; bytes "a" ] (WhatsAppSignature.sign Array.empty body) body
    )

[<Fact>]
let ``malformed headers are refused`` () =
    let good = WhatsAppSignature.sign (bytes "s") body

    let verify (header: string | null) =
        WhatsAppSignature.verify [ bytes "s" ] header body

    Assert.True(verify good)
    Assert.False(verify null)

    for header in
        [
            ""
            "sha256="
            good.Substring 7
            good + "0"
            good.Substring(0, good.Length - 1)
            "sha1=" + good.Substring 7
            " " + good
            "sha256=" + String('z', 64)
            "sha256=" + String('é', 64)
        ] do
        Assert.False(verify header, header)

[<Fact>]
let ``a change of any byte or of the signature is noticed`` () =
    let inputs =
        Gen.zip3 (Gen.nonEmptyListOf (Gen.choose (0, 255))) (Gen.choose (0, 10000)) (Gen.choose (1, 255))
        |> Arb.fromGen

    let property (units, position, change) =
        let original = units |> List.map byte |> Array.ofList
        let changed = Array.copy original
        let index = position % changed.Length
        changed[index] <- changed[index] ^^^ byte change
        let header = WhatsAppSignature.sign (bytes "s") (ReadOnlyMemory original)

        WhatsAppSignature.verify [ bytes "s" ] header (ReadOnlyMemory original)
        && not (WhatsAppSignature.verify [ bytes "s" ] header (ReadOnlyMemory changed))

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 200, Prop.forAll inputs property)

[<Fact>]
let ``the handshake gives the challenge back to whoever knows the token`` () =
    let challenge = WhatsAppSignature.challenge
    Assert.Equal(Some "1158201444", challenge "mi-token" "subscribe" "mi-token" "1158201444")
    Assert.Equal(None, challenge "mi-token" "subscribe" "mi-tokem" "1158201444")
    Assert.Equal(None, challenge "mi-token" "subscribe" "" "1158201444")
    Assert.Equal(None, challenge "mi-token" "unsubscribe" "mi-token" "1158201444")
    Assert.Equal(None, challenge "mi-token" null "mi-token" "1158201444")
    Assert.Equal(None, challenge "mi-token" "subscribe" null "1158201444")
    Assert.Equal(None, challenge "mi-token" "subscribe" "mi-token" null)
    Assert.Equal(None, challenge "" "subscribe" "" "1158201444")
