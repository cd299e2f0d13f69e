/// What the tests of the phone page share: the emulator's page with one telephone, and what is clicked on it.
module FunctionalBot.Tests.PhonePages

open System.Threading.Tasks
open Microsoft.Playwright
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.Browsing
open FunctionalBot.Tests.WhatsAppEmulatorStage

/// The business's second number.
let workshop: BusinessPhone = {
    Id = "106540352242923"
    Number = "34910000001"
    Name = "Taller Aurora"
}

/// Plays with Ana's telephone on the page.
let onPage width height (play: Stage -> IPage -> Phone -> Task<unit>) : Task =
    staged
        {
            quick with
                OtherNumbers = [ workshop ]
        }
        (fun _ -> 200)
        (fun stage ->
            withBrowser (fun browser -> task {
                let! page = openPage browser width height stage.Emulator.Address
                let phone = Phone(page, "ana")
                do! play stage page phone
            }))

let onDesktop play = onPage 1320 1000 play

let click (root: ILocator) (testId: string) : Task = (root.GetByTestId testId).ClickAsync()

/// Opens the sheet of attachments and taps one of its buttons.
let attach (phone: Phone) (testId: string) : Task = task {
    do! click phone.Root "attach"
    do! click phone.Root testId
}

/// Waits until the webhook has got a message of this type, and gives the last one.
let heard (stage: Stage) kind : Task<Json.Json> = task {
    let found () =
        received "messages" stage
        |> List.filter (fun message -> Json.textAt [ "type" ] message = Some kind)

    do! stage.Emulator.Until $"a message of type %s{kind}" patience (fun () -> not (found ()).IsEmpty)
    do! quiet stage
    return List.last (found ())
}

/// Sends a message of the business; its id.
let ofBusiness stage kind content = task {
    let! status, answer = post stage (toAna kind content)
    Assert.True((status = 200), Json.write answer)
    return sentId answer
}

let text path json = Json.textAt path json

let payload name contentType (bytes: byte array) =
    FilePayload(Name = name, MimeType = contentType, Buffer = bytes)

/// Opens the tools of a bubble and taps one.
let onBubble (bubble: ILocator) (tool: string) : Task = task {
    do! bubble.HoverAsync()
    do! click bubble tool
}
