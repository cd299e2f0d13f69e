namespace FunctionalBot.Effects.OdooAdapter

open System
open System.Net
open System.Security.Cryptography
open System.Text
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Keys, phone numbers and texts in the forms that Odoo takes.
module OdooText =

    let private isSafe (letter: char) =
        Char.IsAsciiLetterOrDigit letter || "._/-".Contains letter

    /// A text as part of an external id: Odoo takes no blanks there. Other characters become "=" and four
    /// hex digits, so two texts never become one.
    let safe (text: string) : string =
        let written = StringBuilder text.Length

        for letter in text do
            if isSafe letter then
                written.Append letter |> ignore
            else
                written.Append('=').Append((int letter).ToString "X4") |> ignore

        written.ToString()

    let private unsafe (text: string) =
        let read = StringBuilder text.Length
        let mutable index = 0

        while index < text.Length do
            let hex =
                if index + 5 <= text.Length then
                    text.Substring(index + 1, 4)
                else
                    ""

            match text[index], Int32.TryParse(hex, Globalization.NumberStyles.HexNumber, null) with
            | '=', (true, code) ->
                read.Append(char code) |> ignore
                index <- index + 5
            | letter, _ ->
                read.Append letter |> ignore
                index <- index + 1

        read.ToString()

    /// The key of a ticket as Odoo stores it.
    let key (key: CommandKey) : string = safe (CommandKey.text key)

    /// The external id of a ticket, "wabot." and its key.
    let externalId (command: CommandKey) : string = "wabot." + key command

    /// The session whose ticket carries this stored key or external id. None when it is none of ours.
    let sessionOf (stored: string) : SessionId option =
        let bare =
            if stored.StartsWith("wabot.", StringComparison.Ordinal) then
                stored.Substring 6
            else
                stored

        CommandKey.parse (unsafe bare) |> Option.map _.Session

    /// A mark that a note carries, by which it is known to be there already.
    let noteMark (key: CommandKey) : string =
        let hash = SHA256.HashData(Encoding.UTF8.GetBytes(CommandKey.text key))
        "wabot-" + Convert.ToHexStringLower(hash).Substring(0, 16)

    // PostgreSQL takes no NUL in a text, and Odoo answers 500 to one.
    let private withoutNul (text: string) = text.Replace("\000", "")

    /// Plain text as HTML that shows exactly it.
    let html (text: string) : string =
        let encoded =
            WebUtility.HtmlEncode((withoutNul text).Replace("\r\n", "\n")) |> nonNull

        "<p>" + encoded.Replace("\n", "<br>") + "</p>"

    /// Text for a char field: one line, at most 120 UTF-16 units.
    let line (text: string) : string =
        (withoutNul text)
            .Split(
                [| '\r'; '\n'; '\t' |],
                StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries
            )
        |> String.concat " "
        |> Excerpt.cut 120

    /// The number in E.164 form first, then the other forms that the same subscriber is stored under:
    /// WhatsApp's ids of Mexico, Brazil and Argentina keep or drop a digit that the numbering plans treat
    /// the other way.
    let phones (digits: string) : string list =
        let rest (prefix: string) = digits.Substring prefix.Length

        let others =
            if digits.StartsWith "521" && digits.Length = 13 then
                [ "52" + rest "521" ]
            elif digits.StartsWith "52" && digits.Length = 12 then
                [ "521" + rest "52" ]
            elif digits.StartsWith "549" && digits.Length = 13 then
                [ "54" + rest "549" ]
            elif digits.StartsWith "54" && digits.Length = 12 then
                [ "549" + rest "54" ]
            elif digits.StartsWith "55" && digits.Length = 13 && digits[4] = '9' then
                [ digits.Substring(0, 4) + digits.Substring 5 ]
            elif digits.StartsWith "55" && digits.Length = 12 then
                [ digits.Substring(0, 4) + "9" + digits.Substring 4 ]
            else
                []

        digits :: others |> List.map (fun form -> "+" + form)

    let private languageName =
        function
        | Spanish -> "español"
        | English -> "inglés"
        | Portuguese -> "portugués"

    /// The description that agents read: the customer's words, then who it is. The key at the end lets the
    /// ticket be found again where the model has no field for it.
    let description
        (command: CommandKey)
        (ticket: Ticket)
        (customer: Customer)
        (language: Language)
        : string =
        let facts =
            [
                match ticket.Purpose with
                | HandOver -> "Para una persona del equipo: el cliente espera que le conteste alguien."
                | Support -> ()
                match customer.Name with
                | Some name -> "Cliente: " + line name
                | None -> ()
                match customer.Phone with
                | Some phone -> "Teléfono: +" + phone
                | None -> ()
                match ticket.Email with
                | Some email -> "Correo: " + EmailAddress.value email
                | None -> ()
                "Idioma: " + languageName language
                "Canal: WhatsApp"
                "Ref.: " + key command
            ]
            |> String.concat "\n"

        html (TicketDescription.value ticket.Description) + html facts
