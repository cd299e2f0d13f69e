/// Voice notes for `POST /v1/audio/transcriptions`: taken by the file's name, as the real one does, and
/// answered with one fixed sentence, since nothing here can listen.
module FunctionalBot.Emulators.OpenAI.Recordings

open System.IO
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.OpenAI.Refusals

let private endings = [ ".flac"; ".mp3"; ".mp4"; ".mpeg"; ".mpga"; ".m4a"; ".ogg"; ".wav"; ".webm" ]

let private noFile: Refusal =
    invalid "file" (Some "missing_required_parameter") "Missing required parameter: 'file'."

/// What is wrong with an upload; none when it would be transcribed.
let check (models: string list) (request: HttpRequest) : Task<Refusal option> = task {
    if not request.HasFormContentType then
        return Some noFile
    else
        let! form = request.ReadFormAsync request.HttpContext.RequestAborted
        let model = form["model"].ToString()
        let file = form.Files |> Seq.tryFind (fun file -> file.Name = "file")

        return
            match
                file
                |> Option.map (fun file -> (string (Path.GetExtension file.FileName)).ToLowerInvariant())
            with
            | None -> Some noFile
            | Some _ when not (List.contains model models) -> Some(unknownModel model)
            | Some ending when not (List.contains ending endings) ->
                Some(
                    invalid
                        "file"
                        (Some "unsupported_value")
                        $"Unsupported file format %s{ending.TrimStart '.'}"
                )
            | Some _ -> None
}

/// The transcript of every recording.
let transcript: Json =
    Fields [
        "text", Text "Hola, esto es una nota de voz de prueba: mi pedido no funciona y necesito ayuda."
        "usage", Fields [ "type", Text "duration"; "seconds", Whole 5L ]
    ]
