/// What customers write at any length and with anything in it.
module FunctionalBot.Tests.WhatsAppTextTests

open System
open System.Globalization
open System.Text
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.WhatsAppSamples
open Xunit

let private limit = WhatsAppText.limit

/// A text as JSON writes it, with everything but ASCII escaped, as Meta sends it.
let private escaped (text: string) =
    let written = StringBuilder text.Length

    for unit in text do
        if unit > ' ' && unit < '\127' && unit <> '"' && unit <> '\\' then
            written.Append unit |> ignore
        else
            written.Append("\\u").Append((int unit).ToString "x4") |> ignore

    written.ToString()

let private textOf (writtenBody: string) =
    match
        readOne (
            bodyOf [
                message "1" ("\"type\":\"text\",\"text\":{\"body\":\"" + writtenBody + "\"}")
            ]
        )
    with
    | CustomerDid(_, _, _, _, TextReceived text) -> text.Text
    | other -> failwith $"%A{other}"

let private isWhole (text: string) =
    let mutable whole = true

    for index in 0 .. text.Length - 1 do
        if Char.IsHighSurrogate text[index] then
            whole <- whole && index + 1 < text.Length && Char.IsLowSurrogate text[index + 1]
        elif Char.IsLowSurrogate text[index] then
            whole <- whole && index > 0 && Char.IsHighSurrogate text[index - 1]

    whole

[<Fact>]
let ``a text of the longest length is taken as it is, and one unit more is cut`` () =
    for length in [ limit - 1; limit; limit + 1; 4 * limit ] do
        let text = String('a', length)
        Assert.Equal(String('a', min limit length), textOf text)
        let accented = String('ñ', length)
        Assert.Equal(String('ñ', min limit length), textOf (escaped accented))
        Assert.Equal(String('ñ', min limit length), textOf accented)

[<Fact>]
let ``three megabytes of emoji are cut between emoji, escaped or not`` () =
    let family = "👨‍👩‍👧‍👦"

    for emoji, count in [ "😀", 250_000; family, 45_000 ] do
        for written in [ String.replicate count (escaped emoji); String.replicate count emoji ] do
            let text = textOf written
            let fitting = limit / emoji.Length * emoji.Length
            Assert.Equal(fitting, text.Length)
            Assert.Equal(String.replicate (limit / emoji.Length) emoji, text)

[<Fact>]
let ``one character under a million marks is cut all the same, and words ahead of it stay`` () =
    let marked = "a" + String('\u0301', 500_000)
    let text = textOf (escaped marked)
    Assert.Equal(limit, text.Length)
    Assert.StartsWith("a\u0301", text)
    Assert.Equal("hola ", textOf (escaped ("hola " + marked)))
    // Joined emoji without an end are one character too.
    let chain = String.replicate 100_000 "👩‍"
    let text = textOf (escaped chain)
    Assert.True(text.Length <= limit && text.Length >= limit - 1 && isWhole text)

[<Fact>]
let ``halves of surrogates in a long text are replaced one by one`` () =
    for half in [ "\\ud83d"; "\\ude00" ] do
        let text = textOf (String.replicate 400_000 half)
        Assert.Equal(String('\uFFFD', limit), text)

    // Where the part that is read of a long text ends within an escape or a pair, nothing of that is seen.
    for shift in 0..12 do
        let text = textOf (String('a', shift) + String.replicate 100_000 "\\ud83d\\ude00")
        Assert.True(isWhole text && not (text.Contains '\uFFFD'), $"%d{shift}")
        Assert.True(text.Length <= limit && text.Length >= limit - 1, $"%d{shift}")

[<Fact>]
let ``the cut never falls into a character`` () =
    let pieces = [ "a"; "ñ"; "e\u0301"; "😀"; "👩‍🔬"; "🇪🇸"; "\r\n"; "1️⃣"; "\uFFFD"; "नि" ]

    let inputs =
        Gen.listOfLength 30 (Gen.elements pieces)
        |> Gen.map (String.concat "")
        |> Gen.zip (Gen.choose (0, 40))
        |> Arb.fromGen

    let property (shift: int, piece: string) =
        let text = String('x', shift) + String.replicate (limit / piece.Length + 2) piece
        let cut = textOf (escaped text)
        let borders = StringInfo.ParseCombiningCharacters(text) |> Set.ofArray

        text.StartsWith(cut, StringComparison.Ordinal)
        && cut.Length <= limit
        && cut.Length > limit - 40
        && (cut.Length = text.Length || borders.Contains cut.Length)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 60, Prop.forAll inputs property)

