/// The emulated model's answer: a sentence for the customer, and values for each property of the wanted
/// schema, chosen by the property's name and type. The same request always gets the same answer.
module FunctionalBot.Emulators.OpenAI.Answering

open System
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.OpenAI.Understanding

let private sentences (wish: Wish) : string * string * string =
    match wish with
    | Greets ->
        "¡Hola! ¿En qué puedo ayudarte hoy?",
        "Hello! How can I help you today?",
        "Olá! Como posso ajudar você hoje?"
    | Thanks ->
        "¡Con mucho gusto! Aquí estoy si necesitas algo más.",
        "You're welcome! I'm here if you need anything else.",
        "De nada! Estou aqui se precisar de algo mais."
    | WantsPerson ->
        "Claro, aviso ahora mismo a una persona del equipo.",
        "Of course, I'm letting someone from the team know right now.",
        "Claro, vou avisar agora mesmo uma pessoa da equipe."
    | WantsTicket ->
        "Siento lo ocurrido. Podemos abrir un ticket para que el equipo lo resuelva.",
        "I'm sorry about that. We can open a ticket so the team can solve it.",
        "Sinto muito por isso. Podemos abrir um chamado para a equipe resolver."
    | AsksStatus ->
        "Voy a mirar el estado de tu ticket.",
        "Let me check the status of your ticket.",
        "Vou verificar o andamento do seu chamado."
    | Cancels ->
        "De acuerdo, lo dejamos aquí.", "All right, let's leave it there.", "Tudo bem, vamos deixar assim."
    | Asks
    | SomethingElse ->
        "No tengo ese dato. Si quieres, abrimos un ticket o te paso con una persona.",
        "I don't have that information. We can open a ticket, or I can pass you to a person.",
        "Não tenho essa informação. Podemos abrir um chamado ou posso chamar uma pessoa."

/// The first sentences of a passage, up to about 400 characters.
let private quote (content: string) : string =
    let text = content.Replace("\r", "").Trim()

    if text.Length <= 400 then
        text
    else
        let cut = text.Substring(0, 400)

        match cut.LastIndexOf ". " with
        | -1 -> cut.Substring(0, max 1 (cut.LastIndexOf ' ')) + "…"
        | stop -> cut.Substring(0, stop + 1)

/// A question that the given knowledge answers is answered with it; other wishes have a sentence of their
/// own.
let private answersFromKnowledge (understanding: Understanding) : Passage option =
    match understanding.Wish with
    | Asks
    | SomethingElse -> understanding.Passage
    | _ -> None

/// What is said to the customer.
let reply (understanding: Understanding) : string =
    match answersFromKnowledge understanding with
    | Some passage -> quote passage.Content
    | None ->
        let spanish, english, portuguese = sentences understanding.Wish

        match understanding.Language with
        | "en" -> english
        | "pt" -> portuguese
        | _ -> spanish

let private has (parts: string list) (name: string) : bool =
    parts |> List.exists (fun part -> (fold name: string).Contains(part: string))

/// Words by which a schema may name each wish in an enumeration, the best first.
let private wishNames (wish: Wish) : string list =
    match wish with
    | Greets -> [ "greet"; "salud"; "hello"; "small"; "chat" ]
    | Thanks -> [ "thank"; "graci"; "farewell"; "bye"; "small"; "greet"; "chat" ]
    | WantsPerson -> [ "person"; "human"; "agent"; "handoff"; "handover"; "escal" ]
    | WantsTicket -> [ "ticket"; "report"; "problem"; "incid"; "issue"; "complain"; "support" ]
    | AsksStatus -> [ "status"; "estado"; "follow"; "track" ]
    | Cancels -> [ "cancel"; "stop" ]
    | Asks -> [ "question"; "pregunta"; "faq"; "info"; "ask"; "knowledge" ]
    | SomethingElse -> []

let private moodNames (mood: Mood) : string list =
    match mood with
    | Pleased -> [ "posit"; "happy"; "pleas"; "good" ]
    | Neutral -> [ "neutral"; "calm"; "mixed" ]
    | Upset -> [ "upset"; "angry"; "frustr"; "negat"; "bad" ]

let private choose (name: string) (understanding: Understanding) (choices: string list) : string =
    let wanted =
        if has [ "sentiment"; "mood"; "emotion"; "animo" ] name then
            moodNames understanding.Mood
        elif has [ "lang"; "idioma"; "locale" ] name then
            [ understanding.Language ]
        elif has [ "intent"; "wish"; "category"; "action"; "topic" ] name then
            wishNames understanding.Wish
        else
            []

    wanted
    |> List.tryPick (fun part ->
        choices
        |> List.tryFind (fun choice -> (fold choice: string).Contains(part: string)))
    |> Option.orElse (
        choices
        |> List.tryFind (has [ "other"; "otro"; "unknown"; "none"; "neutral"; "general" ])
    )
    |> Option.defaultValue (List.head choices)

