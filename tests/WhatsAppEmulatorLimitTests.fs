/// What the emulator refuses, held against references/whatsapp-cloud-api.md, sections 3 and 5.
module FunctionalBot.Tests.WhatsAppEmulatorLimitTests

open System
open System.Net.Http
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Emulators.WhatsApp
open FunctionalBot.Tests.WhatsAppEmulatorStage

let private one name value = Json.Fields [ name, Json.Text value ]

let private interactive content = toAna "interactive" content
let private two = buttons [ "Sí"; "No" ]

let private replyButton (id: string) (title: string) =
    Json.Fields [
        "type", Json.Text "reply"
        "reply", Json.Fields [ "id", Json.Text id; "title", Json.Text title ]
    ]

let private withButtons found =
    interactive (withPart "action" (Json.Fields [ "buttons", Json.Items found ]) two)

let private row (id: string) =
    Json.Fields [ "id", Json.Text id; "title", Json.Text "Fila" ]

let private sections (button: string) (titles: string list) rows =
    let section index title =
        Json.Fields [ "title", Json.Text title; "rows", Json.Items(rows index) ]

    interactive (
        Json.Fields [
            "type", Json.Text "list"
            "body", one "text" "Elige"
            "action",
            Json.Fields [ "button", Json.Text button; "sections", Json.Items(List.mapi section titles) ]
        ]
    )

let private ofLink kind length =
    Json.Fields [
        "link", Json.Text "https://example.com/archivo"
        "caption", Json.Text(repeat length)
    ]
    |> toAna kind

let private callToAction (label: string) =
    let parameters =
        Json.Fields [ "display_text", Json.Text label; "url", Json.Text "https://example.com" ]

    interactive (
        Json.Fields [
            "type", Json.Text "cta_url"
            "body", one "text" "Aquí"
            "action", Json.Fields [ "name", Json.Text "cta_url"; "parameters", parameters ]
        ]
    )

let private form more (label: string) =
    let parameters =
        Json.Fields [
            "flow_message_version", Json.Text "3"
            "flow_cta", Json.Text label
            "flow_id", Json.Text TicketForm.form.Id
        ]

    interactive (
        Json.Fields [
            "type", Json.Text "flow"
            "body", one "text" "Rellena esto"
            "action",
            Json.Fields [
                "name", Json.Text "flow"
                "parameters", Json.over parameters (Json.Fields more)
            ]
        ]
    )

/// Each limit: a message of so many, and how many are just allowed.
let private limits: (string * (int -> Json.Json) * int) list =
    let callback length =
        Json.over (textTo "Hola") (one "biz_opaque_callback_data" (repeat length))

    let cards count =
        let card = Json.Fields [ "name", one "formatted_name" "Ana" ]
        toAna "contacts" (Json.Items(List.replicate count card))

    let header length =
        Json.Fields [ "type", Json.Text "text"; "text", Json.Text(repeat length) ]

    let rowsOf length =
        sections "Ver" [ "a" ] (fun _ -> [ row (repeat length) ])

    [
        "a text", repeat >> textTo, 4096
        "an interactive body", (fun count -> interactive (withPart "body" (body count) two)), 1024
        "a header", (fun count -> interactive (withPart "header" (header count) two)), 60
        "a footer", (fun count -> interactive (withPart "footer" (body count) two)), 60
        "the number of buttons", (fun count -> interactive (buttons (List.init count string))), 3
        "a button's title", (fun count -> interactive (buttons [ repeat count ])), 20
        "a button's id", (fun count -> withButtons [ replyButton (repeat count) "Sí" ]), 256
        "the number of rows", (fun count -> interactive (list count 24 72)), 10
        "the number of sections",
        (fun count -> sections "Ver" (List.init count string) (fun index -> [ row (string index) ])),
        10
        "a section's title", (fun count -> sections "Ver" [ repeat count ] (fun _ -> [ row "a" ])), 24
        "a list's button", (fun count -> sections (repeat count) [ "a" ] (fun _ -> [ row "a" ])), 20
        "a row's id", rowsOf, 200
        "a row's title", (fun count -> interactive (list 1 count 72)), 24
        "a row's description", (fun count -> interactive (list 1 24 count)), 72
        "an image's caption", ofLink "image", 1024
        "a video's caption", ofLink "video", 1024
        "a document's caption", ofLink "document", 1024
        "a link button's label", repeat >> callToAction, 20
        "a form's button", repeat >> form [], 30
        "callback data", callback, 512
        "contact cards", cards, 257
    ]

