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

    let private take api (context: HttpContext) (number: BusinessPhone) (form: IFormCollection) : Task = task {
        let fails = GraphAnswer.problem api context None

        match string form["messaging_product"], Seq.tryHead form.Files with
        | "whatsapp", Some file ->
            use memory = new IO.MemoryStream()
            do! file.CopyToAsync memory

            let contentType =
                match string form["type"] with
                | "" -> string file.ContentType
                | given -> given

            let brought = {
                ContentType = contentType
                Name = Some file.FileName
                Bytes = memory.ToArray()
            }

            match MediaRules.check brought with
            | Ok() ->
                let id = api.Media.AddUpload(number.Id, brought)
                do! GraphAnswer.ok api context None (Json.Fields [ "id", Json.Text id ])
            | Error problem -> do! fails problem
        | "whatsapp", None -> do! fails (GraphError.missing "file")
        | _ -> do! fails (GraphError.missing "messaging_product")
    }

    /// Takes a file as multipart/form-data for one of the business's numbers and answers with its id; error
    /// 131053 for a type or a size that Meta does not take.
    let upload api (context: HttpContext) (number: BusinessPhone) : Task =
        GraphAnswer.withForm api context (take api context number)

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

    /// Answers with what is known of a file, or removes it. A `phone_number_id` in the query must be that of the
    /// file's number.
    let object api (context: HttpContext) id : Task =
        let asked = string context.Request.Query["phone_number_id"]

        let found =
            api.Media.Known id
            |> Option.filter (fun kept -> asked = "" || asked = kept.Owner)

        match found, context.Request.Method with
        | Some kept, "GET" -> GraphAnswer.ok api context None (mediaFacts api context id kept.File)
        | Some _, "DELETE" ->
            api.Media.Remove id |> ignore
            GraphAnswer.ok api context None GraphAnswer.success
        | _, verb -> GraphAnswer.problem api context None (GraphError.noObject (verb.ToLowerInvariant()) id)

    let private fault api =
        let kind = api.Faults.Current.MediaFaultKind

        // A lying type strikes when the file is sent.
        if
            kind <> LyingType
            && api.Faults.Strikes _.MediaFault (fun all left -> { all with MediaFault = left })
        then
            Some kind
        else
            None

    let private nothing api (context: HttpContext) (status: HttpStatusCode) : Task =
        GraphAnswer.log api context None (int status)
        context.Response.StatusCode <- int status
        Task.CompletedTask

    let private damaged (bytes: byte array) =
        let copy = Array.copy bytes

        if copy.Length > 0 then
            copy[copy.Length / 2] <- ~~~copy[copy.Length / 2]

        copy

    // Until whoever reads goes away, or the emulator stops.
    let private endless api (context: HttpContext) (file: MediaFile) : Task = task {
        GraphAnswer.log api context None 200
        context.Response.ContentType <- file.ContentType
        let piece: byte array = Array.zeroCreate 65_536

        try
            while not context.RequestAborted.IsCancellationRequested do
                do! context.Response.Body.WriteAsync(ReadOnlyMemory piece, context.RequestAborted)
        with
        | :? OperationCanceledException
        | :? IO.IOException -> ()
    }

    let private redirected api (context: HttpContext) : Task =
        // The same machine under another name: for the one who fetches it is another host.
        let host =
            if context.Request.Host.Host = "localhost" then
                "127.0.0.1"
            else
                "localhost"

        let port = context.Request.Host.Port |> Option.ofNullable |> Option.defaultValue 80

        context.Response.Headers.Location <- $"http://%s{host}:%d{port}/elsewhere/file"
        nothing api context HttpStatusCode.Found

    /// The other host that a redirected download leads to: the journal keeps whether the token came along.
    let elsewhere api (context: HttpContext) : Task =
        let came = GraphAnswer.token context <> ""
        GraphAnswer.log api context (Some(Json.Fields [ "token", Json.Flag came ])) 200
        Exchange.answer context 200 "text/plain; charset=utf-8" "another host"

    /// Answers with a file, to whom has its address and the token.
    let download api (context: HttpContext) : Task =
        let query name = string context.Request.Query[name]

        match api.Media.Fetch(query "mid", query "ext", query "hash") with
        | Some file when GraphAnswer.token context = GraphAnswer.accepted api ->
            let give bytes =
                GraphAnswer.log api context None 200
                Answer.file context file.ContentType bytes

            match fault api with
            | Some WrongHash -> give (damaged file.Bytes)
            | Some EndlessBody -> endless api context file
            | Some ElsewhereBody -> redirected api context
            | Some GoneBody -> nothing api context HttpStatusCode.NotFound
            | Some LyingType
            | None -> give file.Bytes
        // An address that is forged or too old is simply not found.
        | None -> nothing api context HttpStatusCode.NotFound
        | Some _ -> nothing api context HttpStatusCode.Unauthorized
