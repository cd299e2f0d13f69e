/// How each emulator is put on a port of its own: loopback only, quiet, and stopped by the one who started
/// it.
module FunctionalBot.Emulators.Hosting

open System
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.Extensions.Logging

/// An emulator that answers on `Address` (for example `http://127.0.0.1:8081`) until `Stop` is called.
[<NoComparison; NoEquality>]
type Running = { Address: Uri; Stop: unit -> Task }

/// Starts a web application on 127.0.0.1. Port 0 takes any free port; `Running.Address` tells which.
/// `limitBytes` is the largest request body that is accepted.
let start (port: int) (limitBytes: int64) (map: WebApplication -> unit) : Task<Running> = task {
    // Nothing is configured by file, and each watcher of a file would take one of the few that a user may
    // have.
    let builder =
        WebApplication.CreateSlimBuilder [| "--hostBuilder:reloadConfigOnChange=false" |]

    builder.Logging.ClearProviders() |> ignore

    builder.WebHost.ConfigureKestrel(fun options ->
        options.Limits.MaxRequestBodySize <- Nullable limitBytes
        options.Listen(Net.IPAddress.Loopback, port))
    |> ignore

    let app = builder.Build()
    map app
    do! app.StartAsync()

    return {
        Address = Uri(Seq.head app.Urls)
        Stop = fun () -> app.StopAsync()
    }
}
