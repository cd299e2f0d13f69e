/// Who is who at any store, when numbers and ids change: scenes that only use the port.
module FunctionalBot.Tests.PeopleScenes

open System
open System.Collections.Generic
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes

/// A store at which operators can change contacts.
[<NoComparison; NoEquality>]
type PeopleStage = {
    Stage: Stage
    Change: CustomerKey -> ContactChange -> Task
}

let ids scoped phone : Person = {
    BusinessScopedId = scoped
    Phone = phone
    Name = None
}

/// A text that says who wrote it.
let wroteAt channel (at: DateTimeOffset) id who =
    CustomerDid(
        channel,
        who,
        id,
        at,
        TextReceived {
            Message = MessageId id
            Text = "hola"
            Quoted = None
        }
    )

let movedAt channel (at: DateTimeOffset) id before after =
    PersonMoved(channel, { Before = before; After = after }, id, at)

let private minute people (minutes: float) =
    people.Stage.Clock.Value.AddMinutes minutes

/// A text so many minutes from now.
let private wrote people minutes id who =
    wroteAt channel (minute people minutes) id who

let private moved people minutes id before after =
    movedAt channel (minute people minutes) id before after

/// Arrives in one body each.
let private receive people (updates: Update list) : Task = task {
    for update in updates do
        // Later than all of them.
        do! people.Stage.Store.Deliver [ bodyOf (minute people 600.) [ update ] ]
}

/// Decides all that waits with no commands, and tells what was decided for whom: by customer, in order.
let decidedFor (stage: Stage) (actions: InboxEntry -> Action list) : Task<Map<string, string list>> = task {
    let told = Dictionary<string, string list>()

    let decide (work: CustomerWork) =
        let (CustomerId customer) = work.Customer.Id
        let before = told.GetValueOrDefault(customer, [])

        told[customer] <-
            before
            @ (work.Entries
               |> List.filter (fun entry -> not entry.Fact.IsCustomerMoved)
               |> List.map _.SourceId)

        decideWith stage.Clock.Value actions work

    let mutable more = true

    // A round that only hands entries on ends none; two of those in a row are the end.
    let mutable idle = 0

    while more do
        let! ended = stage.Store.Decide 100 decide
        idle <- if ended = 0 then idle + 1 else 0
        more <- idle < 2

    return told |> Seq.map (|KeyValue|) |> Map.ofSeq
}

let private quietly (_: InboxEntry) : Action list = []

let private decided people = decidedFor people.Stage quietly

let private expect (expected: (string * string list) list) (told: Map<string, string list>) =
    Assert.Equal<Map<string, string list>>(Map expected, told)

let private nobody = ids None None
let private scoped id = ids (Some id) None
let private phone number = ids None (Some number)
let private both id number = ids (Some id) (Some number)

/// What is said to the customer's own address.
let private addresses people : Task<(string option * string option) list> = task {
    let! claimed = people.Stage.Store.Claim Messaging 100 people.Stage.Clock.Value lease

    return
        claimed
        |> List.map (fun command -> command.Recipient.BusinessScopedId, command.Recipient.Phone)
}

let takesTheHistoryAlong people : Task = task {
    do!
        receive people [
            wrote people 0. "1" (phone "34600")
            moved people 10. "m" (phone "34600") (phone "34611")
            wrote people 20. "2" (phone "34611")
            // Later with its own id, and once more with what was sent before the move and comes late.
            wrote people 30. "3" (both "ES.1" "34611")
            wrote people 5. "late" (phone "34600")
        ]

    let! told = decided people
    expect [ "34600", [ "1"; "late"; "2"; "3" ] ] told
}

let isMovedBeforeItWrites people : Task = task {
    do!
        receive people [
            moved people 10. "m" (both "ES.1" "34600") (both "ES.2" "34611")
            wrote people 5. "1" (scoped "ES.1")
            wrote people 6. "2" (phone "34600")
            wrote people 20. "3" (scoped "ES.2")
            wrote people 21. "4" (phone "34611")
        ]

    let! told = decided people
    expect [ "ES.2", [ "1"; "2"; "3"; "4" ] ] told
}

