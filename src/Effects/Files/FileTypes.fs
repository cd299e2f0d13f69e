namespace FunctionalBot.Effects

open System
open System.Text

/// What the first bytes of a file say.
type FoundType =
    /// Types that the bytes fit; where there are several, what was claimed decides among them, else the first.
    | FitsTypes of string list
    /// A program, a script, or a page that a browser would run: never taken, whatever it is called.
    | Runnable of what: string
    | UnknownType

/// Tells what a file is by its bytes. No claim of the sender is looked at here.
module FileTypes =
    let private ascii (text: string) = Encoding.ASCII.GetBytes text

    let private has (offset: int) (magic: byte[]) (bytes: byte[]) =
        bytes.Length >= offset + magic.Length
        && bytes.AsSpan(offset, magic.Length).SequenceEqual magic

    let private starts (text: string) bytes = has 0 (ascii text) bytes

    let private holds (text: string) (bytes: byte[]) = bytes.AsSpan().IndexOf(ascii text) >= 0

    let private holdsEarly (text: string) (bytes: byte[]) =
        bytes.AsSpan(0, min bytes.Length 512).IndexOf(ascii text) >= 0

    /// Programs by their first bytes.
    let private programs = [
        "program of Linux", [| 0x7Fuy; 0x45uy; 0x4Cuy; 0x46uy |]
        "program of macOS", [| 0xFEuy; 0xEDuy; 0xFAuy; 0xCEuy |]
        "program of macOS", [| 0xFEuy; 0xEDuy; 0xFAuy; 0xCFuy |]
        "program of macOS", [| 0xCEuy; 0xFAuy; 0xEDuy; 0xFEuy |]
        "program of macOS", [| 0xCFuy; 0xFAuy; 0xEDuy; 0xFEuy |]
        "program of Java or macOS", [| 0xCAuy; 0xFEuy; 0xBAuy; 0xBEuy |]
        "program of Android", ascii "dex\n"
        "program of the web", [| 0uy; ascii("a")[0]; ascii("s")[0]; ascii("m")[0] |]
        "shortcut of Windows", [| 0x4Cuy; 0uy; 0uy; 0uy; 1uy; 0x14uy; 2uy; 0uy |]
        "cabinet of Windows", ascii "MSCF"
    ]

    /// Two letters with which a text may begin too, but no text has a zero in it.
    let private isWindowsProgram (bytes: byte[]) =
        has 0 (ascii "MZ") bytes
        && bytes.AsSpan(0, min bytes.Length 128).IndexOf 0uy >= 0

    // Entries by which an archive is known as a program. A name stands uncompressed ahead of each entry.
    let private programEntries = [
        "META-INF/MANIFEST.MF"
        "AndroidManifest.xml"
        "classes.dex"
        "vbaProject.bin"
    ]

    let private officeTypes = [
        "word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        "xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        "ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    ]

    let private openDocuments = [
        "application/vnd.oasis.opendocument.text"
        "application/vnd.oasis.opendocument.spreadsheet"
        "application/vnd.oasis.opendocument.presentation"
    ]

    let private archive bytes =
        if programEntries |> List.exists (fun entry -> holds entry bytes) then
            Runnable "archive that holds a program"
        else
            // OpenDocument's first entry is its type, not compressed.
            match
                openDocuments
                |> List.tryFind (fun kind -> has 30 (ascii ("mimetype" + kind)) bytes)
            with
            | Some kind -> FitsTypes [ kind ]
            | None ->
                let isOffice =
                    [ "[Content_Types].xml"; "_rels/"; "docProps/" ]
                    |> List.exists (fun entry -> has 30 (ascii entry) bytes)

                match officeTypes |> List.filter (fun (folder, _) -> holds folder bytes) with
                | [ _, kind ] -> FitsTypes [ kind ]
                // The folder's name stands further behind than was looked.
                | _ when isOffice -> FitsTypes(List.map snd officeTypes)
                | _ -> FitsTypes [ "application/zip" ]

    /// "ftyp" boxes: the brand says what the container is for. Sound alone may be in any of them.
    let private isoMedia (bytes: byte[]) =
        let brand =
            if bytes.Length >= 12 then
                Encoding.ASCII.GetString(bytes, 8, 4)
            else
                ""

        let isOneOf (names: string list) = List.contains brand names

        if isOneOf [ "heic"; "heix"; "mif1"; "msf1"; "heim" ] then
            FitsTypes [ "image/heic" ]
        elif isOneOf [ "avif"; "avis" ] then
            FitsTypes [ "image/avif" ]
        elif isOneOf [ "M4A "; "M4B " ] then
            FitsTypes [ "audio/mp4" ]
        elif brand.StartsWith("3g", StringComparison.Ordinal) then
            FitsTypes [ "video/3gpp"; "audio/3gpp"; "video/mp4"; "audio/mp4" ]
        elif brand = "qt  " then
            FitsTypes [ "video/quicktime" ]
        elif brand = "" then
            UnknownType
        else
            FitsTypes [ "video/mp4"; "audio/mp4" ]

    let private riff bytes =
        if has 8 (ascii "WEBP") bytes then
            FitsTypes [ "image/webp" ]
        elif has 8 (ascii "WAVE") bytes then
            FitsTypes [ "audio/wav" ]
        else
            UnknownType

    let private ogg bytes =
        if holdsEarly "theora" bytes then
            FitsTypes [ "video/ogg" ]
        else
            FitsTypes [ "audio/ogg" ]

    /// Frames of MPEG audio begin with eleven set bits; the next ones tell version and layer.
    let private frame (bytes: byte[]) =
        if bytes.Length < 3 || bytes[0] <> 0xFFuy || (bytes[1] &&& 0xE0uy) <> 0xE0uy then
            UnknownType
        elif (bytes[1] &&& 0xF6uy) = 0xF0uy then
            FitsTypes [ "audio/aac" ]
        else
            let version = (bytes[1] >>> 3) &&& 3uy
            let layer = (bytes[1] >>> 1) &&& 3uy
            let rate = bytes[2] >>> 4
            let sampling = (bytes[2] >>> 2) &&& 3uy

            // Layer I is not in use, and would take in the mark with which texts in UTF-16 begin.
            if
                version <> 1uy
                && (layer = 1uy || layer = 2uy)
                && rate <> 15uy
                && sampling <> 3uy
            then
                FitsTypes [ "audio/mpeg" ]
            else
                UnknownType

    // Pages and drawings may hold scripts that run where somebody opens them.
    let private markup = [
        "<!doctype html"
        "<html"
        "<script"
        "<svg"
        "<?php"
        "<%@"
        "<iframe"
        "<body"
    ]

    let private isControl (unit: byte) =
        unit < 0x20uy && not (Array.contains unit [| 9uy; 10uy; 12uy; 13uy |])
        || unit = 0x7Fuy

    /// Text in UTF-8 or in an older encoding of one byte each, or marked as UTF-16.
    let private text (bytes: byte[]) =
        let isWide = has 0 [| 0xFFuy; 0xFEuy |] bytes || has 0 [| 0xFEuy; 0xFFuy |] bytes

        let readable =
            if isWide then
                let encoding =
                    if bytes[0] = 0xFFuy then
                        Encoding.Unicode
                    else
                        Encoding.BigEndianUnicode

                encoding.GetString(bytes, 2, bytes.Length - 2)
            else
                Encoding.UTF8.GetString bytes

        let lower =
            readable.TrimStart([| '\uFEFF'; ' '; '\t'; '\r'; '\n' |]).ToLowerInvariant()

        if bytes.Length = 0 then
            UnknownType
        elif
            isWide
            && readable
               |> Seq.exists (fun unit -> unit < ' ' && not ("\t\n\f\r".Contains unit))
        then
            UnknownType
        elif not isWide && Array.exists isControl bytes then
            UnknownType
        elif lower.StartsWith("#!", StringComparison.Ordinal) then
            Runnable "script"
        elif lower.StartsWith("@echo off", StringComparison.Ordinal) then
            Runnable "script of Windows"
        elif markup |> List.exists (fun tag -> lower.Contains(tag, StringComparison.Ordinal)) then
            Runnable "page or drawing that may hold scripts"
        elif lower.StartsWith("{\\rtf", StringComparison.Ordinal) then
            FitsTypes [ "application/rtf" ]
        else
            FitsTypes [ "text/plain"; "text/csv" ]

    let private oleTypes = [
        "application/msword"
        "application/vnd.ms-excel"
        "application/vnd.ms-powerpoint"
    ]

    /// What these first bytes of a file are (4,096 are enough).
    let find (bytes: byte[]) : FoundType =
        match programs |> List.tryFind (fun (_, magic) -> has 0 magic bytes) with
        | Some(what, _) -> Runnable what
        | None when isWindowsProgram bytes -> Runnable "program of Windows"
        | None ->
            if has 0 [| 0xFFuy; 0xD8uy; 0xFFuy |] bytes then
                FitsTypes [ "image/jpeg" ]
            elif has 0 [| 0x89uy; 0x50uy; 0x4Euy; 0x47uy; 0x0Duy; 0x0Auy; 0x1Auy; 0x0Auy |] bytes then
                FitsTypes [ "image/png" ]
            elif starts "GIF87a" bytes || starts "GIF89a" bytes then
                FitsTypes [ "image/gif" ]
            elif starts "RIFF" bytes then
                riff bytes
            elif starts "OggS" bytes then
                ogg bytes
            elif has 4 (ascii "ftyp") bytes then
                isoMedia bytes
            elif starts "ID3" bytes then
                FitsTypes [ "audio/mpeg" ]
            elif starts "#!AMR" bytes then
                FitsTypes [ "audio/amr" ]
            elif starts "ADIF" bytes then
                FitsTypes [ "audio/aac" ]
            elif starts "%PDF-" bytes then
                FitsTypes [ "application/pdf" ]
            elif has 0 [| 0x50uy; 0x4Buy; 3uy; 4uy |] bytes then
                archive bytes
            elif has 0 [| 0xD0uy; 0xCFuy; 0x11uy; 0xE0uy; 0xA1uy; 0xB1uy; 0x1Auy; 0xE1uy |] bytes then
                FitsTypes oleTypes
            else
                match frame bytes with
                | UnknownType -> text bytes
                | found -> found
