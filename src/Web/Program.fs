module FunctionalBot.Web.Program

[<EntryPoint>]
let main _ = 0
