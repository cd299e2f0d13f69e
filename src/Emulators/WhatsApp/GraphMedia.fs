namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Net
open System.Security.Cryptography
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// Media of the Graph API: taken in, described by id, and fetched from the address that the description has.
[<RequireQualifiedAccess>]
module GraphMedia =

    /// Takes a file as multipart/form-data and answers with its id.
    let upload api (context: HttpContext) : Task = task {
        if not context.Request.HasFormContentType then
            do!
                GraphAnswer.problem
                    api
                    context
                    None
                    (GraphError.create 100 "The request must be multipart/form-data.")
        else
            let! form = context.Request.ReadFormAsync()

            match string form["messaging_product"], Seq.tryHead form.Files with
            | "whatsapp", Some file ->
                use memory = new IO.MemoryStream()
                do! file.CopyToAsync memory

                let contentType =
                    match string form["type"] with
                    | "" -> string file.ContentType
                    | given -> given

                let id =
                    api.Media.Add {
                        ContentType = contentType
                        Name = Some file.FileName
                        Bytes = memory.ToArray()
                    }

                do! GraphAnswer.ok api context None (Json.Fields [ "id", Json.Text id ])
            | "whatsapp", None -> do! GraphAnswer.problem api context None (GraphError.missing "file")
            | _ -> do! GraphAnswer.problem api context None (GraphError.missing "messaging_product")
    }

    let private mediaFacts api (context: HttpContext) id (file: MediaFile) =
        let host = $"%s{context.Request.Scheme}://%s{string context.Request.Host}"

        Json.Fields [
            "url", Json.Text(host + api.Media.PathOf id)
            "mime_type", Json.Text file.ContentType
            "sha256", Json.Text(Convert.ToHexStringLower(SHA256.HashData file.Bytes))
            "file_size", Json.Whole file.Bytes.Length
            "id", Json.Text id
            "messaging_product", Json.Text "whatsapp"
        ]

    /// Answers with what is known of a file, or removes it.
    let object api (context: HttpContext) id : Task =
        match api.Media.Find id, context.Request.Method with
        | Some file, "GET" -> GraphAnswer.ok api context None (mediaFacts api context id file)
        | Some _, "DELETE" ->
            api.Media.Remove id |> ignore
            GraphAnswer.ok api context None GraphAnswer.success
        | _, verb -> GraphAnswer.problem api context None (GraphError.noObject (verb.ToLowerInvariant()) id)

    /// Answers with a file, to whom has its address and the token.
    let download api (context: HttpContext) : Task =
        let query name = string context.Request.Query[name]

        match api.Media.Fetch(query "mid", query "ext", query "hash") with
        | Some file when GraphAnswer.token context = GraphAnswer.accepted api ->
            GraphAnswer.log api context None 200
            Answer.file context file.ContentType file.Bytes
        | found ->
            // An address that is forged or too old is simply not found.
            let status =
                if found.IsSome then
                    HttpStatusCode.Unauthorized
                else
                    HttpStatusCode.NotFound

            GraphAnswer.log api context None (int status)
            context.Response.StatusCode <- int status
            Task.CompletedTask
