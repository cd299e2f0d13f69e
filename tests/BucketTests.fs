/// What token buckets promise, whatever is asked of them and when.
module FunctionalBot.Tests.BucketTests

open System
open FsCheck
open FsCheck.FSharp
open Xunit
open FunctionalBot.Effects

let private start = DateTimeOffset(2026, 11, 2, 9, 0, 0, TimeSpan.Zero)

/// A limit, and requests: after so many milliseconds, for these customers, together.
type private Plan = {
    Limits: PaceLimits
    Arrivals: (int * int list) list
}

let private limit longest : Gen<PaceLimit> = gen {
    let! milliseconds = Gen.choose (1, longest)
    let! burst = Gen.choose (1, 8)

    return {
        Interval = TimeSpan.FromMilliseconds(float milliseconds)
        Burst = burst
    }
}

let private plans: Arbitrary<Plan> =
    gen {
        let! number = limit 200
        let! pair = limit 3000
        let! patience = Gen.choose (0, 2000)

        let gap =
            Gen.frequency [ 3, Gen.constant 0; 3, Gen.choose (0, 50); 1, Gen.choose (0, 8000) ]

        let together = Gen.listOf (Gen.choose (0, 3))
        let! arrivals = Gen.listOf (Gen.zip gap together)

        return {
            Limits = {
                Number = Some number
                Pair = Some pair
                Patience = TimeSpan.FromMilliseconds(float patience)
            }
            Arrivals = arrivals
        }
    }
    |> Arb.fromGen

/// When slots were given: of the number, and of each customer's pair.
type private Given = {
    Numbers: DateTimeOffset list
    Pairs: Map<string, DateTimeOffset list>
}

let private requestOf customer = { Channel = "1"; Customer = customer }

/// Plays a plan; whoever has a pair's slot only comes back for the number's.
let private play (plan: Plan) : Given =
    let arrivals =
        plan.Arrivals
        |> List.mapFold
            (fun (at: DateTimeOffset) (gap, customers) ->
                let at = at + TimeSpan.FromMilliseconds(float gap)

                (at,
                 customers
                 |> List.map (fun customer -> requestOf (Some $"customer %d{customer}"))),
                at)
            start
        |> fst

    let given (time: DateTimeOffset) (customer: string option) isNumbers (known: Given) = {
        Numbers = if isNumbers then time :: known.Numbers else known.Numbers
        Pairs =
            match customer with
            | Some name ->
                let before = known.Pairs |> Map.tryFind name |> Option.defaultValue []
                known.Pairs.Add(name, time :: before)
            | None -> known.Pairs
    }

    let rec go buckets known waiting =
        match List.sortBy fst waiting with
        | [] -> known
        | (now, requests) :: rest ->
            let slots, changed = Bucket.reserve plan.Limits now buckets requests

            let buckets =
                Map.fold (fun all name taken -> Map.add name taken all) buckets changed

            let known, more =
                List.zip requests slots
                |> List.fold
                    (fun (known, more) (request: SlotRequest, slot) ->
                        match slot with
                        | Slot.Taken wait -> given (now + wait) request.Customer true known, more
                        | Slot.PairTaken wait ->
                            given (now + wait) request.Customer false known,
                            (now + wait, [ { request with Customer = None } ]) :: more
                        | Slot.TooFar _ -> known, more)
                    (known, [])

            go buckets known (rest @ more)

    let known = go Map.empty { Numbers = []; Pairs = Map.empty } arrivals

    {
        Numbers = List.sort known.Numbers
        Pairs = known.Pairs |> Map.map (fun _ times -> List.sort times)
    }

/// In no stretch of time more than the burst and one for each interval.
let private keeps (limit: PaceLimit) (times: DateTimeOffset list) =
    let times = Array.ofList times

    let pairs =
        seq { 0 .. times.Length - 1 }
        |> Seq.collect (fun first -> seq { first .. times.Length - 1 } |> Seq.map (fun last -> first, last))

    pairs
    |> Seq.forall (fun (first, last) ->
        let allowed = limit.Interval * float (last - first + 1 - limit.Burst)
        times[last] - times[first] >= allowed - TimeSpan.FromTicks 10L)

let private check (property: Plan -> bool) =
    Check.One(Config.QuickThrowOnFailure.WithMaxTest 500, Prop.forAll plans property)

[<Fact>]
let ``a number sends no more than its burst and one for each interval, in any stretch of time`` () =
    check (fun plan -> keeps plan.Limits.Number.Value (play plan).Numbers)

[<Fact>]
let ``a customer gets no more than the burst and one for each interval, in any stretch of time`` () =
    check (fun plan ->
        (play plan).Pairs
        |> Map.forall (fun _ times -> keeps plan.Limits.Pair.Value times))

[<Fact>]
let ``nobody waits longer than the patience, and who is told to come back has taken nothing`` () =
    check (fun plan ->
        let requests =
            plan.Arrivals
            |> List.collect snd
            |> List.map (fun customer -> requestOf (Some $"%d{customer}"))

        let slots, changed = Bucket.reserve plan.Limits start Map.empty requests

        let refused slot =
            match slot with
            | Slot.TooFar _ -> true
            | Slot.Taken _
            | Slot.PairTaken _ -> false

        let served =
            List.zip requests slots |> List.filter (snd >> refused >> not) |> List.map fst

        let again, changedAgain = Bucket.reserve plan.Limits start Map.empty served

        changed = changedAgain
        && again = List.filter (refused >> not) slots
        && slots
           |> List.forall (function
               | Slot.Taken wait
               | Slot.PairTaken wait -> TimeSpan.Zero <= wait && wait <= plan.Limits.Patience
               | Slot.TooFar wait -> wait > plan.Limits.Patience))

[<Fact>]
let ``what comes back when it was told to is served then, if nobody else came`` () =
    check (fun plan ->
        let customers = plan.Arrivals |> List.collect snd

        let requests =
            customers |> List.map (fun customer -> requestOf (Some $"%d{customer}"))

        let _, buckets = Bucket.reserve plan.Limits start Map.empty requests
        let late = requestOf (Some "0")

        match Bucket.reserve plan.Limits start buckets [ late ] with
        | [ Slot.TooFar wait ], _ ->
            match Bucket.reserve plan.Limits (start + wait) buckets [ late ] with
            | [ Slot.Taken rest ], _ -> rest = TimeSpan.Zero
            | again, _ -> failwith $"after %A{wait}: %A{again}"
        | _ -> true)

[<Fact>]
let ``without limits everything goes at once and nothing is remembered`` () =
    let lifted = {
        Number = None
        Pair = None
        Patience = TimeSpan.Zero
    }

    let slots, changed =
        Bucket.reserve lifted start Map.empty [ for _ in 1..500 -> requestOf (Some "Ana") ]

    Assert.All(slots, (fun slot -> Assert.Equal(Slot.Taken TimeSpan.Zero, slot)))
    Assert.Empty changed
    Assert.Empty(Bucket.names lifted [ requestOf (Some "Ana") ])
