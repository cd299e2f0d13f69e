/// How the tests call an emulated Odoo over HTTP.
module FunctionalBot.Tests.OdooCalls

open System.Net.Http
open System.Net.Http.Headers
open System.Text
open System.Threading.Tasks
open Xunit
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo

/// Odoo 19 with OCA's helpdesk.
let standard = Settings.standard

/// Runs a test against an emulator of its own and stops it afterwards.
let withOdoo (settings: Settings) (test: OdooEmulator.Emulator -> HttpClient -> Task<unit>) : Task<unit> =
    task {
        let! emulator = OdooEmulator.start settings
        use client = new HttpClient(BaseAddress = emulator.Address)

        try
            do! test emulator client
        finally
            emulator.Stop().Wait()
    }

/// The value of a JSON document that has to be right.
let json (document: string) : Json =
    match parse document with
    | Ok value -> value
    | Error problem -> failwith $"%s{problem}: %s{document}"

/// Posts a body with a key; gives the status, the content type and the text of the answer.
let postText (client: HttpClient) (path: string) (key: string) (contentType: string) (body: string) = task {
    use request = new HttpRequestMessage(HttpMethod.Post, path)
    request.Content <- new StringContent(body, Encoding.UTF8, contentType)

    if key <> "" then
        request.Headers.Authorization <- AuthenticationHeaderValue("bearer", key)

    use! response = client.SendAsync request
    let! text = response.Content.ReadAsStringAsync()

    let answered =
        match response.Content.Headers.ContentType with
        | null -> ""
        | value -> string value.MediaType

    return int response.StatusCode, answered, text
}

/// A JSON-2 call with the right key.
let call (client: HttpClient) (method: string) (arguments: string) : Task<int * Json> = task {
    let! status, contentType, text =
        postText client $"/json/2/%s{method}" standard.ApiKeys.Head "application/json" arguments

    return
        status,
        (if contentType = "application/json" then
             json text
         else
             Text text)
}

/// A call that has to go well.
let good (client: HttpClient) (method: string) (arguments: string) : Task<Json> = task {
    let! status, answer = call client method arguments
    Assert.True((status = 200), $"%s{method} answered %d{status}: %s{write answer}")
    return answer
}

/// A JSON-RPC call of a service; gives the whole envelope.
let rpc (client: HttpClient) (service: string) (method: string) (arguments: string) : Task<Json> = task {
    let body =
        $"""{{"jsonrpc":"2.0","method":"call","id":1,"params":{{"service":"%s{service}","method":"%s{method}","args":%s{arguments}}}}}"""

    let! status, _, text = postText client "/jsonrpc" "" "application/json" body
    Assert.Equal(200, status)
    return json text
}

/// The arguments of a create() of one ticket.
let oneTicket =
    """{"vals_list":[{"name":"Factura","description":"<p>No llega</p>","x_wa_key":"k1"}]}"""

/// The arguments of a load() of one ticket with this external id.
let loadOf (key: string) =
    $"""{{"fields":["id","name","description"],"data":[["wabot.%s{key}","Factura","<p>No llega</p>"]]}}"""
