/// What simulated customers do: they look at what can be pressed, mostly answer what they are asked, and
/// sometimes not.
module FunctionalBot.Tests.SimulatedCustomers

open System
open FunctionalBot.Domain
open FunctionalBot.Effects

/// One who writes.
[<NoComparison>]
type Customer = {
    Person: Person
    /// The ids of the buttons or rows of the newest message that came.
    mutable Offered: string list
    /// What was sent so far, newest first.
    mutable Written: MessageId list
}

/// Draws by a source of chance.
type Chance(next: unit -> float) =
    member _.Number = next ()

    /// True so often out of one.
    member _.Happens(share: float) = next () < share

    member _.Between (least: float) (most: float) = least + next () * (most - least)

    member _.Seconds (least: float) (most: float) =
        TimeSpan.FromSeconds(least + next () * (most - least))

    member _.OneOf(items: 'item list) : 'item =
        items[int (next () * float items.Length)]

let private questions = [
    "¿A qué hora abren los sábados?"
    "do you repair lawn mowers?"
    "¿Cuánto cuesta el envío a Vigo?"
    "vocês entregam em Vigo?"
    "La factura no me ha llegado y el pedido es de hace dos semanas"
]

let private wishes = [
    "quiero abrir un ticket"
    "quiero abrir un ticket porque la taladradora que compré echa humo"
    "estado de mi ticket"
    "quiero hablar con una persona"
    "ayuda"
    "hola"
    "gracias"
    "adiós"
    "volver al bot"
    "cancelar"
    "👍"
]

/// What is typed when these buttons are shown: the answer that they ask for.
let private typedFor (chance: Chance) offered =
    let shows (start: string) =
        offered
        |> List.exists (fun (id: string) -> id.StartsWith(start, StringComparison.Ordinal))

    if shows "confirm:" then
        chance.OneOf [ "sí"; "sí"; "no"; "otro@example.com"; "cambia el título" ]
    elif shows "skip-email" then
        chance.OneOf [ "ana@example.com"; "saltar"; "mi correo es ana@ejemplo" ]
    elif shows "back" && shows "cancel-ticket" then
        chance.OneOf [ "La compré ayer y no enciende. Probé con otro enchufe y nada."; "😀"; "atrás" ]
    elif offered = [ "cancel-ticket" ] then
        chance.OneOf [ "La taladradora no enciende"; "No puedo cancelar mi pedido"; "hola" ]
    else
        chance.OneOf(questions @ wishes)

let private media message kind : Fact =
    MediaReceived {
        Message = message
        Kind = kind
        MediaId = Some "123"
        MimeType = None
        Sha256 = None
        FileName = None
        Caption = None
        Content = None
    }

let private text message words : Fact =
    TextReceived {
        Message = message
        Text = words
        Quoted = None
    }

let private press message id : Fact =
    ChoicePicked {
        Message = message
        ChoiceId = id
        Title = "botón"
        Quoted = None
    }

/// The next thing that the customer does, under a new message id.
let act (chance: Chance) (customer: Customer) (message: MessageId) : Fact =
    let draw = chance.Number

    let fact =
        match customer.Offered, customer.Written with
        | _ :: _ as offered, _ when draw < 0.5 -> press message (chance.OneOf offered)
        | _, earlier :: _ when draw > 0.97 -> MessageEdited(message, earlier, chance.OneOf questions)
        | _, earlier :: _ when draw > 0.95 -> MessageRevoked(message, earlier)
        | _, earlier :: _ when draw > 0.93 -> ReactionReceived(message, earlier, Some "👍")
        | _ when draw > 0.9 -> media message (chance.OneOf [ Image; VoiceNote; Location ])
        | _ when draw > 0.88 -> press message (chance.OneOf [ "confirm:3"; "skip-email"; "person" ])
        | _ -> text message (typedFor chance customer.Offered)

    customer.Written <- message :: List.truncate 5 customer.Written
    fact

/// The customer sees a message.
let see (customer: Customer) (message: OutboundMessage) =
    customer.Offered <-
        match message with
        | TextMessage _
        | FormMessage _
        | LinkMessage _
        | LocationRequest _
        | ContactRequest _
        | ImageMessage _
        | DocumentMessage _
        | ReactionMessage _ -> []
        | TemplateMessage template -> template.Payloads
        | ButtonMessage(_, buttons) -> List.map fst buttons
        | ListMessage(_, _, rows) -> rows |> List.map (fun (id, _, _) -> id)

/// What the assistant makes of it.
let answer (chance: Chance) (request: AssistantRequest) : Result<AssistantAnswer, AssistantFailure> =
    let plain: AssistantAnswer = {
        Reply = "Abrimos de nueve a seis."
        Intent = AsksSomething
        Sentiment = Neutral
        Language = request.Language
        Hints = {
            Title = None
            Description = None
            Email = None
        }
        NeedsPerson = false
        Knows = true
        Sources = []
    }

    match request.Hint, chance.Number with
    | _, draw when draw < 0.05 -> Error(AskAgain(None, "busy"))
    | _, draw when draw < 0.1 -> Error(CannotAnswer "no")
    | Some WantsTicket, _ ->
        Ok {
            plain with
                Intent = WantsTicket
                Hints = {
                    plain.Hints with
                        Title = Some "Taladradora que echa humo"
                }
        }
    | Some intent, _ -> Ok { plain with Intent = intent }
    | None, draw when draw < 0.2 -> Ok { plain with Intent = WantsTicket }
    | None, draw when draw < 0.25 -> Ok { plain with Intent = WantsPerson }
    | None, draw when draw < 0.3 ->
        Ok {
            plain with
                Intent = WantsTicketStatus
        }
    | None, draw when draw < 0.45 -> Ok { plain with Knows = false }
    | None, _ -> Ok plain
