/// What the parts of the demo are told, and what people are told about them.
module FunctionalBot.Build.DemoSettings

open System
open System.IO
open System.Security.Cryptography

/// The ports on 127.0.0.1. The numbers below are taken when they are free, else the next ones that are.
type Ports = {
    /// The bot.
    Bot: int
    /// The emulator of WhatsApp with its phone page.
    Phone: int
    /// The emulator of OpenAI.
    Assistant: int
    /// The emulator of Odoo with its desk page.
    Desk: int
}

/// Looks for free ports.
let choosePorts () : Ports =
    let rec from (port: int) (taken: int list) =
        if PrivatePostgres.isFree port && not (List.contains port taken) then
            port
        else
            from (port + 1) taken

    let bot = from 7700 []
    let phone = from 7701 [ bot ]
    let assistant = from 7702 [ bot; phone ]

    {
        Bot = bot
        Phone = phone
        Assistant = assistant
        Desk = from 7703 [ bot; phone; assistant ]
    }

/// The address of a port.
let at (port: int) = $"http://127.0.0.1:%d{port}"

/// Both sides get the same freshly drawn secrets, so that signatures and tokens are checked as in earnest.
let private secret () =
    Convert.ToHexStringLower(RandomNumberGenerator.GetBytes 20)

let private setting (name: string) : string option =
    match Environment.GetEnvironmentVariable name with
    | null
    | "" -> None
    | value -> Some value

/// The invented shop whose knowledge lies in data/knowledge.
let private businessName = "Ferretería La Encina"

/// The environment of the bot and that of the emulators, in this order. WhatsApp is always the emulator;
/// OpenAI and Odoo are the real ones when OPENAI_API_KEY or ODOO_URL are set.
let environments (kept: string) (ports: Ports) (database: string) =
    let appSecret, verifyToken, accessToken, odooKey =
        secret (), secret (), secret (), secret ()

    let phoneNumberId = "100000000000001"

    let bot = [
        "BOT_URLS", at ports.Bot
        "DATABASE_URL", database
        "WHATSAPP_TOKEN", accessToken
        "WHATSAPP_APP_SECRET", appSecret
        "WHATSAPP_VERIFY_TOKEN", verifyToken
        "WHATSAPP_PHONE_NUMBER_ID", phoneNumberId
        "WHATSAPP_GRAPH_URL", at ports.Phone + "/v25.0"
        "BOT_FILES", IO.Path.Combine(kept, "media")
        "BOT_BUSINESS_NAME", businessName
        "BOT_BUSINESS_CONTACT", "el 555 01 42 o hola@encina.example.com, en el horario de la tienda"
        "BOT_BUSINESS_SCOPE", "tienda de herramientas y maquinaria de jardín, con taller de reparación"
        if setting "OPENAI_API_KEY" = None then
            "BOT_ASSISTANT", "local"
        if setting "ODOO_URL" = None then
            yield! [
                "ODOO_URL", at ports.Desk
                "ODOO_DB", "demo"
                "ODOO_USER", "wa-bot"
                "ODOO_API_KEY", odooKey
            ]
    ]

    let emulators = [
        "EMULATOR_WHATSAPP_PORT", string ports.Phone
        "EMULATOR_OPENAI_PORT", string ports.Assistant
        "EMULATOR_ODOO_PORT", string ports.Desk
        "EMULATOR_DATA", Path.Combine(kept, "emulators")
        "EMULATOR_WEBHOOK_URL", at ports.Bot + "/webhook"
        "EMULATOR_APP_SECRET", appSecret
        "EMULATOR_VERIFY_TOKEN", verifyToken
        "EMULATOR_ACCESS_TOKEN", accessToken
        "EMULATOR_PHONE_NUMBER_ID", phoneNumberId
        "EMULATOR_BUSINESS_NAME", businessName
        "EMULATOR_ODOO_API_KEY", odooKey
    ]

    bot, emulators

/// The addresses and what to try, in a frame.
let showReady (ports: Ports) : unit =
    let lines = [
        match List.filter (fun name -> (setting name).IsSome) [ "OPENAI_API_KEY"; "ODOO_URL" ] with
        | [] -> "FunctionalBot runs. Nothing leaves this machine."
        | real ->
            let names = String.Join(" and ", real)
            $"FunctionalBot runs, with the real service behind %s{names}."
        ""
        $"Phone (you are the customer)   %s{at ports.Phone}"
        $"Desk (the tickets in Odoo)     %s{at ports.Desk}"
        $"Bot (is it well?)              %s{at ports.Bot}/readyz"
        ""
        "Try on the phone:"
        "  Hola, ¿a qué hora abren?            an answer from data/knowledge"
        "  Quiero abrir un ticket              step by step, then look at the desk"
        "  Quiero hablar con una persona       the bot hands over"
        ""
        "Ctrl-C stops everything and keeps the data; demo --reset begins anew."
    ]

    let width = lines |> List.map String.length |> List.max
    let rule = String('─', width + 2)
    Console.Out.WriteLine $"\n┌%s{rule}┐"

    for line in lines do
        Console.Out.WriteLine $"│ %s{line.PadRight width} │"

    Console.Out.WriteLine $"└%s{rule}┘\n"
