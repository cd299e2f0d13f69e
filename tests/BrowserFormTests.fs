/// A form on the phone page: shown, filled in by hand and keyboard, and sent.
module FunctionalBot.Tests.BrowserFormTests

open System
open System.Threading.Tasks
open Microsoft.Playwright
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.Browsing
open FunctionalBot.Tests.WhatsAppEmulatorStage
open FunctionalBot.Tests.PhonePages

/// The business offers the form with this id, and the customer opens it.
let private opensForm stage (ana: Phone) (form: string) : Task = task {
    do! ana.Types "Quiero abrir un ticket"
    do! quiet stage

    let parameters =
        Json.Fields [
            "flow_message_version", Json.Text "3"
            "flow_id", Json.Text form
            "flow_cta", Json.Text "Abrir ticket"
            "flow_token", Json.Text "sesion/3"
        ]

    let! _ =
        ofBusiness
            stage
            "interactive"
            (Json.Fields [
                "type", Json.Text "flow"
                "body", Json.Fields [ "text", Json.Text "Cuéntanos qué pasa" ]
                "action", Json.Fields [ "name", Json.Text "flow"; "parameters", parameters ]
            ])

    let! asked = ana.Hears 1
    do! ana.Presses asked "Abrir ticket"
}

[<Fact>]
let ``the title of a group chooses no option, and behind an open sheet nothing is reached by keyboard`` () =
    onDesktop (fun stage _ ana -> task {
        let definition =
            """{"version":"7.0","screens":[{"id":"UNO","title":"Elige","terminal":true,
                "layout":{"type":"SingleColumnLayout","children":[
                    {"type":"RadioButtonsGroup","name":"kind","label":"¿Qué es?","required":true,
                     "data-source":[{"id":"a","title":"Avería"},{"id":"b","title":"Consulta"}]},
                    {"type":"Footer","label":"Enviar",
                     "on-click-action":{"name":"complete","payload":{"kind":"${form.kind}"}}}]}}]}"""

        let form = {
            TicketForm.form with
                Id = "770000000000002"
                Name = "grupo"
                Definition = Some(sure (Json.parse definition))
        }

        stage.Emulator.Account.Flows.Put form
        do! opensForm stage ana form.Id
        let options = ana.Root.Locator "input[type=radio]"
        do! Assertions.Expect(options).ToHaveCountAsync(2)
        do! (ana.Root.Locator ".form-field > span").ClickAsync()
        let! chosen = (ana.Root.Locator "input[type=radio]:checked").CountAsync()
        Assert.Equal(0, chosen)

        let isBehind () =
            (ana.Root.GetByTestId "composer").EvaluateAsync<bool>("box => box.closest('[inert]') !== null")

        let! behind = isBehind ()
        Assert.True behind
        do! (ana.Root.GetByText "Consulta").ClickAsync()
        do! click ana.Root "form-send"
        let! reply = heard stage "interactive"

        Assert.Contains(
            "\"kind\":\"b\"",
            text [ "interactive"; "nfm_reply"; "response_json" ] reply
            |> Option.defaultValue ""
        )

        let! behind = isBehind ()
        Assert.False behind
    })

[<Fact>]
let ``a form is shown, says what is missing, and sends what was filled in with its photo`` () =
    onDesktop (fun stage page ana -> task {
        do! opensForm stage ana TicketForm.form.Id

        let fill (name: string) (words: string) =
            (ana.Root.GetByTestId name).FillAsync words

        do! fill "form-title" "La taladradora no enciende"
        do! fill "form-email" "ana arroba example"
        do! click ana.Root "form-send"
        do! say (ana.Root.Locator(".form-field").Nth 1) "Falta este dato"
        do! say (ana.Root.Locator(".form-field").Nth 2) "No parece una dirección"
        do! picture page "phone-20-form"
        do! fill "form-description" "Desde ayer no enciende."
        do! fill "form-email" "ana@example.com"
        let photo = SampleMedia.photo.Value.Bytes
        do! (ana.Root.GetByTestId "form-photo").SetInputFilesAsync(payload "taladro.png" "image/png" photo)
        do! click ana.Root "form-send"
        let! reply = heard stage "interactive"

        let filled = filledIn reply
        Assert.Equal(Some "La taladradora no enciende", text [ "title" ] filled)
        Assert.Equal(Some "ana@example.com", text [ "email" ] filled)
        Assert.Equal(Some "sesion/3", text [ "flow_token" ] filled)
        let media = Json.itemsField "photo" filled |> List.exactlyOne
        Assert.Equal(Some "taladro.png", text [ "file_name" ] media)
        let id = text [ "id" ] media |> Option.defaultValue ""

        let! bytes =
            client.GetByteArrayAsync(Uri(stage.Emulator.Address, $"/_emulator/media/%s{id}"))

        Assert.Equal<byte array>(photo, bytes)
        do! say (ana.Root.GetByTestId("bubble-out").Nth(1)) "taladro.png"
        do! picture page "phone-21-form-sent"
    })
