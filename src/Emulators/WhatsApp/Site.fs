namespace FunctionalBot.Emulators.WhatsApp

open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// The phone page and its parts.
[<RequireQualifiedAccess>]
module Site =

    let private files =
        Map.ofList [
            "", "phone.html"
            "phone", "phone.html"
            for name in
                [
                    "phone.css"
                    "phone.js"
                    "handset.js"
                    "frame.js"
                    "acts.js"
                    "calls.js"
                    "bubble.js"
                    "markup.js"
                    "sheets.js"
                    "pickers.js"
                    "forms.js"
                    "recording.js"
                    "recorder.js"
                    "ogg.js"
                    "panel.js"
                    "people.js"
                    "icons.js"
                    "icon.svg"
                ] do
                name, name
        ]
        |> Map.map (fun _ name -> PageFiles.load $"whatsapp-page/%s{name}")

    let private policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        + "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

    /// Answers with the page or one of its files, if the path is one of them.
    let tryServe (context: HttpContext) (segments: string list) : Task option =
        let name =
            match context.Request.Method, segments with
            | "GET", [] -> Some ""
            | "GET", [ name ] -> Some name
            | _ -> None

        name
        |> Option.bind files.TryFind
        |> Option.map (fun file ->
            // Voice notes need the microphone; nothing else of the machine is asked for.
            context.Response.Headers["Permissions-Policy"] <- "microphone=(self), camera=(), geolocation=()"
            PageFiles.answer policy file context)
