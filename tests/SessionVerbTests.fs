/// `bot session …` as a process, on a database that the real bot filled.
module FunctionalBot.Tests.SessionVerbTests

open System
open System.IO
open System.Text.Json
open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects.Replay
open FunctionalBot.Domain
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.Stage
open FunctionalBot.Tests.StageCustomers
open FunctionalBot.Tests.StageLooks

/// Runs the program with the database as its only setting, and a data folder of its own.
let private bot (database: Database) (folder: string) (words: string list) = task {
    let environment =
        Map [
            "DATABASE_URL", database.ConnectionString
            "BOT_DATA", Path.Combine(folder, "data")
        ]

    let running = launch environment folder ("session" :: words)
    do! running.Process.WaitForExitAsync()
    // The output is complete only after this second wait.
    running.Process.WaitForExit()
    return running.Process.ExitCode, running.Output
}

let private expect (code: int) (found: int * string) =
    Assert.True((code = fst found), $"exit code %d{fst found}, not %d{code}:\n%s{snd found}")
    snd found

let private json (found: int * string) =
    let root = (JsonDocument.Parse(snd found)).RootElement
    Assert.Equal(1, (root.GetProperty "version").GetInt32())
    root

let private number (root: JsonElement) (name: string) = (root.GetProperty name).GetInt64()

let private textOf (root: JsonElement) (name: string) =
    string ((root.GetProperty name).GetString())

let private inFolder (work: string -> Task<unit>) : Task = task {
    let folder = Directory.CreateTempSubdirectory("functionalbot-session-").FullName

    try
        do! work folder
    finally
        Directory.Delete(folder, true)
}

let private readFile (file: string) =
    match Regression.read (File.ReadAllText file) with
    | Ok regression -> regression
    | Error problem -> failwith problem

[<Fact>]
let ``a ticket and a hand-over are listed, shown, replayed, and saved as tests without personal data`` () =
    onStage (fun stage -> task {
        let! _ = startBot stage
        do! writes "ana" "Hola, quiero abrir un ticket" stage
        let! _ = hears "ana" 1 stage
        do! writes "ana" "La taladradora no enciende" stage
        let! _ = hears "ana" 2 stage
        do! writes "ana" "La compré ayer; probé con otro enchufe y nada." stage
        let! _ = hears "ana" 3 stage
        do! writes "ana" "ana.rios@example.org" stage
        let! summary = hears "ana" 4 stage
        do! presses "ana" summary (summary.Choices |> List.find (fun id -> id.StartsWith "confirm:")) stage
        let! _ = hears "ana" 5 stage
        do! writes "tomas" "quiero hablar con una persona" stage
        let! _ = hears "tomas" 2 stage
        do! writes "tomas" "mi pedido 4711 no llega" stage
        let! _ = hears "tomas" 3 stage
        do! quiet stage
        let run = bot stage.Database stage.Folder

        let! listed = run [ "list"; "--json" ]
        expect 0 listed |> ignore
        let sessions = (json listed).GetProperty "sessions"
        Assert.Equal(2, sessions.GetArrayLength())

        let idOf phase =
            sessions.EnumerateArray()
            |> Seq.find (fun session -> textOf session "phase" = phase)
            |> fun session -> textOf session "stream"

        let ticket = idOf "conversing"
        let handOver = idOf "with-agent"

        let! shown = run [ "show"; ticket; "--json" ]
        expect 0 shown |> ignore
        let events = (json shown).GetProperty "events"

        let commands =
            events.EnumerateArray()
            |> Seq.collect (fun event -> (event.GetProperty "commands").EnumerateArray())
            |> Seq.map (fun command -> textOf command "kind", textOf command "standing")
            |> List.ofSeq

        Assert.Contains(("create-ticket", "done, 1 attempt"), commands)
        Assert.DoesNotContain(commands, fun (_, standing) -> standing = "not queued" || standing = "lost")

        let! diff = run [ "show"; ticket.Substring "session/".Length; "--diff"; "--at"; "2" ]
        let diff = expect 0 diff
        Assert.Contains("session_opened", diff)
        Assert.Contains("Hola, quiero abrir un ticket", diff)
        Assert.DoesNotContain("La taladradora", diff)

        let! masked = run [ "show"; ticket; "--mask" ]
        let masked = expect 0 masked

        for personal in [ "taladradora"; "ana.rios"; "Ana" ] do
            Assert.DoesNotContain(personal, masked)

        let! replayed = run [ "replay"; "--all"; "--json" ]
        expect 0 replayed |> ignore
        Assert.Equal(2L, number (json replayed) "streams")
        let! would = run [ "whatif"; "--all"; "--json" ]
        expect 0 would |> ignore
        Assert.Equal(0L, number (json would) "different_count")

        for stream, name in [ ticket, "a-ticket"; handOver, "a-hand-over" ] do
            let file = Path.Combine(stage.Folder, "data", "regressions", name + ".json")
            let! dry = run [ "save-test"; stream; "--name"; name; "--dry-run" ]
            Assert.Contains("Would write", expect 0 dry)
            Assert.False(File.Exists file)
            let! saved = run [ "save-test"; stream; "--name"; name; "--json" ]
            expect 0 saved |> ignore
            Assert.True((json saved).GetProperty("written").GetBoolean())
            let regression = readFile file
            Assert.True regression.Masked
            Assert.Empty(Regression.check Transition.transition regression)
            let text = File.ReadAllText file

            for personal in [ "taladradora"; "rios"; "4711"; (stream.Split '/')[2] ] do
                Assert.DoesNotContain(personal, text, StringComparison.OrdinalIgnoreCase)

            let! again = run [ "save-test"; stream; "--name"; name ]
            Assert.Contains("--yes", expect 6 again)
            let! over = run [ "save-test"; stream; "--name"; name; "--yes" ]
            expect 0 over |> ignore

        let! exported = run [ "export"; ticket; "--out"; "ticket.json" ]
        expect 0 exported |> ignore
        let exported = readFile (Path.Combine(stage.Folder, "ticket.json"))
        Assert.False exported.Masked
        Assert.Equal(ticket, SessionId.text exported.Session)
        Assert.Empty(Regression.check Transition.transition exported)

        Assert.Contains(
            "La taladradora no enciende",
            File.ReadAllText(Path.Combine(stage.Folder, "ticket.json"))
        )
    })

