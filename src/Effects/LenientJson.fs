namespace FunctionalBot.Effects

open System
open System.Globalization
open System.Runtime.InteropServices
open System.Text
open System.Text.Json

/// Reading the JSON of others without trusting its shape: whatever is missing, null, or of another type than
/// expected is None or an empty list, and whatever text cannot be is repaired.
module LenientJson =
    let private replacement = char 0xFFFD

    /// Deeper bodies are refused; Meta's own are about twelve levels deep.
    let maximumDepth = 64

    /// Whole text of the element as it was written, in valid Unicode (broken bytes become U+FFFD).
    let private written (element: JsonElement) =
        Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value element)

    /// A text without what PostgreSQL cannot store (U+0000) and without halves of surrogate pairs.
    let private storable (text: string) =
        let isBroken index =
            let unit = text[index]

            unit = '\000'
            || (Char.IsHighSurrogate unit
                && not (index + 1 < text.Length && Char.IsLowSurrogate text[index + 1]))
            || (Char.IsLowSurrogate unit
                && not (index > 0 && Char.IsHighSurrogate text[index - 1]))

        let rec firstBroken index =
            if index >= text.Length then -1
            elif isBroken index then index
            else firstBroken (index + 1)

        if firstBroken 0 < 0 then
            text
        else
            String.init text.Length (fun index ->
                string (if isBroken index then replacement else text[index]))

    /// Undoes JSON's escapes one by one, for the texts that System.Text.Json refuses: broken surrogates and
    /// bytes.
    let private unescape (quoted: string) =
        let inner = quoted.Substring(1, quoted.Length - 2)
        let result = StringBuilder inner.Length

        let rec copy index =
            if index < inner.Length then
                if inner[index] <> '\\' || index + 1 >= inner.Length then
                    result.Append inner[index] |> ignore
                    copy (index + 1)
                else
                    match inner[index + 1] with
                    | 'u' when index + 5 < inner.Length ->
                        let digits = inner.AsSpan(index + 2, 4)

                        let number =
                            UInt16.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture)

                        result.Append(char number) |> ignore
                        copy (index + 6)
                    | letter ->
                        let plain =
                            match letter with
                            | 'n' -> '\n'
                            | 'r' -> '\r'
                            | 't' -> '\t'
                            | 'b' -> '\b'
                            | 'f' -> '\f'
                            | other -> other

                        result.Append plain |> ignore
                        copy (index + 2)

        copy 0
        result.ToString()

    let private textOfString (element: JsonElement) =
        let text =
            try
                nonNull (element.GetString())
            with :? InvalidOperationException ->
                unescape (written element)

        storable text

    /// Goes through the members one by one, and past those whose names are no Unicode.
    let private searched (name: string) (element: JsonElement) =
        element.EnumerateObject()
        |> Seq.tryFindBack (fun part ->
            try
                part.NameEquals name
            with :? InvalidOperationException ->
                false)
        |> Option.map _.Value

    /// The member of that name. None if the element is no object or the member is missing or null.
    /// Where a name occurs twice the last one counts.
    let field (name: string) (element: JsonElement) : JsonElement option =
        if element.ValueKind <> JsonValueKind.Object then
            None
        else
            let found =
                try
                    match element.TryGetProperty name with
                    | true, value -> Some value
                    | _ -> None
                with :? InvalidOperationException ->
                    searched name element

            found |> Option.filter (fun value -> value.ValueKind <> JsonValueKind.Null)

    /// The members of an array; an object counts as an array of one, anything else as empty.
    let items (element: JsonElement) : JsonElement list =
        match element.ValueKind with
        | JsonValueKind.Array -> List.ofSeq (element.EnumerateArray())
        | JsonValueKind.Object -> [ element ]
        | _ -> []

    /// `items` of the member of that name.
    let list name element : JsonElement list =
        field name element |> Option.map items |> Option.defaultValue []

    /// A string, or the text of a number or truth value. May be empty.
    let asText (element: JsonElement) : string option =
        match element.ValueKind with
        | JsonValueKind.String -> Some(textOfString element)
        | JsonValueKind.Number
        | JsonValueKind.True
        | JsonValueKind.False -> Some(written element)
        | _ -> None

    /// The member of that name as text. None if it is missing, null, or an object or array.
    let text name element : string option =
        field name element |> Option.bind asText

    /// The same, where blank text counts as missing.
    let filled name element : string option =
        text name element |> Option.filter (String.IsNullOrWhiteSpace >> not)

    /// The member as a whole number, also where it is written as text.
    let whole name element : int64 option =
        match filled name element with
        | None -> None
        | Some digits ->
            match
                Int64.TryParse(digits.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
            with
            | true, number -> Some number
            | _ -> None

    /// The element as it was written, without white space between its parts.
    let compact (element: JsonElement) : string =
        let raw = written element
        let result = StringBuilder raw.Length
        let mutable quoted = false
        let mutable escaped = false

        for unit in raw do
            if quoted then
                result.Append unit |> ignore

                if escaped then
                    escaped <- false
                elif unit = '\\' then
                    escaped <- true
                elif unit = '"' then
                    quoted <- false
            elif not (unit = ' ' || unit = '\n' || unit = '\r' || unit = '\t') then
                result.Append unit |> ignore
                quoted <- unit = '"'

        result.ToString()
