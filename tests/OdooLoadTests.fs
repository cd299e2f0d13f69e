/// Creating a ticket once, whatever goes wrong on the way: load(), races, lost answers, faults.
module FunctionalBot.Tests.OdooLoadTests

open System
open System.Net.Http
open System.Threading.Tasks
open Xunit
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo
open FunctionalBot.Tests.OdooCalls

/// A clock whose timers fire only when they are told to, so that transactions overlap for certain.
type private HeldClock() =
    inherit TimeProvider()
    let waiting = System.Collections.Concurrent.ConcurrentQueue<unit -> unit>()
    let arrived = new System.Threading.SemaphoreSlim 0

    override _.CreateTimer(callback, state, _, _) =
        waiting.Enqueue(fun () -> callback.Invoke state)
        arrived.Release() |> ignore

        {
            new System.Threading.ITimer with
                member _.Change(_, _) = true
                member _.Dispose() = ()
                member _.DisposeAsync() = ValueTask.CompletedTask
        }

    /// Ends once so many timers wait.
    member _.Arrival(count: int) : Task = task {
        for _ in 1..count do
            do! arrived.WaitAsync()
    }

    /// Lets all timers that wait fire.
    member _.Release() =
        for fire in waiting do
            fire ()

[<Fact>]
let ``of eight loads at once with one external id one makes the ticket and seven have to come again`` () =
    let clock = HeldClock()

    withOdoo { standard with Clock = clock } (fun emulator client -> task {
        let calls = [ for _ in 1..8 -> good client "helpdesk.ticket/load" (loadOf "race") ]
        do! clock.Arrival 8
        clock.Release()
        let! answers = Task.WhenAll calls

        let won, lost =
            List.ofArray answers
            |> List.partition (fun answer -> field "ids" answer = Some(Items [ Whole 1L ]))

        Assert.Equal((1, 1, 7), (emulator.Tickets().Length, won.Length, lost.Length))

        for answer in lost do
            Assert.Equal(Some(Flag false), field "ids" answer)
            Assert.Contains("could not serialize access", write answer)
    })

[<Fact>]
let ``loads that do not overlap do not disturb each other`` () =
    withOdoo standard (fun emulator client -> task {
        let! answers =
            Task.WhenAll [ for key in 1..8 -> good client "helpdesk.ticket/load" (loadOf (string key)) ]

        Assert.All(answers, fun answer -> Assert.True(field "ids" answer |> Option.exists isTruthy))
        Assert.Equal(8, emulator.Tickets().Length)
    })

[<Fact>]
let ``a repeated load overwrites the same ticket, and its external id leads back to it`` () =
    withOdoo standard (fun emulator client -> task {
        let! first = good client "helpdesk.ticket/load" (loadOf "a.b/c+d=")

        let! second =
            good
                client
                "helpdesk.ticket/load"
                """{"fields":["id","name"],"data":[["wabot.a.b/c+d=","Otra cosa"]]}"""

        Assert.Equal(json """{"ids":[1],"messages":[],"nextrow":0}""", first)
        Assert.Equal(first, second)

        Assert.Equal<string option list>(
            [ Some "Otra cosa" ],
            emulator.Tickets() |> List.map (textField "name")
        )

        let! names = good client "helpdesk.ticket/get_external_id" """{"ids":[1,2]}"""
        Assert.Equal(json """{"1":"wabot.a.b/c+d=","2":""}""", names)
    })

[<Fact>]
let ``a load that cannot be carried out answers 200 with the reason and imports nothing`` () =
    let cases = [
        """{"fields":["id","name","description","team_id/.id"],"data":[["w.1","a","b","1"],["w.2","a","b","999"]]}""",
        "No matching record found for database id '999' in field 'Team'"
        """{"fields":["id","name","description"],"data":[["w.1","","b"]]}""",
        "Missing required value for the field 'Title' (name)."
        """{"fields":["id","name","description","priority"],"data":[["w.1","a","b","9"]]}""",
        "Value '9' not found in selection field 'Priority'"
        """{"fields":["id","name","description"],"data":[["w.1","a\u0000","b"]]}""",
        "Unknown error during import: <class 'ValueError'>: "
        + "A string literal cannot contain NUL (0x00) characters."
    ]

    withOdoo standard (fun emulator client -> task {
        for arguments, message in cases do
            let! answer = good client "helpdesk.ticket/load" arguments
            Assert.Equal(Some(Flag false), field "ids" answer)
            let told = itemsField "messages" answer |> List.choose (textField "message")
            Assert.StartsWith(message, Assert.Single told)

        let! status, unknown =
            call client "helpdesk.ticket/load" """{"fields":["id","nope"],"data":[["w.1","a"]]}"""

        Assert.Equal((500, Some "Invalid field name 'nope'"), (status, textField "message" unknown))
        Assert.Empty(emulator.Tickets())
    })

[<Fact>]
let ``an answer that is lost after the commit leaves the ticket, and the repeated load finds it`` () =
    withOdoo standard (fun emulator client -> task {
        emulator.SetFaults { Faults.none with LoseAnswers = 1 }

        let! _ =
            Assert.ThrowsAnyAsync<HttpRequestException>(fun () ->
                good client "helpdesk.ticket/load" (loadOf "k"))

        Assert.Equal(1, emulator.Tickets().Length)
        let! again = good client "helpdesk.ticket/load" (loadOf "k")
        Assert.Equal(Some(Items [ Whole 1L ]), field "ids" again)
        Assert.Equal(1, emulator.Tickets().Length)
        Assert.Equal<int list>([ 0; 200 ], emulator.Requests() |> List.map (fun entry -> entry.Status))
    })

[<Fact>]
let ``faults over HTTP: away, a proxy's errors, conflicts and expired keys`` () =
    withOdoo standard (fun _ client -> task {
        let faults (body: string) = task {
            let! status, _, _ = postText client "/_emulator/faults" "" "application/json" body
            Assert.Equal(200, status)
        }

        do! faults """{"down":true}"""
        let! status, page = call client "res.partner/search" """{"domain":[]}"""
        Assert.Equal(404, status)
        Assert.Contains("No database is selected", write page)
        do! faults """{"status":502,"count":2}"""
        let! first, _ = call client "res.partner/search" """{"domain":[]}"""
        let! second, _ = call client "res.partner/search" """{"domain":[]}"""
        let! third, _ = call client "res.partner/search" """{"domain":[]}"""
        Assert.Equal((502, 502, 200), (first, second, third))
        do! faults """{"conflicts":1}"""
        let! conflict = good client "helpdesk.ticket/load" (loadOf "k")
        let! success = good client "helpdesk.ticket/load" (loadOf "k")

        Assert.Equal(
            (Some(Flag false), Some(Items [ Whole 1L ])),
            (field "ids" conflict, field "ids" success)
        )

        do! faults """{"refuse_keys":true}"""
        let! refused, _ = call client "res.partner/search" """{"domain":[]}"""
        Assert.Equal(401, refused)

        let! unknown, _, text =
            postText client "/_emulator/faults" "" "application/json" """{"dwon":true}"""

        Assert.Equal(400, unknown)
        Assert.Contains("dwon", text)
    })
