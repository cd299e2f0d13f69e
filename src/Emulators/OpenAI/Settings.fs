namespace FunctionalBot.Emulators.OpenAI

open System

/// How an emulated OpenAI is set up.
[<NoComparison>]
type Settings = {
    /// The port on 127.0.0.1; 0 takes any free one.
    Port: int
    /// The keys that are right.
    ApiKeys: string list
    /// The models that there are, each with the day it is switched off (YYYY-MM-DD), if one is known.
    Models: (string * string option) list
    /// The clock of created_at and of delays.
    Clock: TimeProvider
}

/// Ready-made settings.
module Settings =
    /// The models of late 2026 on any free port, with the key that the demo uses.
    let standard: Settings = {
        Port = 0
        ApiKeys = [ "sk-emulated-openai-key" ]
        Models = [
            "gpt-6-luna", None
            "gpt-6.1-terra", None
            "gpt-5-mini", Some "2026-12-11"
            "gpt-transcribe", None
        ]
        Clock = TimeProvider.System
    }
