/// What the tests of limits, breakers and stops share: ports that a test scripts, in simulated time.
module FunctionalBot.Tests.Protected

open System
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory

let start = DateTimeOffset(2026, 11, 2, 9, 0, 0, TimeSpan.Zero)
let never = CancellationToken.None

/// Plays in a world whose clock jumps; the seed is printed by whoever fails.
let inSimulatedTime (seed: int) (play: World -> Task<unit>) =
    let virtualWorld = VirtualWorld.create seed start
    virtualWorld.Run(fun () -> play virtualWorld.World)

/// A store in memory that never fails.
let storeIn world =
    MemoryStore.create world (TimeSpan.FromSeconds 60.) (fun _ -> Works)

/// The key of a message to a customer.
let keyOf customer version : CommandKey = {
    Session = {
        Channel = "whatsapp-1"
        Customer = CustomerId customer
        Ordinal = 1
    }
    Version = version
    Ordinal = 0
}

let recipient: Recipient = {
    Phone = Some "34600111222"
    BusinessScopedId = None
}

/// An action as a worker gets it for its first try, queued just now.
let onFirstTry key action : ClaimedCommand = {
    Command = { Key = key; Action = action }
    Place = 1L
    Recipient = recipient
    Language = Spanish
    Attempt = 1
    PutOffs = 0
    QueuedAt = start
    DelayTold = false
    Trace = None
    LastHeard = None
    IsShut = false
}

/// A WhatsApp that ends each call as the functions say, after a moment; uploads as marks.
let whatsAppThat (world: World) (send: CommandKey -> SendOutcome) (mark: unit -> SendOutcome) : WhatsAppPort = {
    Send =
        fun outgoing cancel -> task {
            do! world.Delay (TimeSpan.FromMilliseconds 100.) cancel
            return send outgoing.Key
        }
    MarkRead =
        fun _ _ cancel -> task {
            do! world.Delay (TimeSpan.FromMilliseconds 100.) cancel
            return mark ()
        }
    Upload =
        fun _ file cancel -> task {
            do! world.Delay (TimeSpan.FromMilliseconds 100.) cancel

            return
                match mark () with
                | Accepted(MessageId id) -> Ok(FileUpload.uploadedAs id file)
                | outcome -> Error outcome
        }
}

let sendOne (port: WhatsAppPort) key =
    port.Send (Outgoing.ofCommand key recipient None (TextMessage "hola")) never

/// A log that nobody reads.
let silent: Engine.EngineLog = {
    Trouble = fun _ _ -> ()
    Recovered = ignore
    CommandFailed = fun _ _ -> ()
}
