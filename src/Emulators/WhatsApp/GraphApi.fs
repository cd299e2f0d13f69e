namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Text.RegularExpressions
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// The part of graph.facebook.com that a bot uses: sending messages, and what `GraphObjects` has.
[<RequireQualifiedAccess>]
module GraphApi =

    let private version = Regex @"^v\d{1,3}\.\d{1,2}$"

    let private taken (sent: Taken) =
        let person =
            match sent.Customer, sent.Outbound.Recipient with
            | Some customer, Number number -> [
                "wa_id", Some(Json.Text(customer.Phone |> Option.defaultValue number))
                "user_id", customer.UserId |> Option.map Json.Text
              ]
            | Some customer, User _ -> [ "user_id", customer.UserId |> Option.map Json.Text ]
            | None, Number number -> [ "wa_id", Some(Json.Text number) ]
            | None, User id -> [ "user_id", Some(Json.Text id) ]

        let message =
            Json.sparse [
                "id", Some(Json.Text sent.Wamid)
                "message_status",
                (if sent.Outbound.Type = "template" then
                     Some(Json.Text "accepted")
                 else
                     None)
            ]

        Json.Fields [
            "messaging_product", Json.Text "whatsapp"
            "contacts", Json.Items [ Json.sparse (("input", Some(Json.Text sent.Outbound.Input)) :: person) ]
            "messages", Json.Items [ message ]
        ]

    let private refusal api =
        if api.Faults.Strikes _.SendError (fun all left -> { all with SendError = left }) then
            let faults = api.Faults.Current

            let error =
                if faults.SendErrorCode = 190 then
                    GraphError.unauthorized
                else
                    GraphError.create faults.SendErrorCode "Asked for by the emulator's fault switches."

            Some {
                error with
                    Status = faults.SendErrorStatus |> Option.defaultValue error.Status
            }
        else
            None

    let private answerTaken api (context: HttpContext) body sent : Task = task {
        let faults = api.Faults.Current

        if api.Faults.Strikes _.LostAnswer (fun all left -> { all with LostAnswer = left }) then
            GraphAnswer.log api context (Some body) 0
            sent.Announce()
            context.Abort()
        elif faults.AnswerDelay > 0 then
            sent.Announce()
            do! Task.Delay(TimeSpan.FromMilliseconds(float faults.AnswerDelay), api.Settings.Time)
            do! GraphAnswer.ok api context (Some body) (taken sent)
        else
            // The answer first: a bot that knows the id is the usual case. The switches make the other one.
            do! GraphAnswer.ok api context (Some body) (taken sent)
            sent.Announce()
    }

    let private known api : Known = {
        Media = fun id -> api.Media.Known id |> Option.map _.File
        Flow = api.Account.Flows.Check
    }

    let private messages api (context: HttpContext) (number: BusinessPhone) : Task = task {
        let! bytes = Exchange.readBytes context

        match Json.parseBytes (ReadOnlyMemory bytes) with
        | Error text ->
            do! GraphAnswer.problem api context None (GraphError.create 100 $"The body is not JSON: %s{text}")
        | Ok body ->
            let fails = GraphAnswer.problem api context (Some body)

            match
                GraphAnswer.authorize api context
                |> Result.bind (fun () -> SendRequest.read (known api) body)
            with
            | Error error -> do! fails error
            | Ok(MarkRead(wamid, typing)) ->
                match api.Business.MarkRead number wamid typing with
                | Error error -> do! fails error
                | Ok() -> do! GraphAnswer.ok api context (Some body) GraphAnswer.success
            | Ok(Send outbound) ->
                match refusal api with
                | Some error -> do! fails error
                | None ->
                    match api.Business.Take(number, outbound) with
                    | Error error -> do! fails error
                    | Ok sent -> do! answerTaken api context body sent
    }

    /// Answers any request that is for the Graph API.
    let handle api (context: HttpContext) : Task =
        let segments =
            (string context.Request.Path).Split('/', StringSplitOptions.RemoveEmptyEntries)
            |> List.ofArray

        let guarded rest =
            match GraphAnswer.authorize api context with
            | Error error -> GraphAnswer.problem api context None error
            | Ok() -> GraphObjects.versioned api context rest

        let messagesOf =
            match context.Request.Method, segments with
            | "POST", [ number; id; "messages" ] when version.IsMatch number ->
                Settings.number api.Settings id
            | _ -> None

        match context.Request.Method, segments with
        | "GET", [ "whatsapp_business"; "attachments" ] -> GraphMedia.download api context
        | _, "elsewhere" :: _ -> GraphMedia.elsewhere api context
        // Messages check the token themselves, after the body is kept for the journal.
        | _ when messagesOf.IsSome -> messages api context messagesOf.Value
        | _, number :: rest when version.IsMatch number -> guarded rest
        | _, rest -> guarded rest