[<Fact>]
let ``every limit of Meta's is allowed at its border and one below, and refused one above`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        do! quiet stage
        stage.Emulator.Faults.Set { Faults.none with PairLimit = false }

        for name, make, border in limits do
            for count in [ border - 1; border ] do
                let! status, answer = post stage (make count)
                Assert.True((status = 200), $"%s{name}, %d{count}: %s{Json.write answer}")

            let! status, answer = post stage (make (border + 1))
            let isRefused = (status, errorCode answer) = (400, Some 131009)
            Assert.True(isRefused, $"%s{name}, %d{border + 1}: %s{Json.write answer}")

        Assert.Equal(1 + 2 * limits.Length, (stage.Emulator.Conversations.Thread "ana").Length)
    })

/// What is refused whatever its length is, with the code.
let private refusals: (string * Json.Json * int) list =
    let withText more =
        toAna "text" (Json.over (one "body" "Hola") (Json.Fields more))

    let quoting = Json.Fields [ "context", one "message_id" "wamid.any" ]

    let reaction emoji =
        toAna "reaction" (Json.Fields [ "message_id", Json.Text "wamid.any"; "emoji", emoji ])

    [
        "no button", interactive (buttons []), 131009
        "two buttons of one title", interactive (buttons [ "a"; "a" ]), 131009
        "two buttons of one id", withButtons [ replyButton "a" "Sí"; replyButton "a" "No" ], 131009
        "an id with a blank at its end", withButtons [ replyButton "a " "Sí" ], 131009
        "two rows of one id", sections "Ver" [ "a" ] (fun _ -> [ row "a"; row "a" ]), 131009
        "sections without titles", sections "Ver" [ ""; "" ] (fun index -> [ row (string index) ]), 131008
        "a preview that is no flag", withText [ "preview_url", Json.Text "yes" ], 131009
        "an emoji on a form's button", form [] "Abrir 🛠", 131009
        "a form that there is not", form [ "flow_id", Json.Text "1" ] "Abrir", 131009
        "a form named twice", form [ "flow_name", Json.Text "ticket" ] "Abrir", 131009
        "an unknown mode", form [ "mode", Json.Text "later" ] "Abrir", 131009
        "an unknown message to react to", reaction (Json.Text "👍"), 131009
        "two emoji at once", reaction (Json.Text "👍👍"), 131009
        "a letter as an emoji", reaction (Json.Text "a"), 131009
        "a reaction without an emoji", toAna "reaction" (one "message_id" "wamid.any"), 131008
        "a reaction that quotes", Json.over (reaction (Json.Text "👍")) quoting, 131009
        "an unknown type", toAna "poll" (one "name" "a"), 131009
        "media that there is not", toAna "image" (one "id" "1"), 100
        "media by id and link",
        toAna "image" (Json.over (one "id" "1") (one "link" "https://example.com")),
        131009
    ]

