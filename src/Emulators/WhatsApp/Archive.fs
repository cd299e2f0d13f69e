namespace FunctionalBot.Emulators.WhatsApp

open System
open System.IO
open FunctionalBot.Emulators

/// What outlives a restart of the emulator.
type Archive = {
    Customers: Customer list
    Messages: Message list
    Media: (string * KeptMedia) list
    /// Updates that the bot has not accepted yet.
    Pending: Update list
}

/// Reads and writes the data file.
[<RequireQualifiedAccess>]
module Archive =

    let private customerJson (customer: Customer) =
        Json.sparse [
            "id", Some(Json.Text customer.Id)
            "name", Some(Json.Text customer.Name)
            "phone", customer.Phone |> Option.map Json.Text
            "userId", customer.UserId |> Option.map Json.Text
            "readReceipts", Some(Json.Flag customer.ReadReceipts)
            "blocked", Some(Json.Flag customer.Blocked)
        ]

    /// Reads a customer as the page and the data file write it; a new id when it has none. The error says
    /// what is missing.
    let customerOfJson newId value : Result<Customer, string> =
        let text name =
            Json.textAt [ name ] value
            |> Option.map _.Trim()
            |> Option.filter (fun found -> found <> "")

        let flag name otherwise =
            match Json.given name value with
            | Some(Json.Flag found) -> found
            | _ -> otherwise

        let phone = text "phone" |> Option.map (String.filter Char.IsAsciiDigit)

        match text "name", phone, text "userId" with
        | None, _, _ -> Error "A customer needs a `name`."
        | _, None, None -> Error "A customer needs a `phone` (digits), a `userId` (like ES.123), or both."
        | _, Some digits, _ when digits.Length < 5 || digits.Length > 20 ->
            Error "`phone` must be a number with its country code, 5 to 20 digits."
        | Some name, _, userId ->
            Ok {
                Id = text "id" |> Option.defaultWith newId
                Name = name
                Phone = phone
                UserId = userId
                ReadReceipts = flag "readReceipts" true
                Blocked = flag "blocked" false
            }

    let private updateJson (update: Update) =
        Json.sparse [
            "number", Some(Json.Text update.NumberId)
            "field", Some(Json.Text update.Field)
            "value", Some update.Value
            "lane", Some(Json.Text update.Lane)
            "brings", update.Brings |> Option.map Json.Text
            "at", Some(Json.Whole(update.At.ToUnixTimeMilliseconds()))
        ]

    let private updateOfJson value =
        match Json.textAt [ "field" ] value, Json.given "value" value, Json.textAt [ "lane" ] value with
        | Some field, Some content, Some lane ->
            let at =
                Json.given "at" value |> Option.bind Json.asNumber |> Option.defaultValue 0.0

            Some {
                NumberId = Json.textAt [ "number" ] value |> Option.defaultValue ""
                Field = field
                Value = content
                Lane = lane
                Brings = Json.textAt [ "brings" ] value
                At = DateTimeOffset.FromUnixTimeMilliseconds(int64 at)
            }
        | _ -> None

    let private mediaJson (id, kept: KeptMedia) =
        let file = kept.File

        Json.sparse [
            "id", Some(Json.Text id)
            "number", Some(Json.Text kept.Owner)
            "until", Some(Json.Whole(kept.Until.ToUnixTimeMilliseconds()))
            "contentType", Some(Json.Text file.ContentType)
            "name", file.Name |> Option.map Json.Text
            "bytes", Some(Json.Text(Convert.ToBase64String file.Bytes))
        ]

    let private mediaOfJson value =
        match
            Json.textAt [ "id" ] value, Json.textAt [ "contentType" ] value, Json.textAt [ "bytes" ] value
        with
        | Some id, Some contentType, Some bytes ->
            let until =
                match Json.given "until" value with
                | Some(Json.Whole at) -> DateTimeOffset.FromUnixTimeMilliseconds at
                | _ -> DateTimeOffset.MaxValue

            Some(
                id,
                {
                    Owner = Json.textAt [ "number" ] value |> Option.defaultValue ""
                    Until = until
                    File = {
                        ContentType = contentType
                        Name = Json.textAt [ "name" ] value
                        Bytes = Convert.FromBase64String bytes
                    }
                }
            )
        | _ -> None

    /// Writes the file as a whole: a crash leaves either the old or the new one.
    let save (path: string) archive =
        let text =
            Json.Fields [
                "version", Json.Whole 1
                "customers", Json.Items(List.map customerJson archive.Customers)
                "messages", Json.Items(List.map Message.toJson archive.Messages)
                "media", Json.Items(List.map mediaJson archive.Media)
                "pending", Json.Items(List.map updateJson archive.Pending)
            ]
            |> Json.write

        match Path.GetDirectoryName(Path.GetFullPath path) with
        | null -> ()
        | folder -> Directory.CreateDirectory folder |> ignore

        let fresh = path + ".tmp"
        File.WriteAllText(fresh, text)
        File.Move(fresh, path, true)

    /// Reads the file; `None` when there is none. One that cannot be read is an error and is left as it is.
    let load (path: string) : Result<Archive option, string> =
        if not (File.Exists path) then
            Ok None
        else
            match Json.parseBytes (ReadOnlyMemory(File.ReadAllBytes path)) with
            | Error problem ->
                Error $"The data file %s{path} cannot be read: %s{problem} Move it away to start afresh."
            | Ok value ->
                let listed name read =
                    Json.given name value
                    |> Option.map Json.items
                    |> Option.defaultValue []
                    |> List.choose read

                let customer value =
                    match customerOfJson (fun () -> "kept") value with
                    | Ok found -> Some found
                    | Error _ -> None

                Ok(
                    Some {
                        Customers = listed "customers" customer
                        Messages = listed "messages" Message.ofJson
                        Media = listed "media" mediaOfJson
                        Pending = listed "pending" updateOfJson
                    }
                )
