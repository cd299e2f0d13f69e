/// data/flows/ticket.json: within WhatsApp's rules, and of the same fields and places as the code.
module FunctionalBot.Tests.FlowFormTests

open System
open System.IO
open System.Text
open System.Text.Json
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open Xunit

let private book =
    lazy
        (match Phrases.load (Repository.path "data/phrases") with
         | Ok book -> book
         | Error problems -> failwith (String.Join("\n", problems)))

let private flow =
    lazy (JsonDocument.Parse(File.ReadAllText(Repository.path "data/flows/ticket.json")).RootElement)

let private text (name: string) (element: JsonElement) =
    LenientJson.text name element |> Option.defaultValue ""

let private screen () =
    match LenientJson.list "screens" flow.Value with
    | [ screen ] -> screen
    | other -> failwith $"%d{other.Length} screens"

let rec private everything (element: JsonElement) : JsonElement list = [
    element
    match element.ValueKind with
    | JsonValueKind.Object ->
        for part in element.EnumerateObject() do
            yield! everything part.Value
    | JsonValueKind.Array ->
        for part in element.EnumerateArray() do
            yield! everything part
    | _ -> ()
]

let private layout () =
    everything ((screen ()).GetProperty "layout")

let private components (kind: string) =
    layout () |> List.filter (fun part -> text "type" part = kind)

let private members (element: JsonElement) = [
    for part in element.EnumerateObject() -> part.Name, part.Value
]

/// What is named in "${data.…}" or "${form.…}".
let private mentioned (what: string) =
    layout ()
    |> List.filter (fun part -> part.ValueKind = JsonValueKind.String)
    |> List.collect (fun part -> [
        for found in Regex.Matches(string part, @"\$\{" + what + @"\.([a-z_]+)\}") -> found.Groups[1].Value
    ])
    |> set

let private declared () =
    members ((screen ()).GetProperty "data")
    |> List.map (fun (name, value) -> name, text "type" value)
    |> Map.ofList

let private written language isChecked problems : JsonObject =
    (nonNull (JsonNode.Parse(FlowScreen.json (book.Value.Of language) isChecked problems))).AsObject()

[<Fact>]
let ``the flow names its versions and its one screen`` () =
    Assert.Matches(@"^[1-9]\.[0-9]$", text "version" flow.Value)
    Assert.Equal("3.0", text "data_api_version" flow.Value)
    Assert.Equal(FlowScreen.id, text "id" (screen ()))
    Assert.True(((screen ()).GetProperty "terminal").GetBoolean())
    let routes = members (flow.Value.GetProperty "routing_model")
    Assert.Equal<string list>([ FlowScreen.id ], List.map fst routes)
    Assert.Empty(LenientJson.items (snd routes.Head))
    // Meta allows letters and underscores, and keeps this name for itself.
    Assert.Matches("^[A-Z_]+$", FlowScreen.id)
    Assert.NotEqual<string>("SUCCESS", FlowScreen.id)

[<Fact>]
let ``what is shown is declared, with an example of its type, and nothing else is`` () =
    let declared = declared ()
    Assert.Equal<Set<string>>(mentioned "data", declared |> Map.toSeq |> Seq.map fst |> set)

    for name, value in members ((screen ()).GetProperty "data") do
        let example = value.GetProperty "__example__"

        match text "type" value with
        | "string" -> Assert.Equal(JsonValueKind.String, example.ValueKind)
        | "boolean" -> Assert.True(example.ValueKind = JsonValueKind.False)
        | other -> failwith $"%s{name} is a %s{other}"

[<Fact>]
let ``the examples are the Spanish wording`` () =
    let examples =
        members ((screen ()).GetProperty "data")
        |> List.map (fun (name, value) -> name, (value.GetProperty "__example__").GetRawText())

    let screen = written Spanish false []

    for name, example in examples do
        Assert.True(JsonNode.DeepEquals(screen[name], JsonNode.Parse example), name)

