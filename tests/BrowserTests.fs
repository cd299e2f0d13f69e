/// The pages in a real browser: a customer's whole conversation on the phone page, and its ticket on the
/// desk page.
module FunctionalBot.Tests.BrowserTests

open Microsoft.Playwright
open Xunit
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageLooks
open FunctionalBot.Tests.Browsing

[<Fact>]
let ``a whole conversation in Spanish on the phone page ends as a ticket on the desk page`` () =
    onStage (fun stage ->
        withBrowser (fun browser -> task {
            let! _ = startBot stage
            let! page = openPage browser 1320 1000 stage.WhatsApp.Address
            let ana = Phone(page, "ana")

            do! ana.Types "Hola"
            let! welcome = ana.Hears 1
            do! say welcome "asistente automático"

            do! ana.Types "¿A qué hora abren los sábados?"
            let! answer = ana.Hears 2
            do! say answer "sábado"
            do! picture page "phone-1-answer"

            do! ana.Types "quiero abrir un ticket"
            let! title = ana.Hears 3
            do! say title "título"
            do! ana.Types "La taladradora no enciende"
            let! _ = ana.Hears 4
            do! ana.Types "La compré el martes y desde ayer no enciende. Probé con otro enchufe y nada."
            let! email = ana.Hears 5
            do! say email "correo"
            do! ana.Types "ana arroba ejemplo punto com"
            let! wrong = ana.Hears 6
            do! say wrong "no parece una dirección"
            do! ana.Types "ana@example.com"
            let! summary = ana.Hears 7
            do! say summary "La taladradora no enciende"

            do! ana.Presses summary "Cambiar algo"
            let! fields = ana.Hears 8
            do! fields.GetByTestId("list-open").ClickAsync()

            do!
                page
                    .GetByTestId("list-row")
                    .Filter(LocatorFilterOptions(HasText = "El título"))
                    .ClickAsync()

            let send = page.GetByTestId "list-send"
            let! needsSending = send.IsVisibleAsync()

            if needsSending then
                do! send.ClickAsync()

            let! _ = ana.Hears 9
            do! ana.Types "La taladradora echa humo"
            let! changed = ana.Hears 10
            do! say changed "La taladradora echa humo"
            do! picture page "phone-2-summary"
            do! ana.Presses changed "Sí, enviarlo"
            let! created = ana.Hears 11
            do! say created "Tu ticket es el"

            do! ana.Types "eso es todo, gracias"
            let! _ = ana.Hears 12
            do! picture page "phone-3-goodbye"

            let! found = tickets stage
            let ticket = Assert.Single found
            do! say created ticket.Number

            let! desk = openPage browser 1320 900 stage.Odoo.Address
            let card = desk.GetByTestId "ticket"
            do! Assertions.Expect(card).ToHaveCountAsync(1, waitLong)
            do! say (card.GetByTestId "ticket-number") ticket.Number
            do! say (card.GetByTestId "ticket-title") "La taladradora echa humo"
            do! say (card.GetByTestId "ticket-email") "ana@example.com"
            do! picture desk "desk-1-ticket"
        }))

[<Fact>]
let ``two customers write side by side, and what they write is never taken for markup`` () =
    onStage (fun stage ->
        withBrowser (fun browser -> task {
            let! _ = startBot stage
            let! page = openPage browser 1320 1000 stage.WhatsApp.Address
            let ana, tomas = Phone(page, "ana"), Phone(page, "tomas")
            let hostile = "<img src=x onerror=\"document.title='broken'\"> <b>hola</b>"

            do! ana.Types hostile
            do! tomas.Types "quiero hablar con una persona"
            let! _ = ana.Hears 1
            let! coming = tomas.Hears 1
            do! say coming "555 01 42"
            do! say (ana.Root.GetByTestId("bubble-out").First) hostile
            let! title = page.TitleAsync()
            Assert.NotEqual<string>("broken", title)
            let! told = tomas.Hears 2
            do! say told "HT0"
            do! picture page "phone-4-side-by-side"

            let! desk = openPage browser 1320 900 stage.Odoo.Address
            do! Assertions.Expect(desk.GetByTestId "ticket-person").ToBeVisibleAsync()
        }))

[<Fact>]
let ``the phone page works on a small screen and comes back after a reload`` () =
    onStage (fun stage ->
        withBrowser (fun browser -> task {
            let! _ = startBot stage
            let! page = openPage browser 400 800 stage.WhatsApp.Address
            let ana = Phone(page, "ana")
            do! ana.Types "hola"
            let! _ = ana.Hears 1
            let! _ = page.ReloadAsync()
            let! again = Phone(page, "ana").Hears 1
            do! say again "asistente automático"
            do! picture page "phone-5-small"

            // Nothing may stick out sideways.
            let! width = page.EvaluateAsync<int> "document.documentElement.scrollWidth"
            Assert.True((width <= 400), $"the page is %d{width} pixels wide on a screen of 400")
        }))
