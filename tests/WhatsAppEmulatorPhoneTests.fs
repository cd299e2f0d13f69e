/// What customers do on their phones, and what the webhook and the phone get of it.
module FunctionalBot.Tests.WhatsAppEmulatorPhoneTests

open System
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.WhatsAppEmulatorStage

[<Fact>]
let ``reading marks earlier messages too, and typing lasts until the reply`` () =
    onStage (fun stage -> task {
        let first = write stage "Hola"
        let second = write stage "¿Estáis?"

        let progress id =
            stage.Emulator.Conversations.Find id |> Option.map _.Progress

        let read =
            Json.Fields [
                "messaging_product", Json.Text "whatsapp"
                "status", Json.Text "read"
                "message_id", Json.Text second
                "typing_indicator", Json.Fields [ "type", Json.Text "text" ]
            ]

        let! status, answer = post stage read
        Assert.Equal((200, Json.Fields [ "success", Json.Flag true ]), (status, answer))
        Assert.Equal<Progress option list>([ Some Read; Some Read ], [ progress first; progress second ])
        Assert.True (stage.Emulator.Conversations.TypingUntil "ana").IsSome
        let! _ = post stage (textTo "Sí")
        Assert.True (stage.Emulator.Conversations.TypingUntil "ana").IsNone
        let unknown = Json.over read (Json.Fields [ "message_id", Json.Text "wamid.none" ])
        let! _, answer = post stage unknown
        Assert.Equal(Some 131009, errorCode answer)
    })