[<Fact>]
let ``what the endpoint says fits what the screen declares, in every language`` () =
    let problems = [
        TitleField, Blank
        DescriptionField, TooLong(5000, 4000)
        EmailField, NotAnAddress
    ]

    let declared = declared ()

    for language in PhraseBook.languages do
        for isChecked in [ true; false ] do
            let screen = written language isChecked problems

            Assert.Equal<Set<string>>(
                declared |> Map.toSeq |> Seq.map fst |> set,
                screen |> Seq.map _.Key |> set
            )

            for pair in screen do
                let kind = (nonNull pair.Value).GetValueKind()
                let isText = kind = JsonValueKind.String
                Assert.True((isText = (Map.find pair.Key declared = "string")), pair.Key)

[<Fact>]
let ``every text fits its place`` () =
    // Meta's pages on components and on media: label 20, error 30, help 80, heading 80, photos 80 and 300, footer 35.
    let limitOf (name: string) =
        match name with
        | "heading"
        | "photos_label" -> 80
        | "photos_help" -> 300
        | "check_label"
        | "send_label" -> 35
        | "checked_text" -> 4096
        | _ when name.EndsWith "_label" -> 20
        | _ when name.EndsWith "_error" -> 30
        | _ when name.EndsWith "_help" -> 80
        | other -> failwith $"%s{other} has no limit"

    let fieldProblems = [ Blank; WithoutWords; TooLong(99_999, 4000); NotAnAddress ]

    for language in PhraseBook.languages do
        for problem in fieldProblems do
            let screen =
                written language false [ for field in TicketForm.fields -> field, problem ]

            for pair in screen do
                if pair.Key <> FlowScreen.checkedName then
                    let shown = (nonNull pair.Value).GetValue<string>()
                    Assert.True(shown.Length <= limitOf pair.Key, $"%s{pair.Key}: %s{shown}")
                    Assert.True(shown.Trim() <> "" && not (shown.Contains '{'), pair.Key)

[<Fact>]
let ``its fields are those that the door checks and the decoder reads`` () =
    let names =
        components "TextInput" @ components "TextArea" @ components "PhotoPicker"
        |> List.map (text "name")

    let known = [ for field in TicketForm.fields -> TicketForm.name field ]
    Assert.Equal<Set<string>>(set (FlowScreen.photos :: known), set names)
    Assert.Equal(names.Length, List.length (List.distinct names))
    Assert.Equal<Set<string>>(set names, mentioned "form")

    let footers =
        components "Footer" |> List.map (fun part -> part.GetProperty "on-click-action")

    let payload name =
        match footers |> List.filter (fun action -> text "name" action = name) with
        | [ action ] -> members (action.GetProperty "payload")
        | other -> failwith $"%s{name}: %d{other.Length} footers"

    Assert.Equal(2, footers.Length)

    for name, value in payload "complete" @ payload "data_exchange" do
        Assert.Equal("${form." + name + "}", string value)

    // Photos go to the endpoint encrypted and by another way; the form's answer brings them as ordinary media.
    Assert.Equal<Set<string>>(set known, payload "data_exchange" |> List.map fst |> set)
    Assert.Equal<Set<string>>(set names, payload "complete" |> List.map fst |> set)

[<Fact>]
let ``limits of the fields are the domain's, and those of photos are Meta's`` () =
    let limit (kind: string) name (property: string) =
        match components kind |> List.filter (fun part -> text "name" part = name) with
        | [ part ] -> text property part
        | _ -> failwith name

    Assert.Equal(string TicketTitle.limit, limit "TextInput" "title" "max-chars")
    Assert.Equal(string TicketDescription.limit, limit "TextArea" "description" "max-length")
    Assert.Equal(string EmailAddress.limit, limit "TextInput" "email" "max-chars")
    Assert.True(TicketDescription.limit <= FormReply.longestField)

    let photo name =
        int (limit "PhotoPicker" FlowScreen.photos name)

    Assert.Equal(0, photo "min-uploaded-photos")
    Assert.Equal(TicketForm.mostPhotos, photo "max-uploaded-photos")
    Assert.True(photo "max-uploaded-photos" <= 10)
    Assert.True(photo "max-file-size-kb" * photo "max-uploaded-photos" <= 100 * 1024)

    let required name =
        components "TextInput" @ components "TextArea"
        |> List.find (fun part -> text "name" part = name)
        |> text "required"

    Assert.Equal<string list>(
        [ "true"; "true"; "false" ],
        [ for name in [ "title"; "description"; "email" ] -> required name ]
    )

