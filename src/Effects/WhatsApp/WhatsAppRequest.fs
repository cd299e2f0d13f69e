namespace FunctionalBot.Effects

open System
open System.Buffers
open System.Text.Encodings.Web
open System.Text.Json
open FunctionalBot.Domain

/// The bodies of `POST /{phone_number_id}/messages`, as UTF-8 JSON.
module WhatsAppRequest =
    let private options =
        JsonWriterOptions(Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

    let private json (write: Utf8JsonWriter -> unit) : byte[] =
        let buffer = ArrayBufferWriter<byte> 512
        use writer = new Utf8JsonWriter(buffer, options)
        writer.WriteStartObject()
        writer.WriteString("messaging_product", "whatsapp")
        write writer
        writer.WriteEndObject()
        writer.Flush()
        buffer.WrittenSpan.ToArray()

    let private inObject (writer: Utf8JsonWriter) (name: string) write =
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

    let private content (writer: Utf8JsonWriter) message =
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

    /// One message. `to` is the phone number with "+" (without it Meta would put the business's own country
    /// code first), `recipient` the business-scoped id; where both are there Meta takes the phone. The key
    /// travels as `biz_opaque_callback_data` and comes back with every status of the message.
    let message
        (key: CommandKey)
        (recipient: Recipient)
        (message: OutboundMessage)
        (replyTo: MessageId option)
        : byte[] =
        json (fun writer ->
            writer.WriteString("recipient_type", "individual")

            match recipient.Phone with
            | Some phone -> writer.WriteString("to", "+" + phone.TrimStart '+')
            | None -> ()

            match recipient.BusinessScopedId with
            | Some id -> writer.WriteString("recipient", id)
            | None -> ()

            match replyTo with
            | Some(MessageId id) ->
                inObject writer "context" (fun () -> writer.WriteString("message_id", id))
            | None -> ()

            writer.WriteString("biz_opaque_callback_data", CommandKey.text key)
            content writer message)

    /// Marks a message and all before it as read and shows the typing dots for 25 seconds or until
    /// something is said.
    let markRead (MessageId id) : byte[] =
        json (fun writer ->
            writer.WriteString("status", "read")
            writer.WriteString("message_id", id)
            inObject writer "typing_indicator" (fun () -> writer.WriteString("type", "text")))
