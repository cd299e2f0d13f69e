namespace FunctionalBot.Effects

open System
open System.Text.RegularExpressions

/// Keeping to links that the business itself uses. A language model can be talked into writing any address;
/// WhatsApp would make it a link that looks as if the business stood behind it.
module Links =

    // With a scheme, with "www.", or a bare name under a top-level domain that WhatsApp turns into a link.
    // The part before "@" is not looked at here: an e-mail address is no link to a page.
    let private link =
        let topLevels =
            "com|net|org|info|biz|es|pt|br|mx|ar|cl|co|uk|eu|us|io|me|ly|gl|app|dev|shop|store|online|site"
            + "|link|xyz|top|club|page|web|ru|cn|tk|to|cc"

        let rest = @"[^\s<>""«»]"
        let label = @"[\p{L}\d](?:[\p{L}\d-]*[\p{L}\d])?"

        Regex(
            @"(?<![\w@.-])(?:[a-z][a-z0-9+.-]*://"
            + $@"%s{rest}+|www\.%s{rest}+"
            + $@"|(?:%s{label}\.)+(?:%s{topLevels})(?![\p{{L}}\d-]|\.[\p{{L}}\d])(?:[/:?#]%s{rest}*)?)",
            RegexOptions.IgnoreCase ||| RegexOptions.CultureInvariant
        )

    /// "[text](address)", which WhatsApp does not know.
    let private markdownLink =
        Regex(@"\[([^\]\n]+)\]\(\s*([^)\s]+)\s*\)", RegexOptions.CultureInvariant)

    let private emptyBrackets =
        Regex(@"[ \t]*[(\[<«][ \t]*[)\]>»]", RegexOptions.CultureInvariant)

    let private spaces = Regex(@"[ \t]{2,}", RegexOptions.CultureInvariant)

    let private spaceBeforeMark =
        Regex(@"[ \t]+([.,;:!?])(?=\s|$)", RegexOptions.CultureInvariant)

    let private withoutWww (host: string) =
        if host.StartsWith("www.", StringComparison.Ordinal) then
            host.Substring 4
        else
            host

    /// The host that a browser would open, in lower case without "www.". None when that is not plain to
    /// see: user names, backslashes, other schemes than http, or letters beyond ASCII, all of which serve
    /// to look like another.
    let private hostOf (address: string) : string option =
        let address =
            if address.Contains "://" then
                address
            else
                "https://" + address

        match Uri.TryCreate(address, UriKind.Absolute) with
        | true, (NonNull uri) when
            (uri.Scheme = Uri.UriSchemeHttps || uri.Scheme = Uri.UriSchemeHttp)
            && not (address.Contains '\\')
            && not (address.Contains '@')
            && Seq.forall Char.IsAscii uri.Host
            ->
            Some(withoutWww (uri.Host.ToLowerInvariant()))
        | _ -> None

    /// Marks that end a sentence belong to it, not to the link before them; a bracket does when none was
    /// opened.
    let rec private splitTrail (address: string) : string * string =
        let last = address[address.Length - 1]

        let count (letter: char) =
            address |> Seq.filter ((=) letter) |> Seq.length

        let isTrail =
            ".,;:!?'*_…".Contains last
            || (last = ')' && count ')' > count '(')
            || (last = ']' && count ']' > count '[')

        if isTrail && address.Length > 1 then
            let bare, trail = splitTrail (address.Substring(0, address.Length - 1))
            bare, trail + string last
        else
            address, ""

    /// The hosts of all links in a text.
    let hosts (text: string) : Set<string> =
        link.Matches text
        |> Seq.choose (fun found -> hostOf (fst (splitTrail found.Value)))
        |> Set.ofSeq

    /// The text with only those links whose host is allowed (with or without "www."); others are taken out,
    /// and the words of a Markdown link stay.
    let keep (allowed: Set<string>) (text: string) : string =
        let allowed = Set.map withoutWww allowed

        let isAllowed address =
            match hostOf address with
            | Some host -> allowed.Contains host
            | None -> false

        let plain =
            markdownLink.Replace(
                text,
                fun found ->
                    let words, address = found.Groups[1].Value, found.Groups[2].Value

                    if isAllowed address then
                        $"%s{words} (%s{address})"
                    else
                        words
            )

        let mutable removed = false

        let kept =
            link.Replace(
                plain,
                fun found ->
                    let address, trail = splitTrail found.Value

                    if isAllowed address then
                        found.Value
                    else
                        removed <- true
                        trail
            )

        if removed then
            let tidy = emptyBrackets.Replace(kept, "")
            spaceBeforeMark.Replace(spaces.Replace(tidy, " "), "$1").Trim()
        else
            kept