let movesTwiceInAnyOrder people : Task = task {
    do!
        receive people [
            wrote people 0. "1" (both "ES.1" "34600")
            moved people 20. "m2" (both "ES.2" "34611") (both "ES.3" "34622")
            moved people 10. "m1" (both "ES.1" "34600") (both "ES.2" "34611")
            moved people 20. "m2" (both "ES.2" "34611") (both "ES.3" "34622")
            wrote people 30. "2" (scoped "ES.3")
            wrote people 15. "late" (scoped "ES.2")
            wrote people 5. "later" (scoped "ES.1")
        ]

    let! told =
        decidedFor people.Stage (fun entry -> if entry.SourceId = "2" then [ say "x" ] else [])

    let customer, entries = told |> Map.toList |> List.exactlyOne
    Assert.Equal<string list>([ "1"; "later"; "late"; "2" ], entries)
    Assert.Equal("ES.1", customer)
    let! addresses = addresses people
    Assert.Equal<(string option * string option) list>([ Some "ES.3", Some "34622" ], addresses)
}

let movesBack people : Task = task {
    do!
        receive people [
            wrote people 0. "1" (phone "34600")
            moved people 10. "m1" (phone "34600") (phone "34611")
            moved people 20. "m2" (phone "34611") (phone "34600")
            wrote people 30. "2" (phone "34600")
            wrote people 15. "late" (phone "34611")
        ]

    let! told =
        decidedFor people.Stage (fun entry -> if entry.SourceId = "2" then [ say "x" ] else [])

    expect [ "34600", [ "1"; "late"; "2" ] ] told
    let! addresses = addresses people
    Assert.Equal<(string option * string option) list>([ None, Some "34600" ], addresses)
}

let leavesANumberToWhoHasItNow people : Task = task {
    do!
        receive people [
            wrote people 0. "1" (phone "34600")
            moved people 10. "m" (phone "34600") (phone "34611")
            // Long after that, somebody else has the number.
            wrote people 300. "2" (phone "34600")
            wrote people 301. "3" (both "ES.9" "34600")
            wrote people 302. "4" (phone "34611")
            wrote people 303. "5" (phone "34600")
        ]

    let! told = decided people
    Assert.Equal(2, told.Count)
    Assert.Equal<string list>([ "1"; "4" ], told["34600"])
    Assert.Contains([ "2"; "3"; "5" ], told.Values)
}

let keepsAnotherPersonsHistoryApart people : Task = task {
    do!
        receive people [
            wrote people 0. "1" (both "ES.1" "34600")
            wrote people 1. "2" (both "ES.9" "34611")
            // The number belonged to somebody else before.
            moved people 10. "m" (both "ES.1" "34600") (both "ES.2" "34611")
            wrote people 20. "3" (phone "34611")
            wrote people 21. "4" (scoped "ES.9")
        ]

    let! told = decided people
    expect [ "ES.1", [ "1"; "3" ]; "ES.9", [ "2"; "4" ] ] told
}

let joinsTwoThatAreOne people : Task = task {
    do! receive people [ wrote people 0. "1" (phone "34600"); wrote people 1. "2" (scoped "ES.1") ]
    let! apart = decided people
    expect [ "34600", [ "1" ]; "ES.1", [ "2" ] ] apart

    do!
        receive people [
            wrote people 2. "3" (both "ES.1" "34600")
            wrote people 3. "4" (phone "34600")
            wrote people 4. "5" (scoped "ES.1")
        ]

    let! told = decided people
    let _, entries = told |> Map.toList |> List.exactlyOne
    Assert.Equal<string list>([ "3"; "4"; "5" ], entries)
}

let decidesWhatWaitedForWhoStays people : Task = task {
    do! receive people [ wrote people 1. "2" (scoped "ES.1"); wrote people 0. "1" (phone "34600") ]
    do! receive people [ wrote people 2. "3" (both "ES.1" "34600") ]
    let! told = decided people
    let _, entries = told |> Map.toList |> List.exactlyOne
    Assert.Equal<string list>([ "1"; "2"; "3" ], entries)
}

