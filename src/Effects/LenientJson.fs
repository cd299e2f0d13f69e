namespace FunctionalBot.Effects

open System
open System.Buffers
open System.Globalization
open System.IO
open System.Runtime.InteropServices
open System.Text
open System.Text.Json

/// Reading the JSON of others without trusting its shape: whatever is missing, null, or of another type than
/// expected is None or an empty list, and whatever text cannot be is repaired.
module LenientJson =
    let private replacement = char 0xFFFD

    /// Deeper elements are not read as they are; Meta's own are about six levels deep.
    let maximumDepth = 64

    /// Whole text of the element as it was written, in valid Unicode (broken bytes become U+FFFD).
    let private written (element: JsonElement) =
        Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value element)

    /// A text without what PostgreSQL cannot store (U+0000) and without halves of surrogate pairs.
    let private storable (text: string) =
        if
            text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0
            && not (text.Contains '\000')
        then
            text
        else
            let units = text.ToCharArray()

            for index in 0 .. units.Length - 1 do
                let unit = text[index]

                let isBroken =
                    unit = '\000'
                    || (Char.IsHighSurrogate unit
                        && not (index + 1 < text.Length && Char.IsLowSurrogate text[index + 1]))
                    || (Char.IsLowSurrogate unit
                        && not (index > 0 && Char.IsHighSurrogate text[index - 1]))

                if isBroken then
                    units[index] <- replacement

            String units

    /// Undoes JSON's escapes one by one, for the texts that System.Text.Json refuses (broken surrogates and bytes) and
    /// for those of which only the start is wanted. An escape that is cut off at the end is left out.
    let private unescape (inner: ReadOnlySpan<byte>) =
        let result = StringBuilder(min inner.Length 4096)
        let mutable index = 0

        while index < inner.Length do
            let rest = inner.Slice index

            match rest.IndexOf(byte '\\') with
            | -1 ->
                result.Append(Encoding.UTF8.GetString rest) |> ignore
                index <- inner.Length
            | 0 when rest.Length < 2 -> index <- inner.Length
            | 0 when rest[1] = byte 'u' ->
                let mutable number = 0us

                if
                    rest.Length >= 6
                    && UInt16.TryParse(
                        rest.Slice(2, 4),
                        NumberStyles.AllowHexSpecifier,
                        CultureInfo.InvariantCulture,
                        &number
                    )
                then
                    result.Append(char number) |> ignore

                index <- index + 6
            | 0 ->
                let plain =
                    match char rest[1] with
                    | 'n' -> '\n'
                    | 'r' -> '\r'
                    | 't' -> '\t'
                    | 'b' -> '\b'
                    | 'f' -> '\f'
                    | other -> other

                result.Append plain |> ignore
                index <- index + 2
            | run ->
                result.Append(Encoding.UTF8.GetString(rest.Slice(0, run))) |> ignore
                index <- index + run

        result.ToString()

    let private textOfString (element: JsonElement) =
        let text =
            try
                nonNull (element.GetString())
            with :? InvalidOperationException ->
                let quoted = JsonMarshal.GetRawUtf8Value element
                unescape (quoted.Slice(1, quoted.Length - 2))

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

    /// `asText`, where no more than about so many UTF-16 units of it are wanted: of a longer text only the start is
    /// read, however long it is. What comes may be longer.
    let asTextUpTo (units: int) (element: JsonElement) : string option =
        // A unit is written in six bytes at most, and a reader who cuts between characters looks a little further.
        let enough = 6 * (units + 16)
        let raw = JsonMarshal.GetRawUtf8Value element

        if raw.Length <= enough + 2 then
            asText element
        else
            match element.ValueKind with
            | JsonValueKind.String -> Some(storable (unescape (raw.Slice(1, enough))))
            | JsonValueKind.Number -> Some(Encoding.UTF8.GetString(raw.Slice(0, enough)))
            | _ -> None

    /// The member of that name as text. None if it is missing, null, or an object or array.
    let text name element : string option =
        field name element |> Option.bind asText

    /// The same, where blank text counts as missing.
    let filled name element : string option =
        text name element |> Option.filter (String.IsNullOrWhiteSpace >> not)

    /// No id is longer, in UTF-16 units: Meta's own have up to about 150, and what is sent along with a message and
    /// comes back has 512 at most.
    let longestIdentifier = 512

    /// The member of that name as an id, without white space around it. None if it is missing, blank, an object or an
    /// array, or longer than `longestIdentifier`: what is as long is no id, and would be kept with every session.
    let identifier name element : string option =
        field name element
        |> Option.bind (asTextUpTo longestIdentifier)
        |> Option.filter (fun text -> text.Length <= longestIdentifier)
        |> Option.map _.Trim()
        |> Option.filter (fun text -> text <> "")

    /// A whole number, also where it is written as text.
    let asWhole (element: JsonElement) : int64 option =
        match asTextUpTo 40 element with
        | None -> None
        | Some digits ->
            match
                Int64.TryParse(digits.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
            with
            | true, number -> Some number
            | _ -> None

    /// `asWhole` of the member of that name.
    let whole name element : int64 option =
        field name element |> Option.bind asWhole

    /// The same, of 32 bits: as long as the codes of errors are. What is larger counts as missing.
    let number name element : int option =
        whole name element
        |> Option.filter (fun value -> value >= int64 Int32.MinValue && value <= int64 Int32.MaxValue)
        |> Option.map int

    /// A part that is kept as it was written is cut to so many bytes of UTF-8: the body that it came in is kept whole.
    let longestKept = 65_536

    /// JSON as it was written, without white space between its parts, in valid Unicode. What is longer than
    /// `longestKept` bytes is cut between characters and ends in "…".
    let compactBytes (raw: ReadOnlySpan<byte>) : string =
        let kept = ArrayPool<byte>.Shared.Rent(min raw.Length longestKept)
        let mutable length = 0
        let mutable index = 0
        let mutable quoted = false
        let mutable escaped = false

        while index < raw.Length && length < longestKept do
            let unit = raw[index]
            index <- index + 1

            if quoted then
                kept[length] <- unit
                length <- length + 1

                if escaped then
                    escaped <- false
                elif unit = byte '\\' then
                    escaped <- true
                elif unit = byte '"' then
                    quoted <- false
            elif not (unit = byte ' ' || unit = byte '\n' || unit = byte '\r' || unit = byte '\t') then
                kept[length] <- unit
                length <- length + 1
                quoted <- unit = byte '"'

        let isCut = raw.Slice(index).IndexOfAnyExcept(ReadOnlySpan " \n\r\t"B) >= 0

        if isCut then
            // Back to the first byte of the last character, and past it.
            while length > 0 && (kept[length - 1] &&& 0xC0uy) = 0x80uy do
                length <- length - 1

            length <- max 0 (length - 1)

        let text = Encoding.UTF8.GetString(kept, 0, length)
        ArrayPool<byte>.Shared.Return kept
        if isCut then text + "…" else text

    /// `compactBytes` of an object without the members of these names.
    let compactWithout (names: string[]) (element: JsonElement) : string =
        let raw = JsonMarshal.GetRawUtf8Value element
        let mutable reader = Utf8JsonReader raw
        use kept = new MemoryStream(min raw.Length (2 * longestKept))
        reader.Read() |> ignore
        kept.WriteByte(byte '{')

        while reader.Read() && reader.TokenType = JsonTokenType.PropertyName do
            let mutable isLeftOut = false

            for name in names do
                try
                    isLeftOut <- isLeftOut || reader.ValueTextEquals name
                with :? InvalidOperationException ->
                    // A name that is no Unicode is none of these.
                    ()

            let start = int reader.TokenStartIndex
            reader.Skip()

            if not isLeftOut then
                if kept.Length > 1L then
                    kept.WriteByte(byte ',')

                kept.Write(raw.Slice(start, int reader.BytesConsumed - start))

        kept.WriteByte(byte '}')
        compactBytes (ReadOnlySpan(kept.GetBuffer(), 0, int kept.Length))