[<Fact>]
let ``what has the wrong form is refused with its code`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore

        for name, refused, code in refusals do
            let! status, answer = post stage refused
            let isRefused = (status, errorCode answer) = (400, Some code)
            Assert.True(isRefused, $"%s{name}: %s{Json.write answer}")

        Assert.Equal(1, (stage.Emulator.Conversations.Thread "ana").Length)
    })

[<Fact>]
let ``a reaction goes on a message of the chat, and not on a reaction or on one older than 30 days`` () =
    onStage (fun stage -> task {
        let id = write stage "Hola"

        let react (id: string) =
            toAna "reaction" (Json.Fields [ "message_id", Json.Text id; "emoji", Json.Text "👍" ])
            |> post stage

        let reactionOf id =
            stage.Emulator.Conversations.Find id |> Option.bind _.Reaction

        let! status, answer = react id
        Assert.Equal((200, Some "👍"), (status, reactionOf id))
        let! _, onReaction = react (sentId answer)
        Assert.Equal(Some 131009, errorCode onReaction)
        stage.Emulator.Conversations.MoveClock(TimeSpan.FromDays 30.0)
        write stage "¿Seguís ahí?" |> ignore
        let! _, late = react id
        Assert.Equal(Some 131009, errorCode late)
    })

let private template name language parameters =
    let text value =
        Json.Fields [ "type", Json.Text "text"; "text", Json.Text value ]

    toAna
        "template"
        (Json.Fields [
            "name", Json.Text name
            "language", one "code" language
            "components",
            Json.Items [
                Json.Fields [ "type", Json.Text "body"; "parameters", Json.Items(List.map text parameters) ]
            ]
        ])

[<Fact>]
let ``a template is found by name and language and takes exactly its parameters`` () =
    onStage (fun stage -> task {
        let known = template "seguimiento" "es"

        let button (index: int) =
            Json.Fields [
                "type", Json.Text "button"
                "sub_type", Json.Text "quick_reply"
                "index", Json.Whole index
                "parameters",
                Json.Items [ Json.Fields [ "type", Json.Text "payload"; "payload", Json.Text "ver/7" ] ]
            ]

        let withButton index =
            let part = Json.given "template" (known [ "Ana"; "7" ]) |> Option.get
            let components = Json.itemsField "components" part @ [ button index ]
            toAna "template" (Json.withField "components" (Json.Items components) part)

        let cases = [
            "another name", template "other" "es" [], 404, 132001
            "another language", template "seguimiento" "pt_BR" [ "Ana"; "7" ], 404, 132001
            "one parameter too few", known [ "Ana" ], 400, 132000
            "one parameter too many", known [ "Ana"; "7"; "8" ], 400, 132000
            "an empty parameter", known [ "Ana"; "" ], 400, 132012
            "a text that becomes too long", known [ repeat 1000; "7" ], 400, 132005
            "a button that there is not", withButton 2, 400, 132018
        ]

        for name, refused, status, code in cases do
            let! answered, answer = post stage refused
            let isRefused = (answered, errorCode answer) = (status, Some code)
            Assert.True(isRefused, $"%s{name}: %s{Json.write answer}")

        let! status, answer = post stage (withButton 1)
        Assert.Equal(200, status)
        // A pressed button sends the payload that the send gave it.
        stage.Emulator.Customers.Press "ana" (sentId answer) "Más tarde"
        |> sure
        |> ignore

        do! quiet stage
        let reply = lastMessage stage
        Assert.Equal(Some "ver/7", Json.textAt [ "button"; "payload" ] reply)
        Assert.Equal(Some "Más tarde", Json.textAt [ "button"; "text" ] reply)
        Assert.Equal(Some(sentId answer), Json.textAt [ "context"; "id" ] reply)
    })

[<Fact>]
let ``an error has Graph's shape and says what is wrong`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore
        let! status, answer = post stage (textTo (repeat 4097))
        Assert.Equal(400, status)
        let error = Json.given "error" answer |> Option.defaultValue Json.Null

        Assert.Equal<string list>(
            [ "message"; "type"; "code"; "error_data"; "fbtrace_id" ],
            Json.fields error |> List.map fst
        )

        Assert.Equal(Some "(#131009) Parameter value is not valid", Json.textAt [ "message" ] error)
        Assert.Equal(Some "OAuthException", Json.textAt [ "type" ] error)
        Assert.Equal(Some "whatsapp", Json.textAt [ "error_data"; "messaging_product" ] error)

        Assert.Contains(
            "text['body']",
            Json.textAt [ "error_data"; "details" ] error |> Option.defaultValue ""
        )
    })