/// Both have an open session with something asked of the assistant and something to be said. The one with the newest
/// session stays; what the other owes is still delivered, to the address of both.
let private withOpenSessions people (first: Person) (second: Person) stays : Task = task {
    let lookUp =
        LookUpTickets {
            Id = CustomerId "x"
            Phone = None
            Name = None
        }

    do! receive people [ wrote people 0. "1" first ]

    let! _ =
        decidedFor people.Stage (fun _ -> [ say "first"; lookUp; SetTimer(IdleTimer, minute people 30.) ])

    people.Stage.Clock.Value <- minute people 1.
    do! receive people [ wrote people 0. "2" second ]
    let! _ = decidedFor people.Stage (fun _ -> [ say "second"; lookUp ])
    do! receive people [ wrote people 1. "3" (both "ES.1" "34600") ]
    let! told = decided people
    let customer, _ = told |> Map.toList |> List.exactlyOne
    Assert.Equal(stays, customer)

    let! both = addresses people

    Assert.Equal<(string option * string option) list>(
        [ Some "ES.1", Some "34600"; Some "ES.1", Some "34600" ],
        both
    )

    // The outcome and the timer of the other's session go on there, and nothing else does.
    let now = people.Stage.Clock.Value
    let! asked = people.Stage.Store.Claim Ticketing 10 now lease

    let gone =
        asked
        |> List.find (fun command -> command.Command.Key.Session.Customer <> CustomerId stays)

    let failed = TicketLookUpFailed(gone.Command.Key, "down")
    let! recorded = people.Stage.Store.Record [ gone, Done(Some failed) ] now
    Assert.Equal(1, recorded)
    let! _ = people.Stage.Store.FireTimers 10 (now.AddHours 1.)
    do! receive people [ wrote people 2. "4" (phone "34600") ]

    let! told =
        decidedFor people.Stage (fun entry -> if entry.Source = "command" then [ say "third" ] else [])

    let (CustomerId other) = gone.Command.Key.Session.Customer
    Assert.Equal<string list>([ "4" ], told[stays])
    Assert.Equal(2, told[other].Length)

    let! claimed = people.Stage.Store.Claim Messaging 10 (now.AddHours 1.) lease
    // The first two are parked, since their leases ran out; the third waits behind its own customer's.
    Assert.Empty claimed
    let! account = people.Stage.Store.Accounting()
    Assert.Equal(0L, account.Pending)
}

let mergesOpenSessions people : Task = task {
    do! withOpenSessions people (phone "34600") (scoped "ES.1") "ES.1"
}

let mergesOpenSessionsTheOtherWay people : Task = task {
    do! withOpenSessions people (scoped "ES.1") (phone "34600") "34600"
}

let saysWhatIsOwedToTheNewNumber people : Task = task {
    do! receive people [ wrote people 0. "1" (both "ES.1" "34600") ]
    let! _ = decidedFor people.Stage (fun _ -> [ say "1"; say "2" ])
    let now = people.Stage.Clock.Value
    let! first = people.Stage.Store.Claim Messaging 10 now lease
    Assert.Equal(Some "34600", first.Head.Recipient.Phone)
    do! receive people [ moved people 1. "m" (both "ES.1" "34600") (both "ES.2" "34611") ]
    let! _ = people.Stage.Store.Record [ first.Head, RunAgain(now, "busy", None) ] now
    let! again = addresses people
    Assert.Equal<(string option * string option) list>([ Some "ES.2", Some "34611" ], again)
}

let private key customer : CustomerKey = {
    Channel = channel
    Customer = CustomerId customer
}

/// The real decision.
let private decideReally people : Task<CustomerWork list> = task {
    let seen = ResizeArray<CustomerWork>()

    let! _ =
        people.Stage.Store.Decide 10 (fun work ->
            seen.Add work
            decideAt people.Stage.Clock.Value work)

    return List.ofSeq seen
}

