namespace FunctionalBot.Effects

open System
open FunctionalBot.Domain

/// Names under which people see a customer's file. They never name a place on a disk.
module FileNames =
    let private longest = 120

    /// What some system runs when somebody opens it.
    let private programEndings =
        Set [
            ".exe"
            ".com"
            ".scr"
            ".pif"
            ".cpl"
            ".msi"
            ".msp"
            ".mst"
            ".bat"
            ".cmd"
            ".ps1"
            ".psm1"
            ".vbs"
            ".vbe"
            ".js"
            ".jse"
            ".mjs"
            ".wsf"
            ".wsh"
            ".hta"
            ".lnk"
            ".url"
            ".reg"
            ".inf"
            ".dll"
            ".sys"
            ".jar"
            ".apk"
            ".xapk"
            ".ipa"
            ".app"
            ".dmg"
            ".pkg"
            ".deb"
            ".rpm"
            ".sh"
            ".bash"
            ".zsh"
            ".run"
            ".py"
            ".pl"
            ".rb"
            ".php"
            ".html"
            ".htm"
            ".xhtml"
            ".mht"
            ".mhtml"
            ".svg"
            ".svgz"
            ".xll"
            ".docm"
            ".dotm"
            ".xlsm"
            ".xltm"
            ".xlam"
            ".pptm"
            ".ppsm"
            ".iso"
            ".img"
            ".vhd"
            ".chm"
            ".desktop"
            ".scpt"
        ]

    // What means something to one file system or another.
    let private forbidden = "<>:\"|?*\\/"

    let private reserved =
        Set [
            "con"
            "prn"
            "aux"
            "nul"
            for number in 1..9 do
                $"com%d{number}"
                $"lpt%d{number}"
        ]

    /// The last part of what may be a path, on one line, without what cannot be seen.
    let private bare (name: string) =
        let shown = TypedText.shownOnOneLine name
        let last = shown.Substring(shown.LastIndexOfAny([| '/'; '\\' |]) + 1)

        last
        |> String.map (fun unit -> if forbidden.Contains unit then '_' else unit)
        |> _.Trim([| ' '; '.' |])

    let private endingOf (name: string) =
        match name.LastIndexOf '.' with
        | at when at > 0 && name.Length - at <= 10 -> name.Substring(at).ToLowerInvariant()
        | _ -> ""

    /// The name's ending, where some system would run a file that is called so.
    let programEnding (name: string) : string option =
        match endingOf (bare name) with
        | ending when programEndings.Contains ending -> Some ending
        | _ -> None

    let private wordFor kind =
        match kind with
        | Image -> "imagen"
        | Video -> "video"
        | VoiceNote -> "nota-de-voz"
        | Audio -> "audio"
        | Sticker -> "sticker"
        | Document
        | Location
        | ContactCard
        | Unsupported -> "documento"

    /// A name that is fit to be shown and to be a file's name, at most 120 UTF-16 units: the sender's, else one made
    /// of the kind and the hash. `endings` are those of the file's type; the first is put behind a name that ends in
    /// none of them.
    let shownName (kind: MediaKind) (given: string option) (FileHash hash) (endings: string list) : string =
        let fallback = wordFor kind + "-" + hash.Substring(0, min 8 hash.Length)

        let name =
            match given |> Option.map bare with
            | Some name when name <> "" && not (TypedText.isBlank name) -> name
            | _ -> fallback

        let ending =
            match endingOf name, endings with
            | own, _ when List.contains own endings -> own
            | _, first :: _ -> first
            | _, [] -> ""

        let stem =
            if name.EndsWith(ending, StringComparison.OrdinalIgnoreCase) then
                name.Substring(0, name.Length - ending.Length)
            else
                name

        let stem =
            if reserved.Contains((Array.head (stem.Split '.')).ToLowerInvariant()) then
                "_" + stem
            else
                stem

        (Graphemes.start (longest - ending.Length) stem).TrimEnd([| ' '; '.' |])
        + ending