[<Fact>]
let ``a wrong token is error 190 with status 401, an unknown object 100 with subcode 33, an unknown path 404``
    ()
    =
    onStage (fun stage -> task {
        let! status, answer =
            request stage HttpMethod.Post messagesPath "stale" (Some(Json.write (textTo "Hola")))

        Assert.Equal((401, Some 190), (status, errorCode answer))

        let! status, answer =
            request stage HttpMethod.Post "/v25.0/999/messages" settings.AccessToken (Some "{}")

        Assert.Equal((400, Some 100), (status, errorCode answer))
        Assert.Equal(Some(Json.Whole 33), Json.givenAt [ "error"; "error_subcode" ] answer)

        let! status, answer =
            request stage HttpMethod.Get "/v25.0/unknown/path" settings.AccessToken None

        Assert.Equal((404, Some 2500), (status, errorCode answer))
    })

[<Fact>]
let ``a missing field is 131008, and a recipient is a number or a user id but not the business itself`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore

        let recipient fields =
            Json.Fields(
                ("messaging_product", Json.Text "whatsapp")
                :: ("text", Json.Fields [ "body", Json.Text "Hola" ])
                :: fields
            )

        let! _, nobody = post stage (recipient [])
        Assert.Equal(Some 131008, errorCode nobody)
        let! _, strange = post stage (recipient [ "recipient", Json.Text "tomas" ])
        Assert.Equal(Some 131009, errorCode strange)

        let! _, self =
            post stage (recipient [ "to", Json.Text $"+%s{settings.BusinessNumber}" ])

        Assert.Equal(Some 131021, errorCode self)
        let! _, product = post stage (Json.Fields [ "to", Json.Text "34600111222" ])
        Assert.Equal(Some 100, errorCode product)
        // The number wins when both are there.
        let both = [
            "to", Json.Text "+34600111222"
            "recipient", Json.Text "AR.20817345520968113374"
        ]

        let! status, _ = post stage (recipient both)
        Assert.Equal(200, status)
        Assert.Equal(2, (stage.Emulator.Conversations.Thread "ana").Length)
    })

[<Fact>]
let ``outside the 24 hours only a template reaches the customer`` () =
    onStage (fun stage -> task {
        let! _, never = post stage (textTo "Hola")
        Assert.Equal(Some 131047, errorCode never)
        write stage "Hola" |> ignore
        let! status, _ = post stage (textTo "¿En qué te ayudo?")
        Assert.Equal(200, status)
        stage.Emulator.Conversations.MoveClock(TimeSpan.FromHours 24.0)
        let! status, late = post stage (textTo "¿Sigues ahí?")
        Assert.Equal((400, Some 131047), (status, errorCode late))

        let template =
            Json.Fields [
                "name", Json.Text "hello_world"
                "language", Json.Fields [ "code", Json.Text "en_US" ]
            ]

        let! status, _ = post stage (toAna "template" template)
        Assert.Equal(200, status)
        let unknown = Json.over template (Json.Fields [ "name", Json.Text "other" ])
        let! status, answer = post stage (toAna "template" unknown)
        Assert.Equal((404, Some 132001), (status, errorCode answer))
    })

[<Fact>]
let ``the forty-sixth message at once to one customer breaks the pair limit`` () =
    onStage (fun stage -> task {
        write stage "Hola" |> ignore

        for _ in 1..45 do
            let! status, _ = post stage (textTo "Hola")
            Assert.Equal(200, status)

        let! status, answer = post stage (textTo "Hola")
        Assert.Equal((400, Some 131056), (status, errorCode answer))
    })
