/// Reading business numbers in tests: from variables, and from a file in a folder of its own.
module FunctionalBot.Tests.NumberReadings

open System.IO
open FunctionalBot.Web
open FunctionalBot.Web.NumberSettings
open FunctionalBot.Web.Setting

/// All that has to be set, but for the number.
let common = [
    "WHATSAPP_TOKEN", "EAAB-secret"
    "BOT_BUSINESS_NAME", "Ferretería"
    "BOT_BUSINESS_CONTACT", "600 111 222"
]

/// Reads the numbers that these variables set.
let read variables =
    NumbersFile.read "data" (SettingTests.ofVariables variables None)

/// Reads a file of numbers in a folder of its own, which holds the folders "garden" and "words".
let readFile variables (json: string) (judge: string -> Reading<NumberConfiguration list> -> unit) =
    let folder = Directory.CreateTempSubdirectory "functionalbot-numbers-"

    try
        Directory.CreateDirectory(Path.Combine(folder.FullName, "garden")) |> ignore
        Directory.CreateDirectory(Path.Combine(folder.FullName, "words")) |> ignore
        let path = Path.Combine(folder.FullName, "numbers.json")
        File.WriteAllText(path, json)
        judge path (read (("BOT_NUMBERS", path) :: variables))
    finally
        folder.Delete true

/// The numbers, where nothing is wrong.
let numbersOf (reading: Reading<NumberConfiguration list>) =
    match reading with
    | Ok numbers -> numbers
    | Error problems -> failwith $"%A{problems}"

/// What is wrong.
let problemsOf (reading: Reading<NumberConfiguration list>) =
    match reading with
    | Ok numbers -> failwith $"%A{numbers}"
    | Error problems -> problems
