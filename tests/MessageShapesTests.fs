/// What utterances become beside texts, buttons and lists (links, requests, files), and that whatever the bot says
/// stays within Meta's limits: each limit with a text that is as long, one shorter, one longer and much longer.
module FunctionalBot.Tests.MessageShapesTests

open System
open System.Globalization
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open Xunit

let private book =
    lazy
        (match Phrases.load (Repository.path "data/phrases") with
         | Ok book -> book
         | Error problems -> failwith (String.Join("\n", problems)))

let private business = {
    Name = "Tienda Aurora"
    Contact = "900 100 200"
}

let private render utterance uploaded =
    Phrases.render (book.Force()) business utterance uploaded

let private plain text : Utterance = {
    Phrase = Answer(text, false)
    Choices = []
    Language = Spanish
    ReplyTo = None
    Invitation = None
    File = None
    Introduce = None
}

let private inviting invitation text = {
    plain text with
        Invitation = Some invitation
}

let private stored mimeType size : StoredFile = {
    Hash = FileHash(String.replicate 64 "a")
    MimeType = mimeType
    Size = size
    Name = "plano.pdf"
}

let private uploaded mimeType : UploadedFile = {
    Id = "4490"
    MimeType = mimeType
    Name = "plano.pdf"
}

let private withFile (file: StoredFile) text = { plain text with File = Some file }

let private address = "https://example.com/ayuda"
let private openLink = ToOpenLink("Ver la ayuda", address)

/// A part that the bot fills in, its limit as section 3 of references/whatsapp-cloud-api.md has it, and what becomes
/// of it.
let private parts: (string * int * (string -> string)) list = [
    "text",
    4096,
    (fun text ->
        match render (plain text) None with
        | TextMessage body -> body
        | other -> failwith $"%A{other}")
    "request for a place",
    1024,
    (fun text ->
        match render (inviting ToShareLocation text) None with
        | LocationRequest body -> body
        | other -> failwith $"%A{other}")
    "request for a number",
    1024,
    (fun text ->
        match render (inviting ToSharePhone text) None with
        | ContactRequest body -> body
        | other -> failwith $"%A{other}")
    "label of a link",
    20,
    (fun text ->
        match render (inviting (ToOpenLink(text, address)) "Aquí está") None with
        | LinkMessage("Aquí está", label, found) when found = address -> label
        | other -> failwith $"%A{other}")
    "caption of a picture",
    1024,
    (fun text ->
        match render (withFile (stored "image/png" 1L) text) (Some(uploaded "image/png")) with
        | ImageMessage(_, Some caption) -> caption
        | other -> failwith $"%A{other}")
    "caption of a document",
    1024,
    (fun text ->
        match render (withFile (stored "application/pdf" 1L) text) (Some(uploaded "application/pdf")) with
        | DocumentMessage(_, Some caption) -> caption
        | other -> failwith $"%A{other}")
]

/// Texts of so many UTF-16 units: plain; with a character of two units at the end; of such alone; and of graphemes
/// of eleven units.
let private ofLength length =
    let family = "👨‍👩‍👧‍👦"

    [
        String('x', length)
        String('x', length - 2) + "😀"
        (if length % 2 = 0 then "" else "x") + String.replicate (length / 2) "👍"
        String('x', length % family.Length)
        + String.replicate (length / family.Length) family
    ]

[<Fact>]
let ``what the bot says is whole up to the limit, and beyond it cut between graphemes`` () =
    for name, most, render in parts do
        for length in [ most - 1; most ] do
            for text in ofLength length do
                Assert.Equal((name, text), (name, render text))

        for length in [ most + 1; most * 3 ] do
            for text in ofLength length do
                let shown = render text
                Assert.InRange(shown.Length, most - 11, most)
                Assert.EndsWith("…", shown)
                let kept = shown.Substring(0, shown.Length - 1)
                Assert.StartsWith(kept, text, StringComparison.Ordinal)
                Assert.Contains(kept.Length, StringInfo.ParseCombiningCharacters text)

[<Fact>]
let ``an answer up to the limit has its buttons or its link, a longer one is whole and names them`` () =
    for length in [ 1023; 1024 ] do
        let text = String('x', length)

        match
            render
                {
                    plain text with
                        Choices = [ OpenTicket ]
                }
                None
        with
        | ButtonMessage(body, [ "open-ticket", "Abrir un ticket" ]) -> Assert.Equal(text, body)
        | other -> failwith $"%A{other}"

        match render (inviting openLink text) None with
        | LinkMessage(body, "Ver la ayuda", found) -> Assert.Equal((text, address), (body, found))
        | other -> failwith $"%A{other}"

    let text = String('x', 1025)

    match
        render
            {
                plain text with
                    Choices = [ OpenTicket ]
            }
            None
    with
    | TextMessage body ->
        Assert.StartsWith(text + "\n\n", body)
        Assert.Contains("«Abrir un ticket»", body)
    | other -> failwith $"%A{other}"

    match render (inviting openLink text) None with
    | TextMessage body -> Assert.Equal(text + "\n\nVer la ayuda: " + address, body)
    | other -> failwith $"%A{other}"

