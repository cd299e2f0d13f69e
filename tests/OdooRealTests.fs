/// The same scenes as at the emulator, at a real Odoo 19. They run when BOT_TEST_ODOO_URL names one;
/// BOT_TEST_ODOO_DB, _USER, _KEY and _PROJECT (a project's id) say the rest. They leave tasks and leads
/// behind: use a test database.
module FunctionalBot.Tests.OdooRealTests

open System
open Xunit
open FunctionalBot.Effects

let private variable (name: string) =
    match Environment.GetEnvironmentVariable("BOT_TEST_ODOO_" + name) with
    | null -> ""
    | value -> value

let private settings model team : Odoo.Settings =
    Assert.SkipWhen(variable "URL" = "", "BOT_TEST_ODOO_URL is not set: no real Odoo to test against.")

    {
        Url = Uri(variable "URL")
        Database = variable "DB"
        User = variable "USER"
        ApiKey = variable "KEY"
        Model = model
        Team = team
        PublicUrl = None
        Protocol = Odoo.Protocol.Detect
        Timeout = TimeSpan.FromSeconds 30.
        KeyField = Odoo.defaultKeyField
    }

let private tasks () =
    settings "project.task" (Some(int64 ("0" + variable "PROJECT")))

let private byRpc (settings: Odoo.Settings) = {
    settings with
        Protocol = Odoo.Protocol.JsonRpc
}

let private withoutKeyField (settings: Odoo.Settings) = {
    settings with
        KeyField = "x_not_there"
}

[<Fact>]
let ``real Odoo: tasks are created once, noted on once and found, by JSON-2`` () =
    OdooScenes.createNoteAndFind (tasks ())

[<Fact>]
let ``real Odoo: tasks are created once, noted on once and found, by JSON-RPC`` () =
    OdooScenes.createNoteAndFind (byRpc (tasks ()))

[<Fact>]
let ``real Odoo: the external id is enough where there is no field for the key`` () =
    OdooScenes.createNoteAndFind (withoutKeyField (tasks ()))

[<Fact>]
let ``real Odoo: leads are created once, noted on once and found`` () =
    OdooScenes.createNoteAndFind (settings "crm.lead" None)

[<Fact>]
let ``real Odoo: a customer without a phone gets tickets`` () =
    OdooScenes.withoutPhoneAndTooEarly (tasks ())

[<Fact>]
let ``real Odoo: a customer without a phone gets tickets where there is no field for the key`` () =
    OdooScenes.withoutPhoneAndTooEarly (withoutKeyField (tasks ()))

[<Fact>]
let ``real Odoo: several that create the same task at once make one`` () = OdooScenes.race (tasks ())

[<Fact>]
let ``real Odoo: the check finds nothing wrong`` () = OdooScenes.checkIsClean (tasks ())

[<Fact>]
let ``real Odoo: files are attached once each with their bytes, by JSON-2`` () =
    OdooScenes.attachFiles (tasks ())

[<Fact>]
let ``real Odoo: files are attached once each with their bytes, by JSON-RPC`` () =
    OdooScenes.attachFiles (byRpc (tasks ()))

[<Fact>]
let ``real Odoo: files are attached where there is no field for the key`` () =
    OdooScenes.attachFiles (withoutKeyField (tasks ()))

[<Fact>]
let ``real Odoo: the largest file that fits is taken`` () = OdooScenes.attachLargest (tasks ())
