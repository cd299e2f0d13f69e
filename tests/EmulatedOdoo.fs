/// The bot's own adapter before an emulated Odoo.
module FunctionalBot.Tests.EmulatedOdoo

open System
open System.Threading.Tasks
open FunctionalBot.Effects
open FunctionalBot.Emulators.Odoo

/// The settings for an emulated Odoo.
let settingsFor (address: Uri) : Odoo.Settings = {
    Url = address
    Database = Settings.standard.Database
    User = Settings.standard.Login
    ApiKey = Settings.standard.ApiKeys.Head
    Model = "helpdesk.ticket"
    Team = None
    PublicUrl = None
    Protocol = Odoo.Protocol.Detect
    Timeout = TimeSpan.FromSeconds 20.
    KeyField = Odoo.defaultKeyField
}

/// Runs a test against an emulator that is set up so, and stops it afterwards.
let withEmulator (setUp: Settings -> Settings) (test: OdooEmulator.Emulator -> Odoo.Settings -> Task) : Task =
    task {
        let! emulator = OdooEmulator.start (setUp Settings.standard)

        try
            do! test emulator (settingsFor emulator.Address)
        finally
            emulator.Stop().Wait()
    }

/// Odoo of this major version.
let version number (settings: Settings) = { settings with Version = number }
