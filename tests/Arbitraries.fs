/// Arbitrary values of the domain, general and hostile, for properties about codecs and stores.
module FunctionalBot.Tests.Arbitraries

open System
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects

let private evil = [
    ""
    " "
    "\u0000"
    "a\u0000b"
    "\uD800"
    "\uDC00x"
    "x\uD83D"
    "\uDC00\uD800"
    "👩‍👩‍👧‍👦"
    "\uFFFE\uFFFF"
    "\u202Eabc\u2066"
    "\"\\\b\f\n\r\t"
    "<script>'--;"
    "null"
    "{\"Case\":\"Closed\"}"
    "é"
    "e\u0301"
    "\u2028\u2029\u0085"
    String('ñ', 5000)
]

/// Any text at all, also what PostgreSQL cannot hold.
let hostileText: Gen<string> =
    let anyCharacter = Gen.choose (0, 0xFFFF) |> Gen.map char

    let surrogate = Gen.choose (0xD800, 0xDFFF) |> Gen.map char
    let plain = Gen.elements [ 'a' .. 'z' ]

    let mixed =
        Gen.frequency [ 4, plain; 2, anyCharacter; 1, surrogate; 1, Gen.constant '\u0000' ]
        |> Gen.listOf
        |> Gen.map (fun characters -> String(List.toArray characters))

    Gen.frequency [ 2, Gen.elements evil; 5, mixed ]

/// Any text that PostgreSQL gives back as it was.
let storableText: Gen<string> = hostileText |> Gen.map StoredText.clean

let private checkedText create fallback =
    let fallback: 'Value =
        match create fallback with
        | Ok value -> value
        | Error problem -> failwith $"%A{problem}"

    hostileText
    |> Gen.map (fun text -> create ("a" + text) |> Result.defaultValue fallback)
    |> Arb.fromGen

/// Values that have rules of their own; everything else is derived from its type.
type private Ruled =
    static member Title() : Arbitrary<TicketTitle> =
        checkedText TicketTitle.create "Taladro roto"

    static member Description() : Arbitrary<TicketDescription> =
        checkedText TicketDescription.create "No enciende"

    static member Address() : Arbitrary<EmailAddress> =
        checkedText EmailAddress.create "ana@example.com"

    /// A part of stream names: not empty and without a slash.
    static member Customer() : Arbitrary<CustomerId> =
        storableText
        |> Gen.map (fun text -> CustomerId("c" + text.Replace('/', '_')))
        |> Arb.fromGen

    static member SessionId() : Arbitrary<SessionId> =
        gen {
            let! customer = Ruled.Customer().Generator
            let! ordinal = Gen.choose (1, Int32.MaxValue)
            let! channel = Gen.elements [ "whatsapp-1"; "whatsapp-106540352242922"; "ñ·" ]

            return {
                Channel = channel
                Customer = customer
                Ordinal = ordinal
            }
        }
        |> Arb.fromGen

    static member Instant() : Arbitrary<DateTimeOffset> =
        Gen.oneof [
            Gen.choose64 (0L, DateTimeOffset.MaxValue.UtcTicks)
            Gen.constant 0L
            Gen.constant DateTimeOffset.MaxValue.UtcTicks
        ]
        |> Gen.map (fun ticks -> DateTimeOffset(ticks, TimeSpan.Zero))
        |> Arb.fromGen

type private Hostile =
    static member Text() : Arbitrary<string> = Arb.fromGen hostileText

type private Storable =
    static member Text() : Arbitrary<string> = Arb.fromGen storableText

let private hostile =
    ArbMap.defaults |> ArbMap.mergeWith<Ruled> |> ArbMap.mergeWith<Hostile>

let private storable =
    ArbMap.defaults |> ArbMap.mergeWith<Ruled> |> ArbMap.mergeWith<Storable>

/// Values of the type with any text in them.
let anyHostile<'Value> : Arbitrary<'Value> =
    Arb.fromGen (ArbMap.generate<'Value> hostile)

/// Values of the type in which every text can be stored.
let anyStorable<'Value> : Arbitrary<'Value> =
    Arb.fromGen (ArbMap.generate<'Value> storable)

/// Checks the property with so many values.
let holds (count: int) (values: Arbitrary<'Value>) (property: 'Value -> unit) =
    Check.One(Config.QuickThrowOnFailure.WithMaxTest count, Prop.forAll values property)