let private withTwo (work: Bench -> (string list -> Task<int * string>) -> Task<unit>) : Task =
    inFolder (fun folder -> task {
        use! bench = startBench ()

        for customer in [ "ES.1"; "ES.12" ] do
            do! converse bench customer (customer + "-1") "hola"

        do! work bench (bot bench.Database folder)
    })

[<Fact>]
let ``what is not found ends with 5, a beginning of several with 2, and both say how to go on`` () =
    withTwo (fun _ run -> task {
        let! unknown = run [ "show"; "whatsapp-1/ES.9/1" ]
        Assert.Contains("bot session list", expect 5 unknown)
        let! several = run [ "show"; "whatsapp-1/ES.1" ]
        Assert.Contains("session/whatsapp-1/ES.12/1", expect 2 several)
        let! exact = run [ "show"; "whatsapp-1/ES.1/1" ]
        Assert.Contains("session/whatsapp-1/ES.1/1", expect 0 exact)
        let! beginning = run [ "show"; "whatsapp-1/ES.12" ]
        Assert.Contains("session/whatsapp-1/ES.12/1", expect 0 beginning)
        let! behind = run [ "show"; "whatsapp-1/ES.12"; "--at"; "9" ]
        Assert.Contains("events 1 to 2", expect 5 behind)
        let! both = run [ "replay"; "x"; "--all" ]
        expect 2 both |> ignore
        let! neither = run [ "whatif" ]
        Assert.Contains("--all", expect 2 neither)
        let! never = run [ "replay"; "--all"; "--since"; "soon" ]
        Assert.Contains("7d", expect 2 never)
        let! phase = run [ "list"; "--state"; "asleep" ]
        Assert.Contains("with-agent", expect 2 phase)
        let! bad = run [ "save-test"; "whatsapp-1/ES.12"; "--name"; "../x" ]
        expect 2 bad |> ignore
    })

