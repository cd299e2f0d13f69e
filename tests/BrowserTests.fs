/// The pages in a real browser: a customer's whole conversation on the phone page, and its ticket on the
/// desk page.
module FunctionalBot.Tests.BrowserTests

open System
open System.IO
open System.Text.RegularExpressions
open System.Threading.Tasks
open Microsoft.Playwright
open Xunit
open FunctionalBot.Tests.Stage

/// Chromium from BOT_TEST_CHROMIUM or from where Debian and others put it; without one the test is skipped.
let private chromium () =
    let candidates = [
        match Environment.GetEnvironmentVariable "BOT_TEST_CHROMIUM" with
        | NonNull path when path <> "" -> path
        | _ -> ()
        "/usr/bin/chromium"
        "/usr/bin/chromium-browser"
        "/usr/bin/google-chrome"
    ]

    match candidates |> List.tryFind File.Exists with
    | Some path -> path
    | None ->
        Assert.Skip "No Chromium was found: install one, or name it in BOT_TEST_CHROMIUM"
        ""

/// Where pictures of the pages go: BOT_TEST_SCREENSHOTS, else artifacts/screenshots of the project.
let private pictures () =
    let folder =
        match Environment.GetEnvironmentVariable "BOT_TEST_SCREENSHOTS" with
        | NonNull path when path <> "" -> path
        | _ -> Repository.path "artifacts/screenshots"

    Directory.CreateDirectory(folder).FullName

let private picture (page: IPage) name : Task = task {
    let! _ =
        page.ScreenshotAsync(PageScreenshotOptions(Path = Path.Combine(pictures (), name + ".png")))

    return ()
}

let private withBrowser (play: IBrowser -> Task<unit>) : Task<unit> = task {
    let path = chromium ()
    use! playwright = Playwright.CreateAsync()

    let! browser =
        playwright.Chromium.LaunchAsync(
            BrowserTypeLaunchOptions(
                ExecutablePath = path,
                Headless = true,
                Args = [|
                    "--no-sandbox"
                    "--disable-gpu"
                    "--disable-quic"
                    "--no-first-run"
                    "--disable-background-networking"
                    "--disable-component-update"
                    "--disable-sync"
                |]
            )
        )

    try
        do! play browser
    finally
        browser.CloseAsync().GetAwaiter().GetResult()
}

let private openPage (browser: IBrowser) (width: int) (height: int) (address: Uri) = task {
    let! page =
        browser.NewPageAsync(
            BrowserNewPageOptions(ViewportSize = ViewportSize(Width = width, Height = height))
        )

    let! _ = page.GotoAsync(address.ToString())
    return page
}

let private waitLong =
    LocatorAssertionsToHaveCountOptions(Timeout = Nullable 60_000f)

/// One customer's phone on the page.
type private Phone(page: IPage, customer: string) =
    let root = page.GetByTestId("phone-" + customer)

    member _.Root = root

    member _.Types(words: string) : Task = task {
        do! root.GetByTestId("composer").FillAsync words
        do! root.GetByTestId("send").ClickAsync()
    }

    /// Waits until the business has said so many things.
    member _.Hears(count: int) : Task<ILocator> = task {
        let bubble = root.GetByTestId("bubble-in").Nth(count - 1)
        do! bubble.WaitForAsync(LocatorWaitForOptions(Timeout = Nullable 60_000f))
        return bubble
    }

    member _.Presses (bubble: ILocator) (title: string) : Task =
        bubble.GetByTestId("reply-button").Filter(LocatorFilterOptions(HasText = title)).ClickAsync()

let private say (locator: ILocator) (words: string) : Task =
    Assertions.Expect(locator).ToContainTextAsync(Regex(Regex.Escape words, RegexOptions.IgnoreCase))

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
