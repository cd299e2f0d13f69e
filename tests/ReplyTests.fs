module FunctionalBot.Tests.ReplyTests

open System
open Xunit
open FunctionalBot.Effects

[<Fact>]
let ``links are kept by the host that a browser would open`` () =
    let keep = Links.keep (set [ "encina.example.com" ])

    let same text = Assert.Equal(text, keep text)
    same "Escribe a hola@encina.example.com o ven a las 9.30."
    same "www.encina.example.com/a?b=c y http://encina.example.com."
    same "Un vale de 5.90 €, p.ej. hoy. Luego no.Mañana sí"
    Assert.Equal("Mira aquí", keep "Mira https://encina.example.com@evil.test/ aquí")
    Assert.Equal("Mira aquí", keep "Mira https://encina.example.com.evil.test aquí")
    Assert.Equal("Mira aquí", keep "Mira evil.com/encina.example.com aquí")
    Assert.Equal("Mira", keep "Mira (https://evil.test)")
    Assert.Equal("Mira aquí", keep "Mira https://encina.example.com\\@evil.test aquí")
    Assert.Equal("Mira aquí", keep "Mira javascript://encina.example.com/%0aalert(1) aquí")
    Assert.Equal("Mira.", keep "Mira www.evil.test.")

[<Fact>]
let ``a long conversation is sent in part, the newest lines, from a customer's line on`` () =
    let long = [
        for number in 1..200 do
            CustomerSaid, $"pregunta %d{number} " + String('x', 400)
            BotSaid, $"respuesta %d{number}"
        CustomerSaid, "la última"
    ]

    let recent = ThreadWindow.recent long
    Assert.Equal((CustomerSaid, "la última"), List.last recent)
    Assert.Equal(CustomerSaid, fst recent.Head)
    Assert.True(recent.Length <= 30)
    Assert.Empty(ThreadWindow.recent [ BotSaid, "hola" ])

    Assert.Single(ThreadWindow.recent [ CustomerSaid, String('x', 30_000) ])
    |> ignore
