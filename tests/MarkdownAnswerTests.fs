module FunctionalBot.Tests.MarkdownAnswerTests

open System
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Effects
open Xunit

let private examples = [
    "Hola", "Hola"
    "**negrita** y __negrita__", "*negrita* y *negrita*"
    "*cursiva* y _cursiva_", "_cursiva_ y _cursiva_"
    "***ambas***", "*_ambas_*"
    "**negrita con *cursiva* dentro**", "*negrita con _cursiva_ dentro*"
    "**acaba en *cursiva***", "*acaba en _cursiva_*"
    "~~tachado~~ ~10", "~tachado~ ~10"
    "2 * 3 * 4 = 24", "2 * 3 * 4 = 24"
    "mi_archivo_final.txt", "mi_archivo_final.txt"
    "pala**bra**s", "palabras"
    "\\*tal cual\\*", "*tal cual*"
    "`**código**` y `a", "`**código**` y `a"
    "# Título", "*Título*"
    "### **Título** `x` ###", "*Título `x`*"
    "#etiqueta", "#etiqueta"
    "* uno\n+ dos\n- tres\n  * cuatro", "- uno\n- dos\n- tres\n  - cuatro"
    "1. uno\n2. **dos**", "1. uno\n2. *dos*"
    "> cita *x*", "> cita _x_"
    "[la ayuda](https://example.com/a_b_(c))", "la ayuda (https://example.com/a_b_(c))"
    "[https://example.com](https://example.com)", "https://example.com"
    "![foto](https://example.com/f.png)", "foto (https://example.com/f.png)"
    "<https://example.com> 3 < 4 > 2", "https://example.com 3 < 4 > 2"
    "[ver](https://example.com \"título\") [ ] y [nota]", "ver (https://example.com) [ ] y [nota]"
    "```fsharp\nlet **x** = 1\n```", "```\nlet **x** = 1\n```"
    "~~~\nabierto", "```\nabierto\n```"
    "a\n\n\n\nb\n---\nc", "a\n\nb\n\nc"
    "| Plan | Precio |\n|---|:-:|\n| **A** | 10 € |", "Plan · Precio\n*A* · 10 €"
    "uno<br>dos\r\ntres  ", "uno\ndos\ntres"
    "", ""
    "**", "**"
    "**sin cerrar", "**sin cerrar"
]

[<Fact>]
let ``Markdown becomes WhatsApp's markup`` () =
    for markdown, expected in examples do
        Assert.Equal(expected, MarkdownAnswer.toWhatsApp markdown)

[<Fact>]
let ``any text is converted, without growing out of hand`` () =
    let pieces = [
        "*"
        "**"
        "_"
        "`"
        "```\n"
        "["
        "]("
        ")"
        "<"
        ">"
        "|"
        "\\"
        "#"
        "- "
        "\n"
        " "
        "a"
        "ñ"
        "😀"
        "!"
        "~~"
        "\uD83D"
    ]

    let texts =
        Gen.elements pieces
        |> Gen.listOf
        |> Gen.map (String.concat "")
        |> Gen.resize 200
        |> Arb.fromGen

    let property (text: string) =
        let shown = MarkdownAnswer.toWhatsApp text
        shown.Length <= text.Length * 3 + 10

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 2000, Prop.forAll texts property)

[<Fact>]
let ``texts that nest or never close are no trap`` () =
    for piece in [ "*a "; "[a"; "`a"; "<a"; "**a *b "; "![](" ] do
        let text = String.replicate 5000 piece
        Assert.False(String.IsNullOrEmpty(MarkdownAnswer.toWhatsApp text))

    let nested = String.replicate 2000 "*a _b " + String.replicate 2000 "b_ a* "
    Assert.False(String.IsNullOrEmpty(MarkdownAnswer.toWhatsApp nested))

[<Fact>]
let ``plain sentences stay as they are`` () =
    let words = [
        "Hola"
        "qué"
        "tal?"
        "10€"
        "a@example.com"
        "https://example.com/x?y=1"
        "(sí)"
        "«no»"
        "1.5"
    ]

    let property (parts: string list) =
        let text = String.Join(" ", parts)
        MarkdownAnswer.toWhatsApp text = text

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 300,
        Prop.forAll (Arb.fromGen (Gen.nonEmptyListOf (Gen.elements words))) property
    )