[<Fact>]
let ``every text that a customer can send is cut`` () =
    let long = String('a', 3 * limit)

    let lengthOf members =
        match readOne (bodyOf [ message "1" members ]) with
        | CustomerDid(_, _, _, _, fact) ->
            match fact with
            | TextReceived text -> text.Text.Length
            | ChoicePicked choice -> choice.Title.Length
            | MessageEdited(_, _, text) -> text.Length
            | MediaReceived media ->
                Option.defaultValue "" media.Caption
                |> String.length
                |> max (Option.defaultValue "" media.FileName |> String.length)
            | ReactionReceived(_, _, emoji) -> (Option.defaultValue "" emoji).Length
            | other -> failwith $"%A{other}"
        | other -> failwith $"%A{other}"

    for members, expected in
        [
            $""" "type":"text","text":{{"body":"%s{long}"}} """, limit
            $""" "type":"text","text":{{"body":%s{String('1', 3 * limit)}}} """, limit
            $""" "type":"image","image":{{"id":"7","caption":"%s{long}"}} """, limit
            $""" "type":"document","document":{{"id":"7","filename":"%s{long}"}} """, 255
            $""" "type":"button","button":{{"payload":"x","text":"%s{long}"}} """, limit
            $""" "type":"interactive","interactive":{{"list_reply":{{"id":"x","title":"%s{long}"}}}} """,
            limit
            $""" "type":"edit","edit":{{"original_message_id":"w","message":{{"type":"text","text":{{"body":"%s{long}"}}}}}} """,
            limit
            $""" "type":"reaction","reaction":{{"message_id":"w","emoji":"%s{long}"}} """, limit
            $""" "type":"order","order":{{"text":"%s{long}"}} """, limit
        ] do
        Assert.Equal(expected, lengthOf members)

[<Fact>]
let ``ids are taken up to their longest, and one unit more is none`` () =
    let factOf members =
        match readOne (bodyOf [ message "1" members ]) with
        | CustomerDid(_, _, _, _, fact) -> Ok fact
        | NothingToDo(_, reason, _) -> Error reason
        | other -> failwith $"%A{other}"

    for length in
        [
            LenientJson.longestIdentifier
            LenientJson.longestIdentifier + 1
            3_000
            1_000_000
        ] do
        let id = String('7', length)
        let isTaken = length <= LenientJson.longestIdentifier

        let takes expected members found =
            match factOf members with
            | Ok fact when found fact = Some id -> Assert.True(isTaken, members.Substring(0, 60))
            | Ok fact -> Assert.True((not isTaken && found fact = expected), members.Substring(0, 60))
            | Error _ -> Assert.False(isTaken, members.Substring(0, 60))

        takes None $""" "type":"image","image":{{"id":"%s{id}"}} """ (function
            | MediaReceived media -> media.MediaId
            | _ -> None)

        takes None $""" "type":"image","image":{{"id":"7","sha256":"%s{id}"}} """ (function
            | MediaReceived media -> media.Sha256
            | _ -> None)

        takes None $""" "type":"text","text":{{"body":"x"}},"context":{{"id":"%s{id}"}} """ (function
            | TextReceived { Quoted = Some(MessageId quoted) } -> Some quoted
            | _ -> None)

        // Without the id there are still the words.
        takes
            (Some "Hablar")
            $""" "type":"interactive","interactive":{{"button_reply":{{"id":"%s{id}","title":"Hablar"}}}} """
            (function
             | ChoicePicked choice -> Some choice.ChoiceId
             | TextReceived text -> Some text.Text
             | _ -> None)

        takes None $""" "type":"button","button":{{"payload":"%s{id}"}} """ (function
            | ChoicePicked choice -> Some choice.Title
            | _ -> None)

        takes None $""" "type":"reaction","reaction":{{"message_id":"%s{id}","emoji":"x"}} """ (function
            | ReactionReceived(_, MessageId target, _) -> Some target
            | _ -> None)

        takes None $""" "type":"revoke","revoke":{{"original_message_id":"%s{id}"}} """ (function
            | MessageRevoked(_, MessageId original) -> Some original
            | _ -> None)

    match factOf $""" "type":"image","image":{{"id":"7","mime_type":"%s{String('x', 5000)}"}} """ with
    | Ok(MediaReceived { MimeType = Some kind }) -> Assert.Equal(100, kind.Length)
    | other -> failwith $"%A{other}"

let private contentOf members =
    match readOne (bodyOf [ message "1" members ]) with
    | CustomerDid(_, _, _, _, MediaReceived media) -> media.Kind, media.Content
    | other -> failwith $"%A{other}"

