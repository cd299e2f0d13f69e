namespace FunctionalBot.Effects

open System
open System.Text
open System.Text.Json

/// The body of a message with a form.
module FormBody =
    /// The words as WhatsApp takes them on the button: one line without emoji, within the limit.
    let button (words: string) : string =
        let kept = StringBuilder words.Length

        for rune in words.EnumerateRunes() do
            if not (OutboundLimits.isEmoji rune) then
                kept.Append(rune.ToString()) |> ignore

        kept.ToString().Split([| ' '; '\n' |], StringSplitOptions.RemoveEmptyEntries)
        |> String.concat " "
        |> Graphemes.cut (OutboundLimits.most LimitedPart.FormButton)

    let private parameters (invitation: FormInvitation) (writer: Utf8JsonWriter) =
        writer.WriteStartObject "parameters"
        writer.WriteString("flow_message_version", "3")

        match invitation.Flow with
        | FlowId id -> writer.WriteString("flow_id", id)
        | FlowNamed name -> writer.WriteString("flow_name", name)

        writer.WriteString("flow_cta", invitation.Button)

        writer.WriteString(
            "mode",
            match invitation.Mode with
            | DraftFlow -> "draft"
            | PublishedFlow -> "published"
        )

        writer.WriteString("flow_token", invitation.Token)

        match invitation.Screen with
        | None -> writer.WriteString("flow_action", "data_exchange")
        | Some data ->
            writer.WriteString("flow_action", "navigate")
            writer.WriteStartObject "flow_action_payload"
            writer.WriteString("screen", FlowScreen.id)
            writer.WritePropertyName "data"
            writer.WriteRawValue data
            writer.WriteEndObject()

        writer.WriteEndObject()

    /// Writes the members `type` and `interactive` of a message.
    let write (invitation: FormInvitation) (writer: Utf8JsonWriter) : unit =
        writer.WriteString("type", "interactive")
        writer.WriteStartObject "interactive"
        writer.WriteString("type", "flow")
        writer.WriteStartObject "body"
        writer.WriteString("text", invitation.Body)
        writer.WriteEndObject()
        writer.WriteStartObject "action"
        writer.WriteString("name", "flow")
        parameters invitation writer
        writer.WriteEndObject()
        writer.WriteEndObject()
