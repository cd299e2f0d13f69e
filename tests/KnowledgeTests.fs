module FunctionalBot.Tests.KnowledgeTests

open System
open System.IO
open Xunit
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects

let private quick = Config.QuickThrowOnFailure.WithMaxTest 200

let private sample =
    lazy
        (match Knowledge.load (Repository.path "data/knowledge") with
         | Ok knowledge -> knowledge
         | Error problems -> failwith (String.Join('\n', problems)))

/// A folder of its own with these files, deleted after the test.
let private withFiles (files: (string * string) list) (test: string -> unit) =
    let folder = Directory.CreateTempSubdirectory "functionalbot-knowledge-"

    try
        for name, text in files do
            File.WriteAllText(Path.Combine(folder.FullName, name), text)

        test folder.FullName
    finally
        folder.Delete true

let private loaded folder =
    match Knowledge.load folder with
    | Ok knowledge -> Knowledge.passages knowledge
    | Error problems -> failwith (String.Join('\n', problems))

[<Fact>]
let ``forms of one word in three languages become one term`` () =
    let same words =
        let stems =
            words
            |> List.map (fun word -> Words.terms word |> String.concat " ")
            |> List.distinct

        Assert.True(stems.Length = 1, $"%A{words} became %A{stems}")

    same [ "envío"; "envíos"; "enviar"; "enviamos"; "envían"; "ENVIO" ]
    same [ "reparación"; "reparaciones"; "reparar"; "reparáis"; "reparamos" ]
    same [ "factura"; "facturas"; "facturar"; "facturación" ]
    same [ "garantía"; "garantias"; "garantia" ]
    same [ "ship"; "shipping"; "ships"; "shipped" ]
    same [ "devolução"; "devoluções"; "devolucion" ]

[<Fact>]
let ``a decomposed accent counts like a composed one`` () =
    Assert.Equal("cortacesped", Words.fold "cortace\u0301sped")
    Assert.Equal("cortacesped", Words.fold "CORTACÉSPED")

[<Fact>]
let ``small words tell the language and a bare name tells none`` () =
    Assert.Equal(Some Spanish, Words.language "¿A qué hora abren los sábados?")
    Assert.Equal(Some English, Words.language "What time do you open on Saturday?")
    Assert.Equal(Some Portuguese, Words.language "Vocês entregam em casa? Quanto custa o frete?")
    Assert.Equal(None, Words.language "Makita 18V")

[<Fact>]
let ``headings nest, wrapped lines join, lists and tables keep their lines`` () =
    let text =
        "# Tienda\n\n## Horario\n<!-- keywords: opening hours -->\nDe lunes\na viernes.\n\n"
        + "- **Mañana**: 9 a 14\n- [Web](https://encina.example.com)\n\n| Día | Hora |\n|---|---|\n| \
          Lunes | 9 |\n"
        + "### Agosto\nSolo mañanas.\n# Otra\nFin."

    withFiles [ "a.md", text ] (fun folder ->
        let passages = loaded folder

        Assert.Equal<string list>(
            [ "Tienda › Horario"; "Tienda › Horario › Agosto"; "Otra" ],
            List.map Passage.name passages
        )

        let first = passages.Head
        Assert.Equal("opening hours", first.Keywords)

        Assert.Equal(
            "De lunes a viernes.\n- *Mañana*: 9 a 14\n- Web (https://encina.example.com)\nDía · \
              Hora\nLunes · 9",
            first.Text
        ))

[<Fact>]
let ``a missing folder, an empty folder and an empty file are told by name`` () =
    match Knowledge.load "/nowhere/at/all" with
    | Error [ problem ] -> Assert.Contains("/nowhere/at/all", problem)
    | other -> failwith $"%A{other}"

    withFiles [] (fun folder -> Assert.True(Result.isError (Knowledge.load folder)))

    withFiles [ "good.md", "# A\ntext"; "bad.md", "# Only a heading\n" ] (fun folder ->
        match Knowledge.load folder with
        | Error [ problem ] -> Assert.Contains("bad.md", problem)
        | other -> failwith $"%A{other}")