[<Fact>]
let ``a tapped button arrives as its reply in the context of the message`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        let! _, answer = post stage (toAna "interactive" (buttons [ "Sí"; "No" ]))
        let asked = sentId answer
        Assert.True(Result.isError (stage.Emulator.Customers.Press "ana" asked "other"))
        Assert.True(Result.isOk (stage.Emulator.Customers.Press "ana" asked "id1"))
        do! quiet stage
        let reply = received "messages" stage |> List.last
        Assert.Equal(Some "button_reply", Json.textAt [ "interactive"; "type" ] reply)
        Assert.Equal(Some "id1", Json.textAt [ "interactive"; "button_reply"; "id" ] reply)
        Assert.Equal(Some "No", Json.textAt [ "interactive"; "button_reply"; "title" ] reply)
        Assert.Equal(Some asked, Json.textAt [ "context"; "id" ] reply)
        Assert.Equal(Some "id1", stage.Emulator.Conversations.Find asked |> Option.bind _.Chosen)
    })

let private text path json = Json.textAt path json

let private coexistence stage =
    stage.Emulator.Faults.Set { Faults.none with Coexistence = true }

[<Fact>]
let ``every kind of message that a phone sends has its type and its part`` () =
    onStage (fun stage -> task {
        let ana = stage.Emulator.Customers

        for name in
            [
                "voice"
                "photo"
                "document"
                "sticker"
                "location"
                "contact"
                "cards"
                "order"
                "unsupported"
                "too-large"
            ] do
            ana.Sample "ana" name None |> sure |> ignore

        ana.OpenChat "ana" |> sure |> ignore
        do! quiet stage

        let expected = [
            "audio"
            "image"
            "document"
            "sticker"
            "location"
            "contacts"
            "contacts"
            "order"
            "unsupported"
            "unsupported"
            "request_welcome"
        ]

        let messages = received "messages" stage
        Assert.Equal<string list>(expected, messages |> List.choose (text [ "type" ]))

        for message in messages do
            let kind = text [ "type" ] message |> Option.defaultValue ""
            let mayLack = kind = "request_welcome" || kind = "unsupported"
            Assert.True((mayLack || (Json.given kind message).IsSome), kind)

        let codes =
            messages
            |> List.collect (Json.itemsField "errors")
            |> List.choose (Json.wholeField "code")

        Assert.Equal<int64 list>([ 131051L; 131052L ], codes)
        Assert.True(Result.isError (ana.Sample "ana" "other" None))

        for over, kind in [ 0, "document"; 1, "unsupported" ] do
            let file = {
                ContentType = "application/pdf"
                Name = Some "grande.pdf"
                Bytes = Array.zeroCreate (100 * 1024 * 1024 + over)
            }

            ana.File "ana" file None |> sure |> ignore
            do! quiet stage
            Assert.Equal(Some kind, text [ "type" ] (lastMessage stage))

        Assert.True(Result.isError (ana.Sample "nobody" "photo" None))
    })

[<Fact>]
let ``a text that answers, one that is forwarded and one from an advertisement carry their marks`` () =
    onStage (fun stage -> task {
        let ana = stage.Emulator.Customers
        let first = write stage "Hola"
        ana.Text "ana" "Y esto" (Some first) |> sure |> ignore
        do! quiet stage
        let answer = lastMessage stage
        Assert.Equal(Some first, text [ "context"; "id" ] answer)
        Assert.Equal(Some settings.BusinessNumber, text [ "context"; "from" ] answer)

        for often, mark in [ false, "forwarded"; true, "frequently_forwarded" ] do
            ana.Forward "ana" first often |> sure |> ignore
            do! quiet stage
            let forwarded = lastMessage stage
            Assert.Equal(Some "Hola", text [ "text"; "body" ] forwarded)
            Assert.Equal(Some(Json.Fields [ mark, Json.Flag true ]), Json.given "context" forwarded)

        ana.FromAdvertisement "ana" "Vi el anuncio" |> sure |> ignore
        do! quiet stage
        let arrived = lastMessage stage
        Assert.Equal(Some "Vi el anuncio", text [ "text"; "body" ] arrived)
        Assert.Equal(Some "ad", text [ "referral"; "source_type" ] arrived)
        Assert.True((text [ "referral"; "ctwa_clid" ] arrived).IsSome)
    })

[<Fact>]
let ``opening the chat opens the window of 24 hours`` () =
    onStage (fun stage -> task {
        let! _, shut = post stage (textTo "Hola")
        Assert.Equal(Some 131047, errorCode shut)
        stage.Emulator.Customers.OpenChat "ana" |> sure |> ignore
        let! status, _ = post stage (textTo "Hola")
        Assert.Equal(200, status)
    })

[<Fact>]
let ``a reaction reaches the business for its own messages only, and is taken back without an emoji`` () =
    onStage (fun stage -> task {
        let ana = stage.Emulator.Customers
        let own = write stage "Hola"
        let! _, answer = post stage (textTo "¿Qué tal?")
        let asked = sentId answer
        ana.React "ana" asked (Some "🎉") |> sure |> ignore
        do! quiet stage
        let reaction = lastMessage stage
        Assert.Equal(Some "🎉", text [ "reaction"; "emoji" ] reaction)
        Assert.Equal(Some asked, text [ "reaction"; "message_id" ] reaction)
        Assert.Equal(Some "🎉", stage.Emulator.Conversations.Find asked |> Option.bind _.Reaction)
        ana.React "ana" asked None |> sure |> ignore
        do! quiet stage
        Assert.Equal(None, text [ "reaction"; "emoji" ] (lastMessage stage))
        Assert.Equal(None, stage.Emulator.Conversations.Find asked |> Option.bind _.Reaction)

        let before = (received "messages" stage).Length
        ana.React "ana" own (Some "👍") |> sure |> ignore
        do! quiet stage
        Assert.Equal(before, (received "messages" stage).Length)
        Assert.Equal(Some "👍", stage.Emulator.Conversations.Find own |> Option.bind _.OwnReaction)
    })

[<Fact>]
let ``an edit is unsupported on a plain number and an edit on a coexistence number, for 15 minutes`` () =
    onStage (fun stage -> task {
        let ana = stage.Emulator.Customers
        let id = write stage "Hla"
        ana.Edit "ana" id "Hola" |> sure |> ignore
        do! quiet stage
        let plain = lastMessage stage
        Assert.Equal(Some "unsupported", text [ "type" ] plain)
        Assert.Equal(Some "edit", text [ "unsupported"; "type" ] plain)

        coexistence stage
        stage.Emulator.Conversations.MoveClock(TimeSpan.FromMinutes 14.0)
        ana.Edit "ana" id "Hola, buenas" |> sure |> ignore
        do! quiet stage
        let edit = lastMessage stage
        Assert.Equal(Some "edit", text [ "type" ] edit)
        Assert.Equal(Some id, text [ "edit"; "original_message_id" ] edit)
        Assert.Equal(Some "Hola, buenas", text [ "edit"; "message"; "text"; "body" ] edit)
        Assert.NotEqual(Some id, text [ "id" ] edit)

        let shown = stage.Emulator.Conversations.Find id |> Option.get
        Assert.Equal(Some "Hola, buenas", text [ "text"; "body" ] shown.Content)
        Assert.True shown.Edited

        stage.Emulator.Conversations.MoveClock(TimeSpan.FromMinutes 2.0)
        Assert.True(Result.isError (ana.Edit "ana" id "Tarde"))
        let! _, answer = post stage (textTo "¿Qué tal?")
        Assert.True(Result.isError (ana.Edit "ana" (sentId answer) "Mío"))
    })

[<Fact>]
let ``a deletion is heard of on a coexistence number only, and can be made for two days`` () =
    onStage (fun stage -> task {
        let ana = stage.Emulator.Customers
        let first, second, third = write stage "uno", write stage "dos", write stage "tres"
        ana.Delete "ana" first |> sure |> ignore
        do! quiet stage
        Assert.Equal(3, (received "messages" stage).Length)
        let shown = stage.Emulator.Conversations.Find first |> Option.get
        Assert.True shown.Revoked
        Assert.DoesNotContain("uno", Json.write shown.Content)
        Assert.True(Result.isError (ana.Delete "ana" first))

        coexistence stage
        stage.Emulator.Conversations.MoveClock(TimeSpan.FromHours 47.0)
        ana.Delete "ana" second |> sure |> ignore
        do! quiet stage
        let revoke = lastMessage stage
        Assert.Equal(Some "revoke", text [ "type" ] revoke)
        Assert.Equal(Some second, text [ "revoke"; "original_message_id" ] revoke)

        stage.Emulator.Conversations.MoveClock(TimeSpan.FromHours 2.0)
        Assert.True(Result.isError (ana.Delete "ana" third))
    })

[<Fact>]
let ``a changed number is told by a system message, and the old number reaches nobody`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore

        let change =
            Json.Fields [ "customer", Json.Text "ana"; "phone", Json.Text "+34 600 999 888" ]

        let! status, answer = control stage "change-number" change
        Assert.Equal((200, Some "34600999888"), (status, text [ "phone" ] answer))
        let userId = text [ "userId" ] answer
        Assert.NotEqual(Customer.ana.UserId, userId)
        do! quiet stage
        let system = lastMessage stage
        Assert.Equal(Some "34600111222", text [ "from" ] system)
        Assert.Equal(Some "user_changed_number", text [ "system"; "type" ] system)
        Assert.Equal(Some "34600999888", text [ "system"; "wa_id" ] system)
        Assert.Equal(userId, text [ "system"; "user_id" ] system)
        Assert.Equal(Customer.ana.UserId, text [ "system"; "previous_user_id" ] system)
        // System messages carry no contacts.
        Assert.Equal(1, (received "contacts" stage).Length)

        let! status, _ = post stage (textTo "¿Sigues ahí?")
        Assert.Equal(200, status)

        do!
            stage.Emulator.Until "the failure" patience (fun () ->
                statusNames stage |> List.contains "failed")

        let error =
            received "statuses" stage
            |> List.collect (Json.itemsField "errors")
            |> List.exactlyOne

        Assert.Equal(Some 131026L, Json.wholeField "code" error)

        write stage "Soy yo" |> ignore
        do! quiet stage
        Assert.Equal(Some "34600999888", text [ "from" ] (lastMessage stage))
        Assert.Equal(userId, text [ "from_user_id" ] (lastMessage stage))

        let taken =
            Json.Fields [ "customer", Json.Text "ana"; "phone", Json.Text "5511987650000" ]

        let! status, _ = control stage "change-number" taken
        Assert.Equal(400, status)
    })

