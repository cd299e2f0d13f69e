/// What people see of the emulated Odoo: sanitized markup, the desk page, tickets that outlive a restart.
module FunctionalBot.Tests.OdooDeskTests

open System
open System.IO
open System.Net.Http
open System.Text
open FsCheck
open FsCheck.FSharp
open Xunit
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo
open FunctionalBot.Tests.OdooCalls

[<Fact>]
let ``markup is sanitized and plain text becomes a paragraph as in Odoo 19`` () =
    let cases = [
        "plain a & b < c", "<p>plain a &amp; b &lt; c</p>"
        "<p>one &lt;x&gt;<br/>two</p>", "<p>one &lt;x&gt;<br>two</p>"
        "<img src=x onerror=alert(1)>", "<img src=\"x\">"
        "<style>p{}</style>z", "<p>z</p>"
        "<unk>inside</unk>", "<div>inside</div>"
        "<!-- c -->v", "<p>v</p>"
        "<p>😀 &quot;q&quot; &#39;s&#39;</p>", "<p>😀 \"q\" 's'</p>"
        "5 < 6 y <marker>\n<b>hi</b><script>x</script><a href=\"javascript:1\" onclick=\"y\">l</a>",
        "<p>5 &lt; 6 y \n<b>hi</b><a href=\"\">l</a></p>"
        "", ""
    ]

    for given, stored in cases do
        Assert.Equal(stored, Sanitizer.sanitize given)

/// Whether the sanitizer's answer is text and whole tags, each with quoted attributes none of which can act.
/// Text outside of tags and inside of a quoted value is harmless, whatever it looks like.
let private storedSafely (markup: string) : bool =
    let attribute = "\\s+([^\\s\"'<>=/]+)=\"([^\"<>]*)\""
    let stored = Sanitizer.sanitize markup

    let tags =
        RegularExpressions.Regex.Matches(stored, $"</?([a-z][a-z0-9]*)((?:%s{attribute})*)>")

    let isHarmless (found: RegularExpressions.Match) =
        let name = found.Groups[1].Value.ToLowerInvariant()

        not (List.contains name [ "script"; "svg"; "iframe" ])
        && RegularExpressions.Regex.Matches(found.Groups[2].Value, attribute)
           |> Seq.forall (fun pair ->
               let key = pair.Groups[1].Value.ToLowerInvariant()

               let value =
                   Net.WebUtility.HtmlDecode pair.Groups[2].Value
                   |> string
                   |> Seq.filter (fun character -> character > ' ')
                   |> Seq.toArray
                   |> String

               not (key.StartsWith "on")
               && not (
                   List.contains key [ "href"; "src" ]
                   && value.StartsWith("javascript:", StringComparison.OrdinalIgnoreCase)
               ))

    // What is left without the tags may hold no other tag.
    let outside =
        (stored, List.ofSeq tags |> List.rev)
        ||> List.fold (fun text found -> text.Remove(found.Index, found.Length))

    Seq.forall isHarmless tags && not (outside.Contains '<')

[<Fact>]
let ``sanitized markup never holds a script, a handler or a javascript address, whatever went in`` () =
    let piece =
        Gen.elements [
            "<"
            ">"
            "\""
            "'"
            "<script>"
            "</script>"
            "<img src="
            " onerror=alert(1)"
            "javascript:alert(1)"
            "<a href=\""
            "<b>"
            "</b>"
            "<!--"
            "-->"
            "x"
            "&lt;"
            "<svg/onload="
            "\n"
            "<p>"
            "</p>"
            "="
            "<iframe>"
        ]

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 2000,
        Prop.forAll (Arb.fromGen (Gen.listOf piece)) (String.concat "" >> storedSafely)
    )

[<Fact>]
let ``an address that only mentions javascript in a quoted value is kept as a harmless value`` () =
    let given =
        "<<a href=\"&lt;<img src=<a href=\"\n'<!--<img src=javascript:alert(1)<iframe>"
        + "<script><img src=<a href=\"--></b><a href=\"'"
        + "<iframe> onerror=alert(1)</script></p><svg/onload=\n<b>"

    Assert.True(storedSafely given)

    // What looks like an attribute inside a quoted value is only a part of that value.
    Assert.Equal(
        "<p><a href=\" src=javascript:alert(1) onerror=alert(1)\">x</a></p>",
        Sanitizer.sanitize "<a href=\" src=javascript:alert(1) onerror=alert(1)\">x</a>"
    )

