namespace FunctionalBot.Effects

open System
open System.Globalization
open System.Text
open System.Text.Json

/// The body of a message with a form.
module FormBody =
    /// UTF-16 units.
    let bodyLimit = 1024

    /// UTF-16 units.
    let buttonLimit = 30

    /// Symbols, and what only changes how one looks; marks that belong to letters stay.
    let private isEmoji (rune: Rune) =
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.OtherSymbol
        | UnicodeCategory.EnclosingMark
        | UnicodeCategory.Format
        | UnicodeCategory.Surrogate
        | UnicodeCategory.PrivateUse -> true
        | UnicodeCategory.ModifierSymbol -> rune.Value > 0x7F
        | UnicodeCategory.NonSpacingMark -> rune.Value >= 0xFE00 && rune.Value <= 0xFE0F
        | UnicodeCategory.Control -> rune.Value <> int '\n'
        | _ -> false

    /// The words as WhatsApp takes them on the button: one line without emoji and of at most 30 units.
    let button (words: string) : string =
        let kept = StringBuilder words.Length

        for rune in words.EnumerateRunes() do
            if not (isEmoji rune) then
                kept.Append(rune.ToString()) |> ignore

        kept.ToString().Split([| ' '; '\n' |], StringSplitOptions.RemoveEmptyEntries)
        |> String.concat " "
        |> Graphemes.cut buttonLimit

    let private parameters (invitation: FormInvitation) (writer: Utf8JsonWriter) =
        writer.WriteStartObject "parameters"
        writer.WriteString("flow_message_version", "3")

        match invitation.Flow with
        | FlowId id -> writer.WriteString("flow_id", id)
        | FlowNamed name -> writer.WriteString("flow_name", name)

        writer.WriteString("flow_cta", button invitation.Button)

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
        writer.WriteString("text", Graphemes.cut bodyLimit invitation.Body)
        writer.WriteEndObject()
        writer.WriteStartObject "action"
        writer.WriteString("name", "flow")
        parameters invitation writer
        writer.WriteEndObject()
        writer.WriteEndObject()