[<Fact>]
let ``differences and broken streams end with 1 and are all in the JSON`` () =
    withTwo (fun bench run -> task {
        do!
            bench.Database.Execute
                "UPDATE bot.session SET data = replace(data::text, '\"Spanish\"', '\"English\"')::json
                    WHERE stream LIKE '%ES.1/%';
                UPDATE mt_events SET type = 'tide_turned' WHERE version = 2 AND stream_id LIKE '%ES.12/%'"

        let! replayed = run [ "replay"; "--all"; "--json" ]
        expect 1 replayed |> ignore
        let root = json replayed
        Assert.Equal(1L, number root "different_count")
        Assert.Equal(1L, number root "bad_count")
        let different = (root.GetProperty "different")[0]
        Assert.Equal("session/whatsapp-1/ES.1/1", textOf different "stream")
        Assert.Equal("saved-differs", textOf ((different.GetProperty "differences")[0]) "kind")
        let bad = (root.GetProperty "bad")[0]
        Assert.Equal("session/whatsapp-1/ES.12/1", textOf bad "stream")
        Assert.Equal(2L, number bad "event_version")

        let! readable = run [ "replay"; "whatsapp-1/ES.1/1" ]
        Assert.Contains("saved en, folded es", expect 1 readable)
        let! masked = run [ "replay"; "whatsapp-1/ES.1/1"; "--mask" ]
        Assert.DoesNotContain("ES.1", expect 1 masked)
        let! shown = run [ "show"; "whatsapp-1/ES.12/1" ]
        Assert.Contains("tide_turned", expect 1 shown)
        let! saved = run [ "save-test"; "whatsapp-1/ES.12/1" ]
        Assert.Contains("tide_turned", expect 1 saved)

        // Only the state differs, not the commands.
        let! state = run [ "whatif"; "whatsapp-1/ES.1/1" ]
        Assert.Contains("language: en -> es", expect 1 state)
        let! commands = run [ "whatif"; "whatsapp-1/ES.1/1"; "--fail-on"; "commands" ]
        expect 0 commands |> ignore

        do!
            bench.Database.Execute
                "UPDATE bot.command SET payload = replace(payload::text, '\"Spanish\"', '\"English\"')::json
                    WHERE customer = 'ES.1' AND kind = 'say'"

        let! commands =
            run [ "whatif"; "whatsapp-1/ES.1/1"; "--fail-on"; "commands"; "--json" ]

        expect 1 commands |> ignore
        let different = ((json commands).GetProperty "different")[0]
        Assert.Equal(2L, number different "event_version")
        Assert.Equal("other", textOf ((different.GetProperty "commands")[0]) "change")
        let! none = run [ "whatif"; "--all"; "--fail-on"; "none" ]
        expect 0 none |> ignore
    })

[<Fact>]
let ``show tells what was asked for at the time, and what this build would ask for instead`` () =
    withTwo (fun bench run -> task {
        do!
            bench.Database.Execute
                "UPDATE bot.command SET payload = replace(payload::text, 'ES.1-1', 'wamid.OLD')::json
                    WHERE customer = 'ES.1' AND kind = 'mark-read';
                INSERT INTO bot.command (key, channel, customer, session_ordinal, version, ordinal, kind, language,
                    queued_at, payload)
                SELECT replace(key, '/2/' || ordinal, '/2/7'), channel, customer, session_ordinal, version, 7, kind,
                    language, queued_at, replace(payload::text, 'OLD', 'LEFT')::json
                FROM bot.command WHERE customer = 'ES.1' AND kind = 'mark-read'"

        let! shown = run [ "show"; "whatsapp-1/ES.1/1" ]
        let shown = expect 0 shown
        Assert.Contains("> mark-read wamid.OLD", shown)
        Assert.Contains("this build: mark-read ES.1-1", shown)
        Assert.Contains("> mark-read wamid.LEFT", shown)
        Assert.Contains("this build asks for nothing here", shown)
        let! node = run [ "show"; "whatsapp-1/ES.1/1"; "--json" ]
        expect 0 node |> ignore

        let commands =
            ((json node).GetProperty "events").EnumerateArray()
            |> Seq.collect (fun event -> (event.GetProperty "commands").EnumerateArray())
            |> Seq.filter (fun command -> textOf command "kind" = "mark-read")
            |> Seq.map (fun command ->
                (command.GetProperty "payload").GetRawText().Contains "wamid.", textOf command "this_build")
            |> List.ofSeq

        Assert.Equal<(bool * string) list>([ true, "other"; true, "nothing" ], commands)

        // With stand-ins for personal data nothing of what was recorded is shown as it was.
        let! masked = run [ "show"; "whatsapp-1/ES.1/1"; "--mask" ]
        Assert.DoesNotContain("wamid.OLD", expect 0 masked)

        do!
            bench.Database.Execute
                "DELETE FROM bot.command WHERE customer = 'ES.12'; DELETE FROM bot.outbox WHERE customer = 'ES.12'"

        let! shown = run [ "show"; "whatsapp-1/ES.12/1" ]
        Assert.Contains("(not queued)", expect 0 shown)
        do! bench.Database.Execute "INSERT INTO bot.forgotten VALUES ('command', '2026-11-30')"
        let! shown = run [ "show"; "whatsapp-1/ES.12/1" ]
        Assert.Contains("(no longer kept)", expect 0 shown)
    })

