namespace FunctionalBot.Emulators.WhatsApp

open System.Collections.Generic
open FunctionalBot.Emulators

/// What is set up for the business account and its numbers. It stays when the emulator is reset. Safe to use
/// from any thread.
[<Sealed>]
type Account() =
    let gate = obj ()
    let profiles = Dictionary<string, Json.Json>()
    let keys = Dictionary<string, string>()
    let mutable subscribed = true

    let emptyProfile =
        Json.Fields [
            "about", Json.Text "Hola, uso WhatsApp."
            "messaging_product", Json.Text "whatsapp"
        ]

    /// Whether the application hears of the account: without that no webhook is sent.
    member _.Subscribed
        with get () = lock gate (fun () -> subscribed)
        and set (value: bool) = lock gate (fun () -> subscribed <- value)

    /// The public profile of the number with this id.
    member _.Profile(numberId: string) =
        lock gate (fun () ->
            match profiles.TryGetValue numberId with
            | true, found -> found
            | false, _ -> emptyProfile)

    /// Puts these fields over the profile of the number with this id.
    member account.ChangeProfile(numberId: string, changes: Json.Json) =
        lock gate (fun () -> profiles[numberId] <- Json.over (account.Profile numberId) changes)

    /// The public key (PEM) that data of forms is encrypted with for the number with this id.
    member _.PublicKey(numberId: string) =
        lock gate (fun () ->
            match keys.TryGetValue numberId with
            | true, key -> Some key
            | false, _ -> None)

    /// Sets that key.
    member _.SetPublicKey(numberId: string, key: string) =
        lock gate (fun () -> keys[numberId] <- key)

    /// The account's forms.
    member val Flows = FlowStore()
