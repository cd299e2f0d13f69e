namespace FunctionalBot.Effects

open System
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// The 24 hours after a customer's last message, in which WhatsApp takes what a business wants to say.
module CustomerWindow =
    /// How long it stays open after the customer's last message or call.
    let length = TimeSpan.FromHours 24.

    /// Meta's codes that say: it is shut. A test holds them against the table of errors.
    let refusals: Set<int> = Set.singleton 131047

    /// Whether this refusal ends when the customer writes.
    let isRefusal (code: int) : bool = refusals.Contains code

    /// Whether a status said that it is shut, and the customer was not heard after that. All three are host's time.
    let isShutBy (shut: DateTimeOffset option) (lastHeard: DateTimeOffset option) : bool =
        match shut, lastHeard with
        | None, _ -> false
        | Some _, None -> true
        | Some shut, Some heard -> heard <= shut

    /// Whether a refusal is of after the customer was last heard. Meta tells its time in whole seconds.
    let isOfAfter (heard: DateTimeOffset option) (refused: DateTimeOffset) : bool =
        heard |> Option.forall (fun heard -> refused.AddSeconds 1. >= heard)

    /// A status of an earlier try may come after a later one was accepted; its time tells, but for so much that clocks
    /// may differ. What was tried once has no earlier try.
    let private tolerance = TimeSpan.FromMinutes 2.

    /// Whether a refusal of that time is of the last of so many tries, which was accepted then.
    let isOfLastTry (attempts: int) (accepted: DateTimeOffset) (refused: DateTimeOffset) : bool =
        attempts = 1 || refused > accepted - tolerance

    /// Whether it is shut, as far as we can know: we hear of messages and not of calls. Meta counts from the
    /// customer's own time, which is a little earlier than ours, so where this says open Meta may still refuse.
    let isShut (now: DateTimeOffset) (claimed: ClaimedCommand) : bool =
        claimed.IsShut
        || claimed.LastHeard |> Option.exists (fun heard -> heard < now - length)

/// Asks customers by a template to write. Only a template is taken where the window is shut.
[<NoComparison; NoEquality>]
type LateTemplate = {
    /// Takes the right to ask this customer; true once between two messages of theirs.
    Take: ClaimedCommand -> Task<bool>
    /// Gives the right back: nothing was sent.
    GiveBack: ClaimedCommand -> Task
    /// Sends the template in the customer's language. Its callback must not be the key of what waits: its statuses
    /// settle nothing.
    Send: ClaimedCommand -> CancellationToken -> Task<SendOutcome>
}

/// What becomes of what is said too late.
module LateTemplate =
    /// Built on the store, which keeps who was asked, and a way to send.
    let create
        (world: World)
        (store: StorePort)
        (send: ClaimedCommand -> CancellationToken -> Task<SendOutcome>)
        : LateTemplate =
        let customer (claimed: ClaimedCommand) : CustomerKey = {
            Channel = claimed.Command.Key.Session.Channel
            Customer = claimed.Command.Key.Session.Customer
        }

        {
            Take = fun claimed -> store.TakeTemplate (customer claimed) claimed.LastHeard (world.Now())
            GiveBack = fun claimed -> store.GiveBackTemplate(customer claimed)
            Send = send
        }

    /// How long a template waits that cannot go out for now and was told no time.
    let private soon = TimeSpan.FromSeconds 30.

    let private ask (world: World) template (claimed: ClaimedCommand) (reason: string) cancel = task {
        let! outcome = template.Send claimed cancel

        let later (wait: TimeSpan) (why: string) = task {
            do! template.GiveBack claimed
            return PutOff(world.Now() + wait, "the template for it was not sent: " + why)
        }

        match outcome with
        | Accepted _ -> return AwaitCustomer(reason + "; a template asks the customer to write")
        // Two would be worse than none, and what waits is not lost.
        | OutcomeUnknown _ ->
            return AwaitCustomer(reason + "; nobody knows whether the template for it was sent")
        // Whoever wraps the port tells operators. The next one would be refused as well.
        | Refused(code, why) ->
            return
                AwaitCustomer(
                    $"%s{reason}; the template that asks the customer to write was refused (%d{code}): "
                    + why
                )
        | HeldBack(wait, why) -> return! later wait why
        | RetryLater(wait, why) -> return! later (Option.defaultValue soon wait) why
        | RecipientBusy why
        | ChannelStopped(_, why) -> return! later soon why
    }

    /// Lets a message wait for its customer, and asks the customer to write, where that can be done and was not yet.
    let private awaitCustomer
        (world: World)
        (template: LateTemplate option)
        (claimed: ClaimedCommand)
        (reason: string)
        (cancel: CancellationToken)
        : Task<CommandResult> = task {
        match template with
        | None -> return AwaitCustomer reason
        | Some template ->
            match! template.Take claimed with
            | false -> return AwaitCustomer reason
            | true -> return! ask world template claimed reason cancel
    }

    /// Runs what is said, unless that is hopeless: where nothing is to be had from asking Meta, it is not asked. That
    /// is so after a status said it, and where a template can go out at once. Without one a call costs nothing, and the
    /// customer may have rung up, of which we hear nothing. Other commands are run as they are. `templateOf` gives the
    /// template of a channel's number.
    let around
        (world: World)
        (templateOf: string -> LateTemplate option)
        (run: ClaimedCommand -> CancellationToken -> Task<CommandResult>)
        (claimed: ClaimedCommand)
        (cancel: CancellationToken)
        : Task<CommandResult> = task {
        let template = templateOf claimed.Command.Key.Session.Channel

        let isHopeless =
            claimed.IsShut
            || (template.IsSome && CustomerWindow.isShut (world.Now()) claimed)

        match claimed.Command.Action with
        | Say _ when isHopeless ->
            return! awaitCustomer world template claimed "the customer has to write first" cancel
        | _ ->
            match! run claimed cancel with
            | AwaitCustomer reason -> return! awaitCustomer world template claimed reason cancel
            | result -> return result
    }
