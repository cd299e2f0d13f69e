/// As much of protobuf's wire format as it takes to read what a collector is sent.
module FunctionalBot.Tests.Protobuf

open System
open System.Text

/// What a field holds.
type Value =
    | Number of uint64
    /// Eight bytes of fixed width, as they are.
    | Fixed of byte[]
    /// A text, bytes, or a message of its own: only the schema knows.
    | Bytes of byte[]

/// The fields of a message in order. Fails on what is no protobuf.
let fields (message: byte[]) : (int * Value) list =
    let mutable position = 0

    let varint () =
        let mutable value = 0UL
        let mutable shift = 0
        let mutable more = true

        while more do
            let next = message[position]
            position <- position + 1
            value <- value ||| (uint64 (next &&& 0x7Fuy) <<< shift)
            shift <- shift + 7
            more <- next &&& 0x80uy <> 0uy

        value

    let take count =
        let taken = message[position .. position + count - 1]

        if taken.Length <> count then
            failwith "The message ends within a field."

        position <- position + count
        taken

    [
        while position < message.Length do
            let key = varint ()

            let value =
                match int (key &&& 7UL) with
                | 0 -> Number(varint ())
                | 1 -> Fixed(take 8)
                | 2 -> Bytes(take (int (varint ())))
                | 5 -> Fixed(take 4)
                | kind -> failwith $"Wire type %d{kind} is none."

            int (key >>> 3), value
    ]

/// The bytes of each occurrence of a field.
let every (field: int) (message: byte[]) : byte[] list =
    fields message
    |> List.choose (function
        | number, Bytes bytes when number = field -> Some bytes
        | _ -> None)

/// A text field, "" where it is not there.
let text (field: int) (message: byte[]) : string =
    match every field message with
    | bytes :: _ -> Encoding.UTF8.GetString bytes
    | [] -> ""

/// A field of bytes as hexadecimal digits, "" where it is not there.
let hex (field: int) (message: byte[]) : string =
    match every field message with
    | bytes :: _ -> Convert.ToHexStringLower bytes
    | [] -> ""

/// A number, 0 where it is not there.
let number (field: int) (message: byte[]) : uint64 =
    fields message
    |> List.tryPick (function
        | found, Number value when found = field -> Some value
        | _ -> None)
    |> Option.defaultValue 0UL
