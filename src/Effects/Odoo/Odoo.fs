namespace FunctionalBot.Effects

open System
open System.Net.Http
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects.OdooAdapter

/// Tickets in Odoo 14 and newer, created exactly once.
module Odoo =

    /// How Odoo is reached and where tickets go.
    type Settings = OdooSettings

    /// JSON-2, JSON-RPC, or whichever the server speaks.
    type Protocol = OdooProtocol

    /// One thing that `check` found.
    type Finding = OdooFinding

    /// The name of the field for keys, unless another is set.
    let defaultKeyField = "x_wa_key"

    let private deskOf (settings: Settings) (client: HttpClient) : OdooDesk =
        let caller = OdooCaller.create settings client

        {
            Caller = caller
            FieldsOf = OdooRecords.remembered caller
        }

    let private toPort (answer: OdooAnswer<'value>) : Task<Result<'value, TicketFailure>> = task {
        let! result = answer
        return Result.mapError OdooFailures.toPort result
    }

    let private portOver (desk: OdooDesk) : TicketsPort = {
        Create =
            fun key ticket customer language cancelled ->
                toPort (OdooTickets.create desk key ticket customer language cancelled)
        AddNote =
            fun key creation note cancelled -> toPort (OdooTickets.addNote desk key creation note cancelled)
        Attach =
            fun key creation file openFile cancelled ->
                toPort (OdooAttachments.attach desk key creation file openFile cancelled)
        Find = fun channel customer cancelled -> toPort (OdooFind.find desk channel customer cancelled)
    }

    /// Ports over this Odoo, one for each team or project that gets tickets; None leaves the choice to Odoo. The
    /// client should not follow redirects: a POST would arrive as a GET. Nothing is called before the first use;
    /// version, protocol, user and fields are found out once for all teams and remembered.
    let forTeams (settings: Settings) (client: HttpClient) : int64 option -> TicketsPort =
        let desk = deskOf settings client

        fun team ->
            portOver {
                desk with
                    Caller = {
                        desk.Caller with
                            Settings = { settings with Team = team }
                    }
            }

    /// The port over this Odoo, for the team of the settings.
    let create (settings: Settings) (client: HttpClient) : TicketsPort =
        forTeams settings client settings.Team

    /// What stands in the way of tickets at this Odoo, and how to mend it. Creates nothing.
    let check (settings: Settings) (client: HttpClient) (cancelled: CancellationToken) : Task<Finding list> =
        OdooCheck.run (deskOf settings client) cancelled

    /// Where a person opens the ticket in a browser. The address is understood by every version from 14 on.
    let ticketUrl (settings: Settings) (ticket: TicketReference) : Uri =
        let root = settings.PublicUrl |> Option.defaultValue settings.Url
        Uri(root, $"/web#id=%d{ticket.Id}&model=%s{settings.Model}&view_type=form")
