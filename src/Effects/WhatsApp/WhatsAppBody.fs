namespace FunctionalBot.Effects

open System
open System.Text.Json
open FunctionalBot.Domain

/// What each kind of message says: the members `type` and the one of that name.
module internal WhatsAppBody =
    let inObject (writer: Utf8JsonWriter) (name: string) write =
        writer.WriteStartObject name
        write ()
        writer.WriteEndObject()

    let private inArray (writer: Utf8JsonWriter) (name: string) items write =
        writer.WriteStartArray name

        for item in items do
            writer.WriteStartObject()
            write item
            writer.WriteEndObject()

        writer.WriteEndArray()

    let private interactive (writer: Utf8JsonWriter) (kind: string) (body: string) action =
        writer.WriteString("type", "interactive")

        inObject writer "interactive" (fun () ->
            writer.WriteString("type", kind)
            inObject writer "body" (fun () -> writer.WriteString("text", body))
            inObject writer "action" action)

    let private schemes = [ "http://"; "https://" ]

    /// Whether the text holds an address that WhatsApp can show a preview of: it takes the first one.
    let private holdsLink (body: string) =
        let follows (scheme: string) =
            let rec search (from: int) =
                match body.IndexOf(scheme, from, StringComparison.OrdinalIgnoreCase) with
                | -1 -> false
                | found ->
                    let after = found + scheme.Length

                    (after < body.Length && Char.IsLetterOrDigit body[after]) || search after

            search 0

        List.exists follows schemes

    let private file (writer: Utf8JsonWriter) (kind: string) (uploaded: UploadedFile) caption writeName =
        writer.WriteString("type", kind)

        inObject writer kind (fun () ->
            writer.WriteString("id", uploaded.Id)

            match caption with
            | Some(text: string) -> writer.WriteString("caption", text)
            | None -> ()

            writeName ())

    /// A component for each button: Meta counts them from 0, and wants the number as a text.
    let private template (writer: Utf8JsonWriter) (template: Template) =
        writer.WriteString("type", "template")

        inObject writer "template" (fun () ->
            writer.WriteString("name", template.Name)

            inObject writer "language" (fun () ->
                writer.WriteString("policy", "deterministic")
                writer.WriteString("code", template.Language))

            let body () =
                writer.WriteString("type", "body")

                inArray writer "parameters" template.Parameters (fun place ->
                    writer.WriteString("type", "text")

                    match place.Place with
                    | Some name -> writer.WriteString("parameter_name", name)
                    | None -> ()

                    writer.WriteString("text", place.Text))

            let button (index: int, payload: string) =
                writer.WriteString("type", "button")
                writer.WriteString("sub_type", "quick_reply")
                writer.WriteString("index", string index)

                inArray writer "parameters" [ payload ] (fun payload ->
                    writer.WriteString("type", "payload")
                    writer.WriteString("payload", payload))

            let components =
                (if template.Parameters.IsEmpty then [] else [ body ])
                @ [ for indexed in List.indexed template.Payloads -> fun () -> button indexed ]

            if not components.IsEmpty then
                inArray writer "components" components (fun write -> write ()))

    /// Writes the members.
    let write (writer: Utf8JsonWriter) (message: OutboundMessage) : unit =
        match message with
        | TextMessage body ->
            writer.WriteString("type", "text")

            inObject writer "text" (fun () ->
                writer.WriteBoolean("preview_url", holdsLink body)
                writer.WriteString("body", body))
        | ButtonMessage(body, buttons) ->
            interactive writer "button" body (fun () ->
                inArray writer "buttons" buttons (fun (id: string, title: string) ->
                    writer.WriteString("type", "reply")

                    inObject writer "reply" (fun () ->
                        writer.WriteString("id", id)
                        writer.WriteString("title", title))))
        | ListMessage(body, button, rows) ->
            interactive writer "list" body (fun () ->
                writer.WriteString("button", button)

                inArray writer "sections" [ rows ] (fun rows ->
                    inArray
                        writer
                        "rows"
                        rows
                        (fun (id: string, title: string, description: string option) ->
                            writer.WriteString("id", id)
                            writer.WriteString("title", title)

                            match description with
                            | Some text -> writer.WriteString("description", text)
                            | None -> ())))
        | FormMessage invitation -> FormBody.write invitation writer
        | LinkMessage(body, label, address) ->
            interactive writer "cta_url" body (fun () ->
                writer.WriteString("name", "cta_url")

                inObject writer "parameters" (fun () ->
                    writer.WriteString("display_text", label)
                    writer.WriteString("url", address)))
        | LocationRequest body ->
            interactive writer "location_request_message" body (fun () ->
                writer.WriteString("name", "send_location"))
        | ContactRequest body ->
            interactive writer "request_contact_info" body (fun () ->
                writer.WriteString("name", "request_contact_info"))
        | ImageMessage(uploaded, caption) -> file writer "image" uploaded caption ignore
        | DocumentMessage(uploaded, caption) ->
            file writer "document" uploaded caption (fun () -> writer.WriteString("filename", uploaded.Name))
        | TemplateMessage filledIn -> template writer filledIn
        | ReactionMessage(MessageId target, emoji) ->
            writer.WriteString("type", "reaction")

            inObject writer "reaction" (fun () ->
                writer.WriteString("message_id", target)
                writer.WriteString("emoji", emoji))
