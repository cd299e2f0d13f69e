namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Collections.Generic

/// Counts sends against WhatsApp's two rates: per customer, and per number.
[<Sealed>]
type SendLimits() =
    let gate = obj ()
    // For each pair of number and customer the moment until which the sends made so far are paid for, at six
    // seconds each.
    let paidUntil = Dictionary<struct (string * string), DateTimeOffset>()
    // For each number the running second and the sends in it.
    let seconds = Dictionary<string, struct (int64 * int)>()

    let price = TimeSpan.FromSeconds 6.0
    let burst = price * 45.0

    /// Counts one send from the number with this id to `address` at `now`, or says which limit it breaks
    /// (references/whatsapp-cloud-api.md, section 6: one message per six seconds with 45 borrowed from the
    /// future; so many per second for the number).
    member _.Count faults (numberId: string) (address: string) (now: DateTimeOffset) =
        lock gate (fun () ->
            let second = now.ToUnixTimeSeconds()
            let pair = struct (numberId, address)

            let inSecond =
                match seconds.TryGetValue numberId with
                | true, struct (known, count) when known = second -> count
                | _ -> 0

            let paid =
                match paidUntil.TryGetValue pair with
                | true, until when until > now -> until
                | _ -> now

            if faults.Throughput > 0 && inSecond >= faults.Throughput then
                Error(
                    GraphError.create
                        130429
                        "Message failed to send because there were too many messages sent at once."
                )
            elif faults.PairLimit && paid + price > now + burst then
                Error(
                    GraphError.create
                        131056
                        "Too many messages sent to this recipient in a short time; wait and retry."
                )
            else
                seconds[numberId] <- struct (second, inSecond + 1)

                if faults.PairLimit then
                    paidUntil[pair] <- paid + price

                Ok())

    /// Forgets all that was counted.
    member _.Clear() =
        lock gate (fun () ->
            paidUntil.Clear()
            seconds.Clear())
