/// The phone page in a real browser, with the emulator alone: everything that a customer can do by clicks reaches
/// the webhook in its right shape.
module FunctionalBot.Tests.BrowserPhoneTests

open System
open System.Net.Http
open System.Text
open Microsoft.Playwright
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.Browsing
open FunctionalBot.Tests.WhatsAppEmulatorStage
open FunctionalBot.Tests.PhonePages

[<Fact>]
let ``two photos with a text, a voice note from the microphone, and their bytes are those that were sent``
    ()
    =
    onDesktop (fun stage page ana -> task {
        do! ana.Types "Hola"
        do! click ana.Root "attach"
        let photo = SampleMedia.photo.Value.Bytes

        let! chooser =
            page.RunAndWaitForFileChooserAsync(fun () -> click ana.Root "attach-photos")

        Assert.True chooser.IsMultiple

        do!
            chooser.SetFilesAsync [|
                payload "uno.png" "image/png" photo
                payload "dos.png" "image/png" photo
            |]

        do! (ana.Root.GetByTestId "files-caption").FillAsync "Así quedó"
        do! picture page "phone-10-files"
        do! click ana.Root "files-send"
        do! Assertions.Expect(ana.Root.GetByTestId "bubble-out").ToHaveCountAsync(3, waitLong)
        do! quiet stage

        let images =
            received "messages" stage
            |> List.filter (fun message -> text [ "type" ] message = Some "image")

        Assert.Equal<string option list>(
            [ Some "Así quedó"; None ],
            images |> List.map (text [ "image"; "caption" ])
        )

        for image in images do
            let id = text [ "image"; "id" ] image |> Option.defaultValue ""

            let! bytes =
                client.GetByteArrayAsync(Uri(stage.Emulator.Address, $"/_emulator/media/%s{id}"))

            Assert.Equal<byte array>(photo, bytes)

        let! _ =
            page.EvaluateAsync
                """() => {
                    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
                    window.asked = 0;
                    navigator.mediaDevices.getUserMedia = wanted => { window.asked += 1; return real(wanted); };
                }"""

        // An impatient customer taps twice: one recording begins.
        let! _ =
            (ana.Root.GetByTestId "record").EvaluateAsync "button => { button.click(); button.click(); }"
        // What is recorded must be heard of at all: the clock of the recording has gone on.
        do! Assertions.Expect(ana.Root.GetByTestId "recording").ToContainTextAsync "0:01"
        let! asked = page.EvaluateAsync<int> "window.asked"
        Assert.Equal(1, asked)
        do! picture page "phone-11-recording"
        do! click ana.Root "record-send"
        let! audio = heard stage "audio"
        Assert.Equal(Some "audio/ogg; codecs=opus", text [ "audio"; "mime_type" ] audio)
        Assert.Equal(Some(Json.Flag true), Json.givenAt [ "audio"; "voice" ] audio)
        let id = text [ "audio"; "id" ] audio |> Option.defaultValue ""

        let! bytes =
            client.GetByteArrayAsync(Uri(stage.Emulator.Address, $"/_emulator/media/%s{id}"))

        Assert.Equal("OggS", Encoding.ASCII.GetString(bytes, 0, 4))
        Assert.Equal("OpusHead", Encoding.ASCII.GetString(bytes, 28, 8))
        // The browser itself can read it: it knows how long it is.
        let length = ana.Root.Locator ".voice .length"
        do! Assertions.Expect(length).Not.ToHaveTextAsync "0:00"
        do! picture page "phone-12-album-and-voice"
    })

[<Fact>]
let ``without a microphone a voice note is the sample or a picked file`` () =
    staged quick (fun _ -> 200) (fun stage ->
        withBrowser (fun browser -> task {
            let! page = openPage browser 1320 1000 (Uri "about:blank")

            let! _ =
                page.AddInitScriptAsync
                    "Object.defineProperty(navigator, 'mediaDevices', { value: undefined })"

            let! _ = page.GotoAsync(stage.Emulator.Address.ToString())
            let ana = Phone(page, "ana")
            do! click ana.Root "record"
            do! picture page "phone-13-no-microphone"
            do! click ana.Root "voice-sample"
            let! sample = heard stage "audio"
            Assert.Equal(Some(Json.Flag true), Json.givenAt [ "audio"; "voice" ] sample)
            do! click ana.Root "record"

            let! chooser =
                page.RunAndWaitForFileChooserAsync(fun () -> click ana.Root "voice-file")

            do! chooser.SetFilesAsync(payload "cinta.mp3" "audio/mpeg" [| 1uy; 2uy |])

            do!
                stage.Emulator.Until "both voice notes" patience (fun () ->
                    (received "messages" stage).Length = 2)

            Assert.Equal(Some "audio/mpeg", text [ "audio"; "mime_type" ] (lastMessage stage))
        }))

