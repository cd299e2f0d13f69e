/// What a set-up reads and writes in the emulator's Graph API, and several numbers of one business.
module FunctionalBot.Tests.WhatsAppEmulatorGraphTests

open System
open System.Net.Http
open System.Security.Cryptography
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.WhatsAppEmulatorStage

let private second: BusinessPhone = {
    Id = "106540352242923"
    Number = "34910000001"
    Name = "Taller Aurora"
}

let private onTwoNumbers play =
    staged { quick with OtherNumbers = [ second ] } (fun _ -> 200) play

let private text path json = Json.textAt path json

[<Fact>]
let ``each number has its own chats, window, token of sending and metadata`` () =
    onTwoNumbers (fun stage -> task {
        let atSecond = stage.Emulator.CustomersOf second.Id |> Option.get
        let first = write stage "Hola, tienda"
        let id = atSecond.Text "ana" "Hola, taller" None |> sure
        do! quiet stage

        let numbers = received "messages" stage |> List.map (text [ "text"; "body" ])

        Assert.Equal<string option list>([ Some "Hola, tienda"; Some "Hola, taller" ], numbers)

        let metadata =
            stage.Hooks
            |> Seq.collect (fun hook ->
                let body =
                    Json.parseBytes (ReadOnlyMemory hook.Body) |> Result.defaultValue Json.Null

                [
                    for entry in Json.itemsField "entry" body do
                        for change in Json.itemsField "changes" entry do
                            text [ "value"; "metadata"; "phone_number_id" ] change,
                            text [ "value"; "metadata"; "display_phone_number" ] change
                ])
            |> List.ofSeq

        let expected = [
            Some settings.PhoneNumberId, Some settings.BusinessNumber
            Some second.Id, Some second.Number
        ]

        Assert.Equal<(string option * string option) list>(expected, metadata)

        let! status, answer =
            graph stage HttpMethod.Post $"%s{second.Id}/messages" (Some(textTo "Dime"))

        Assert.Equal(200, status)
        let sent = stage.Emulator.Conversations.Find(sentId answer) |> Option.get
        Assert.Equal(second.Id, sent.NumberId)

        // Beatriz has never written to the second number: its window is shut.
        stage.Emulator.Customers.Text "beatriz" "Oi" None |> sure |> ignore

        let toBeatriz =
            Json.over (textTo "Oi") (Json.Fields [ "to", Json.Text "+5511987650000" ])

        let! status, _ = post stage toBeatriz
        let! _, shut = graph stage HttpMethod.Post $"%s{second.Id}/messages" (Some toBeatriz)
        Assert.Equal((200, Some 131047), (status, errorCode shut))

        // A number marks only what was written to it as read.
        let read wamid =
            Json.Fields [
                "messaging_product", Json.Text "whatsapp"
                "status", Json.Text "read"
                "message_id", Json.Text wamid
            ]

        let! status, _ = post stage (read first)
        let! _, foreign = post stage (read id)
        Assert.Equal((200, Some 131009), (status, errorCode foreign))
    })

[<Fact>]
let ``each number is an object of the Graph API, and both are the account's`` () =
    onTwoNumbers (fun stage -> task {
        let! _, listed =
            graph stage HttpMethod.Get $"%s{settings.BusinessAccountId}/phone_numbers" None

        let ids = Json.itemsField "data" listed |> List.choose (text [ "id" ])

        Assert.Equal<string list>([ settings.PhoneNumberId; second.Id ], ids)

        let! _, asked =
            graph stage HttpMethod.Get $"%s{second.Id}?fields=display_phone_number,quality_rating" None

        Assert.Equal(Some "+34910000001", text [ "display_phone_number" ] asked)
        Assert.Equal(Some "GREEN", text [ "quality_rating" ] asked)

        stage.Emulator.Faults.Change(Json.Fields [ "quality", Json.Text "RED" ])
        |> sure
        |> ignore

        let! _, asked =
            graph stage HttpMethod.Get $"%s{second.Id}?fields=quality_rating" None

        Assert.Equal(Some "RED", text [ "quality_rating" ] asked)
        let! _, unknown = graph stage HttpMethod.Get $"%s{second.Id}?fields=colour" None
        Assert.Equal(Some 100, errorCode unknown)
    })

[<Fact>]
let ``numbers are read from a setting, and the wrong one is named`` () =
    Assert.Equal(Ok [ second ], Settings.readNumbers " 106540352242923:34910000001:Taller Aurora ")
    Assert.Equal(Ok [], Settings.readNumbers "")

    match Settings.readNumbers "106540352242923:34910000001:Taller Aurora,abc:1:x" with
    | Error problem -> Assert.Contains("abc:1:x", problem)
    | Ok _ -> Assert.Fail "a number that is none was read"

