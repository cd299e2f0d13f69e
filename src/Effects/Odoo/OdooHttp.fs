namespace FunctionalBot.Effects.OdooAdapter

open System
open System.IO
open System.Net.Http
open System.Net.Http.Headers
open System.Text
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Effects

/// Which of Odoo's two interfaces is spoken.
type OdooProtocol =
    /// JSON-2 from Odoo 19 on, JSON-RPC before.
    | Detect
    | Json2
    | JsonRpc

/// How Odoo is reached and where tickets go.
[<NoComparison>]
type OdooSettings = {
    /// For example https://odoo.example.com, without a path behind.
    Url: Uri
    /// May be empty with JSON-2 where the host serves one database.
    Database: string
    /// The login of the bot's user; used by JSON-RPC.
    User: string
    ApiKey: string
    /// "helpdesk.ticket", "project.task" or "crm.lead".
    Model: string
    /// The database id of the helpdesk team, project or sales team that gets the tickets.
    Team: int64 option
    /// Where people open Odoo in a browser, if not at Url.
    PublicUrl: Uri option
    Protocol: OdooProtocol
    /// How long one call may take; Odoo itself ends a request after 120 s.
    Timeout: TimeSpan
    /// The char field that holds the command's key, used where the model has it. "x_wa_key" unless named
    /// otherwise.
    KeyField: string
}

/// One HTTP exchange with Odoo.
module OdooHttp =

    /// What came back: the body as JSON where the content type says so and it is.
    [<NoComparison>]
    type Page = {
        Status: int
        ContentType: string
        Json: JsonElement option
        After: TimeSpan option
    }

    let private parse (body: string) =
        try
            use document = JsonDocument.Parse body
            Some(document.RootElement.Clone())
        with :? JsonException ->
            None

    /// Sends one request and reads the whole answer, whatever its status.
    let send
        (settings: OdooSettings)
        (client: HttpClient)
        (request: HttpRequestMessage)
        (cancelled: CancellationToken)
        = task {
        use limited = CancellationTokenSource.CreateLinkedTokenSource cancelled
        limited.CancelAfter settings.Timeout

        try
            use! response = client.SendAsync(request, limited.Token)
            let! body = response.Content.ReadAsStringAsync limited.Token

            let contentType =
                match response.Content.Headers.ContentType with
                | null -> "no content type"
                | header -> header.MediaType |> Option.ofObj |> Option.defaultValue "no content type"

            let after =
                match response.Headers.RetryAfter with
                | null -> None
                | header -> Option.ofNullable header.Delta

            return
                Ok {
                    Status = int response.StatusCode
                    ContentType = contentType
                    Json =
                        if contentType = "application/json" then
                            parse body
                        else
                            None
                    After = after |> Option.map (min (TimeSpan.FromMinutes 10.))
                }
        with
        | :? OperationCanceledException when not cancelled.IsCancellationRequested ->
            return
                Error(
                    OdooFailures.unreachable
                        $"Odoo gave no answer within %.0f{settings.Timeout.TotalSeconds} s"
                )
        | :? HttpRequestException
        | :? IOException when not cancelled.IsCancellationRequested ->
            return Error(OdooFailures.unreachable "Odoo could not be reached")
    }

    /// The address of a path below Odoo's own.
    let at (settings: OdooSettings) (path: string) =
        let root = settings.Url.AbsoluteUri
        Uri((if root.EndsWith '/' then root else root + "/") + path)

    /// A file goes at 500 kB a second or faster, or the call ends.
    let private timeFor (settings: OdooSettings) (file: OdooFile option) =
        match file with
        | Some file -> settings.Timeout + TimeSpan.FromSeconds(float file.Size / 500_000.)
        | None -> settings.Timeout

    /// Posts a JSON body to a path below Odoo's address, with the key as bearer or without one. The file, where there
    /// is one, is read while it is sent.
    let post settings client (path: string) (body: OdooValue) (file: OdooFile option) asBearer cancelled =
        task {
            use request = new HttpRequestMessage(HttpMethod.Post, at settings path)

            request.Content <-
                match file with
                | Some file -> new OdooFileContent(OdooValue.around body, file) :> HttpContent
                | None -> new StringContent(OdooValue.json body, Encoding.UTF8, "application/json")

            if asBearer then
                request.Headers.Authorization <- AuthenticationHeaderValue("bearer", settings.ApiKey)

                if settings.Database <> "" then
                    request.Headers.Add("X-Odoo-Database", settings.Database)

            let patient = {
                settings with
                    Timeout = timeFor settings file
            }

            return! send patient client request cancelled
        }
