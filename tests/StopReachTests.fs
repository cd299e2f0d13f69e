/// A stop reaches as far as its fault: the numbers of a token, of an account, or one number.
module FunctionalBot.Tests.StopReachTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Protected
open FunctionalBot.Web

/// A number with nothing but what stops go by.
let number id account variable : NumberSettings.NumberConfiguration = {
    Id = id
    Account = account
    TokenVariable = variable
    Token = "EAAB"
    TokenFile = None
    Name = "Ferretería"
    Contact = "x"
    Scope = "tools"
    Language = Spanish
    Knowledge = "knowledge"
    Phrases = None
    Team = None
    Hours = None
    LateTemplate = None
    Flow = None
}

/// 1 and 2 share token and account, 3 the token only, 4 has both of its own and 5 has no account that is known.
let private numbers = [
    number "1" (Some "A") "WHATSAPP_TOKEN"
    number "2" (Some "A") "WHATSAPP_TOKEN"
    number "3" (Some "B") "WHATSAPP_TOKEN"
    number "4" (Some "C") "TOKEN_OF_FOUR"
    number "5" None "TOKEN_OF_FIVE"
]

let private plan = Protection.stopPlan numbers

let private keyAt id version : CommandKey = {
    keyOf "Ana" version with
        Session = {
            (keyOf "Ana" version).Session with
                Channel = "whatsapp-" + id
        }
}

/// What Meta says to each number; a number without an entry is served.
type private Meta = {
    mutable Refusals: Map<string, int>
    mutable Calls: string list
}

let private idOf (channel: string) = channel.Substring "whatsapp-".Length

let private portOf (meta: Meta) world : WhatsAppPort =
    let answer id =
        meta.Calls <- id :: meta.Calls

        match meta.Refusals.TryFind id with
        | Some code -> ChannelStopped(code, "refused")
        | None -> Accepted(MessageId "wamid.1")

    {
        Send =
            fun outgoing cancel -> task {
                do! world.Delay (TimeSpan.FromMilliseconds 10.) cancel
                return answer (idOf outgoing.Key.Session.Channel)
            }
        MarkRead =
            fun channel _ cancel -> task {
                do! world.Delay (TimeSpan.FromMilliseconds 10.) cancel
                return answer (idOf channel)
            }
        Upload =
            fun channel _ cancel -> task {
                do! world.Delay (TimeSpan.FromMilliseconds 10.) cancel
                return Error(answer (idOf channel))
            }
    }

/// Plays with a node that knows the five numbers; `send` sends from a number and tells whether it went.
let private playing (seed: int) play =
    inSimulatedTime seed (fun world -> task {
        let store = (storeIn world).Port
        let meta = { Refusals = Map.empty; Calls = [] }
        let changes = ResizeArray<string * ServiceCondition>()

        let port =
            ChannelStop.create
                ChannelStop.defaultSettings
                plan
                world
                store
                (fun state -> changes.Add(state.Service, state.Condition))
                (portOf meta world)

        let send id = task {
            match!
                port.Send (Outgoing.ofCommand (keyAt id 1L) recipient None (TextMessage "hola")) never
            with
            | Accepted _ -> return true
            | HeldBack _ -> return false
            | outcome -> return failwith $"%A{outcome}"
        }

        do! play world store meta changes send
    })

let private going (send: string -> Task<bool>) = task {
    let went = ResizeArray<string>()

    for id in [ "1"; "2"; "3"; "4"; "5" ] do
        let! isSent = send id

        if isSent then
            went.Add id

    return List.ofSeq went
}

[<Theory>]
[<InlineData(190, "4 5", "whatsapp")>]
[<InlineData(10, "4 5", "whatsapp")>]
[<InlineData(299, "4 5", "whatsapp")>]
[<InlineData(401, "4 5", "whatsapp")>]
[<InlineData(131031, "3 4 5", "whatsapp/account/A")>]
[<InlineData(368, "3 4 5", "whatsapp/account/A")>]
[<InlineData(131042, "3 4 5", "whatsapp/account/A")>]
[<InlineData(131005, "2 3 4 5", "whatsapp/number/1")>]
[<InlineData(131037, "2 3 4 5", "whatsapp/number/1")>]
[<InlineData(131045, "2 3 4 5", "whatsapp/number/1")>]
[<InlineData(133010, "2 3 4 5", "whatsapp/number/1")>]
[<InlineData(133006, "2 3 4 5", "whatsapp/number/1")>]
let ``a refusal stops the numbers that its fault reaches, and they go on when it is mended``
    (code: int)
    (others: string)
    (service: string)
    =
    playing code (fun world store meta changes send -> task {
        meta.Refusals <- Map [ "1", code ]
        let! first = send "1"
        Assert.False first
        let! went = going send
        Assert.Equal(others, String.concat " " went)
        // The others were not even asked: what is stopped costs no call.
        Assert.Equal(1 + went.Length, meta.Calls.Length)
        let! states = store.ServiceStates()
        let stop = Assert.Single states
        Assert.Equal((service, ServiceCondition.Stopped, None), (stop.Service, stop.Condition, stop.Node))
        Assert.Contains(string code, Option.get stop.Reason)

        meta.Refusals <- Map.empty
        do! world.Delay (TimeSpan.FromSeconds 36.) never
        let! went = going send
        Assert.Equal("1 2 3 4 5", String.concat " " went)

        Assert.Equal<(string * ServiceCondition) list>(
            [ service, ServiceCondition.Stopped; service, ServiceCondition.Working ],
            List.ofSeq changes
        )
    })

