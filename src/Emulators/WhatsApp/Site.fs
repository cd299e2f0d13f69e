namespace FunctionalBot.Emulators.WhatsApp

open System
open System.IO
open System.Reflection
open System.Threading.Tasks
open Microsoft.AspNetCore.Http

/// The phone page's files, and the guard that keeps other web sites from driving the emulator.
[<RequireQualifiedAccess>]
module Site =

    let private isLoopback (host: string) =
        host = "localhost" || host = "127.0.0.1" || host = "::1" || host = "[::1]"

    /// Whether the request comes from this machine by one of its loopback names, and not from a page of
    /// another site. The name in `Host` is checked too: a foreign name that resolves to 127.0.0.1 is not
    /// ours.
    let isOurs (request: HttpRequest) =
        let origin = string request.Headers.Origin

        let fromHere =
            origin = ""
            || WebAddress.tryRead origin |> Option.exists (fun uri -> isLoopback uri.Host)

        let crossSite = string request.Headers["Sec-Fetch-Site"] = "cross-site"
        isLoopback request.Host.Host && fromHere && not crossSite

    let private files =
        Map.ofList [
            "", ("phone.html", "text/html; charset=utf-8")
            "phone", ("phone.html", "text/html; charset=utf-8")
            "phone.css", ("phone.css", "text/css; charset=utf-8")
            "phone.js", ("phone.js", "text/javascript; charset=utf-8")
            "bubble.js", ("bubble.js", "text/javascript; charset=utf-8")
            "markup.js", ("markup.js", "text/javascript; charset=utf-8")
            "sheets.js", ("sheets.js", "text/javascript; charset=utf-8")
            "icons.js", ("icons.js", "text/javascript; charset=utf-8")
            "icon.svg", ("icon.svg", "image/svg+xml")
        ]

    let private policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        + "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

    let private read name =
        match Assembly.GetExecutingAssembly().GetManifestResourceStream($"whatsapp-page/%s{name}") with
        | null -> None
        | stream ->
            use stream = stream
            use memory = new MemoryStream()
            stream.CopyTo memory
            Some(memory.ToArray())

    /// Answers with the page or one of its files, if the path is one of them.
    let tryServe (context: HttpContext) (segments: string list) : Task option =
        let known =
            match context.Request.Method, segments with
            | "GET", [] -> files.TryFind ""
            | "GET", [ name ] -> files.TryFind name
            | _ -> None

        match known with
        | None -> None
        | Some(name, contentType) ->
            read name
            |> Option.map (fun body ->
                context.Response.Headers.ContentSecurityPolicy <- policy

                context.Response.Headers.CacheControl <- "no-cache"
                context.Response.Headers["Referrer-Policy"] <- "no-referrer"
                Answer.file context contentType body)