let private title (understanding: Understanding) : string =
    let lines = understanding.Text.Split '\n'
    let line = lines[0].Trim()

    if line.Length <= 80 then
        line
    else
        line.Substring(0, 79) + "…"

/// The text of a string property; none where only the customer could know it.
let private textFor (name: string) (understanding: Understanding) : string option =
    let forTicket value =
        if understanding.Wish = WantsTicket && understanding.Text <> "" then
            Some value
        else
            None

    if has [ "reply"; "answer"; "respuesta"; "message"; "text" ] name then
        Some(reply understanding)
    elif has [ "mail"; "correo" ] name then
        understanding.Email
    elif has [ "lang"; "idioma"; "locale" ] name then
        Some understanding.Language
    elif has [ "title"; "titulo"; "subject"; "asunto" ] name then
        forTicket (title understanding)
    elif has [ "descri"; "detail"; "problem"; "summary" ] name then
        forTicket understanding.Text
    else
        None

let private flagFor (name: string) (understanding: Understanding) : bool =
    if has [ "person"; "human"; "agent"; "handoff"; "handover"; "escal" ] name then
        understanding.Wish = WantsPerson
    elif has [ "ticket" ] name then
        understanding.Wish = WantsTicket
    elif has [ "known"; "ground"; "found" ] name then
        (answersFromKnowledge understanding).IsSome
    else
        false

let private enumOf (schema: Json) : string list = [
    for value in itemsField "enum" schema do
        match value with
        | Text text -> text
        | _ -> ()
]

/// A value that follows the schema. `root` holds the definitions that `$ref` points to; `name` is the
/// property's.
let rec fill (root: Json) (understanding: Understanding) (name: string) (schema: Json) : Json =
    let allowsNull =
        StrictSchema.hasType "null" schema
        || List.contains Null (itemsField "enum" schema)

    let orNull (value: Json option) fallback =
        match value with
        | Some value -> value
        | None -> if allowsNull then Null else fallback

    match field "const" schema, textField "$ref" schema, itemsField "anyOf" schema, enumOf schema with
    | Some constant, _, _, _ -> constant
    | _, Some reference, _, _ ->
        at (reference.TrimStart('#', '/').Split '/' |> List.ofArray) root
        |> Option.map (fill root understanding name)
        |> Option.defaultValue Null
    | _, _, (_ :: _ as choices), _ -> either root understanding name choices
    | _, _, _, (_ :: _ as choices) -> Text(choose name understanding choices)
    | _ when StrictSchema.hasType "object" schema ->
        match field "properties" schema with
        | Some(Fields properties) ->
            Fields(
                properties
                |> List.map (fun (name, child) -> name, fill root understanding name child)
            )
        | _ -> Fields []
    | _ when StrictSchema.hasType "array" schema -> sources name understanding schema
    | _ when StrictSchema.hasType "boolean" schema -> Flag(flagFor name understanding)
    | _ when StrictSchema.hasType "integer" schema -> orNull None (Whole 0L)
    | _ when StrictSchema.hasType "number" schema ->
        orNull None (Number(if has [ "confid" ] name then 0.9 else 0.0))
    | _ -> orNull (textFor name understanding |> Option.map Text) (Text "")

/// A choice between null and something: null unless there is something to say.
and private either root understanding name (choices: Json list) : Json =
    let nothing, something =
        choices
        |> List.partition (fun choice -> field "type" choice = Some(Text "null"))

    let isEmpty value =
        match value with
        | Null
        | Text ""
        | Items [] -> true
        | Fields fields -> fields |> List.forall (fun (_, value) -> value = Null || value = Text "")
        | _ -> false

    match something |> List.map (fill root understanding name), nothing with
    | value :: _, _ :: _ when isEmpty value -> Null
    | value :: _, _ -> value
    | [], _ -> Null

and private sources name understanding (schema: Json) : Json =
    let takesText =
        field "items" schema |> Option.exists (StrictSchema.hasType "string")

    match answersFromKnowledge understanding with
    | Some passage when takesText && has [ "source"; "fuente"; "cita"; "passage"; "reference" ] name ->
        Items [ Text passage.Source ]
    | _ -> Items []

/// The output text for a request: JSON by the schema, or a plain sentence where none was given.
let outputText (question: Requests.Question) : string =
    let understanding = read question

    match question.Schema with
    | Some schema -> write (fill schema understanding "" schema)
    | None -> reply understanding
