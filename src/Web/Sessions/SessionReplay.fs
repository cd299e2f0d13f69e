/// `bot session replay` and `bot session whatif`
module FunctionalBot.Web.SessionReplay

open System
open System.Text.Json.Nodes
open Argu
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Replay
open FunctionalBot.Effects.Store
open FunctionalBot.Web.CommandLine
open FunctionalBot.Web.SessionArguments
open FunctionalBot.Web.SessionDesk
open FunctionalBot.Web.SessionSweep

let private mostListed = 1_000

let private kindOf (difference: Difference) =
    match difference with
    | SavedIsUnreadable _ -> "saved-unreadable"
    | SavedIsOfVersion _ -> "saved-version"
    | SavedDiffers _ -> "saved-differs"
    | WasNotQueued _ -> "not-queued"
    | IsNotOpen _ -> "not-open"
    | TimerIsNotSet _ -> "timer-not-set"

let private explain mask difference =
    hidden mask (Refold.explain (not mask) difference)

let private printReplay mask (swept: Swept<Difference list>) =
    for stream, differences in swept.Found do
        Console.Out.WriteLine $"different  %s{hidden mask stream}"

        for difference in differences do
            Console.Out.WriteLine $"             %s{explain mask difference}"

    printBad mask swept
    printSummary swept "different"

let private replayJson mask (swept: Swept<Difference list>) =
    let root = document "replay"
    count root swept

    root["different"] <-
        arrayOf [
            for stream, differences in swept.Found do
                let node = JsonObject()
                node["stream"] <- JsonValue.Create(hidden mask stream)

                node["differences"] <-
                    arrayOf [
                        for difference in differences do
                            let each = JsonObject()
                            each["kind"] <- JsonValue.Create(kindOf difference)
                            each["text"] <- JsonValue.Create(explain mask difference)
                            each
                    ]

                node
        ]

    root["bad"] <- badNodes mask swept
    Output.writeJson root

/// Folds sessions again and compares them with what is saved, queued and waited for.
let replay (connection: string) (given: ParseResults<ReplayArguments>) : int =
    let mask = given.Contains ReplayArguments.Mask

    let tell (swept: Swept<Difference list>) =
        if given.Contains ReplayArguments.Json then
            replayJson mask swept
        else
            printReplay mask swept

        if swept.Different = 0L && swept.Broken = 0L then
            ExitCode.ok
        else
            ExitCode.problems

    match
        scope
            (given.TryGetResult ReplayArguments.Id)
            (given.Contains ReplayArguments.All)
            (given.TryGetResult ReplayArguments.Since)
    with
    | Error refusal -> refuse refusal
    | Ok scope ->
        let limit = given.GetResult(ReplayArguments.Limit, mostListed)

        let look source =
            Replaying.replay source Transition.transition

        SessionSweep.run connection scope mask limit "replaying" look tell

/// What ends `whatif` with exit code 1.
type private FailOn =
    | Nothing
    | Commands
    | State

let private failOn (given: ParseResults<WhatIfArguments>) =
    match given.TryGetResult WhatIfArguments.Fail_On with
    | None
    | Some "state" -> Ok State
    | Some "commands" -> Ok Commands
    | Some "none" -> Ok Nothing
    | Some other ->
        Error {
            ExitCode = ExitCode.usage
            Reason = $"--fail-on %s{other} is not known. There are: none, commands, state."
        }

let private partingLines mask (parting: Parting) = [
    for change in parting.Commands do
        hidden mask (WhatIf.explain (not mask) change)
    if parting.Events > 1 then
        $"and other commands at %d{parting.Events - 1} more events"
    for change in parting.State do
        if mask then
            $"end state, %s{change.Field}"
        else
            $"end state, %s{change.Field}: %s{change.Before} -> %s{change.After}"
]

let private printWhatIf mask (swept: Swept<Parting>) =
    for stream, parting in swept.Found do
        Console.Out.WriteLine
            $"different  %s{hidden mask stream} from event %d{parting.At} (%s{parting.Event})"

        for line in partingLines mask parting do
            Console.Out.WriteLine $"             %s{line}"

    printBad mask swept
    printSummary swept "would go another way"

let private changeNode mask (change: CommandChange) : JsonNode =
    let kind, key =
        match change with
        | WouldBeAdded command -> "added", CommandKey.text command.Key
        | WouldBeLeftOut recorded -> "left-out", recorded.Key
        | WouldBeOther(recorded, _) -> "other", recorded.Key

    let node = JsonObject()
    node["change"] <- JsonValue.Create kind
    node["key"] <- JsonValue.Create(hidden mask key)
    node["text"] <- JsonValue.Create(hidden mask (WhatIf.explain (not mask) change))
    node

let private fieldNode mask (change: FieldChange) : JsonNode =
    let node = JsonObject()
    node["field"] <- JsonValue.Create change.Field

    if not mask then
        node["recorded"] <- JsonValue.Create change.Before
        node["now"] <- JsonValue.Create change.After

    node

let private whatIfJson mask (swept: Swept<Parting>) =
    let root = document "whatif"
    count root swept

    root["different"] <-
        arrayOf [
            for stream, parting in swept.Found do
                let node = JsonObject()
                node["stream"] <- JsonValue.Create(hidden mask stream)
                node["event_version"] <- JsonValue.Create parting.At
                node["type"] <- JsonValue.Create parting.Event
                node["events_with_other_commands"] <- JsonValue.Create parting.Events
                node["commands"] <- arrayOf [ for change in parting.Commands -> changeNode mask change ]
                node["state"] <- arrayOf [ for change in parting.State -> fieldNode mask change ]
                node
        ]

    root["bad"] <- badNodes mask swept
    Output.writeJson root

/// What this build would have done with what was recorded.
let whatIf (connection: string) (given: ParseResults<WhatIfArguments>) : int =
    let mask = given.Contains WhatIfArguments.Mask

    match
        failOn given,
        scope
            (given.TryGetResult WhatIfArguments.Id)
            (given.Contains WhatIfArguments.All)
            (given.TryGetResult WhatIfArguments.Since)
    with
    | Error refusal, _
    | _, Error refusal -> refuse refusal
    | Ok failOn, Ok scope ->
        // The list may be cut: other commands are counted ahead of that.
        let withOtherCommands = ref 0L

        let look source names = task {
            let! findings = Replaying.whatIf source Transition.transition names

            let others =
                findings.Found
                |> List.filter (fun (_, parting) -> parting.Events > 0)
                |> List.length

            Threading.Interlocked.Add(&withOtherCommands.contents, int64 others) |> ignore
            return findings
        }

        let tell (swept: Swept<Parting>) =
            if given.Contains WhatIfArguments.Json then
                whatIfJson mask swept
            else
                printWhatIf mask swept

            let fails =
                match failOn with
                | Nothing -> false
                | Commands -> withOtherCommands.Value > 0L || swept.Broken > 0L
                | State -> swept.Different > 0L || swept.Broken > 0L

            if fails then ExitCode.problems else ExitCode.ok

        let limit = given.GetResult(WhatIfArguments.Limit, mostListed)
        SessionSweep.run connection scope mask limit "looking" look tell
