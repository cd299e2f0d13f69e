namespace FunctionalBot.Effects

open System

/// So many at once, and from then on one per interval.
type PaceLimit = {
    Interval: TimeSpan
    /// At least 1.
    Burst: int
}

/// The limits that messages keep to. None lifts a limit.
type PaceLimits = {
    /// Of one business number.
    Number: PaceLimit option
    /// Of one business number towards one customer.
    Pair: PaceLimit option
    /// A slot that is further away than this is not taken.
    Patience: TimeSpan
}

/// A message that wants to go out.
type SlotRequest = {
    /// The business number that it goes from.
    Channel: string
    /// The customer that it goes to; None where the pair's slot was taken before and only the number's is
    /// asked for.
    Customer: string option
}

/// What a message gets.
[<RequireQualifiedAccess>]
type Slot =
    /// All that was asked for is taken; the message may go after this wait.
    | Taken of wait: TimeSpan
    /// The pair's slot is taken and comes after this wait; the number's is to be asked for then, so that it
    /// is not kept from others meanwhile.
    | PairTaken of wait: TimeSpan
    /// Nothing is taken by this request; a pair's slot that an earlier one took is gone. After this wait a slot is
    /// free, if nobody else takes it.
    | TooFar of wait: TimeSpan

/// Token buckets. A bucket is one moment: the time until which its slots are taken ("theoretical arrival
/// time" of the generic cell rate algorithm). One that was never used, or is in the past, is full.
module Bucket =
    /// The customer's name of the bucket that all messages of a number share.
    let wholeNumber = ""

    /// The earliest time at which the next message may go.
    let earliest (limit: PaceLimit) (now: DateTimeOffset) (taken: DateTimeOffset) : DateTimeOffset =
        let ahead = limit.Interval * float (limit.Burst - 1)
        if taken - now <= ahead then now else taken - ahead

    /// The bucket after a message that goes at this time.
    let take (limit: PaceLimit) (at: DateTimeOffset) (taken: DateTimeOffset) : DateTimeOffset =
        (max taken at) + limit.Interval

    /// The buckets (business number, customer) that requests are served from.
    let names (limits: PaceLimits) (requests: SlotRequest list) : (string * string) list =
        [
            for request in requests do
                if limits.Number.IsSome then
                    request.Channel, wholeNumber

                match limits.Pair, request.Customer with
                | Some _, Some customer -> request.Channel, customer
                | _ -> ()
        ]
        |> List.distinct

    /// Serves requests one after the other from buckets as they are now; a bucket that is not there is
    /// full. Gives a slot for each request and the buckets that have changed. The number's slots that are
    /// too far away are told apart by one interval each, so that those who wait do not all come back at
    /// the same moment.
    let reserve
        (limits: PaceLimits)
        (now: DateTimeOffset)
        (buckets: Map<string * string, DateTimeOffset>)
        (requests: SlotRequest list)
        : Slot list * Map<string * string, DateTimeOffset> =
        let takenIn changed name =
            changed
            |> Map.tryFind name
            |> Option.orElse (Map.tryFind name buckets)
            |> Option.defaultValue now

        let freeIn changed (limit: PaceLimit option) name =
            match limit with
            | Some limit -> earliest limit now (takenIn changed name)
            | None -> now

        let takeIn changed (limit: PaceLimit option) name at =
            match limit with
            | Some limit -> Map.add name (take limit at (takenIn changed name)) changed
            | None -> changed

        let serve (changed, tooMany: Map<string, int>) request =
            let number = request.Channel, wholeNumber

            let pair =
                request.Customer |> Option.map (fun customer -> request.Channel, customer)

            let pairFree =
                pair |> Option.map (freeIn changed limits.Pair) |> Option.defaultValue now

            let numberFree = freeIn changed limits.Number number

            let takePair at changed =
                match pair with
                | Some name -> takeIn changed limits.Pair name at
                | None -> changed

            if pairFree - now > limits.Patience then
                Slot.TooFar((max pairFree numberFree) - now), (changed, tooMany)
            elif pairFree > now then
                Slot.PairTaken(pairFree - now), (takePair pairFree changed, tooMany)
            elif numberFree - now > limits.Patience then
                let before = tooMany |> Map.tryFind request.Channel |> Option.defaultValue 0

                let interval =
                    limits.Number |> Option.map _.Interval |> Option.defaultValue TimeSpan.Zero

                Slot.TooFar(numberFree - now + interval * float before),
                (changed, Map.add request.Channel (before + 1) tooMany)
            else
                let changed = takeIn (takePair numberFree changed) limits.Number number numberFree
                Slot.Taken(numberFree - now), (changed, tooMany)

        let slots, (changed, _) = List.mapFold serve (Map.empty, Map.empty) requests
        slots, changed
