/// Under which circumstances figures were taken.
module FunctionalBot.Bench.Circumstances

open System
open System.Collections
open FunctionalBot.Bench.Measurement

/// Where the benchmark's own environment is handed on to the bot.
let private families = [
    "BOT_"
    "WHATSAPP_"
    "ODOO_"
    "OPENAI_"
    "OTEL_"
    "DOTNET_gc"
    "DOTNET_GC"
    "DOTNET_Tiered"
    "DOTNET_Thread"
]

/// What is not for the bot.
let private apart = [ "BOT_BENCH_"; "BOT_TEST_"; "BOT_POSTGRES" ]

/// What of the bot's settings is not at its default: what the benchmark chooses, and what it hands on of its own
/// environment. Values of names that can hold a secret are left out.
let private settingsOfBot () : string =
    let inherited = [
        for entry in Environment.GetEnvironmentVariables() |> Seq.cast<DictionaryEntry> do
            let name = string entry.Key

            let starts (prefix: string) =
                name.StartsWith(prefix, StringComparison.Ordinal)

            let isHandedOn =
                List.exists starts families
                && not (List.exists starts apart)
                && not (List.contains name BotProcess.settingNames)

            if isHandedOn && (starts "BOT_" || starts "DOTNET_") then
                $"%s{name}=%O{entry.Value}"
            elif isHandedOn then
                $"%s{name} (set)"
    ]

    let chosen =
        BotProcess.chosen |> List.map (fun (name, value) -> $"%s{name}=%s{value}")

    String.Join(", ", chosen @ List.sort inherited)

/// What a reader of the figures must know of how they came about.
let describe (server: string) : Findings = {
    nothing with
        Remarks = [
            {
                About = "settings of the bot"
                Text =
                    settingsOfBot ()
                    + ". The rate and the seconds of 0 lift the limits per number and per customer. What a line \
                      changes besides stands in its name; all else is at its default."
            }
            {
                About = "settings of PostgreSQL that are not its defaults"
                Text = Database.describeServer server
            }
            {
                About = "stand-ins"
                Text =
                    "the Graph API takes every message and sends no status webhooks (Meta: two or three for each \
                     message). Load generator, bot and PostgreSQL share the processors."
            }
        ]
}