let answersNothingOfWhoIsBlocked people : Task = task {
    do! receive people [ wrote people 0. "1" (scoped "ES.1"); wrote people 0. "2" (scoped "ES.2") ]

    let! _ =
        decidedFor people.Stage (fun _ -> [ say "1"; say "2"; MarkRead(MessageId "1") ])

    do! people.Change (key "ES.1") Block
    let! others = addresses people
    Assert.Equal<(string option * string option) list>([ Some "ES.2", None; Some "ES.2", None ], others)
    // What stood behind the first.
    let! none = addresses people
    Assert.Empty none
    do! receive people [ wrote people 1. "3" (scoped "ES.1") ]
    let! seen = decideReally people
    Assert.True((List.exactlyOne seen).Blocked)
    let! account = people.Stage.Store.Accounting()
    Assert.Equal(Some 1L, account.Ended.TryFind "ignored")
    Assert.Equal(Some 3L, account.Commands.TryFind "dropped")

    do! people.Change (key "ES.1") Unblock
    do! receive people [ wrote people 2. "4" (scoped "ES.1") ]
    let! seen = decideReally people
    Assert.False((List.exactlyOne seen).Blocked)
}

/// An outcome of a blocked customer's session goes on; what it says is not sent, not even by the node that decided.
let endsWhatABlockedCustomerWouldBeTold people : Task = task {
    do! receive people [ wrote people 0. "1" (scoped "ES.1") ]

    let! _ =
        decidedFor people.Stage (fun _ -> [
            LookUpTickets {
                Id = CustomerId "ES.1"
                Phone = None
                Name = None
            }
        ])

    let now = people.Stage.Clock.Value
    let! asked = people.Stage.Store.Claim Ticketing 10 now lease
    do! people.Change (key "ES.1") Block

    let! advanced =
        people.Stage.Store.Advance
            {
                Results = [ asked.Head, Done(Some(TicketLookUpFailed(asked.Head.Command.Key, "down"))) ]
                Known = []
                Most = 10
                Room = Map [ Messaging, 10 ]
                Lease = lease
            }
            (decideWith now (fun _ -> [ say "nothing was found" ]))

    Assert.Equal(1, advanced.Ended)
    Assert.Empty advanced.Leased
    let! claimed = addresses people
    Assert.Empty claimed
    let! account = people.Stage.Store.Accounting()
    Assert.Equal(Some 1L, account.Commands.TryFind "dropped")
}

let keepsConsentAndBlockThroughAMerge people : Task = task {
    do! receive people [ wrote people 0. "1" (phone "34600"); wrote people 1. "2" (scoped "ES.1") ]
    let! _ = decided people
    do! people.Change (key "34600") Block
    do! people.Change (key "ES.1") OptOut
    do! receive people [ wrote people 2. "3" (both "ES.1" "34600") ]
    let! seen = decideReally people
    let work = List.exactlyOne seen
    Assert.True(work.Blocked && work.OptedOut)

    do!
        people.Change
            {
                key "ES.1" with
                    Customer = work.Customer.Id
            }
            OptIn

    do! receive people [ wrote people 3. "4" (phone "34600") ]
    let! seen = decideReally people
    Assert.False (List.exactlyOne seen).OptedOut
}

/// What the first session under this key was told of its customer, one after the other, and what it knows now.
let private toldTo people customer : Task<Customer list * Customer> = task {
    let id = sessionOf customer 1

    match! people.Stage.Store.ReadStream id with
    | Error problem -> return failwith $"%A{problem}"
    | Ok events ->
        let told =
            events
            |> List.choose (fun event ->
                match event.Fact with
                | CustomerMoved(_, customer) -> Some customer
                | _ -> None)

        return told, (events |> List.fold Transition.evolve (Session.initial id)).Customer
}

