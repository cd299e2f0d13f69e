module FunctionalBot.Emulators.Program

[<EntryPoint>]
let main _ = 0