[<Fact>]
let ``sessions that were saved in another shape are said to be compared in part`` () =
    withTwo (fun bench run -> task {
        do! bench.Database.Execute "UPDATE bot.session SET shape = shape + 1"

        for verb in [ "replay"; "whatif" ] do
            let! swept = run [ verb; "--all" ]
            Assert.Contains("2 without a saved session of this build's shape", expect 0 swept)
    })

[<Fact>]
let ``flags of one verb of sessions mean what they mean of the others`` () =
    withTwo (fun bench run -> task {
        do!
            bench.Database.Execute
                "UPDATE mt_streams SET timestamp = now() - interval '3 days' WHERE id LIKE '%ES.12/%'"

        for when', streams in [ "90s", 1L; "2d", 1L; "4d", 2L; "2026-01-01", 2L; "2099-01-01T09:30", 0L ] do
            let! swept = run [ "replay"; "--all"; "--since"; when'; "--json" ]
            expect 0 swept |> ignore
            Assert.Equal((when', streams), (when', number (json swept) "streams"))

        for verb in [ [ "list" ]; [ "replay"; "--all" ]; [ "whatif"; "--all" ] ] do
            for when' in [ "5/6"; "12:00"; "tomorrow" ] do
                let! never = run (verb @ [ "--since"; when' ])
                Assert.Contains("7d", expect 2 never)

        // An export that is not written to a file can be rehearsed by nobody.
        let! dry = run [ "export"; "whatsapp-1/ES.1/1"; "--dry-run" ]
        let dry = expect 2 dry
        Assert.Contains("--out", dry)
        Assert.DoesNotContain("hola", dry)
        let! masked = run [ "export"; "whatsapp-1/ES.1/1"; "--mask" ]
        Assert.DoesNotContain("ES.1", expect 0 masked)
        let! masked = run [ "list"; "--mask" ]
        Assert.DoesNotContain("ES.12", expect 0 masked)
        let! several = run [ "show"; "whatsapp-1/ES.1"; "--mask" ]
        Assert.DoesNotContain("ES.12", expect 2 several)

        do!
            bench.Database.Execute
                "UPDATE bot.session SET phase = 'closed', data = replace(data::text, 'Spanish', 'English')::json"

        let! cut = run [ "whatif"; "--all"; "--limit"; "1"; "--json"; "--mask" ]
        let cut = expect 1 cut
        Assert.DoesNotContain("ES.12", cut)
        let root = (JsonDocument.Parse cut).RootElement
        Assert.True((root.GetProperty "truncated").GetBoolean())
        Assert.Equal(2L, number root "different_count")
        Assert.Equal(1, (root.GetProperty "different").GetArrayLength())
    })

[<Fact>]
let ``a database that is away, or not migrated, ends with 4; one that is not set with 3`` () =
    inFolder (fun folder -> task {
        let run environment = task {
            let running = launch (Map environment) folder [ "session"; "replay"; "--all" ]
            do! running.Process.WaitForExitAsync()
            running.Process.WaitForExit()
            return running.Process.ExitCode, running.Output
        }

        use! database = createDatabase ()
        let! away = run [ "DATABASE_URL", "postgres://bot@127.0.0.1:1/bot" ]
        Assert.Contains("DATABASE_URL", expect 4 away)
        let! empty = run [ "DATABASE_URL", database.ConnectionString ]
        Assert.Contains("migrat", expect 4 empty)
        let! unset = run []
        let unset = expect 3 unset
        Assert.Contains("DATABASE_URL", unset)
        Assert.DoesNotContain("WHATSAPP", unset)
    })
