/// A node is killed at one named moment of one kind of command, and another one takes over.
module FunctionalBot.Tests.KilledTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.Nodes
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.Talk

/// Ends the node with that exit code as `kill -9` does it.
let private killed = 137

/// Waits for the node's end at its moment, then starts the one that lives, with the same settings.
let private takeOver (settings: (string * string) list) (dying: Node) (theatre: Theatre) : Task = task {
    do!
        eventually "the node to be killed" (fun () ->
            Task.FromResult(if dying.Bot.Process.HasExited then Some() else None))

    closeTo dying theatre
    let! other = startNodeOutside "v12.0" settings theatre
    openTo other theatre
}

/// A question and a ticket, during which every kind of command runs that the moments name.
let private killedAt (moment: string) : Task =
    onNodes 1 (fun theatre -> task {
        let quick = [ "BOT_QUIET_MS", "50"; "BOT_LEASE_SECONDS", "1" ]

        let! dying =
            startNodeOutside
                "v11.0"
                (quick @ [ "BOT_CRASH_AT", moment; "BOT_TEST_SWITCHES", "allowed" ])
                theatre

        openTo dying theatre
        let survival = theatre |> takeOver quick dying

        let talk = task {
            let! first = ask "c0001" 1 theatre
            let! second = openTicket "c0001" theatre
            return first |> plus second
        }

        do! survival
        Assert.Equal(killed, dying.Bot.Process.ExitCode)
        let! expected = talk
        do! Audit.look expected theatre
    })

/// Each with a database and nodes of its own, at the same time.
let private killedAtEach (moments: string list) : Task =
    Task.WhenAll [
        for moment in moments ->
            task {
                try
                    do! killedAt moment
                with fault when not (fault.GetType().Name.Contains "Skip") ->
                    raise (Exception($"Killed at %s{moment}: %s{fault.Message}", fault))
            }
            :> Task
    ]

[<Fact>]
let ``killed between the steps of the engine, everything is said once and the ticket exists once`` () : Task =
    killedAtEach [ "stored"; "decided"; "fired" ]

[<Theory>]
[<InlineData "started">]
[<InlineData "ran">]
[<InlineData "recorded">]
let ``killed at this point of each kind of command, everything is said once and the ticket exists once``
    (moment: string)
    : Task =
    killedAtEach [
        for kind in [ "mark-read"; "ask-assistant"; "create-ticket"; "say" ] -> $"%s{moment}:%s{kind}"
    ]
