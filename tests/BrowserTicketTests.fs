/// Tickets in a real browser, from the phone page to the desk page: with files, and of customers without a number.
module FunctionalBot.Tests.BrowserTicketTests

open Microsoft.Playwright
open Xunit
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageLooks
open FunctionalBot.Tests.Browsing

/// SHA-256 of what each of the elements shows or links to, as the browser gets it.
let private digests (page: IPage) (selector: string) : System.Threading.Tasks.Task<string array> =
    page.EvaluateAsync<string array>(
        """async selector => Promise.all(Array.from(document.querySelectorAll(selector), async element => {
            const answer = await fetch(element.src || element.href);
            const digest = await crypto.subtle.digest('SHA-256', await answer.arrayBuffer());
            return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('');
        }))""",
        selector
    )

[<Fact>]
let ``a photo and a recorded voice note of the ticket are on the desk page with exactly their bytes`` () =
    onStage (fun stage ->
        withBrowser (fun browser -> task {
            let! _ = startBot stage
            let! page = openPage browser 1320 1000 stage.WhatsApp.Address
            let ana = Phone(page, "ana")
            do! ana.Types "abrir un ticket"
            let! _ = ana.Hears 1

            do! ana.Root.GetByTestId("attach").ClickAsync()

            let! chooser =
                page.RunAndWaitForFileChooserAsync(fun () ->
                    ana.Root.GetByTestId("attach-photos").ClickAsync())

            do!
                chooser.SetFilesAsync(
                    FilePayload(
                        Name = "taladradora.png",
                        MimeType = "image/png",
                        Buffer = SampleMedia.photo.Value.Bytes
                    )
                )

            do! ana.Root.GetByTestId("files-send").ClickAsync()
            let! added = ana.Hears 2
            do! say added "Archivos que van con tu ticket: 1"
            do! ana.Types "La taladradora no enciende"
            let! _ = ana.Hears 3

            do! ana.Root.GetByTestId("record").ClickAsync()
            do! Assertions.Expect(ana.Root.GetByTestId "recording").ToContainTextAsync "0:01"
            do! ana.Root.GetByTestId("record-send").ClickAsync()
            let! added = ana.Hears 4
            do! say added "Archivos que van con tu ticket: 2"
            do! ana.Types "La compré ayer y no enciende. Te mando una foto y cómo suena."
            let! email = ana.Hears 5
            do! ana.Presses email "Seguir sin correo"
            let! summary = ana.Hears 6
            do! say summary "Archivos adjuntos"
            do! picture page "phone-20-ticket-with-files"
            do! ana.Presses summary "Sí, enviarlo"
            let! created = ana.Hears 7
            do! say created "Tu ticket es el"

            let! desk = openPage browser 1320 900 stage.Odoo.Address
            let attachments = desk.GetByTestId "ticket-attachment"
            do! Assertions.Expect(attachments).ToHaveCountAsync(2, waitLong)
            let! photos = digests page "[data-testid=phone-ana] [data-testid=bubble-out] img"
            let! sounds = digests page "[data-testid=phone-ana] [data-testid=bubble-out] audio"
            let! shown = digests desk "[data-testid=ticket-attachment] a"
            Assert.Single photos |> ignore
            Assert.Single sounds |> ignore

            Assert.Equal<string Set>(Set.ofArray (Array.append photos sounds), Set.ofArray shown)
            do! Assertions.Expect(attachments.Locator "img").ToHaveCountAsync(1, waitLong)
            do! Assertions.Expect(attachments.Locator "audio").ToHaveCountAsync(1, waitLong)
            do! picture desk "desk-2-attachments"
        }))

[<Fact>]
let ``a customer whose number nobody sees is served from the greeting to the ticket`` () =
    onStage (fun stage ->
        withBrowser (fun browser -> task {
            Assert.Equal(None, Customer.tomas.Phone)
            let! _ = startBot stage
            let! page = openPage browser 1320 1000 stage.WhatsApp.Address
            let tomas = Phone(page, "tomas")
            do! tomas.Types "Hola"
            let! welcome = tomas.Hears 1
            do! say welcome "asistente automático"
            do! tomas.Presses welcome "Abrir un ticket"
            let! title = tomas.Hears 2
            do! say title "título"
            do! tomas.Types "El pedido no ha llegado"
            let! _ = tomas.Hears 3
            do! tomas.Types "Lo pedí el lunes y hoy es viernes; no tengo noticias."
            let! email = tomas.Hears 4
            do! say email "correo"
            do! tomas.Types "tomas@example.com"
            let! summary = tomas.Hears 5
            do! tomas.Presses summary "Sí, enviarlo"
            let! created = tomas.Hears 6
            do! say created "Tu ticket es el"
            let! found = tickets stage
            let ticket = Assert.Single found
            do! say created ticket.Number

            let! desk = openPage browser 1320 900 stage.Odoo.Address
            let card = desk.GetByTestId "ticket"
            do! Assertions.Expect(card).ToHaveCountAsync(1, waitLong)
            do! say (card.GetByTestId "ticket-title") "El pedido no ha llegado"
            do! say (card.GetByTestId "ticket-email") "tomas@example.com"
            do! picture desk "desk-3-without-a-number"
        }))
