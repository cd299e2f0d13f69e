namespace FunctionalBot.Effects

open System

/// When a service is left alone, and for how long.
type BreakerSettings = {
    /// So many failures in a row open it.
    Failures: int
    /// How long calls are left out at first; twice as long after each probe that failed.
    First: TimeSpan
    /// The longest time that calls are left out.
    Longest: TimeSpan
    /// A probe that is not heard of for so long is given up, and another call probes.
    ProbeLimit: TimeSpan
}

/// What came of a call.
type CallVerdict =
    /// The service answered, whatever it said.
    | ServiceAnswered
    /// It failed in a way that another try may mend; after this time, if it named one.
    | ServiceFailed of after: TimeSpan option * reason: string
    /// Nothing was learnt of the service.
    | NothingLearnt

/// How far a breaker is.
[<RequireQualifiedAccess>]
type BreakerPhase =
    /// Calls are made; so many in a row have failed.
    | Closed of failures: int
    /// No calls are made until then; so many probes have failed.
    | Open of until: DateTimeOffset * probes: int
    /// One call is under way since then to find out.
    | HalfOpen of since: DateTimeOffset * probes: int

/// A breaker: how far it is, and why.
type Breaker = {
    Phase: BreakerPhase
    /// Counts changes of the phase. The outcome of a call counts only in the round that it was made in: what
    /// was begun before the service failed says nothing about the service now.
    Round: int
    /// Since when the service works, or does not.
    Since: DateTimeOffset
    /// The last failure's reason; "" while closed.
    Reason: string
}

/// A permit for one call.
type CallPermit = { Round: int; IsProbe: bool }

/// A circuit breaker as pure functions of the time and of chance. Polly's breaker was looked at: it takes a
/// TimeProvider, but it runs its callbacks and reads other clocks by itself, shows its state to nobody before it
/// has changed, and knows no probe that ends without an answer. What runs in simulated time here must do
/// nothing by itself, so these few functions are ours.
module CircuitBreaker =
    /// A service of which nothing bad is known.
    let closed (now: DateTimeOffset) : Breaker = {
        Phase = BreakerPhase.Closed 0
        Round = 0
        Since = now
        Reason = ""
    }

    /// Half of to the whole of first × 2^probes, at most the longest; a time that the service named is kept
    /// to as far as the longest goes.
    let private coolDown settings chance probes (after: TimeSpan option) =
        let whole =
            min (settings.First * Math.Pow(2., float (min probes 30))) settings.Longest

        let spread = whole * (0.5 + chance / 2.)
        let named = after |> Option.defaultValue TimeSpan.Zero
        max spread (min named settings.Longest)

    /// Asks for a permit. Error holds how long the call is to be left out.
    let enter
        (settings: BreakerSettings)
        (now: DateTimeOffset)
        (breaker: Breaker)
        : Breaker * Result<CallPermit, TimeSpan> =
        let probe probes =
            let round = breaker.Round + 1

            {
                breaker with
                    Phase = BreakerPhase.HalfOpen(now, probes)
                    Round = round
            },
            Ok { Round = round; IsProbe = true }

        match breaker.Phase with
        | BreakerPhase.Closed _ ->
            breaker,
            Ok {
                Round = breaker.Round
                IsProbe = false
            }
        | BreakerPhase.Open(until, probes) when until <= now -> probe probes
        | BreakerPhase.Open(until, _) -> breaker, Error(until - now)
        | BreakerPhase.HalfOpen(since, probes) when now - since >= settings.ProbeLimit -> probe probes
        | BreakerPhase.HalfOpen _ -> breaker, Error settings.First

    /// Tells what came of a call. `chance` is from 0 to 1.
    let leave
        (settings: BreakerSettings)
        (now: DateTimeOffset)
        (chance: float)
        (permit: CallPermit)
        (verdict: CallVerdict)
        (breaker: Breaker)
        : Breaker =
        let opened since probes after reason = {
            Phase = BreakerPhase.Open(now + coolDown settings chance probes after, probes)
            Round = breaker.Round + 1
            Since = since
            Reason = reason
        }

        if permit.Round <> breaker.Round then
            breaker
        else
            match breaker.Phase, verdict with
            | BreakerPhase.Closed _, ServiceAnswered -> {
                breaker with
                    Phase = BreakerPhase.Closed 0
              }
            | BreakerPhase.Closed failures, ServiceFailed(after, reason) when
                failures + 1 >= settings.Failures
                ->
                opened now 0 after reason
            | BreakerPhase.Closed failures, ServiceFailed _ -> {
                breaker with
                    Phase = BreakerPhase.Closed(failures + 1)
              }
            | BreakerPhase.HalfOpen _, ServiceAnswered -> {
                closed now with
                    Round = breaker.Round + 1
              }
            | BreakerPhase.HalfOpen(_, probes), ServiceFailed(after, reason) ->
                opened breaker.Since (probes + 1) after reason
            // The probe was not made: the next call is one.
            | BreakerPhase.HalfOpen(_, probes), NothingLearnt -> {
                breaker with
                    Phase = BreakerPhase.Open(now, probes)
                    Round = breaker.Round + 1
              }
            | BreakerPhase.Closed _, NothingLearnt
            | BreakerPhase.Open _, _ -> breaker

    /// The breaker as operators see it.
    let describe (service: string) (node: string) (breaker: Breaker) : ServiceState = {
        Service = service
        Node = Some node
        Condition =
            match breaker.Phase with
            | BreakerPhase.Closed _ -> ServiceCondition.Working
            | BreakerPhase.Open _ -> ServiceCondition.Paused
            | BreakerPhase.HalfOpen _ -> ServiceCondition.Probing
        Since = breaker.Since
        Reason = if breaker.Reason = "" then None else Some breaker.Reason
        NextProbe =
            match breaker.Phase with
            | BreakerPhase.Open(until, _) -> Some until
            | BreakerPhase.HalfOpen(since, _) -> Some since
            | BreakerPhase.Closed _ -> None
    }
