/// Small files of every kind, made up for tests, and a folder for them.
module FunctionalBot.Tests.FileSamples

open System.IO
open System.IO.Compression
open System.Text
open System.Threading.Tasks

/// A folder of its own, which is not there yet and goes with the test.
let withFolder (test: string -> Task<unit>) : Task = task {
    let folder = Directory.CreateTempSubdirectory "functionalbot-files-"

    try
        do! test (Path.Combine(folder.FullName, "files"))
    finally
        folder.Delete true
}

let private padded (start: byte[]) =
    Array.append start (Array.zeroCreate 64)

let jpeg = padded [| 0xFFuy; 0xD8uy; 0xFFuy; 0xE0uy; 0uy; 16uy; 0x4Auy; 0x46uy |]

let png =
    padded [| 0x89uy; 0x50uy; 0x4Euy; 0x47uy; 0x0Duy; 0x0Auy; 0x1Auy; 0x0Auy |]

let webp = padded "RIFF\x10\x00\x00\x00WEBPVP8 "B
let ogg = padded "OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00OpusHead"B
let mp3 = padded "ID3\x04\x00"B
let pdf = Encoding.ASCII.GetBytes "%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"

let ole =
    padded [| 0xD0uy; 0xCFuy; 0x11uy; 0xE0uy; 0xA1uy; 0xB1uy; 0x1Auy; 0xE1uy |]

/// A container of sound or film with this brand.
let isoMedia (brand: string) =
    padded (Array.concat [ [| 0uy; 0uy; 0uy; 24uy |]; "ftyp"B; Encoding.ASCII.GetBytes brand ])

/// An archive with these entries.
let zipOf (entries: string list) : byte[] =
    use memory = new MemoryStream()

    let fill () =
        use archive = new ZipArchive(memory, ZipArchiveMode.Create, true)

        for entry in entries do
            use stream = (archive.CreateEntry entry).Open()
            stream.Write "some text"B

    fill ()
    memory.ToArray()

let docxType =
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

let docx = zipOf [ "[Content_Types].xml"; "_rels/.rels"; "word/document.xml" ]

/// Name, bytes and the type that they are first taken for.
let known: (string * byte[] * string) list = [
    "jpeg", jpeg, "image/jpeg"
    "png", png, "image/png"
    "gif", padded "GIF89a"B, "image/gif"
    "webp", webp, "image/webp"
    "heic", isoMedia "heic", "image/heic"
    "ogg", ogg, "audio/ogg"
    "mp3 with a tag", mp3, "audio/mpeg"
    "mp3", padded [| 0xFFuy; 0xFBuy; 0x90uy; 0x64uy |], "audio/mpeg"
    "aac", padded [| 0xFFuy; 0xF1uy; 0x50uy; 0x80uy |], "audio/aac"
    "amr", padded "#!AMR\n"B, "audio/amr"
    "m4a", isoMedia "M4A ", "audio/mp4"
    "wav", padded "RIFF\x10\x00\x00\x00WAVEfmt "B, "audio/wav"
    "mp4", isoMedia "isom", "video/mp4"
    "3gp", isoMedia "3gp5", "video/3gpp"
    "mov", isoMedia "qt  ", "video/quicktime"
    "pdf", pdf, "application/pdf"
    "docx", docx, docxType
    "xlsx",
    zipOf [ "[Content_Types].xml"; "xl/workbook.xml" ],
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    "pptx",
    zipOf [ "_rels/.rels"; "ppt/presentation.xml" ],
    "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    "zip", zipOf [ "a.txt" ], "application/zip"
    "doc, xls or ppt", ole, "application/msword"
    "rtf", "{\\rtf1 hola}"B, "application/rtf"
    "text", Encoding.UTF8.GetBytes "Hola, ¿qué tal? 🙂\n", "text/plain"
    "text in UTF-16", Array.append [| 0xFFuy; 0xFEuy |] (Encoding.Unicode.GetBytes "Hola\n"), "text/plain"
]

/// Names and bytes of what some machine would run.
let runnable: (string * byte[]) list = [
    "Windows", padded [| 0x4Duy; 0x5Auy; 0x90uy; 0uy; 3uy; 0uy |]
    "Linux", padded [| 0x7Fuy; 0x45uy; 0x4Cuy; 0x46uy; 2uy |]
    "macOS", padded [| 0xCFuy; 0xFAuy; 0xEDuy; 0xFEuy |]
    "Java", padded [| 0xCAuy; 0xFEuy; 0xBAuy; 0xBEuy |]
    "shell", "#!/bin/sh\nrm -rf x\n"B
    "batch", "@ECHO OFF\r\ndel x\r\n"B
    "page", "\n  <!DOCTYPE html><p>hi"B
    "drawing", "<?xml version=\"1.0\"?><svg onload=\"alert(1)\"/>"B
    "php", "text <?php system('x'); ?>"B
    "page in UTF-16", Array.append [| 0xFFuy; 0xFEuy |] (Encoding.Unicode.GetBytes "<script>x()</script>")
    "jar", zipOf [ "META-INF/MANIFEST.MF"; "Main.class" ]
    "apk", zipOf [ "AndroidManifest.xml"; "classes.dex" ]
    "macros", zipOf [ "[Content_Types].xml"; "word/vbaProject.bin" ]
]