[<Fact>]
let ``a changed user id is told by a system message, also of one who shows no number`` () =
    onStage (fun stage -> task {
        stage.Emulator.Customers.Text "tomas" "Hola" None |> sure |> ignore

        let! status, answer =
            control stage "change-user-id" (Json.Fields [ "customer", Json.Text "tomas" ])

        Assert.Equal(200, status)
        do! quiet stage
        let system = lastMessage stage
        Assert.Equal(Some "user_changed_user_id", text [ "system"; "type" ] system)
        Assert.Equal(text [ "userId" ] answer, text [ "system"; "user_id" ] system)
        Assert.Equal(Customer.tomas.UserId, text [ "system"; "previous_user_id" ] system)
        Assert.Equal(None, text [ "system"; "wa_id" ] system)

        let! status, _ =
            control stage "change-user-id" (Json.Fields [ "customer", Json.Text "beatriz" ])

        Assert.Equal(400, status)
    })

[<Fact>]
let ``who shows no number shares the own one when asked for it`` () =
    onStage (fun stage -> task {
        let tomas = stage.Emulator.Customers
        tomas.Text "tomas" "Hola" None |> sure |> ignore

        let! status, answer =
            post
                stage
                (Json.Fields [
                    "messaging_product", Json.Text "whatsapp"
                    "recipient", Json.Text(Customer.tomas.UserId |> Option.defaultValue "")
                    "type", Json.Text "interactive"
                    "interactive",
                    Json.Fields [
                        "type", Json.Text "request_contact_info"
                        "body", Json.Fields [ "text", Json.Text "¿Nos das tu número?" ]
                        "action", Json.Fields [ "name", Json.Text "request_contact_info" ]
                    ]
                ])

        Assert.Equal(200, status)
        tomas.ShareNumber "tomas" (sentId answer) |> sure |> ignore
        do! quiet stage
        let shared = lastMessage stage

        let card = Json.itemsField "contacts" shared |> List.exactlyOne
        let phone = Json.itemsField "phones" card |> List.exactlyOne
        Assert.Equal(Some(Customer.ownNumber Customer.tomas), text [ "wa_id" ] phone)
        Assert.Equal(Some(sentId answer), text [ "context"; "id" ] shared)
        // The number stays hidden everywhere else.
        Assert.Equal(None, text [ "from" ] shared)
    })