[<Fact>]
let ``a place is read into words with its coordinates and a map`` () =
    let place members =
        contentOf ("\"type\":\"location\",\"location\":{" + members + "}")

    let map = "https://www.openstreetmap.org/?mlat=40.415364&mlon=-3.707398"

    Assert.Equal(
        (Location, Some("Plaza Mayor, Calle Real 1 (40.415364, -3.707398) " + map)),
        place
            """ "latitude":40.41536355,"longitude":-3.7073975,"name":"Plaza Mayor","address":"Calle Real\n1","url":"javascript:alert(1)" """
    )

    Assert.Equal(
        (Location, Some("(40.415364, -3.707398) " + map)),
        place """ "latitude":"40.415364","longitude":"-3.707398" """
    )

    Assert.Equal(
        (Location, Some "Plaza Mayor"),
        place """ "name":"Plaza Mayor","latitude":95,"longitude":0 """
    )

    Assert.Equal(
        (Location, Some "(0, 180) https://www.openstreetmap.org/?mlat=0&mlon=180"),
        place """ "latitude":1e-9,"longitude":180 """
    )

    for nowhere in
        [
            """ "latitude":90.1,"longitude":0 """
            """ "latitude":1e999,"longitude":0 """
            """ "latitude":"NaN","longitude":"Infinity" """
            """ "latitude":1 """
            """ "latitude":{},"longitude":[],"name":" " """
        ] do
        Assert.Equal(Unsupported, fst (place nowhere))

[<Fact>]
let ``cards are read into words: names, companies, numbers, addresses`` () =
    let cards (array: string) =
        contentOf ("\"type\":\"contacts\",\"contacts\":" + array)

    Assert.Equal(
        (ContactCard,
         Some(
             "Eva Ríos; Taller Sol; +34 600 111 222; 34600999888; eva@example.com; "
             + "Calle Real 1, 28001, Madrid\nSin nombre"
         )),
        cards
            """[{"name":{"formatted_name":"Eva Ríos","first_name":"Eva"},"org":{"company":"Taller Sol"},"phones":[{"phone":"+34 600 111 222","wa_id":"34600111222"},{"wa_id":"34600999888"},{}],"emails":[{"email":"eva@example.com"}],"addresses":[{"street":"Calle Real 1","zip":28001,"city":"Madrid"}],"birthday":"1990-01-01"},{"name":{"first_name":"Sin","last_name":"nombre"}}]"""
    )

    // One that is no list.
    Assert.Equal((ContactCard, Some "Eva"), cards """{"name":{"formatted_name":"Eva"}}""")

    let many =
        "["
        + String.Join(",", Seq.replicate 257 """{"phones":[{"phone":"1234567"}]}""")
        + "]"

    match cards many with
    | ContactCard, Some content ->
        let lines = content.Split '\n'
        Assert.Equal(11, lines.Length)
        Assert.Equal("(+247)", lines[10])
    | other -> failwith $"%A{other}"

    let long = String('x', 100_000)

    match cards ("[{\"name\":{\"formatted_name\":\"" + long + "\"}}]") with
    | ContactCard, Some content -> Assert.Equal(300, content.Length)
    | other -> failwith $"%A{other}"

[<Fact>]
let ``a script in a card is text, and so is what turns the direction of writing`` () =
    let script = "<script>alert('x')</script>"

    let card =
        """[{"name":{"formatted_name":"SCRIPT\u202Efdp.exe"},"phones":[{"phone":"+34\u200B600\n\t1"}]}]"""
            .Replace("SCRIPT", script)

    Assert.Equal(
        (ContactCard, Some(script + "fdp.exe; +34600 1")),
        contentOf ("\"type\":\"contacts\",\"contacts\":" + card)
    )

[<Fact>]
let ``names of files and people are read as they are written`` () =
    let name =
        match
            readOne (
                bodyOf [
                    message
                        "1"
                        """ "type":"document","document":{"id":"7","filename":"fac\u202Etura\u0000fdp.\nexe"} """
                ]
            )
        with
        | CustomerDid(_, _, _, _, MediaReceived media) -> media.FileName
        | other -> failwith $"%A{other}"

    Assert.Equal(Some "factura\uFFFDfdp. exe", name)

    match
        readOne (
            bodyWith
                """ "contacts":[{"wa_id":"34600111222","profile":{"name":"\u202EanA \u2066 Ríos\n"}}],"messages":[{"from":"34600111222","id":"wamid.1","type":"text","text":{"body":"x"}}] """
        )
    with
    | CustomerDid(_, person, _, _, _) -> Assert.Equal(Some "anA Ríos", person.Name)
    | other -> failwith $"%A{other}"
