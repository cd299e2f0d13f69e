/// The accounting as metrics. The numbers are those of the database, so that every node that shares it tells
/// the same ones.
module FunctionalBot.Effects.Telemetry.AccountGauges

open System
open System.Collections.Generic
open System.Diagnostics.Metrics
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Effects

/// How often the database is counted.
let interval = TimeSpan.FromSeconds 10.

let private byState (counts: Map<string, int64>) : Measurement<int64> seq = seq {
    for KeyValue(state, count) in counts -> Measurement<int64>(count, Label.tag "bot.state" state)
}

let private one (value: int64) : Measurement<int64> seq = [ Measurement<int64> value ]

/// What was received and neither ended nor waits. It is 0 at every moment.
let unaccounted (account: Accounting) : int64 =
    account.Received - Seq.sum (Map.values account.Ended) - account.Pending

/// Makes the gauges, and gives what counts for them until it is cancelled, and once more then, so that what is
/// exported last is how things ended. Reading a gauge waits for nothing: it tells what was counted last, and
/// nothing while the database is away.
let create (instruments: Instruments) (world: World) (store: StorePort) : CancellationToken -> Task =
    let latest: (Accounting * ServiceState list) option ref = ref None

    let observed (measure: Accounting -> Measurement<'number> seq) () : IEnumerable<Measurement<'number>> =
        match latest.Value with
        | Some(account, _) -> measure account
        | None -> Seq.empty

    let meter = instruments.Meter

    let counted name unit description measure =
        meter.CreateObservableCounter<int64>(name, Func<_>(observed measure), unit, description)
        |> ignore

    let level name unit description measure =
        meter.CreateObservableGauge<int64>(name, Func<_>(observed measure), unit, description)
        |> ignore

    counted "bot.inbox.received" "{entry}" "What was taken in" (fun account -> one account.Received)
    // No counter that only rises: an entry that is put back by hand has not ended any more.
    meter.CreateObservableUpDownCounter<int64>(
        "bot.inbox.ended",
        Func<_>(observed (fun account -> byState account.Ended)),
        "{entry}",
        "What ended, by state"
    )
    |> ignore

    level "bot.inbox.pending" "{entry}" "What waits to be decided" (fun account -> one account.Pending)

    level "bot.inbox.unaccounted" "{entry}" "Received, less ended, less pending: always 0" (fun account ->
        one (unaccounted account))

    level "bot.commands" "{command}" "Commands by state" (fun account -> byState account.Commands)
    level "bot.timers" "{timer}" "Timers that are set" (fun account -> one account.Timers)

    let age (since: DateTimeOffset option) =
        match since with
        | Some since -> max 0. (world.Now() - since).TotalSeconds
        | None -> 0.

    let ageOf (account: Accounting) service =
        Measurement<float>(
            age (account.OldestOpen.TryFind service),
            Label.tag "bot.service" (Service.name service)
        )

    meter.CreateObservableGauge<float>(
        "bot.inbox.oldest",
        Func<_>(observed (fun account -> [ Measurement<float>(age account.OldestPending) ])),
        "s",
        "Age of the oldest entry that waits to be decided, 0 where none does"
    )
    |> ignore

    meter.CreateObservableGauge<float>(
        "bot.commands.oldest",
        Func<_>(observed (fun account -> [ for service in Service.all -> ageOf account service ])),
        "s",
        "Age of the oldest command that has not ended, tried or not, 0 where there is none"
    )
    |> ignore

    let troubles () : IEnumerable<Measurement<int64>> =
        match latest.Value with
        | None -> Seq.empty
        | Some(_, states) -> [
            for service in [ ServiceState.whatsApp; ServiceState.assistant; ServiceState.odoo ] do
                let now = world.Now()

                let isOf (state: ServiceState) =
                    state.Service = service
                    || service = ServiceState.whatsApp && ServiceState.isWhatsApp state.Service

                let found =
                    states
                    |> List.filter (fun state -> isOf state && ServiceState.isTrouble now state)

                Measurement<int64>(int64 found.Length, Label.tag "bot.called" service)
          ]

    meter.CreateObservableGauge<int64>(
        "bot.services.trouble",
        Func<_>(troubles),
        "{node}",
        "Nodes that leave a service alone; each stop of WhatsApp, which is for all nodes, counts as one"
    )
    |> ignore

    let count () : Task = task {
        try
            let! account = store.Accounting()
            let! states = store.ServiceStates()
            latest.Value <- Some(account, states)
        with _ ->
            // That the database is away is counted where it is called.
            latest.Value <- None
    }

    fun cancel -> task {
        while not cancel.IsCancellationRequested do
            do! count ()

            try
                do! world.Delay interval cancel
            with :? OperationCanceledException ->
                ()

        do! count ()
    }
