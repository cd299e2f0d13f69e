module FunctionalBot.Tests.OdooTests

open System
open System.Net.Http
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open Xunit
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.OdooAdapter
open FunctionalBot.Emulators.Odoo
open FunctionalBot.Tests.EmulatedOdoo
open FunctionalBot.Tests.ScriptedServer

let private none = CancellationToken.None

[<Fact>]
let ``tickets are created once, noted on once and found, by JSON-2`` () =
    withEmulator id (fun _ settings -> OdooScenes.createNoteAndFind settings)

[<Fact>]
let ``the same holds by JSON-RPC, down to version 14`` () : Task = task {
    for number in [ 14; 16; 17; 18 ] do
        do! withEmulator (version number) (fun _ settings -> OdooScenes.createNoteAndFind settings)
}

[<Fact>]
let ``the same holds in Enterprise's shape and without a field for the key`` () : Task = task {
    let enterprise settings = { settings with Helpdesk = Enterprise }
    let bare settings = { settings with TicketFields = [] }
    do! withEmulator enterprise (fun _ settings -> OdooScenes.createNoteAndFind settings)
    do! withEmulator bare (fun _ settings -> OdooScenes.createNoteAndFind settings)
    do! withEmulator (bare >> version 16) (fun _ settings -> OdooScenes.createNoteAndFind settings)
}

[<Fact>]
let ``a customer without a phone gets tickets, and an early note is tried again`` () =
    withEmulator id (fun _ settings -> OdooScenes.withoutPhoneAndTooEarly settings)

[<Fact>]
let ``several that create the same ticket at once make one`` () =
    withEmulator id (fun emulator settings -> task {
        do! OdooScenes.race settings
        Assert.Single(emulator.Tickets()) |> ignore
    })

[<Fact>]
let ``the check finds nothing wrong with a good Odoo, old or new`` () : Task = task {
    do! withEmulator id (fun _ settings -> OdooScenes.checkIsClean settings)
    do! withEmulator (version 16) (fun _ settings -> OdooScenes.checkIsClean settings)
}

let private create (settings: Odoo.Settings) customer = task {
    use client = OdooScenes.client ()
    let ticket = OdooScenes.ticketOf Support "Prueba" None
    return! (Odoo.create settings client).Create (OdooScenes.keyOf customer 2L) ticket customer Spanish none
}

[<Fact>]
let ``a lost answer is tried again and leaves one ticket, untouched by the repeat`` () =
    withEmulator id (fun emulator settings -> task {
        let customer = OdooScenes.newCustomer ()
        // The contact's creation loses its answer first, then the ticket's.
        emulator.SetFaults { Faults.none with LoseAnswers = 2 }
        let mutable tries = 0
        let mutable created = None

        while created.IsNone do
            tries <- tries + 1

            match! create settings customer with
            | Ok reference -> created <- Some reference
            | Error(TryAgain _) when tries < 5 -> ()
            | Error problem -> failwith $"%A{problem}"

        Assert.Equal(3, tries)
        Assert.Single(emulator.Tickets()) |> ignore

        let loads =
            emulator.Requests()
            |> List.filter (fun entry ->
                entry.Operation.Contains "helpdesk.ticket" && entry.Operation.Contains "load")

        Assert.Single loads |> ignore
    })

[<Fact>]
let ``faults that pass are tried again and those that stay are not`` () =
    withEmulator id (fun emulator settings -> task {
        let again name faults = task {
            emulator.SetFaults faults

            match! create settings (OdooScenes.newCustomer ()) with
            | Error(TryAgain _) -> ()
            | other -> failwith $"%s{name}: %A{other}"
        }

        do! again "database away" { Faults.none with Down = true }

        do!
            again "bad gateway" {
                Faults.none with
                    FailStatus = 502
                    FailCount = 1
            }

        do!
            again "unavailable" {
                Faults.none with
                    FailStatus = 503
                    FailCount = 1
            }

        do! again "conflict" { Faults.none with Conflicts = 1 }
        emulator.SetFaults { Faults.none with RefuseKeys = true }

        match! create settings (OdooScenes.newCustomer ()) with
        // An operator mends that; until then the ticket waits.
        | Error(TryAgain(_, reason)) ->
            Assert.Contains("ODOO_API_KEY", reason)
            Assert.DoesNotContain(settings.ApiKey, reason)
        | other -> failwith $"%A{other}"

        emulator.SetFaults Faults.none

        match!
            create
                {
                    settings with
                        Model = "helpdesk.tickets"
                }
                (OdooScenes.newCustomer ())
        with
        | Error(WillNotDo _) -> ()
        | other -> failwith $"%A{other}"
    })

[<Fact>]
let ``the same faults are told apart by JSON-RPC`` () =
    withEmulator (version 16) (fun emulator settings -> task {
        emulator.SetFaults { Faults.none with Down = true }

        match! create settings (OdooScenes.newCustomer ()) with
        | Error(TryAgain _) -> ()
        | other -> failwith $"%A{other}"

        emulator.SetFaults { Faults.none with RefuseKeys = true }

        match! create settings (OdooScenes.newCustomer ()) with
        | Error(WillNotDo reason) -> Assert.Contains("ODOO_API_KEY", reason)
        | other -> failwith $"%A{other}"
    })

