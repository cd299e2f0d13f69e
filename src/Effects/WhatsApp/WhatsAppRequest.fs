namespace FunctionalBot.Effects

open System.Buffers
open System.Text.Encodings.Web
open System.Text.Json
open FunctionalBot.Domain

/// The bodies of `POST /{phone_number_id}/messages`, as UTF-8 JSON.
module WhatsAppRequest =
    open WhatsAppBody

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

    /// Meta takes no quote with these.
    let private mayQuote message =
        match message with
        | TemplateMessage _
        | ReactionMessage _ -> false
        | TextMessage _
        | ButtonMessage _
        | ListMessage _
        | FormMessage _
        | LinkMessage _
        | LocationRequest _
        | ContactRequest _
        | ImageMessage _
        | DocumentMessage _ -> true

    /// `to` is the phone number with "+" (without it Meta would put the business's own country code first),
    /// `recipient` the business-scoped id; where both are there Meta takes the phone.
    let private addressed (recipient: Recipient) (writer: Utf8JsonWriter) =
        writer.WriteString("recipient_type", "individual")

        match recipient.Phone with
        | Some phone -> writer.WriteString("to", "+" + phone.TrimStart '+')
        | None -> ()

        match recipient.BusinessScopedId with
        | Some id -> writer.WriteString("recipient", id)
        | None -> ()

    /// One message. The callback travels as `biz_opaque_callback_data` and comes back with every status of the message.
    let message (outgoing: Outgoing) : byte[] =
        json (fun writer ->
            addressed outgoing.Recipient writer

            match outgoing.Quoted with
            | Some(MessageId id) when mayQuote outgoing.Message ->
                inObject writer "context" (fun () -> writer.WriteString("message_id", id))
            | _ -> ()

            writer.WriteString("biz_opaque_callback_data", outgoing.Callback)
            write writer outgoing.Message)

    /// One template that an operator sends: no command waits for its statuses.
    let template (recipient: Recipient) (template: Template) : byte[] =
        json (fun writer ->
            addressed recipient writer
            write writer (TemplateMessage template))

    /// Marks a message and all before it as read and shows the typing dots for 25 seconds or until
    /// something is said.
    let markRead (MessageId id) : byte[] =
        json (fun writer ->
            writer.WriteString("status", "read")
            writer.WriteString("message_id", id)
            inObject writer "typing_indicator" (fun () -> writer.WriteString("type", "text")))