[<Fact>]
let ``a place, typed coordinates, contact cards with a script, an order and an advertisement`` () =
    onDesktop (fun stage page ana -> task {
        do! attach ana "attach-place"
        do! picture page "phone-14-places"
        do! (ana.Root.GetByTestId "place").Nth(1).ClickAsync()
        let! place = heard stage "location"
        Assert.Equal(Some "Taller de la esquina", text [ "location"; "name" ] place)

        do! attach ana "attach-place"
        do! (ana.Root.GetByTestId "latitude").FillAsync "91"
        do! (ana.Root.GetByTestId "longitude").FillAsync "-3,7"
        do! click ana.Root "place-send"
        do! say (ana.Root.GetByRole AriaRole.Alert) "de -90 a 90"
        do! (ana.Root.GetByTestId "latitude").FillAsync "40,4"
        do! click ana.Root "place-send"

        do!
            stage.Emulator.Until "the typed place" patience (fun () ->
                (received "messages" stage).Length = 2)

        Assert.Equal(Some(Json.Number 40.4), Json.givenAt [ "location"; "latitude" ] (lastMessage stage))

        do! attach ana "attach-cards"
        do! (ana.Root.GetByTestId "card-2").CheckAsync()
        do! click ana.Root "cards-send"
        let! cards = heard stage "contacts"

        let names =
            Json.itemsField "contacts" cards
            |> List.choose (text [ "name"; "formatted_name" ])

        Assert.Equal<string list>([ "Marta Soler"; "<script>document.title=\"roto\"</script>" ], names)

        do! attach ana "attach-order"
        do! (ana.Root.GetByTestId "count-1").FillAsync "3"
        do! click ana.Root "order-send"
        let! order = heard stage "order"
        Assert.Equal(2, (Json.givenAt [ "order"; "product_items" ] order |> Option.get |> Json.items).Length)

        do! attach ana "attach-ad"
        do! click ana.Root "line-send"
        let! arrived = heard stage "text"
        Assert.Equal(Some "ad", text [ "referral"; "source_type" ] arrived)
        do! attach ana "sample-unsupported"
        let! _ = heard stage "unsupported"
        do! say (ana.Root.GetByTestId("bubble-out").Nth(2)) "<script>"
        let! title = page.TitleAsync()
        Assert.DoesNotContain("roto", title)
        do! picture page "phone-15-cards"
    })

[<Fact>]
let ``a message is quoted, reacted to, forwarded, edited and deleted`` () =
    onDesktop (fun stage page ana -> task {
        do! click (page.Locator "body") "open-panel"
        do! (page.GetByTestId "switch-coexistence").CheckAsync()
        do! click (page.Locator "body") "panel-close"
        do! ana.Types "Hla"
        do! quiet stage

        let! asked =
            ofBusiness stage "text" (Json.Fields [ "body", Json.Text "¿En qué te ayudo?" ])

        let! answer = ana.Hears 1

        do! onBubble answer "react"
        do! picture page "phone-16-emoji"
        do! click ana.Root "emoji-🎉"
        let! reaction = heard stage "reaction"
        Assert.Equal(Some "🎉", text [ "reaction"; "emoji" ] reaction)
        Assert.Equal(Some asked, text [ "reaction"; "message_id" ] reaction)
        do! say (answer.GetByTestId "reaction") "🎉"
        do! onBubble answer "react"
        do! click ana.Root "emoji-none"
        do! Assertions.Expect(answer.GetByTestId "reaction").ToHaveCountAsync(0)

        do! onBubble answer "reply"
        do! ana.Types "Con esto"

        do!
            stage.Emulator.Until "the answer" patience (fun () ->
                text [ "context"; "id" ] (lastMessage stage) = Some asked)

        let own = ana.Root.GetByTestId("bubble-out").First
        do! onBubble own "more"
        do! picture page "phone-17-more"
        do! click ana.Root "action-edit"
        do! Assertions.Expect(ana.Root.GetByTestId "composer").ToHaveValueAsync "Hla"
        do! ana.Types "Hola"
        let! edit = heard stage "edit"
        Assert.Equal(Some "Hola", text [ "edit"; "message"; "text"; "body" ] edit)
        do! say own "Editado"

        do! onBubble own "more"
        do! click ana.Root "action-forward"
        do! Assertions.Expect(ana.Root.GetByTestId "bubble-out").ToHaveCountAsync(3)
        do! onBubble own "more"
        do! click ana.Root "action-delete"
        let! revoke = heard stage "revoke"

        Assert.Equal(
            text [ "edit"; "original_message_id" ] edit,
            text [ "revoke"; "original_message_id" ] revoke
        )

        do! say own "Eliminaste este mensaje"
        do! picture page "phone-18-edited-and-deleted"
    })