[<Fact>]
let ``a picture that WhatsApp shows is one, everything else is a document`` () =
    let kind mimeType size =
        match render (withFile (stored mimeType size) "Aquí está") (Some(uploaded mimeType)) with
        | ImageMessage _ -> "image"
        | DocumentMessage(file, _) -> file.Name
        | other -> failwith $"%A{other}"

    let fiveMegabytes = 5L * 1024L * 1024L

    for mimeType, size, expected in
        [
            "image/jpeg", fiveMegabytes - 1L, "image"
            "image/jpeg", fiveMegabytes, "image"
            "image/jpeg", fiveMegabytes + 1L, "plano.pdf"
            "image/png", 1L, "image"
            "image/webp", 1L, "plano.pdf"
            "application/pdf", 1L, "plano.pdf"
        ] do
        Assert.Equal((mimeType, size, expected), (mimeType, size, kind mimeType size))

    for length in [ 239; 240; 241; 1000 ] do
        let name = String('x', length)

        match
            render
                (withFile (stored "application/pdf" 1L) "Sí")
                (Some {
                    uploaded "application/pdf" with
                        Name = name
                })
        with
        | DocumentMessage(file, Some "Sí") -> Assert.Equal(min 240 length, file.Name.Length)
        | other -> failwith $"%A{other}"

[<Fact>]
let ``an address that is none of the web is not offered`` () =
    for wrong in
        [
            ""
            "javascript:alert(1)"
            "/ayuda"
            "https://"
            "https://a b"
            "https://a.es/" + String('x', 2000)
        ] do
        Assert.Equal(TextMessage "Aquí está", render (inviting (ToOpenLink("Ver", wrong)) "Aquí está") None)

    Assert.Equal(
        TextMessage("Aquí está\n\n" + address),
        render (inviting (ToOpenLink(" ", address)) "Aquí está") None
    )

[<Fact>]
let ``choices beside an invitation or a file follow in words`` () =
    let choices = [ OpenTicket; TalkToPerson ]
    let words = "Puedes escribir: «Abrir un ticket», «Hablar con alguien»"

    for message in
        [
            render
                {
                    inviting openLink "Aquí está" with
                        Choices = choices
                }
                None
            render
                {
                    inviting ToShareLocation "¿Dónde?" with
                        Choices = choices
                }
                None
            render
                {
                    inviting ToSharePhone "¿Tu número?" with
                        Choices = choices
                }
                None
            render
                {
                    withFile (stored "image/png" 1L) "Mira" with
                        Choices = choices
                }
                (Some(uploaded "image/png"))
        ] do
        match message with
        | LinkMessage(body, _, _)
        | LocationRequest body
        | ContactRequest body
        | ImageMessage(_, Some body) -> Assert.EndsWith("\n\n" + words, body)
        | other -> failwith $"%A{other}"

/// Any utterance, with anything that can be added to it.
let private anything =
    let label =
        Gen.elements [ ""; " "; "Ver"; String('x', 50); String.replicate 9 "👨‍👩‍👧‍👦"; "a\nb" ]

    let found = Gen.elements [ address; "no"; "https://a.es/" + String('x', 1990) ]

    let invitation =
        Gen.oneof [
            Gen.map2 (fun label address -> Some(ToOpenLink(label, address))) label found
            Gen.elements [ None; Some ToShareLocation; Some ToSharePhone; Some(ToFillForm "token") ]
        ]

    let file = Gen.elements [ None; Some "image/png"; Some "application/pdf" ]
    let introduce = Gen.elements [ None; Some true; Some false ]
    Gen.zip (Gen.zip Utterances.utterance invitation) (Gen.zip file introduce)

[<Fact>]
let ``whatever the bot says with whatever beside it is what Meta takes, and keeps the choices' ids`` () =
    let property ((utterance: Utterance, invitation), (file, introduce)) =
        let utterance = {
            utterance with
                Invitation = invitation
                Introduce = introduce
                File = file |> Option.map (fun mimeType -> stored mimeType 1L)
        }

        let message = render utterance (file |> Option.map uploaded)

        let ids =
            utterance.Choices
            |> List.distinctBy Wording.choiceKey
            |> List.truncate 10
            |> List.map Choice.id

        let keepsIds =
            match message with
            | ButtonMessage(_, buttons) -> List.map fst buttons = ids
            | ListMessage(_, _, rows) -> rows |> List.map (fun (id, _, _) -> id) = ids
            | _ -> true

        let titles =
            match message with
            | ButtonMessage(_, buttons) -> List.map snd buttons
            | ListMessage(_, _, rows) -> rows |> List.map (fun (_, title, _) -> title)
            | _ -> []

        match OutboundLimits.problems message with
        | [] -> keepsIds && List.distinct titles = titles
        | problems -> failwith $"%A{problems}"

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 500, Prop.forAll (Arb.fromGen anything) property)

[<Fact>]
let ``the thread shows a link, a file's name and the choices in brackets`` () =
    let shown utterance =
        Phrases.renderText (book.Force()) business utterance

    Assert.Equal("Sí\n[Ver la ayuda: https://example.com/ayuda]", shown (inviting openLink "Sí"))
    Assert.Equal("Sí\n[plano.pdf]", shown (withFile (stored "application/pdf" 1L) "Sí"))
    Assert.Equal("Sí", shown (inviting ToShareLocation "Sí"))