[<Fact>]
let ``nobody at the address, a cut line and silence are tried again`` () : Task = task {
    let isAgain name result =
        match result with
        | Error(TryAgain _) -> ()
        | other -> failwith $"%s{name}: %A{other}"

    let! refused =
        create (settingsFor (Uri "http://127.0.0.1:9")) (OdooScenes.newCustomer ())

    isAgain "refused" refused

    do!
        using (fun _ -> Cut) (fun server -> task {
            let! cut = create (settingsFor server.Address) (OdooScenes.newCustomer ())
            isAgain "cut" cut
        })

    do!
        using (fun _ -> Silence) (fun server -> task {
            let settings = {
                settingsFor server.Address with
                    Timeout = TimeSpan.FromMilliseconds 300.
            }

            let! silent = create settings (OdooScenes.newCustomer ())
            isAgain "silence" silent
        })
}

[<Fact>]
let ``errors are told apart by name and content type, and say nothing personal`` () =
    let ofName status name message =
        (OdooFailures.ofException status name message None)

    Assert.False((ofName 500 "builtins.ValueError" "Invalid field 'foo'").MayPass)
    Assert.False((ofName 422 "odoo.exceptions.ValidationError" "x").MayPass)
    Assert.False((ofName 403 "odoo.exceptions.AccessError" "x").MayPass)
    Assert.True((ofName 500 "builtins.TypeError" "x").MayPass)
    Assert.False((ofName 200 "builtins.AttributeError" "The method 'x.y' does not exist").MayPass)
    Assert.True((ofName 500 "psycopg2.errors.SerializationFailure" "could not serialize access").MayPass)
    Assert.True((OdooFailures.ofPage 404 "text/html" None).MayPass)
    Assert.False((OdooFailures.ofPage 415 "text/html" None).MayPass)
    Assert.False((OdooFailures.ofPage 301 "text/html" None).MayPass)
    Assert.True((OdooFailures.ofImport [ "could not serialize access due to concurrent update" ]).MayPass)
    Assert.False((OdooFailures.ofImport [ "No matching record found" ]).MayPass)

    let reason =
        (ofName 422 "odoo.exceptions.UserError" "ana@example.com +34 600 123 456 is wrong\ntrace").Reason

    Assert.DoesNotContain("ana@", reason)
    Assert.DoesNotContain("600 123", reason)
    Assert.DoesNotContain("trace", reason)

[<Fact>]
let ``what an error of Odoo quotes of a customer is left out of the reason, and names of fields stay`` () =
    let told =
        OdooFailures.clean (
            "Invalid field 'x_wa_key' for 'Ana Ríos', ana@example.com, +34 600 111 222: "
            + "it doesn't \"fit in\" here"
        )

    Assert.Equal("Invalid field 'x_wa_key' for '…', … …: it doesn't \"…\" here", told)

[<Fact>]
let ``a stored key is free of blanks and leads back to its session`` () =
    let customers =
        Gen.elements [ 'a'; 'Z'; '9'; '.'; '='; ' '; '%'; 'ñ'; '_'; '-'; '\000' ]
        |> Gen.nonEmptyListOf
        |> Gen.map (Array.ofList >> String)

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 200,
        Prop.forAll (Arb.fromGen customers) (fun customer ->
            let key =
                OdooScenes.keyOf
                    {
                        Id = CustomerId customer
                        Phone = None
                        Name = None
                    }
                    7L

            let stored = OdooText.externalId key

            stored
            |> Seq.forall (fun letter -> Char.IsAsciiLetterOrDigit letter || "._/-=".Contains letter)
            && OdooText.sessionOf stored = Some key.Session
            && OdooText.sessionOf (OdooText.key key) = Some key.Session)
    )

    Assert.Equal(None, OdooText.sessionOf "base.main_company")

[<Fact>]
let ``a phone number is looked for in each form that its country stores`` () =
    Assert.Equal<string list>([ "+34600123456" ], OdooText.phones "34600123456")
    Assert.Equal<string list>([ "+5215512345678"; "+525512345678" ], OdooText.phones "5215512345678")
    Assert.Equal<string list>([ "+551187654321"; "+5511987654321" ], OdooText.phones "551187654321")
    Assert.Equal<string list>([ "+5491123456789"; "+541123456789" ], OdooText.phones "5491123456789")

[<Fact>]
let ``text becomes HTML that shows exactly it, and lines stay one short line`` () =
    Assert.Equal("<p>5 &lt; 6 &amp; &quot;a&quot;<br>b</p>", OdooText.html "5 < 6 & \"a\"\r\nb\000")
    Assert.Equal("a b", OdooText.line "a\r\n\tb\000")
    Assert.True((OdooText.line (String('x', 500))).Length <= 120)

[<Fact>]
let ``a browser's address of a ticket is on the public host`` () =
    let settings = {
        settingsFor (Uri "http://10.0.0.1:8069") with
            PublicUrl = Some(Uri "https://odoo.example.com")
    }

    Assert.Equal(
        "https://odoo.example.com/web#id=7&model=helpdesk.ticket&view_type=form",
        (Odoo.ticketUrl settings { Id = 7L; Number = "HT00007" }).AbsoluteUri
    )

[<Fact>]
let ``whether a ticket is closed is read from the field that the model has`` () =
    let field: OdooField = {
        Type = "char"
        Required = false
        Relation = None
        Choices = []
    }

    let closed (name: string) (record: string) =
        use document = JsonDocument.Parse record
        OdooDesk.isClosed (Map [ name, field ]) document.RootElement

    Assert.True(closed "closed" """{"closed":true}""")
    Assert.False(closed "closed" """{"closed":false}""")
    Assert.True(closed "state" """{"state":"1_done"}""")
    Assert.False(closed "state" """{"state":"01_in_progress"}""")
    Assert.True(closed "close_date" """{"close_date":"2026-11-22 10:00:00"}""")
    Assert.False(closed "close_date" """{"close_date":false}""")
