/// Lives of one person with several numbers and ids, as WhatsApp tells of them, in any order.
module FunctionalBot.Tests.PeopleLives

open System
open System.Collections.Generic
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes
open FunctionalBot.Tests.PeopleScenes

/// What one person was reached by, one after the other, and what came of it, in some order.
[<StructuredFormatDisplay("{Told}")>]
type Life = {
    States: (string * string) list
    /// When the first state begins, in hours.
    FirstHour: int
    Updates: Update list
    /// Whether something is decided after each update.
    Decides: bool list
    /// How many messages are among the updates.
    Messages: int
} with

    /// As a failure shows it.
    member life.Told =
        let name (person: Person) =
            [ person.BusinessScopedId; person.Phone ] |> List.choose id |> String.concat "+"

        let told (update: Update) =
            match update with
            | CustomerDid(_, who, _, at, _) -> at.ToString "d HH:mm" + " " + name who
            | PersonMoved(_, move, _, at) ->
                at.ToString "d HH:mm" + " " + name move.Before + " is now " + name move.After
            | other -> $"%A{other}"

        [
            for id, phone in life.States do
                "state " + id + "+" + phone
            for update, decides in List.zip life.Updates life.Decides do
                told update + (if decides then " !" else "")
        ]
        |> String.concat "\n"

/// How somebody's life is told.
type private Telling = {
    /// What changes from one state to the next: "number" (with which Meta makes a new id), "id", or "number alone".
    Changes: string list
    /// The person may come back to a number of before.
    Returns: bool
    /// Messages may bear the phone alone.
    PhoneAlone: bool
    /// What notices tell: "all", "apart" (one for the number and one for the id), or "id".
    Notices: string list
}

/// Ids by their order in a life, and numbers, of which there may be fewer.
[<NoComparison; NoEquality>]
type private Names = {
    Id: int -> string
    Phone: int -> string
}

let private at firstHour index minutes =
    start.AddHours(float (firstHour + index)).AddMinutes(float minutes)

let private statesOf (names: Names) (telling: Telling) : Gen<(string * string) list> = gen {
    let! count = Gen.choose (1, 5)
    let! comesBack = Gen.elements [ false; telling.Returns ]

    let! changes =
        Gen.listOfLength count (Gen.zip (Gen.elements telling.Changes) (Gen.choose (0, 2)))

    return
        (([ 0, 0 ], changes)
         ||> List.fold (fun states (change, number) ->
             let id, phone = states.Head
             let next = states.Length

             let phoneNext =
                 if not comesBack then next
                 elif number = phone then (number + 1) % 3
                 else number

             match change with
             | "number" -> (next, phoneNext) :: states
             | "id" -> (next, phone) :: states
             | _ -> (id, phoneNext) :: states))
        |> List.rev
        |> List.map (fun (id, phone) -> names.Id id, names.Phone phone)
}

/// In each state the person writes once with both ids, and perhaps with either.
let private messagesOf channel firstHour (telling: Telling) states : Gen<Update list> =
    states
    |> List.mapi (fun index (id, phone) -> gen {
        let both = ids (Some id) (Some phone)

        let! others =
            Gen.subListOf [
                ids (Some id) None
                both
                if telling.PhoneAlone then
                    ids None (Some phone)
            ]

        let! minutes = Gen.listOfLength 4 (Gen.choose (1, 58))

        return
            List.zip (both :: others) (List.truncate (others.Length + 1) minutes)
            |> List.mapi (fun place (who, minutes) ->
                wroteAt channel (at firstHour index minutes) $"%s{channel}.%s{id}.%d{index}.%d{place}" who)
    })
    |> Gen.sequenceToList
    |> Gen.map List.concat

let private noticesOf channel firstHour (telling: Telling) states : Gen<Update list> =
    List.pairwise states
    |> List.mapi (fun index ((idBefore, phoneBefore), (idAfter, phoneAfter)) -> gen {
        let! told = Gen.elements telling.Notices
        let isNewId, isNewPhone = idBefore <> idAfter, phoneBefore <> phoneAfter
        let part isTold text = if isTold then Some text else None

        let notice name tellsId tellsPhone =
            movedAt
                channel
                (at firstHour (index + 1) 0)
                $"%s{channel}.%s{idAfter}.%s{name}.%d{index}"
                (ids (part (tellsId && isNewId) idBefore) (part (tellsPhone && isNewPhone) phoneBefore))
                (ids (part tellsId idAfter) (part tellsPhone phoneAfter))

        return
            match told with
            | "apart" when isNewId && isNewPhone -> [ notice "number" false true; notice "id" true false ]
            | "id" when isNewId -> [ notice "id" true false ]
            | _ -> [ notice "all" true true ]
    })
    |> Gen.sequenceToList
    |> Gen.map List.concat