[<Fact>]
let ``buttons, lists, template buttons and what the business asks for are answered by clicks`` () =
    onDesktop (fun stage page ana -> task {
        do! ana.Types "Hola"
        do! quiet stage
        let! _ = ofBusiness stage "interactive" (buttons [ "Sí"; "No" ])
        let! question = ana.Hears 1
        do! ana.Presses question "No"
        let! pressed = heard stage "interactive"
        Assert.Equal(Some "No", text [ "interactive"; "button_reply"; "title" ] pressed)

        let! _ = ofBusiness stage "interactive" (list 3 10 20)
        let! choices = ana.Hears 2
        do! click choices "list-open"
        do! (ana.Root.GetByTestId "list-row").Nth(2).ClickAsync()
        do! click ana.Root "list-send"

        do!
            stage.Emulator.Until "the row" patience (fun () ->
                text [ "interactive"; "list_reply"; "id" ] (lastMessage stage) = Some "row2")

        let asking kind action =
            ofBusiness
                stage
                "interactive"
                (Json.Fields [
                    "type", Json.Text kind
                    "body", Json.Fields [ "text", Json.Text "¿Nos lo das?" ]
                    "action", Json.Fields [ "name", Json.Text action ]
                ])

        let! place = asking "location_request_message" "send_location"
        let! request = ana.Hears 3
        do! ana.Presses request "Enviar ubicación"
        do! (ana.Root.GetByTestId "place").First.ClickAsync()
        let! location = heard stage "location"
        Assert.Equal(Some place, text [ "context"; "id" ] location)

        let! _ = asking "request_contact_info" "request_contact_info"
        let! request = ana.Hears 4
        do! ana.Presses request "Compartir mi número"
        let! _ = heard stage "contacts"

        let words (values: string list) =
            values
            |> List.map (fun value -> Json.Fields [ "type", Json.Text "text"; "text", Json.Text value ])

        let! _ =
            ofBusiness
                stage
                "template"
                (Json.Fields [
                    "name", Json.Text "seguimiento"
                    "language", Json.Fields [ "code", Json.Text "es" ]
                    "components",
                    Json.Items [
                        Json.Fields [
                            "type", Json.Text "body"
                            "parameters", Json.Items(words [ "Ana"; "HT0042" ])
                        ]
                    ]
                ])

        let! template = ana.Hears 5
        do! say template "HT0042"
        do! ana.Presses template "Más tarde"
        let! button = heard stage "button"
        Assert.Equal(Some "Más tarde", text [ "button"; "text" ] button)

        let! _ =
            ofBusiness
                stage
                "text"
                (Json.Fields [
                    "body", Json.Text "Mira https://example.com/guia"
                    "preview_url", Json.Flag true
                ])

        let! link = ana.Hears 6
        do! say (link.GetByTestId "preview") "example.com"

        let! _ =
            ofBusiness stage "image" (Json.Fields [ "link", Json.Text "https://example.com/foto.jpg" ])

        let! _, uploaded = upload stage SampleMedia.photo.Value
        let id = text [ "id" ] uploaded |> Option.defaultValue ""

        let! _ =
            ofBusiness stage "image" (Json.Fields [ "id", Json.Text id; "caption", Json.Text "Tu pedido" ])

        let! image = ana.Hears 8
        do! say image "Tu pedido"
        do! Assertions.Expect(image.Locator "img").ToBeVisibleAsync()
        do! picture page "phone-19-what-the-business-sends"
    })

[<Fact>]
let ``on a small screen the clock shuts the window, another number is chosen, and the own one changes`` () =
    onPage 390 800 (fun stage page ana -> task {
        do! ana.Types "Hola"
        do! say (ana.Root.GetByTestId "window") "h"
        do! click (page.Locator "body") "open-panel"
        do! click (page.Locator "body") "clock-86400"
        do! picture page "phone-22-small-panel"
        do! click (page.Locator "body") "panel-close"
        do! say (ana.Root.GetByTestId "window") "cerrada"
        let! _, shut = post stage (textTo "¿Sigues ahí?")
        Assert.Equal(Some 131047, errorCode shut)

        let! _ = (ana.Root.GetByTestId "number").SelectOptionAsync(workshop.Id)
        do! Assertions.Expect(ana.Root.GetByTestId "bubble-out").ToHaveCountAsync(0)
        do! attach ana "attach-open"
        let! _ = heard stage "request_welcome"
        do! say (ana.Root.GetByTestId "bubble-quiet") "primera vez"

        let! status, _ =
            graph stage HttpMethod.Post $"%s{workshop.Id}/messages" (Some(textTo "Bienvenida"))

        Assert.Equal(200, status)
        let! welcome = ana.Hears 1
        do! say welcome "Bienvenida"

        do! click ana.Root "person"
        do! picture page "phone-23-small-person"
        do! click ana.Root "person-number"
        do! (ana.Root.GetByTestId "line").FillAsync "+34 600 999 888"
        do! click ana.Root "line-send"
        let! system = heard stage "system"
        Assert.Equal(Some "34600999888", text [ "system"; "wa_id" ] system)
        do! say (ana.Root.Locator ".owner") "600 999 888"
        do! click ana.Root "attach"
        do! picture page "phone-24-small-attach"

        let! width = page.EvaluateAsync<int> "document.documentElement.scrollWidth"
        Assert.True((width <= 390), $"the page is %d{width} pixels wide on a screen of 390")
    })
