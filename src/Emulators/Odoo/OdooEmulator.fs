/// An Odoo to develop and test against: both of its protocols, a helpdesk with its desk page, faults on
/// demand. Any number of them run side by side in one process.
module FunctionalBot.Emulators.Odoo.OdooEmulator

open System
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Server

/// A running emulated Odoo, and the handles by which a test looks inside and makes things go wrong.
[<NoComparison; NoEquality>]
type Emulator = {
    /// Where it answers, such as `http://127.0.0.1:8069`.
    Address: Uri
    /// How it was set up.
    Settings: Settings
    /// All tickets, oldest first, as `search_read` gives all their fields.
    Tickets: unit -> Json list
    /// The calls it answered, oldest first, without credentials.
    Requests: unit -> Journal.Entry list
    /// Switches faults on; `Faults.none` switches all off.
    SetFaults: Faults.Faults -> unit
    /// Empties records, journal and faults.
    Reset: unit -> unit
    /// Stops answering; the data file stays.
    Stop: unit -> Task
}

/// Odoo's own default for the largest body, 128 MiB.
let private limitBytes = 134_217_728L

let private tickets (server: Server) : Json list =
    server.Caller(Records.administratorUser, Fields [ "active_test", Flag false ])
    |> Result.bind (fun caller ->
        let database = server.Database
        let rows = Records.rowsOf "helpdesk.ticket" database |> Map.toList
        Reading.read caller "helpdesk.ticket" [] false rows database)
    |> fun result ->
        match result with
        | Ok(Items tickets) -> tickets
        | _ -> []

let private setFaults (server: Server) (context: HttpContext) (body: Json) : Task =
    match Faults.ofJson body with
    | Ok faults ->
        server.SetFaults faults
        Exchange.answerJson context 200 (Faults.toJson faults)
    | Error problem -> Exchange.answerProblem context 400 problem

let private version (server: Server) : Json =
    Fields [
        "version_info", JsonRpc.versionInfo server
        "version", Text $"%d{server.Settings.Version}.0"
    ]

let private controls (server: Server) : (string * string * (HttpContext -> Task)) list =
    let answering (json: unit -> Json) (context: HttpContext) =
        Exchange.answerJson context 200 (json ())

    [
        "GET",
        "/_emulator/health",
        answering (fun () -> Fields [ "status", Text "pass"; "emulator", Text "odoo" ])
        "GET",
        "/_emulator/requests",
        answering (fun () -> Items(server.Journal.All() |> List.map Journal.toJson))
        "GET", "/_emulator/tickets", answering (fun () -> Items(tickets server))
        "GET", "/_emulator/faults", answering (fun () -> Faults.toJson server.Faults)
        "POST", "/_emulator/faults", Exchange.withJsonBody (setFaults server)
        "POST",
        "/_emulator/reset",
        fun context ->
            server.Reset()
            Exchange.answerJson context 200 (Fields [ "status", Text "empty" ])
    ]

let private map (server: Server) (app: WebApplication) : unit =
    let route methods (path: string) (handler: HttpContext -> Task) =
        app.MapMethods(path, methods, RequestDelegate handler) |> ignore

    route [ "GET"; "POST" ] "/json/2/{model}/{method}" (Json2.handle server)
    route [ "POST" ] "/jsonrpc" (JsonRpc.handle server)
    route [ "GET" ] "/web/version" (fun context -> Exchange.answerJson context 200 (version server))

    route [ "GET" ] "/web/health" (fun context ->
        Exchange.answerJson context 200 (Fields [ "status", Text "pass" ]))

    for method, path, handler in controls server do
        app.MapMethods(path, [ method ], Exchange.onlyFromHere handler) |> ignore

    Desk.map server app

/// Starts an emulated Odoo on 127.0.0.1.
let start (settings: Settings) : Task<Emulator> = task {
    let server = Server settings
    let! running = Hosting.start settings.Port limitBytes (map server)

    return {
        Address = running.Address
        Settings = settings
        Tickets = fun () -> tickets server
        Requests = server.Journal.All
        SetFaults = server.SetFaults
        Reset = server.Reset
        Stop = running.Stop
    }
}
