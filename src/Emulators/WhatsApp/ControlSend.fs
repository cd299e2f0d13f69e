namespace FunctionalBot.Emulators.WhatsApp

open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// `POST /_emulator/send`: what a person does on a phone, as the page and tests in any language say it.
[<RequireQualifiedAccess>]
module ControlSend =

    let private longestText = 4096

    let private textAt name value = Json.textAt [ name ] value

    let private oneText name most act value =
        match Json.asText value with
        | Some text when text.Length > most -> Error $"`%s{name}` has at most %d{most} characters."
        | Some text when text.Trim() = "" -> Error $"`%s{name}` must not be empty."
        | Some text -> act text
        | None -> Error $"`%s{name}` must be a text."

    // The wamid that every act on a message names.
    let private onMessage name act value =
        match textAt "message" value with
        | Some wamid -> act wamid
        | None -> Error $"`%s{name}` needs the `message` (wamid) that it is about."

    // Each act: the field that names it, and what it does with that field's value.
    let private acts (phones: Customers) (customer: string) (quoted: string option) = [
        "text", oneText "text" longestText (fun text -> phones.Text customer text quoted)
        "sample", oneText "sample" 40 (fun name -> phones.Sample customer name quoted)
        "press",
        fun value ->
            onMessage
                "press"
                (fun wamid -> phones.Press customer wamid (textAt "id" value |> Option.defaultValue ""))
                value
        "answer",
        fun value ->
            let content = Json.given "content" value |> Option.defaultValue Json.Null
            onMessage "answer" (fun wamid -> phones.Answer customer wamid content) value
        "form",
        fun value ->
            let payload = Json.given "payload" value |> Option.defaultValue (Json.Fields [])
            onMessage "form" (fun wamid -> phones.FillForm customer wamid payload) value
        "shareNumber", onMessage "shareNumber" (fun wamid -> phones.ShareNumber customer wamid)
        "react",
        fun value ->
            let emoji = textAt "emoji" value |> Option.filter (fun text -> text <> "")
            onMessage "react" (fun wamid -> phones.React customer wamid emoji) value
        "edit",
        fun value ->
            let change wamid =
                Json.given "text" value
                |> Option.defaultValue Json.Null
                |> oneText "text" longestText (fun text -> phones.Edit customer wamid text)

            onMessage "edit" change value
        "delete", onMessage "delete" (fun wamid -> phones.Delete customer wamid)
        "forward",
        fun value ->
            let often = Json.given "often" value = Some(Json.Flag true)
            onMessage "forward" (fun wamid -> phones.Forward customer wamid often) value
        "open", (fun _ -> phones.OpenChat customer)
        "advertisement",
        oneText "advertisement" longestText (fun text -> phones.FromAdvertisement customer text)
        "message", (fun content -> phones.Raw customer content quoted)
    ]

    /// The chat that a body or a query means: the one with the number that it names, else with the main one.
    let phones control (number: string option) =
        match number with
        | None
        | Some "" -> Ok(control.Customers control.Settings.PhoneNumberId)
        | Some id -> Ok(control.Customers id)
        |> Result.bind (fun found ->
            match found with
            | Some phones -> Ok phones
            | None -> Error "`number` is no phone number id of the business.")

    /// Does what the body says and answers with the new message's id.
    let handle control (context: HttpContext) body : Task =
        let customer = textAt "customer" body |> Option.defaultValue ""

        let sent =
            phones control (textAt "number" body)
            |> Result.bind (fun phones ->
                let known = acts phones customer (textAt "replyTo" body)

                let named =
                    known
                    |> List.tryPick (fun (name, act) ->
                        Json.given name body |> Option.map (fun value -> act value))

                match named with
                | Some outcome -> outcome
                | None ->
                    let names = known |> List.map (fun (name, _) -> $"`%s{name}`") |> String.concat ", "
                    Error $"Nothing to send: give one of %s{names}.")

        match sent with
        | Ok id -> Answer.json context 200 (Json.Fields [ "id", Json.Text id ])
        | Error text -> Exchange.answerProblem context 400 text