[<Fact>]
let ``a javascript address is found however it is written`` () =
    let addresses = [
        "javascript:alert(1)"
        " JavaScript:alert(1)"
        "java&#10;script:alert(1)"
        "&#106;avascript:alert(1)"
        "&#1;javascript:alert(1)"
        "'javascript:alert(1)"
        "vbscript:x"
        "data:text/html,x"
        "data:application/xhtml+xml,x"
    ]

    for address in addresses do
        let stored = Sanitizer.sanitize $"<a href=\"%s{address}\">x</a>"

        if address.StartsWith '\'' then
            Assert.Equal("<p><a href=\"'javascript:alert(1)\">x</a></p>", stored)
        else
            Assert.Equal("<p><a href=\"\">x</a></p>", stored)

[<Fact>]
let ``tickets outlive a restart, a reset empties them, and a torn last line is left out`` () = task {
    let path = Path.Combine(Path.GetTempPath(), $"odoo-%O{Guid.NewGuid()}.jsonl")
    let kept = { standard with DataFile = Some path }

    try
        do!
            withOdoo kept (fun _ client -> task {
                let! _ = good client "helpdesk.ticket/load" (loadOf "k")
                return ()
            })

        File.AppendAllText(path, """{"model":"helpdesk.ticket","id":2,"row":{"na""")

        do!
            withOdoo kept (fun emulator client -> task {
                Assert.Equal(1, emulator.Tickets().Length)
                // The first change after the torn line must not be glued to it.
                let! _ = good client "helpdesk.ticket/load" (loadOf "another")
                let! again = good client "helpdesk.ticket/load" (loadOf "k")
                Assert.Equal(Some(Items [ Whole 1L ]), field "ids" again)
            })

        do!
            withOdoo kept (fun emulator client -> task {
                Assert.Equal(2, emulator.Tickets().Length)
                let! status, _, _ = postText client "/_emulator/reset" "" "application/json" "{}"
                Assert.Equal(200, status)
            })

        do! withOdoo kept (fun emulator _ -> task { Assert.Empty(emulator.Tickets()) })
    finally
        File.Delete path
}

[<Fact>]
let ``the desk moves tickets and writes replies that the bot can poll, and foreign pages cannot`` () =
    withOdoo standard (fun emulator client -> task {
        let! _ = good client "helpdesk.ticket/create" oneTicket

        let! moved, _, _ =
            postText client "/desk/tickets/1/stage" "" "application/json" """{"stage_id":4}"""

        Assert.Equal(200, moved)

        let! closed =
            good client "helpdesk.ticket/read" """{"ids":[1],"fields":["closed","stage_id"]}"""

        Assert.Equal(json """[{"id":1,"closed":true,"stage_id":[4,"Done"]}]""", closed)
        let reply = """{"body":"Ya está <b>listo</b>","public":true}"""

        let! written, _, _ =
            postText client "/desk/tickets/1/messages" "" "application/json" reply

        Assert.Equal(200, written)

        let! polled =
            good
                client
                "mail.message/search_read"
                """{"domain":[["model","=","helpdesk.ticket"],["res_id","in",[1]],["message_type","in",["comment","email"]],["subtype_id.internal","=",false],["is_internal","=",false],["author_id","!=",6],["id",">",0]],"fields":["preview"]}"""

        Assert.Equal(json """[{"id":1,"preview":"Ya está <b>listo</b>"}]""", polled)
        let! overview = client.GetStringAsync "/desk/tickets"
        Assert.Contains("HT00001", overview)
        client.DefaultRequestHeaders.Add("Origin", "https://example.com")

        let! foreign, _, _ =
            postText client "/desk/tickets/1/stage" "" "application/json" """{"stage_id":1}"""

        let! reset, _, _ = postText client "/_emulator/reset" "" "application/json" "{}"
        Assert.Equal((403, 403), (foreign, reset))
        Assert.Equal(1, emulator.Tickets().Length)
    })

[<Fact>]
let ``the desk page is served with its parts and tells of changes as they happen`` () =
    withOdoo standard (fun _ client -> task {
        for path in [ "/"; "/desk"; "/desk/desk.css"; "/desk/desk.js" ] do
            use! response = client.GetAsync path
            Assert.True(response.IsSuccessStatusCode)
            Assert.True(response.Headers.Contains "Content-Security-Policy")

        use! events =
            client.GetAsync("/desk/events", HttpCompletionOption.ResponseHeadersRead)

        let! stream = events.Content.ReadAsStreamAsync()
        use reader = new StreamReader(stream)

        let nextEvent () = task {
            let mutable line = ""

            while not (line.StartsWith "event: ") do
                let! next = reader.ReadLineAsync()
                line <- Option.ofObj next |> Option.defaultWith (fun () -> failwith "The stream ended.")

            return line
        }

        let! first = nextEvent ()
        Assert.Equal("event: hello", first)
        let! _ = good client "helpdesk.ticket/create" oneTicket
        let! second = nextEvent ()
        Assert.Equal("event: changed", second)
    })