[<Fact>]
let ``the page's endpoint names what is missing and does nothing by halves`` () =
    onStage (fun stage -> task {
        let id = write stage "Hola"

        let ask (fields: (string * Json.Json) list) =
            control stage "send" (Json.Fields(("customer", Json.Text "ana") :: fields))

        let wrong = [
            []
            [ "text", Json.Text "" ]
            [ "text", Json.Text(repeat 4097) ]
            [ "text", Json.Whole 1 ]
            [ "number", Json.Text "1"; "text", Json.Text "Hola" ]
            [ "react", Json.Fields [ "emoji", Json.Text "👍" ] ]
            [ "edit", Json.Fields [ "message", Json.Text id ] ]
            [ "delete", Json.Fields [ "message", Json.Text "wamid.none" ] ]
            [ "form", Json.Fields [ "message", Json.Text id ] ]
            [
                "answer", Json.Fields [ "message", Json.Text id; "content", Contents.text "Hola" ]
            ]
            [
                "answer", Json.Fields [ "message", Json.Text "wamid.none"; "content", Contents.text "Hola" ]
            ]
            [
                "answer", Json.Fields [ "message", Json.Text id; "content", Json.Text "Hola" ]
            ]
            [ "message", Json.Text "Hola" ]
        ]

        for fields in wrong do
            let! status, answer = ask fields
            Assert.Equal(400, status)
            Assert.True((text [ "error" ] answer).IsSome)

        Assert.Equal(1, (stage.Emulator.Conversations.Thread "ana").Length)
        let! status, _ = ask [ "text", Json.Text(repeat 4096) ]
        Assert.Equal(200, status)
    })