let tellsTheSessionWhatAMessageTells people : Task = task {
    do! receive people [ wrote people 0. "1" (scoped "ES.1") ]
    let! _ = decideReally people

    let named = {
        both "ES.1" "34600" with
            Name = Some "Ana"
    }

    do! receive people [ wrote people 1. "2" named; wrote people 2. "3" (scoped "ES.1") ]
    let! _ = decideReally people
    let! told, known = toldTo people "ES.1"

    let customer = {
        Id = CustomerId "ES.1"
        Phone = Some "34600"
        Name = Some "Ana"
    }

    Assert.Equal(customer, known)
    Assert.Equal<Customer list>([ customer ], told)
    let! account = people.Stage.Store.Accounting()
    Assert.Equal(Some 3L, account.Ended.TryFind "applied")
}

/// One person wrote by phone, then by id, and nobody knows yet that it is one.
let private asTwo people : Task = task {
    do! receive people [ wrote people 0. "1" (phone "34600") ]
    let! _ = decideReally people
    people.Stage.Clock.Value <- minute people 1.
    do! receive people [ wrote people 0. "2" (scoped "ES.1") ]
    let! _ = decideReally people
    return ()
}

let tellsTheSessionOfAMerge people : Task = task {
    do! asTwo people
    do! receive people [ wrote people 1. "3" (both "ES.1" "34600") ]
    let! _ = decideReally people
    let! _, known = toldTo people "ES.1"
    Assert.Equal(Some "34600", known.Phone)
}

/// A move waits to be decided for a contact that turns out to be another one: the session that hears of it keeps its
/// own customer's key, by which tickets are found.
let tellsOfAMoveUnderTheKeyThatStays people : Task = task {
    do! asTwo people

    do!
        receive people [
            moved people 10. "m" (phone "34600") (phone "34611")
            wrote people 20. "3" (both "ES.1" "34611")
        ]

    let! _ = decideReally people
    let! told, known = toldTo people "ES.1"
    Assert.NotEmpty told
    Assert.All(told, (fun customer -> Assert.Equal(CustomerId "ES.1", customer.Id)))
    Assert.Equal(Some "34611", known.Phone)
}

let tellsNobodyOfAMoveOfNobody people : Task = task {
    do!
        people.Stage.Store.Deliver [
            bodyOf (minute people 1.) [ moved people 0. "m" nobody (phone "34600") ]
            bodyOf (minute people 1.) [ moved people 0. "n" (phone " ") (ids (Some "") None) ]
        ]

    let! account = people.Stage.Store.Accounting()
    Assert.Equal(Some 2L, account.Ended.TryFind "dead")
    Assert.Equal(0L, account.Pending)
}

/// Every scene by its name.
let all: (string * (PeopleStage -> Task)) list = [
    "a number change takes the history along", takesTheHistoryAlong
    "a move may come before the first message", isMovedBeforeItWrites
    "moves come twice and in disorder", movesTwiceInAnyOrder
    "a customer moves back", movesBack
    "a number that was given up may be somebody else's", leavesANumberToWhoHasItNow
    "a number that somebody else had brings no history along", keepsAnotherPersonsHistoryApart
    "a phone and an id turn out to be one person", joinsTwoThatAreOne
    "what waited is decided for the one that stays", decidesWhatWaitedForWhoStays
    "two open sessions, the id's is the newest", mergesOpenSessions
    "two open sessions, the phone's is the newest", mergesOpenSessionsTheOtherWay
    "what is owed goes to the new number", saysWhatIsOwedToTheNewNumber
    "who is blocked is not answered", answersNothingOfWhoIsBlocked
    "what a blocked customer would be told is ended", endsWhatABlockedCustomerWouldBeTold
    "consent and block outlive a merge", keepsConsentAndBlockThroughAMerge
    "a message that tells a phone and a name tells the open session", tellsTheSessionWhatAMessageTells
    "a merge tells the open session the phone", tellsTheSessionOfAMerge
    "a move that is handed on names the key that stays", tellsOfAMoveUnderTheKeyThatStays
    "a move of nobody ends dead", tellsNobodyOfAMoveOfNobody
]