[<Fact>]
let ``for a host without an endpoint the same screen sends at once and asks nobody`` () =
    let original = File.ReadAllText(Repository.path "data/flows/ticket.json")

    match FlowFile.withoutEndpoint original with
    | Error problem -> failwith problem
    | Ok flow ->
        use document = JsonDocument.Parse flow
        let parts = everything document.RootElement
        let names = members document.RootElement |> List.map fst
        Assert.Equal<string list>([ "version"; "screens" ], names)

        let ofType kind =
            parts |> List.filter (fun part -> text "type" part = kind)

        Assert.Empty(ofType "If")
        let footer = List.exactlyOne (ofType "Footer")
        let action = footer.GetProperty "on-click-action"
        Assert.Equal("complete", text "name" action)

        Assert.Equal<Set<string>>(
            set (FlowScreen.photos :: [ for field in TicketForm.fields -> TicketForm.name field ]),
            members (action.GetProperty "payload") |> List.map fst |> set
        )

        Assert.Equal(List.length (components "TextInput"), List.length (ofType "TextInput"))
        Assert.Empty(parts |> List.filter (fun part -> text "name" part = "data_exchange"))

    for wrong in [ ""; "[]"; "{}"; "{\"screens\":1}"; "{" ] do
        Assert.True(Result.isError (FlowFile.withoutEndpoint wrong), wrong)

// -- The exchange, without its encryption
// -------------------------------------------------------------------------------------------------

let private asked (json: string) =
    FlowExchange.read (Encoding.UTF8.GetBytes json)

[<Fact>]
let ``requests are read as what they ask for`` () =
    for json, expected in
        [
            """{"version":"3.0","action":"ping"}""", Ok(IsAnybodyThere, Some "3.0")
            """{"action":"ping","data":{"error":"x"}}""", Ok(IsAnybodyThere, None)
            """{"version":"3.0","action":"INIT","flow_token":"t"}""", Ok(FormAsked("t", None), Some "3.0")
            """{"version":"3.0","action":"BACK","screen":"TICKET","data":{},"flow_token":"t"}""",
            Ok(FormAsked("t", None), Some "3.0")
            """{"version":"3.0","action":"data_exchange","screen":"TICKET","flow_token":"t",
                "data":{"title":"a","email":null,"other":"x","description":5}}""",
            Ok(FormAsked("t", Some [ "title", "a"; "description", "5" ]), Some "3.0")
            """{"action":"data_exchange","screen":"TICKET"}""", Ok(FormAsked("", Some []), None)
            """{"version":"3.0","action":"data_exchange","flow_token":"t","data":{"error":"invalid-screen-transition",
                "error_message":"Ana: 600 111 222"}}""",
            Ok(CouldNotGoOn "invalid-screen-transition", Some "3.0")
            """{"action":"INIT","data":{"error":"Ana Ríos 600 111 222"}}""", Ok(CouldNotGoOn "unnamed", None)
            """{"version":"<script>","action":"ping"}""", Ok(IsAnybodyThere, None)
            """{"action":"data_exchange","screen":"OTHER","data":{}}""",
            Error "of a screen that the form does not have"
            """{"action":"dance"}""", Error "of an action that is not known"
            "{}", Error "of an action that is not known"
            "[]", Error "of an action that is not known"
            "", Error "that is no JSON"
            "{", Error "that is no JSON"
        ] do
        Assert.Equal(expected, asked json)