[<Fact>]
let ``the sample knowledge has a passage for each everyday question`` () =
    let expectations = [
        "¿A qué hora abrís?", "Horario de la tienda"
        "abren los domingos?", "Horario de la tienda"
        "¿Cuánto cuesta el envío?", "Gastos de envío"
        "cuanto tarda en llegar el pedido", "Plazos de entrega"
        "¿Enviáis a Canarias?", "Zonas a las que enviamos"
        "donde esta mi pedido", "Seguimiento del pedido"
        "Quiero devolver un taladro", "Plazo para devolver"
        "¿Cuándo me devuelven el dinero?", "Reembolso"
        "cuántos años de garantía tiene un cortacésped", "Duración de la garantía"
        "¿arregláis motosierras?", "Qué reparamos"
        "¿Puedo pagar con Bizum?", "Formas de pago"
        "necesito una factura con NIF de empresa", "Pedir una factura"
        "What are your opening hours?", "Horario de la tienda"
        "How much is shipping?", "Gastos de envío"
        "Can I get a refund?", "Reembolso"
        "Do you repair chainsaws in your workshop?", "Qué reparamos"
        "Qual é o horário de funcionamento?", "Horario de la tienda"
        "Quais são as formas de pagamento?", "Formas de pago"
        "Quanto custa o frete?", "Gastos de envío"
    ]

    let wrong =
        expectations
        |> List.choose (fun (question, heading) ->
            match Knowledge.search sample.Value question with
            | (best, _) :: _ when List.last best.Path = heading -> None
            | found ->
                let names =
                    found
                    |> List.truncate 2
                    |> List.map (fun (p, fit) -> $"%s{Passage.name p} %.2f{fit}")

                Some $"%s{question} -> %A{names}")

    Assert.True(wrong.IsEmpty, String.Join('\n', wrong))

/// Texts of words, punctuation, emoji and marks, as people type them.
let private typed =
    Gen.elements [
        "envío"
        "garantía"
        "¿"
        "?"
        "."
        " "
        " "
        "\n"
        "👩‍🔧"
        "e\u0301"
        "5.90"
        "the"
        "x"
        ""
    ]
    |> Gen.listOf
    |> Gen.map (String.concat "")

[<Fact>]
let ``search never fails, keeps to the scale and puts the best first`` () =
    Check.One(
        quick,
        Prop.forAll (Arb.fromGen typed) (fun question ->
            let fits = Knowledge.search sample.Value question |> List.map snd

            List.forall (fun fit -> fit > 0. && fit < 1.) fits
            && fits = List.sortDescending fits)
    )

[<Fact>]
let ``an excerpt keeps to its limit, starts like the text and cuts no visible character`` () =
    Check.One(
        quick,
        Prop.forAll (Arb.fromGen (Gen.zip typed (Gen.choose (10, 60)))) (fun (text, limit) ->
            let cut = Excerpt.cut limit text
            let kept = cut.TrimEnd('…').TrimEnd()
            let starts = Globalization.StringInfo.ParseCombiningCharacters(text.Trim())

            cut.Length <= limit
            && text.Trim().StartsWith(kept, StringComparison.Ordinal)
            && (kept.Length = text.Trim().Length || Array.contains kept.Length starts))
    )

[<Fact>]
let ``an excerpt ends with a sentence and takes no decimal point or address for its end`` () =
    let text =
        "El envío cuesta 5.90 euros y la web es encina.example.com para todos. Lo demás sobra y es largo."

    Assert.Equal("El envío cuesta 5.90 euros y la web es encina.example.com para todos.", Excerpt.cut 75 text)
    Assert.Equal("El envío cuesta 5.90 euros y…", Excerpt.cut 32 text)