/// Each state lasts an hour. Some things come twice, and all of it comes in any order.
let private lifeOf channel firstHour names telling : Gen<Life> = gen {
    let! states = statesOf names telling
    let! messages = messagesOf channel firstHour telling states
    let! notices = noticesOf channel firstHour telling states
    let! twice = Gen.subListOf (messages @ notices)
    let! updates = Gen.shuffle (messages @ notices @ twice)
    let! decides = Gen.listOfLength updates.Length (Gen.elements [ false; false; true ])

    return {
        States = states
        FirstHour = firstHour
        Updates = List.ofArray updates
        Decides = decides
        Messages = messages.Length
    }
}

/// A life of one person. Either notices name all ids: then messages may bear the phone alone, and numbers may come
/// back. Or notices may name little, and messages bear the business-scoped id.
let lives channel : Gen<Life> = gen {
    let! telling =
        Gen.elements [
            {
                Changes = [ "number"; "id"; "number alone" ]
                Returns = true
                PhoneAlone = true
                Notices = [ "all" ]
            }
            {
                Changes = [ "number"; "id"; "number alone" ]
                Returns = false
                PhoneAlone = false
                Notices = [ "all"; "apart"; "id" ]
            }
        ]

    let names = {
        Id = sprintf "ES.%d"
        Phone = sprintf "346%d"
    }

    return! lifeOf channel 0 names telling
}

/// Two people whose messages bear their business-scoped ids. The second begins hours later, with a number that the
/// first gave up, where there is one.
let neighbours channel : Gen<Life * Life> = gen {
    let telling = {
        Changes = [ "number"; "id" ]
        Returns = true
        PhoneAlone = false
        Notices = [ "all"; "id" ]
    }

    let! first =
        lifeOf
            channel
            0
            {
                Id = sprintf "ES.%d"
                Phone = sprintf "346%d"
            }
            telling

    let last = List.last first.States |> snd

    let! left =
        match first.States |> List.map snd |> List.filter (fun phone -> phone <> last) with
        | [] -> Gen.constant "3500"
        | left -> Gen.elements left

    let! second =
        lifeOf
            channel
            (first.States.Length + 3)
            {
                Id = sprintf "ES.%db"
                Phone = fun number -> if number = 0 then left else $"350%d{number}"
            }
            telling

    return first, second
}

/// The name of a message.
let private messageIn (update: Update) =
    match update with
    | CustomerDid(_, _, id, _, _) -> Some id
    | _ -> None

/// Later than all that happens.
let longAfter = start.AddHours 100.

/// Takes in one thing, long after it happened.
let deliver (stage: Stage) (update: Update) : Task =
    stage.Store.Deliver [ bodyOf longAfter [ update ] ]

/// Decides all that waits; what was decided for whom is added.
let decideAll (stage: Stage) (told: List<string * string>) : Task = task {
    let! decided = decidedFor stage (fun _ -> [])

    for KeyValue(customer, entries) in decided do
        for entry in entries do
            told.Add(customer, entry)
}

/// Asks by each id that the person ever had whose it was, when it was the person's.
let probesOf channel (life: Life) : Update list =
    life.States
    |> List.mapi (fun index (id, _) ->
        wroteAt
            channel
            (at life.FirstHour index 30)
            $"%s{channel}.probe.%s{id}.%d{index}"
            (ids (Some id) None))

/// Everything is decided once, and all ids that the person ever had lead to one contact.
let endsAsOne (stage: Stage) channel (life: Life) (told: List<string * string>) : Task = task {
    do! decideAll stage told
    let messages = life.Updates |> List.choose messageIn |> List.distinct |> List.sort
    let seen = told |> Seq.map snd |> List.ofSeq
    Assert.Equal<string list>(messages, List.sort seen)

    let last = List.last life.States |> snd

    let probes =
        wroteAt channel longAfter $"%s{channel}.probe" (ids None (Some last))
        :: probesOf channel life

    for probe in probes do
        do! deliver stage probe

    let! decided = decidedFor stage (fun _ -> [ say "x" ])
    let _, entries = decided |> Map.toList |> List.exactlyOne
    Assert.Equal(probes.Length, entries.Length)
}

/// Plays a life and says how it went wrong, if it did.
let play (stage: Stage) channel (life: Life) : Task = task {
    let told = List()

    for update, decides in List.zip life.Updates life.Decides do
        do! deliver stage update

        if decides then
            do! decideAll stage told

    do! endsAsOne stage channel life told
}