[<Fact>]
let ``any content at all is read or has a reason`` () =
    let property (json: string) =
        match asked json with
        | Ok _ -> true
        | Error reason -> reason <> ""

    let config = Config.QuickThrowOnFailure.WithMaxTest 300
    Check.One(config, Prop.forAll (Arb.fromGen WhatsAppSamples.json) property)
    Check.One(config, Prop.forAll (Arb.fromGen Arbitraries.hostileText) property)

let private said standing fields =
    match FlowExchange.answer book.Value standing fields (Some "3.0") with
    | FlowAnswer json -> 200, nonNull (JsonNode.Parse json)
    | FlowIsOver json -> 427, nonNull (JsonNode.Parse json)

let private field (name: string) (node: JsonNode) = nonNull node[name]

[<Fact>]
let ``a form that was opened is empty, in the customer's language`` () =
    for language, heading in [ Spanish, "Cuéntanos qué pasa"; English, "Tell us what happened" ] do
        let status, answer = said (FormCounts language) None
        Assert.Equal(200, status)
        Assert.Equal(FlowScreen.id, (field "screen" answer).GetValue<string>())
        Assert.Equal("3.0", (field "version" answer).GetValue<string>())
        let data = field "data" answer
        Assert.Equal(heading, (field "heading" data).GetValue<string>())
        Assert.False((field "checked" data).GetValue<bool>())
        Assert.Equal("", (field "title_error" data).GetValue<string>())

[<Fact>]
let ``wrong fields are told one by one, and right ones open the way`` () =
    let check fields =
        let status, answer = said (FormCounts Spanish) (Some fields)
        Assert.Equal(200, status)
        let data = field "data" answer

        [
            for name in TicketForm.fields -> (field (FlowScreen.errorName name) data).GetValue<string>()
        ],
        (field "checked" data).GetValue<bool>()

    let good = [ "title", "La lavadora gotea"; "description", "Desde ayer."; "email", "" ]
    Assert.Equal(([ ""; ""; "" ], true), check good)
    Assert.Equal(([ ""; ""; "" ], true), check (List.truncate 2 good))
    Assert.Equal(([ ""; ""; "" ], true), check (good @ [ "email", "ana@example.com" ]))
    Assert.Equal(([ "Falta este dato"; "Falta este dato"; "" ], false), check [])

    Assert.Equal(
        ([
            "Escribe algunas palabras"
            "Caben 4000 caracteres"
            "Así: nombre@ejemplo.com"
         ],
         false),
        check [ "title", "🙂"; "description", String('x', 4001); "email", "ana" ]
    )

[<Fact>]
let ``a form that is over says so, whatever is filled in`` () =
    for fields in [ None; Some [ "title", "x"; "description", "y" ] ] do
        let status, answer = said (FormIsOver Portuguese) fields
        Assert.Equal(427, status)
        Assert.StartsWith("Este formulário não vale mais", (field "error_msg" answer).GetValue<string>())

[<Fact>]
let ``a filled form is the draft that its valid fields make`` () =
    let draft, problems =
        TicketForm.read [
            "title", "La lavadora\n gotea"
            "description", " "
            "email", "no"
            "title2", "x"
        ]

    Assert.Equal(Some "La lavadora gotea", draft.Title |> Option.map TicketTitle.value)
    Assert.Equal(None, draft.Description)
    Assert.Equal(NotAsked, draft.Email)

    Assert.Equal<(TicketField * FieldProblem) list>(
        [ DescriptionField, Blank; EmailField, NotAnAddress ],
        problems
    )

    let complete, none =
        TicketForm.read [
            "description", "Desde ayer"
            "title", "a"
            "title", "Gotea"
            "email", "\u200B"
        ]

    Assert.Empty none
    Assert.Equal(Some "Gotea", complete.Title |> Option.map TicketTitle.value)
    Assert.Equal(Declined, complete.Email)
    Assert.True((Draft.complete complete).IsSome)
