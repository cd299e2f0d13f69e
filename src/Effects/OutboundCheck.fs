/// Refuses what Meta would refuse anyway, ahead of every limit, breaker and stop: a message that never goes out takes
/// no slot, and proves nothing of how the channel stands.
module FunctionalBot.Effects.OutboundCheck

open System
open System.Threading.Tasks

/// The port, which is given only what `OutboundLimits` finds nothing wrong with. Anything else ends as if Meta had
/// refused it (code 100), with words that say which part is wrong and not what it says.
let around (whatsApp: WhatsAppPort) : WhatsAppPort = {
    whatsApp with
        Send =
            fun outgoing cancel ->
                match OutboundLimits.problemsOf outgoing with
                | [] -> whatsApp.Send outgoing cancel
                | problems -> Task.FromResult(Refused(100, "WhatsApp: " + String.Join("; ", problems)))
}
