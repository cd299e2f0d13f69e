/// Sends nothing that was kept from going for so long that another node may have sent it meanwhile.
module FunctionalBot.Effects.InTime

open System
open System.Threading
open System.Threading.Tasks

/// Waits that are meant to be, for the slots of both limits, are shorter than this.
let private shortest = TimeSpan.FromSeconds 6.

/// How long a message may be on its way to its service. A worker sees to it that the lease holds when it begins;
/// from then on it takes the waiting time for an unknown outcome, at least, until another node sends the same
/// message. Half of that is left for the call itself.
let limitFor (unknownWait: TimeSpan) : TimeSpan = max shortest (unknownWait / 2.)

/// The port with decorators that may wait, for a slot or for the store. A message that was on its way for longer
/// than `limit` when it comes through them, since the node was paused or the store hung, is held back: whether it is
/// still this node's to send, its next claim says.
let around
    (limit: TimeSpan)
    (world: World)
    (decorate: WhatsAppPort -> WhatsAppPort)
    (whatsApp: WhatsAppPort)
    : WhatsAppPort =
    // Goes with the call through all that it waits for. The key would not do: a node that was paused may have
    // taken on the same message a second time.
    let began = AsyncLocal<DateTimeOffset>()

    let decorated =
        decorate {
            whatsApp with
                Send =
                    fun outgoing cancel ->
                        if world.Now() - began.Value > limit then
                            Task.FromResult(
                                HeldBack(TimeSpan.Zero, "held back: it was kept from going for too long")
                            )
                        else
                            whatsApp.Send outgoing cancel
        }

    {
        decorated with
            Send =
                fun outgoing cancel -> task {
                    began.Value <- world.Now()
                    return! decorated.Send outgoing cancel
                }
    }
