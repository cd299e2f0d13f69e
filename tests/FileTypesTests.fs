/// What files are by their bytes, which are taken, and how they are called.
module FunctionalBot.Tests.FileTypesTests

open System
open System.IO
open System.IO.Compression
open System.Text
open Xunit
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.FileSamples

let private typeOf kind claimed name bytes =
    FileRules.typeOf kind claimed name (FileTypes.find (Array.truncate 4096 bytes))

[<Fact>]
let ``each kind of file is known by its first bytes`` () =
    for name, bytes, expected in known do
        match FileTypes.find (Array.truncate 4096 bytes) with
        | FitsTypes(first :: _) -> Assert.Equal((name, expected), (name, first))
        | other -> failwith $"%s{name}: %A{other}"

[<Fact>]
let ``programs, scripts and pages are refused whatever the type and the name say`` () =
    for name, bytes in runnable do
        match FileTypes.find bytes with
        | Runnable _ -> ()
        | other -> failwith $"%s{name}: %A{other}"

        for claimed in [ None; Some "image/jpeg"; Some "application/pdf"; Some "text/plain" ] do
            for kind in [ Image; Document ] do
                match typeOf kind claimed (Some "foto.jpg") bytes with
                | Error(FileTypeRefused _) -> ()
                | other -> failwith $"%s{name}: %A{other}"

[<Fact>]
let ``a name of something that runs is refused whatever the bytes are`` () =
    for name in
        [
            "factura.exe"
            "FACTURA.PDF.EXE"
            "a/b\\c.js"
            "nota.html. "
            "macro.docm"
            "x\u202Egpj.scr"
        ] do
        match typeOf Document (Some "application/pdf") (Some name) pdf with
        | Error(FileTypeRefused _) -> ()
        | other -> failwith $"%s{name}: %A{other}"

[<Fact>]
let ``a type that lies is told with both types`` () =
    for kind, claimed, bytes, expected in
        [
            Image, "image/jpeg", png, FileTypeLies("image/jpeg", "image/png")
            Image, "image/png", pdf, FileTypeLies("image/png", "application/pdf")
            Document, "application/pdf", jpeg, FileTypeLies("application/pdf", "image/jpeg")
            Document, "application/pdf", zipOf [ "a.txt" ], FileTypeLies("application/pdf", "application/zip")
            VoiceNote, "audio/ogg; codecs=opus", mp3, FileTypeLies("audio/ogg", "audio/mpeg")
            Document, "application/msword", docx, FileTypeLies("application/msword", docxType)
            Document, docxType, zipOf [ "a.txt" ], FileTypeLies(docxType, "application/zip")
        ] do
        Assert.Equal(Error expected, typeOf kind (Some claimed) None bytes)

[<Fact>]
let ``what is right is taken, under the type that the bytes allow`` () =
    for kind, claimed, bytes, expected in
        [
            Image, Some "image/jpeg", jpeg, "image/jpeg"
            Image, Some "image/jpg", jpeg, "image/jpeg"
            Image, None, png, "image/png"
            VoiceNote, Some "audio/ogg; codecs=opus", ogg, "audio/ogg"
            Audio, Some "audio/mp4", isoMedia "isom", "audio/mp4"
            Audio, None, isoMedia "M4A ", "audio/mp4"
            Video, Some "video/mp4", isoMedia "mp42", "video/mp4"
            Video, None, isoMedia "3gp4", "video/3gpp"
            Sticker, Some "image/webp", webp, "image/webp"
            Document, Some "application/octet-stream", pdf, "application/pdf"
            Document, Some "image/jpeg", jpeg, "image/jpeg"
            Document, Some docxType, docx, docxType
            Document, Some "application/vnd.ms-excel", ole, "application/vnd.ms-excel"
            Document, Some "text/csv", "a;b\n1;2\n"B, "text/csv"
            Document, Some "text/x-log", "MZ is how this line begins\n"B, "text/plain"
            Document, Some "text/plain", Encoding.Latin1.GetBytes "Año, señal y café", "text/plain"
        ] do
        Assert.Equal(Ok expected, typeOf kind claimed None bytes)

[<Fact>]
let ``a kind of message brings no other kind of file, and archives are not taken`` () =
    for kind, claimed, bytes in
        [
            Image, None, pdf
            Image, None, ogg
            Sticker, None, jpeg
            VoiceNote, None, jpeg
            Video, None, isoMedia "qt  "
            Document, Some "application/zip", zipOf [ "a.txt" ]
            Document, None, Array.init 500 (fun index -> byte (index * 7 % 256))
            Document, Some "text/plain", [||]
        ] do
        match typeOf kind claimed None bytes with
        | Error(FileTypeRefused _) -> ()
        | other -> failwith $"%A{other}"

let private hash = FileHash(String('a', 64))

[<Fact>]
let ``names are shown without paths, controls and tricks, and end as their type does`` () =
    for given, endings, expected in
        [
            Some "Factura nº 3.pdf", [ ".pdf" ], "Factura nº 3.pdf"
            Some "/etc/passwd", [ ".txt" ], "passwd.txt"
            Some "..\\..\\x.PDF", [ ".pdf" ], "x.pdf"
            Some "a\u202Efdp.jpg", [ ".jpg"; ".jpeg" ], "afdp.jpg"
            Some "foto.jpeg", [ ".jpg"; ".jpeg" ], "foto.jpeg"
            Some "foto.pdf", [ ".jpg" ], "foto.pdf.jpg"
            Some "a<b>:c?.png", [ ".png" ], "a_b__c_.png"
            Some "con.txt", [ ".txt" ], "_con.txt"
            Some "  ", [ ".jpg" ], "imagen-aaaaaaaa.jpg"
            Some "...", [ ".jpg" ], "imagen-aaaaaaaa.jpg"
            None, [ ".jpg" ], "imagen-aaaaaaaa.jpg"
            Some(String('x', 300) + ".pdf"), [ ".pdf" ], String('x', 116) + ".pdf"
        ] do
        Assert.Equal(expected, FileNames.shownName Image given hash endings)

[<Fact>]
let ``whatever a name is, what is shown of it is a file's name`` () =
    let holds (given: string) =
        let name = FileNames.shownName Document (Some given) hash [ ".pdf" ]

        name.Length <= 120
        && name.Length > 4
        && name.EndsWith ".pdf"
        && not (name |> Seq.exists (fun unit -> unit < ' ' || "/\\<>:\"|?*".Contains unit))
        && not (name.StartsWith '.')

    let names = gen {
        let! parts =
            Gen.listOf (
                Gen.oneof [
                    Gen.elements [
                        "/"
                        "\\"
                        "."
                        ".."
                        ".pdf"
                        "\u202E"
                        "\000"
                        " "
                        "🙂"
                        "con"
                        "\uD800"
                        "ñ"
                    ]
                    ArbMap.defaults |> ArbMap.generate<char> |> Gen.map string
                ]
            )

        return String.concat "" parts
    }

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 500, Prop.forAll (Arb.fromGen names) holds)

[<Fact>]
let ``whatever the bytes are, sniffing ends and judging ends`` () =
    let holds (bytes: byte[]) =
        match typeOf Document None None bytes with
        | Ok mimeType -> not (FileRules.endingsOf mimeType).IsEmpty
        | Error _ -> true

    let begun = gen {
        let! _, start, _ = Gen.elements known
        let! rest = ArbMap.defaults |> ArbMap.generate<byte[]>
        let! cut = Gen.choose (0, min start.Length 64)
        return Array.append (Array.truncate cut start) rest
    }

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 500, Prop.forAll (Arb.fromGen begun) holds)
