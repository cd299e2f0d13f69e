/// A real browser for the tests of pages, and a customer's phone on the phone page.
module FunctionalBot.Tests.Browsing

open System
open System.IO
open System.Text.RegularExpressions
open System.Threading.Tasks
open Microsoft.Playwright
open Xunit

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

/// Takes a picture of the page under this name, with what moves at its end.
let picture (page: IPage) name : Task = task {
    let! _ =
        page.ScreenshotAsync(
            PageScreenshotOptions(
                Path = Path.Combine(pictures (), name + ".png"),
                Animations = ScreenshotAnimations.Disabled
            )
        )

    return ()
}

/// Plays with a browser of its own.
let withBrowser (play: IBrowser -> Task<unit>) : Task<unit> = task {
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
                    // A microphone that beeps, and that every page may use.
                    "--use-fake-device-for-media-stream"
                    "--use-fake-ui-for-media-stream"
                |]
            )
        )

    try
        do! play browser
    finally
        browser.CloseAsync().GetAwaiter().GetResult()
}

/// Opens a page of this size.
let openPage (browser: IBrowser) (width: int) (height: int) (address: Uri) = task {
    let! page =
        browser.NewPageAsync(
            BrowserNewPageOptions(ViewportSize = ViewportSize(Width = width, Height = height))
        )

    let! _ = page.GotoAsync(address.ToString())
    return page
}

/// How long a slow machine may take.
let waitLong = LocatorAssertionsToHaveCountOptions(Timeout = Nullable 60_000f)

/// One customer's phone on the page.
type Phone(page: IPage, customer: string) =
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

/// The element comes to hold these words.
let say (locator: ILocator) (words: string) : Task =
    Assertions.Expect(locator).ToContainTextAsync(Regex(Regex.Escape words, RegexOptions.IgnoreCase))
