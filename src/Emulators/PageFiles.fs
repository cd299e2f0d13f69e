/// The pages of the emulators and their parts, as files inside the program.
module FunctionalBot.Emulators.PageFiles

open System.IO
open System.Reflection
open System.Threading.Tasks
open Microsoft.AspNetCore.Http

/// A file as a browser gets it.
[<NoComparison>]
type PageFile = {
    /// The content type, with the character set of texts.
    ContentType: string
    /// What is in it.
    Body: byte array
}

let private contentType (name: string) : string =
    match Path.GetExtension name with
    | ".html" -> "text/html; charset=utf-8"
    | ".css" -> "text/css; charset=utf-8"
    | ".js" -> "text/javascript; charset=utf-8"
    | ".svg" -> "image/svg+xml"
    | _ -> "application/octet-stream"

/// Reads an embedded file, such as `desk/desk.html`. One that is missing is a mistake of the build.
let load (name: string) : PageFile =
    match Assembly.GetExecutingAssembly().GetManifestResourceStream name with
    | null -> failwith $"The embedded resource %s{name} is missing from the build."
    | stream ->
        use stream = stream
        use memory = new MemoryStream()
        stream.CopyTo memory

        {
            ContentType = contentType name
            Body = memory.ToArray()
        }

/// Answers with the file under a content security policy. It is never kept by the browser: the next version
/// of the program may bring another one.
let answer (contentPolicy: string) (file: PageFile) (context: HttpContext) : Task =
    let headers = context.Response.Headers
    headers.ContentSecurityPolicy <- contentPolicy
    headers.CacheControl <- "no-store"
    headers["X-Content-Type-Options"] <- "nosniff"
    headers["Referrer-Policy"] <- "no-referrer"
    Results.Bytes(file.Body, file.ContentType).ExecuteAsync context
