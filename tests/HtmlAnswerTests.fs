/// HTML in an answer, down to what the customer sees.
module FunctionalBot.Tests.HtmlAnswerTests

open System
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open Xunit

let private examples = [
    "Hola", "Hola"
    "<b>negrita</b> y <strong>negrita</strong>", "*negrita* y *negrita*"
    "<i>cursiva</i> y <em>cursiva</em>", "_cursiva_ y _cursiva_"
    "<b>negrita con <i>cursiva</i> dentro</b>", "*negrita con _cursiva_ dentro*"
    "<b><strong>doble</strong></b>", "*doble*"
    "<b> con blancos </b>y más", "*con blancos* y más"
    "<B CLASS=\"x\">mayúsculas</B>", "*mayúsculas*"
    "<b>dos\nlíneas</b>", "*dos*\n*líneas*"
    "<s>uno</s> <del>dos</del>", "~uno~ ~dos~"
    "pala<b>bra</b>s", "palabras"
    "<code>a &lt; b</code>", "`a < b`"
    "<code>**x**</code>", "`**x**`"
    "<pre><code class=\"language-fsharp\">let **x** = 1\n  &amp; y</code></pre>fin",
    "```\nlet **x** = 1\n  & y\n```\nfin"
    "<a href=\"https://example.com/a?b=1&amp;c=2\">la ayuda</a>", "la ayuda (https://example.com/a?b=1&c=2)"
    "<a href='https://example.com'>https://example.com</a>", "https://example.com"
    "<a href=https://example.com/x>sin comillas</a>", "sin comillas (https://example.com/x)"
    "<a href=\"https://example.com/a(b)\">x</a>", "x (https://example.com/a%28b%29)"
    "<a href=\"javascript:alert(1)\">pulsa</a>", "pulsa"
    "<a href=\"data:text/html,x\">pulsa</a> <a>sin</a>", "pulsa sin"
    "<a href=\"mailto:ana@example.com?subject=x\">escribe</a>", "escribe (ana@example.com)"
    "<a href=\"tel:+34900100200\">+34900100200</a>", "+34900100200"
    "<img src=\"https://example.com/f.png\" alt=\"foto\"> <img src=\"data:x\" alt=\"logo\">",
    "foto (https://example.com/f.png) logo"
    "Lista:<ul><li>uno</li><li>dos <b>tres</b></li></ul>fin", "Lista:\n\n- uno\n- dos *tres*\n\nfin"
    "<ol><li>uno<li>dos</ol>", "1. uno\n2. dos"
    "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"
    "<p>uno</p><p>dos</p>", "uno\n\ndos"
    "uno<br>dos<br/>tres<BR />cuatro", "uno\ndos\ntres\ncuatro"
    "<h1>Título <b>uno</b></h1>texto<h6>seis</h6>", "*Título uno*\n\ntexto\n\n*seis*"
    "<table><thead><tr><th>Plan</th><th>Precio</th></tr></thead><tr><td>A</td><td>10&nbsp;€</td></tr></table>",
    "Plan · Precio\nA · 10 €"
    "<blockquote>uno<br>dos</blockquote>fin", "> uno\n> dos\n\nfin"
    "<div>a</div><div>b</div><hr>c", "a\nb\n\nc"
    "&iquest;Qu&eacute; tal? &#191;S&#xED;? &laquo;a&raquo; &euro; &hellip;", "¿Qué tal? ¿Sí? «a» € …"
    "&lt;b&gt;no es negrita&lt;/b&gt; &amp;lt;", "<b>no es negrita</b> &lt;"
    "&#42;tal cual&#42; &lt;br&gt;", "*tal cual* <br>"
    "AT&T; a && b &x; &", "AT&T; a && b &x; &"
    "<script>alert('x')</script>antes <style>b{}</style>después", "antes después"
    "<SCRIPT src=x>a</SCRIPT >b", "b"
    "usa <script> con cuidado", "usa  con cuidado"
    "<!-- nada -->hola<!DOCTYPE html>", "hola"
    "escribe a <ana@example.com> o en <https://example.com>",
    "escribe a ana@example.com o en https://example.com"
    "pon <tu nombre> y <nombre>", "pon <tu nombre> y <nombre>"
    "3 < 4 > 2, a<b, x<=y", "3 < 4 > 2, a<b, x<=y"
    "`<b>` y ```\n<i>x</i>\n```", "`<b>` y ```\n<i>x</i>\n```"
    "`<b>` y ```\n<i>x</i>\n```\n\n", "`<b>` y ```\n<i>x</i>\n```"
    "<b>a</b>\n```\n", "*a*"
    "<b>a</b>\n```\nx", "*a*\n```\nx\n```"
    "<b>a</b>\n```hola```\n<i>fin</i>", "*a*\n`hola`\n_fin_"
    "\\<b>", "<b>"
    "</b>suelto</ul></td></pre>", "suelto"
    "<b>sin cerrar", "*sin cerrar*"
    "<b>cruzado <i>mal</b> fin</i>", "*cruzado _mal_* fin"
    "<ul><li>sin cerrar <b>x", "- sin cerrar *x*"
    "<td>celda", "celda"
    "<span style=\"color:red\">rojo</span> <u>raya</u>", "rojo raya"
    "<b", "<b"
    "<a href=\"sin fin", "<a href=\"sin fin"
    "**Markdown** y <b>HTML</b>\n- [x](https://example.com)", "*Markdown* y *HTML*\n- x (https://example.com)"
    "<script>x</script>", ""
]

