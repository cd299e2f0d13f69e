namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Security.Cryptography
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// The endpoints that drive the emulator: for its page, for tests in any language, and for people with curl.
[<RequireQualifiedAccess>]
module Control =

    let private problem = Exchange.answerProblem

    let private done' context =
        Answer.json context 200 (Json.Fields [ "ok", Json.Flag true ])

    // The file that a request brings as its body.
    let private broughtFile (context: HttpContext) : Task<MediaFile> = task {
        let! bytes = Exchange.readBytes context
        let query name = string context.Request.Query[name]
        let given text = if text = "" then None else Some text

        return {
            ContentType =
                context.Request.ContentType
                |> Option.ofObj
                |> Option.defaultValue "application/octet-stream"
            Name = given (query "name")
            Bytes = bytes
        }
    }

    let private chat control (context: HttpContext) =
        ControlSend.phones control (Some(string context.Request.Query["number"]))

    let private upload (control: ControlDesk) (context: HttpContext) : Task = task {
        let! file = broughtFile context
        let query name = string context.Request.Query[name]
        let caption = query "caption"

        let sent =
            chat control context
            |> Result.bind (fun phones ->
                phones.File (query "customer") file (if caption = "" then None else Some caption))

        match sent with
        | Ok id -> do! Answer.json context 200 (Json.Fields [ "id", Json.Text id ])
        | Error text -> do! problem context 400 text
    }

    let private uploadForForm (control: ControlDesk) (context: HttpContext) : Task = task {
        let! file = broughtFile context

        match chat control context with
        | Ok phones -> do! Answer.json context 200 (phones.FormFile file)
        | Error text -> do! problem context 400 text
    }

    let private form (control: ControlDesk) context body : Task = task {
        match! control.Forms.Ask body with
        | Ok answer -> do! Answer.json context 200 answer
        | Error text -> do! problem context 400 text
    }

    let private changedCustomer context (outcome: Result<Customer, string>) =
        match outcome with
        | Ok customer ->
            Json.sparse [
                "phone", customer.Phone |> Option.map Json.Text
                "userId", customer.UserId |> Option.map Json.Text
            ]
            |> Answer.json context 200
        | Error text -> problem context 400 text

    let private media (control: ControlDesk) (context: HttpContext) id =
        match control.Media.Find id with
        | Some file -> Answer.file context file.ContentType file.Bytes
        | None -> problem context 404 $"There is no media %s{id}."

    let private addCustomer (control: ControlDesk) context body =
        let newId () =
            "c" + (RandomNumberGenerator.GetHexString 8).ToLowerInvariant()

        match Archive.customerOfJson newId body with
        | Error text -> problem context 400 text
        | Ok customer ->
            control.Conversations.Put customer
            Answer.json context 200 (Json.Fields [ "id", Json.Text customer.Id ])

    let private verify control context : Task = task {
        match control.Sender.Url with
        | None -> do! problem context 409 "No webhook address is set: POST {\"url\"} to /_emulator/webhook."
        | Some url ->
            match! control.Verify url control.Settings.VerifyToken with
            | Ok() -> do! done' context
            | Error text -> do! problem context 502 text
    }

    /// Forgets everything that has happened.
    let reset control =
        control.Sender.Clear()
        control.Log.Clear()
        control.Media.Clear()
        control.Faults.Reset()
        control.Business.Clear()
        control.Conversations.Reset()

    let private changeFaults control context body =
        match control.Faults.Change body with
        | Error text -> problem context 400 text
        | Ok faults ->
            let shown = Faults.toJson faults
            control.Live.Publish("faults", shown)
            Answer.json context 200 shown

    let private post control (context: HttpContext) name body : Task =
        match name with
        | "send" -> ControlSend.handle control context body
        | "form" -> form control context body
        | "change-number" ->
            let id = Json.textAt [ "customer" ] body |> Option.defaultValue ""
            let phone = Json.textAt [ "phone" ] body |> Option.defaultValue ""

            Identities.changeNumber control.Conversations control.Sender id phone
            |> changedCustomer context
        | "change-user-id" ->
            Json.textAt [ "customer" ] body
            |> Option.defaultValue ""
            |> Identities.changeUserId control.Conversations control.Sender
            |> changedCustomer context
        | "faults" -> changeFaults control context body
        | "customers" -> addCustomer (control: ControlDesk) context body
        | "read" ->
            match Json.textAt [ "customer" ] body |> Option.bind control.Conversations.Customer with
            | Some customer ->
                control.Business.Shown(customer, Json.textAt [ "number" ] body)
                done' context
            | None -> problem context 404 "There is no such customer."
        | "clock" ->
            match Json.given "advance" body |> Option.bind Json.asNumber with
            | Some seconds when seconds >= 0.0 && seconds <= 1e8 ->
                control.Conversations.MoveClock(TimeSpan.FromSeconds seconds)
                done' context
            | _ -> problem context 400 "`advance` must be a number of seconds, 0 or more."
        | "webhook" ->
            match Json.textAt [ "url" ] body |> Option.bind WebAddress.tryRead with
            | Some url ->
                control.Sender.SetUrl url
                done' context
            | None -> problem context 400 "`url` must be an http or https address."
        | "verify" -> verify control context
        | "change" ->
            match Json.textAt [ "field" ] body, Json.given "value" body with
            | Some field, Some value ->
                match ControlSend.phones control (Json.textAt [ "number" ] body) with
                | Ok phones ->
                    phones.Change field value
                    done' context
                | Error text -> problem context 400 text
            | _ -> problem context 400 "`field` (text) and `value` (object) are required."
        | "reset" ->
            reset control
            done' context
        | other ->
            problem context 404 $"There is no /_emulator/%s{other}; GET /_emulator lists what there is."

    let private postJson control (context: HttpContext) name : Task =
        Exchange.withJsonBody (fun context body -> post control context name body) context

    let private messages control (context: HttpContext) =
        let found =
            match string context.Request.Query["customer"] with
            | "" -> control.Conversations.All
            | id -> control.Conversations.Thread id

        Json.Items(List.map Message.toJson found)

    /// Answers a request whose path begins with `/_emulator`; `rest` is what follows.
    let handle control (context: HttpContext) (rest: string list) : Task =
        let shown = Answer.json context 200

        match context.Request.Method, rest with
        | "GET", [] ->
            Answer.file context "text/plain; charset=utf-8" (Text.Encoding.UTF8.GetBytes ControlView.help)
        | "GET", [ "health" ] -> shown (ControlView.health control)
        | "GET", [ "state" ] -> shown (ControlView.state control)
        | "GET", [ "events" ] -> control.Live.Serve context
        | "GET", [ "messages" ] -> shown (messages control context)
        | "GET", [ "requests" ] -> shown (Json.Items(List.map ControlView.requestJson (control.Log.All())))
        | "GET", [ "webhooks" ] ->
            shown (Json.Items(List.map ControlView.deliveryJson control.Sender.Deliveries))
        | "GET", [ "faults" ] -> shown (Faults.toJson control.Faults.Current)
        | "GET", [ "media"; id ] -> media control context id
        | "POST", [ "media" ] -> upload control context
        | "POST", [ "form-media" ] -> uploadForForm control context
        | "POST", [ name ] -> postJson control context name
        | _ -> problem context 404 "There is no such endpoint; GET /_emulator lists what there is."