[<Fact>]
let ``without a subscription nothing is told, and with one again what comes then`` () =
    onStage (fun stage -> task {
        let apps = $"%s{settings.BusinessAccountId}/subscribed_apps"

        let count () = task {
            let! _, found = graph stage HttpMethod.Get apps None
            return (Json.itemsField "data" found).Length
        }

        let! before = count ()
        let! status, _ = graph stage HttpMethod.Delete apps None
        let! between = count ()
        write stage "Nadie lo oye" |> ignore
        Assert.Equal(0, stage.Emulator.Pending())
        let! _, _ = graph stage HttpMethod.Post apps (Some(Json.Fields []))
        let! after = count ()
        Assert.Equal((1, 200, 0, 1), (before, status, between, after))
        write stage "Esto sí" |> ignore
        do! quiet stage

        Assert.Equal<string option list>(
            [ Some "Esto sí" ],
            received "messages" stage |> List.map (text [ "text"; "body" ])
        )

        let override' (address: string) =
            Json.Fields [
                "override_callback_uri", Json.Text address
                "verify_token", Json.Text "secret-token"
            ]

        let! _, long =
            graph stage HttpMethod.Post apps (Some(override' ("https://" + repeat 193)))

        Assert.Equal(Some 131009, errorCode long)

        let bodies = stage.Emulator.Requests() |> List.choose _.Body |> List.map Json.write
        Assert.DoesNotContain(bodies, (fun (body: string) -> body.Contains "secret-token"))
    })

[<Fact>]
let ``the token says when it ends, and is not valid after that`` () =
    onStage (fun stage -> task {
        let ends = DateTimeOffset.UtcNow.AddDays(3.0).ToUnixTimeSeconds()

        stage.Emulator.Faults.Set { Faults.none with TokenExpires = ends }

        let ask token = task {
            let! _, answer = graph stage HttpMethod.Get $"debug_token?input_token=%s{token}" None
            let data = Json.given "data" answer |> Option.defaultValue Json.Null
            return Json.given "is_valid" data, Json.wholeField "expires_at" data
        }

        let! own = ask settings.AccessToken
        Assert.Equal((Some(Json.Flag true), Some ends), own)
        let! other = ask "other"
        Assert.Equal((Some(Json.Flag false), None), other)
        stage.Emulator.Conversations.MoveClock(TimeSpan.FromDays 4.0)
        let! late = ask settings.AccessToken
        Assert.Equal((Some(Json.Flag false), None), late)
    })

[<Fact>]
let ``a profile is changed field by field within Meta's lengths`` () =
    onStage (fun stage -> task {
        let path = $"%s{settings.PhoneNumberId}/whatsapp_business_profile"

        let change fields =
            graph
                stage
                HttpMethod.Post
                path
                (Some(Json.Fields(("messaging_product", Json.Text "whatsapp") :: fields)))

        for name, most in [ "about", 139; "address", 256; "description", 512; "email", 128 ] do
            for count in [ most - 1; most ] do
                let! status, _ = change [ name, Json.Text(repeat count) ]
                Assert.Equal(200, status)

            let! _, answer = change [ name, Json.Text(repeat (most + 1)) ]
            Assert.Equal(Some 131009, errorCode answer)

        let sites count = [
            "websites", Json.Items(List.replicate count (Json.Text "https://example.com"))
        ]

        let! status, _ = change (("vertical", Json.Text "RETAIL") :: sites 2)
        Assert.Equal(200, status)
        let! _, many = change (sites 3)
        let! _, industry = change [ "vertical", Json.Text "FLYING" ]
        let! _, product = graph stage HttpMethod.Post path (Some(Json.Fields []))

        Assert.Equal<int option list>(
            [ Some 131009; Some 131009; Some 131008 ],
            [ many; industry; product ] |> List.map errorCode
        )

        let! _, shown = graph stage HttpMethod.Get $"%s{path}?fields=about,vertical" None
        let profile = Json.itemsField "data" shown |> List.exactlyOne
        Assert.Equal(Some(repeat 139), text [ "about" ] profile)
        Assert.Equal(Some "RETAIL", text [ "vertical" ] profile)
        Assert.Equal(None, text [ "email" ] profile)
    })

[<Fact>]
let ``templates are listed with their parts, all or by name and language`` () =
    onStage (fun stage -> task {
        let path = $"%s{settings.BusinessAccountId}/message_templates"

        let names query = task {
            let! _, found = graph stage HttpMethod.Get (path + query) None
            return Json.itemsField "data" found |> List.choose (text [ "name" ])
        }

        let! all = names ""
        let! one = names "?name=seguimiento&language=es"
        let! none = names "?name=seguimiento&language=pt_BR"
        Assert.Equal<string list>([ "hello_world"; "seguimiento" ], all)
        Assert.Equal<string list>([ "seguimiento" ], one)
        Assert.Empty none
        let! _, found = graph stage HttpMethod.Get (path + "?name=seguimiento") None
        let template = Json.itemsField "data" found |> List.exactlyOne

        let kinds = Json.itemsField "components" template |> List.choose (text [ "type" ])

        Assert.Equal<string list>([ "BODY"; "BUTTONS" ], kinds)
        Assert.Equal(Some "APPROVED", text [ "status" ] template)
    })

[<Fact>]
let ``the key of forms is a public RSA key of 2048 bits`` () =
    onStage (fun stage -> task {
        let path = $"%s{settings.PhoneNumberId}/whatsapp_business_encryption"
        use rsa = RSA.Create 2048
        use small = RSA.Create 1024

        let set (key: string) =
            graph stage HttpMethod.Post path (Some(Json.Fields [ "business_public_key", Json.Text key ]))

        for wrong in [ "key"; small.ExportSubjectPublicKeyInfoPem(); rsa.ExportPkcs8PrivateKeyPem() ] do
            let! _, answer = set wrong
            Assert.Equal(Some 100, errorCode answer)

        let key = rsa.ExportSubjectPublicKeyInfoPem()
        let! status, _ = set key
        Assert.Equal(200, status)
        let! _, shown = graph stage HttpMethod.Get path None
        Assert.Equal(Some key, text [ "business_public_key" ] shown)
    })
