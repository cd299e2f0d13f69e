namespace FunctionalBot.Emulators.Odoo

open System

/// Which helpdesk application the emulated Odoo has installed.
type Helpdesk =
    /// OCA's helpdesk_mgmt: `number` "HT00001", description compulsory, closed flag.
    | Community
    /// Odoo Enterprise's own: `ticket_ref`, partner_phone, folded stages. Its sources are closed: shaped
    /// after its documentation, never compared with the original.
    | Enterprise

/// How an emulated Odoo is set up.
[<NoComparison>]
type Settings = {
    /// The port on 127.0.0.1; 0 takes any free one.
    Port: int
    /// Odoo's major version, 14 to 19. JSON-2 exists from 19 on.
    Version: int
    /// Which ticket model there is.
    Helpdesk: Helpdesk
    /// The one database.
    Database: string
    /// The bot's user name.
    Login: string
    /// The bot's password; a key works in its place.
    Password: string
    /// The bot's API keys.
    ApiKeys: string list
    /// Char fields that an administrator added to the ticket model, such as `x_wa_key`.
    TicketFields: string list
    /// How long the transaction of `load` stays open: two that overlap on one external id collide, as in
    /// Odoo.
    LoadTime: TimeSpan
    /// The file that keeps the records over restarts; none keeps them in memory only.
    DataFile: string option
    /// The clock of create_date, write_date and of delays.
    Clock: TimeProvider
}

/// Ready-made settings.
module Settings =
    /// Odoo 19 with OCA's helpdesk on any free port, in memory, with the login and key that the demo uses.
    let standard: Settings = {
        Port = 0
        Version = 19
        Helpdesk = Community
        Database = "demo"
        Login = "wa-bot"
        Password = "emulated-odoo-password"
        ApiKeys = [ "emulated-odoo-key" ]
        TicketFields = [ "x_wa_key" ]
        LoadTime = TimeSpan.FromMilliseconds 15.
        DataFile = None
        Clock = TimeProvider.System
    }