[<Fact>]
let ``a number of no known account stops by itself when the account is locked, and a token by its variable``
    ()
    =
    playing 7 (fun _ store meta _ send -> task {
        meta.Refusals <- Map [ "5", 131031; "4", 190 ]
        let! went = going send
        Assert.Equal("1 2 3", String.concat " " went)
        let! states = store.ServiceStates()

        Assert.Equal<string list>(
            [ "whatsapp/number/5"; "whatsapp/token/TOKEN_OF_FOUR" ],
            states |> List.map _.Service |> List.sort
        )
    })

[<Fact>]
let ``a probe that meets a narrower fault ends the wider stop, and one that meets a wider fault makes its stop``
    ()
    =
    playing 8 (fun world store meta _ send -> task {
        let stopped () = task {
            let! states = store.ServiceStates()

            return
                states
                |> List.filter ServiceState.isStopOfMessages
                |> List.map _.Service
                |> List.sort
                |> String.concat " "
        }

        meta.Refusals <- Map [ "1", 190 ]
        let! _ = send "1"
        // The token is replaced, and now the number lacks its certificate.
        meta.Refusals <- Map [ "1", 131045 ]
        do! world.Delay (TimeSpan.FromSeconds 36.) never
        let! probe = send "1"
        Assert.False probe
        let! names = stopped ()
        Assert.Equal("whatsapp/number/1", names)
        let! went = going send
        Assert.Equal("2 3 4 5", String.concat " " went)

        // The number's probe finds the token dead again.
        meta.Refusals <- Map [ "1", 190 ]
        do! world.Delay (TimeSpan.FromMinutes 6.) never
        let! probe = send "1"
        Assert.False probe
        let! names = stopped ()
        Assert.Equal("whatsapp whatsapp/number/1", names)
        let! went = going send
        Assert.Equal("4 5", String.concat " " went)

        // All is mended: one message that arrives ends both.
        meta.Refusals <- Map.empty
        do! world.Delay (TimeSpan.FromMinutes 6.) never
        let! probe = send "1"
        Assert.True probe
        let! names = stopped ()
        Assert.Equal("", names)
    })

[<Fact>]
let ``another node holds a number's stop too, and marks of the other numbers go on`` () =
    playing 9 (fun world store meta _ send -> task {
        meta.Refusals <- Map [ "1", 131037 ]
        let! _ = send "1"

        let other =
            ChannelStop.create ChannelStop.defaultSettings plan world store ignore (portOf meta world)

        let before = meta.Calls.Length

        let! held =
            other.Send (Outgoing.ofCommand (keyAt "1" 2L) recipient None (TextMessage "hola")) never

        Assert.True(held.IsHeldBack, $"%A{held}")
        let! mark = other.MarkRead "whatsapp-1" (MessageId "wamid.1") never
        Assert.True(mark.IsHeldBack, $"%A{mark}")
        let! mark = other.MarkRead "whatsapp-2" (MessageId "wamid.1") never
        Assert.True(mark.IsAccepted, $"%A{mark}")
        Assert.Equal(before + 1, meta.Calls.Length)
    })

[<Fact>]
let ``the stop that an older build has kept holds the numbers of WHATSAPP_TOKEN, and a probe ends it`` () =
    playing 10 (fun world store _ _ send -> task {
        do!
            store.ReportService {
                Service = "whatsapp"
                Node = None
                Condition = ServiceCondition.Stopped
                Since = world.Now()
                Reason = Some "the account is locked (131031)"
                NextProbe = Some(world.Now().AddSeconds 30.)
            }

        let! went = going send
        Assert.Equal("4 5", String.concat " " went)
        do! world.Delay (TimeSpan.FromSeconds 31.) never
        let! went = going send
        Assert.Equal("1 2 3 4 5", String.concat " " went)
    })

[<Fact>]
let ``a start probes each stop at once, and forgets the stop of a number that is set up no more`` () =
    let configuration =
        match SettingTests.configured [] with
        | Ok configuration -> { configuration with Numbers = numbers }
        | Error problems -> failwith $"%A{problems}"

    playing 11 (fun world store meta _ send -> task {
        meta.Refusals <- Map [ "1", 131037; "4", 190 ]
        let! _ = going send

        do!
            store.ReportService {
                Service = "whatsapp/number/999"
                Node = None
                Condition = ServiceCondition.Stopped
                Since = world.Now()
                Reason = Some "not registered (133010)"
                NextProbe = None
            }

        meta.Refusals <- Map.empty
        do! Protection.announce configuration world store
        // What is known is read anew after a second.
        do! world.Delay (TimeSpan.FromSeconds 2.) never
        let! went = going send
        Assert.Equal("1 2 3 4 5", String.concat " " went)
        let! states = store.ServiceStates()
        Assert.Empty(states |> List.filter ServiceState.isStopOfMessages)
    })
