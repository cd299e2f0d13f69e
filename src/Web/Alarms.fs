/// Tells operators what Meta says of the account, and which failures concern more than one message: a line in the log,
/// and a state that /readyz, `bot status` and `bot doctor` show.
module FunctionalBot.Web.Alarms

open System
open System.Collections.Generic
open System.Threading.Tasks
open FunctionalBot.Effects

/// What failed messages are told under.
let failures = "whatsapp-messages"

/// How long a warning is shown, if nothing ends it.
let shownFor = TimeSpan.FromHours 24.

/// The same is not told again within this time.
let repeatAfter = TimeSpan.FromMinutes 10.

/// What a code says to operators, of one message that failed with it. None where only that message is concerned, and
/// for 0, by which Meta said nothing.
let ofFailure (code: int) : AccountNotice option =
    let error = WhatsAppErrors.ofCode code

    match error.Action with
    | _ when code = 0 -> None
    | ErrorAction.MendToken
    | ErrorAction.MendAccount
    | ErrorAction.MendNumber
    | ErrorAction.Alarm ->
        Some {
            Service = failures
            Weight = Alarming
            Told = $"a message failed: %s{error.Words} (code %d{code})"
            EndsTrouble = false
        }
    | ErrorAction.GoesOn
    | ErrorAction.TellCustomer
    | ErrorAction.AwaitCustomer
    | ErrorAction.AskForFile
    | ErrorAction.LeaveAlone -> None

/// What one update says to operators.
let ofUpdate (update: Update) : AccountNotice option =
    match update with
    | StatusCame(_, _, Failed(code, _), _, _) -> ofFailure code
    | StatusCame _
    | PersonMoved _
    | CustomerDid _
    | NotUnderstood _ -> None
    | NothingToDo _ -> WhatsAppNotice.ofUpdate update

/// Tells operators of a notice. Never fails.
[<NoComparison; NoEquality>]
type Alarms = { Tell: AccountNotice -> Task }

let private write (log: Serilog.ILogger) (notice: AccountNotice) =
    let line = "WhatsApp tells of {Service}: {Told}"

    match notice.Weight with
    | Alarming -> log.Error(line, notice.Service, notice.Told)
    | Remarkable -> log.Warning(line, notice.Service, notice.Told)
    | GoodNews -> log.Information(line, notice.Service, notice.Told)

/// Builds the alarms. Of a thousand equal failures one line is written.
let create (world: World) (store: StorePort) (log: Serilog.ILogger) : Alarms =
    let toldAt = Dictionary<string, DateTimeOffset>()

    let isNew (notice: AccountNotice) now =
        lock toldAt (fun () ->
            let name = notice.Service + " " + notice.Told

            match toldAt.TryGetValue name with
            | true, at when now - at < repeatAfter -> false
            | _ ->
                // Words of Meta's differ little; should they not, nothing grows without bounds.
                if toldAt.Count > 1000 then
                    toldAt.Clear()

                toldAt[name] <- now
                true)

    let report (notice: AccountNotice) now : Task = task {
        let state condition reason until : ServiceState = {
            Service = notice.Service
            Node = None
            Condition = condition
            Since = now
            Reason = reason
            NextProbe = until
        }

        try
            match notice.Weight with
            | Alarming
            | Remarkable ->
                do!
                    store.ReportService(
                        state ServiceCondition.Warned (Some notice.Told) (Some(now + shownFor))
                    )
            | GoodNews when notice.EndsTrouble ->
                do! store.ReportService(state ServiceCondition.Working None None)
            | GoodNews -> ()
        with
        // The log has it; states are for eyes.
        | StoreUnavailable _ -> ()
        | fault -> log.Warning(fault, "The state of {Service} could not be kept", notice.Service)
    }

    {
        Tell =
            fun notice -> task {
                let now = world.Now()

                if isNew notice now then
                    write log notice
                    do! report notice now
            }
    }

/// A door that tells what came in, once it is stored.
let atDoor (alarms: Alarms) (receiver: Webhook.Receiver) : Webhook.Receiver = {
    receiver with
        Store =
            fun body ->
                let notices =
                    match body.Updates with
                    | Ok updates -> List.choose ofUpdate updates
                    | Error _ -> []

                match notices with
                | [] -> receiver.Store body
                | notices -> task {
                    do! receiver.Store body

                    for notice in List.distinct notices do
                        do! alarms.Tell notice
                  }
}

/// A WhatsApp whose refusals are told where they concern more than one message. Stops are told by `ChannelStop`.
let onRefusals (alarms: Alarms) (whatsApp: WhatsAppPort) : WhatsAppPort =
    let look outcome : Task = task {
        match outcome with
        | Refused(code, _) ->
            match ofFailure code with
            | Some notice -> do! alarms.Tell notice
            | None -> ()
        | _ -> ()
    }

    {
        whatsApp with
            Send =
                fun outgoing cancel -> task {
                    let! outcome = whatsApp.Send outgoing cancel
                    do! look outcome
                    return outcome
                }
            Upload =
                fun channel file cancel -> task {
                    let! uploaded = whatsApp.Upload channel file cancel

                    match uploaded with
                    | Ok _ -> ()
                    | Error outcome -> do! look outcome

                    return uploaded
                }
    }