[<Fact>]
let ``HTML becomes WhatsApp's markup`` () =
    for html, expected in examples do
        let shown = MarkdownAnswer.toWhatsApp (HtmlAnswer.toMarkdown html)
        Assert.True((expected = shown), $"%s{html}\nexpected: %A{expected}\nshown:    %A{shown}")

let private pieces = [
    "<b>"
    "</b>"
    "<i>"
    "</i>"
    "<code>"
    "</code>"
    "<pre>"
    "</pre>"
    "<a href=\"https://example.com\">"
    "<a href=\"javascript:x\">"
    "</a>"
    "<ul>"
    "</ul>"
    "<ol>"
    "<li>"
    "</li>"
    "<table>"
    "<tr>"
    "<td>"
    "</td>"
    "</tr>"
    "</table>"
    "<h2>"
    "</h2>"
    "<blockquote>"
    "</blockquote>"
    "<p>"
    "<br>"
    "<script>"
    "</script>"
    "<!--"
    "-->"
    "<"
    ">"
    "&"
    "&lt;"
    "&#0;"
    "&#xD83D;"
    "\""
    "`"
    "```\n"
    "\n"
    " "
    "hola"
    "ñ"
    "😀"
    "\uD83D"
    "\u0000"
]

[<Fact>]
let ``any mixture is converted, keeps its words and leaves no scheme that runs anything`` () =
    let texts =
        Gen.elements pieces
        |> Gen.listOf
        |> Gen.map (String.concat "")
        |> Gen.resize 200
        |> Arb.fromGen

    let property (text: string) =
        let shown = HtmlAnswer.toMarkdown text

        let count (text: string) = text.Split("ñ").Length

        shown.Length <= text.Length * 6 + 20
        && (text.Contains "<script>" || text.Contains "<!--" || count shown = count text)
        && (text.Contains '`' || not (shown.Contains "javascript:"))

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 2000, Prop.forAll texts property)

[<Fact>]
let ``HTML that nests or never closes is no trap`` () =
    for piece in
        [
            "<b>"
            "</b>"
            "<ul><li>"
            "<blockquote>"
            "<td>"
            "<a href="
            "<a href=\"https://example.com\">"
            "<!--"
            "<script"
            "&#"
            "&amp"
            "<pre><code>"
            "<h1>"
        ] do
        let text = String.replicate 5000 piece + "fin"
        Assert.NotNull(HtmlAnswer.toMarkdown text)

    let nested =
        String.replicate 3000 "<b><i><ul><li>"
        + "x"
        + String.replicate 3000 "</li></ul></i></b>"

    Assert.Contains("x", HtmlAnswer.toMarkdown nested)

[<Fact>]
let ``a text without HTML is not touched`` () =
    let property (text: string | null) =
        match text with
        | null -> true
        | text ->
            let plain = text.Replace("<", "").Replace("&", "")
            HtmlAnswer.toMarkdown plain = plain

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, property)
