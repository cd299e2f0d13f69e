module FunctionalBot.Tests.CodecTests

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Microsoft.FSharp.Reflection
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.Arbitraries

let private at = DateTimeOffset(2026, 11, 2, 9, 30, 15, 250, TimeSpan.Zero)

let private session: SessionId = {
    Channel = "whatsapp-106540352242922"
    Customer = CustomerId "ES.13491208655302741918"
    Ordinal = 2
}

let private key = {
    Session = session
    Version = 7L
    Ordinal = 1
}

let private message = MessageId "wamid.HBgLMzQ2MDAwMDAwMDAVAgASGBQzQUE="
let private quoted = MessageId "wamid.HBgLMzQ2MDAwMDAwMDAVAgARGBI5QjE="

/// One value of each case, the same that lies in data/events.
let samples: Fact list = [
    SessionOpened(
        {
            Id = session.Customer
            Phone = Some "34600000000"
            Name = Some "Íñigo 🛠"
        },
        Portuguese,
        {
            Quiet = TimeSpan.FromMilliseconds 1500.
            Idle = TimeSpan.FromMinutes 30.
        }
    )
    TextReceived {
        Message = message
        Text = "La taladradora echa \"humo\" 🔥"
        Quoted = Some quoted
    }
    ChoicePicked {
        Message = message
        ChoiceId = "confirm:12"
        Title = "Sí, abrir"
        Quoted = None
    }
    MediaReceived {
        Message = message
        Kind = VoiceNote
        MediaId = Some "1166846181421424"
        MimeType = Some "audio/ogg; codecs=opus"
        Sha256 = Some "c2hhMjU2"
        FileName = None
        Caption = None
        Content = None
    }
    ReactionReceived(message, quoted, Some "👍")
    MessageEdited(message, quoted, "La compré ayer")
    MessageRevoked(message, quoted)
    DeliveryFailed(key, 131026, "Message undeliverable")
    AssistantAnswered(
        6L,
        {
            Reply = "Abrimos a las 9:00."
            Intent = WantsToChange(Some TitleField)
            Sentiment = Upset
            Language = Spanish
            Hints = {
                Title = Some "Taladradora rota"
                Description = None
                Email = Some "ana@example.com"
            }
            NeedsPerson = false
            Knows = true
            Sources = [ "horarios.md#sabado" ]
        }
    )
    AssistantFailed(6L, StandIn, "timed out")
    TicketCreated(key, { Id = 42L; Number = "HT00042" })
    TicketDelayed(key, "503")
    TicketRefused(key, "the team does not exist")
    TicketsFound(
        key,
        [
            {
                Reference = { Id = 42L; Number = "HT00042" }
                Title = "Taladradora rota"
                Stage = "En curso"
                Closed = false
            }
        ]
    )
    TicketLookUpFailed(key, "503")
    CircumstancesChanged {
        Opening =
            ClosedUntil(
                Some(DateTimeOffset(2026, 11, 3, 9, 0, 0, TimeSpan.FromHours 1.)),
                Some "Virgen de la Almudena"
            )
        OptedOut = true
        HasForm = true
        MessagesAMinute = Some 40
    }
    ReferredByAd {
        SourceId = Some "120210000000000"
        SourceUrl = Some "https://fb.me/anuncio"
        Headline = Some "Taladros a mitad de precio"
        Body = None
    }
    ChatOpened message
    FormAnswered {
        Message = message
        Token = Some "session/whatsapp-106540352242922/ES.13491208655302741918/2/7/1"
        Fields = [ "title", "Taladradora rota"; "email", "ana@example.com" ]
        Files = [
            {
                Message = message
                Place = 1
                Kind = Image
                MediaId = "1166846181421424"
                MimeType = Some "image/jpeg"
                Sha256 = Some "c2hhMjU2"
                FileName = Some "taladro.jpg"
            }
        ]
    }
    CustomerMoved(
        message,
        {
            Id = session.Customer
            Phone = Some "34600000001"
            Name = None
        }
    )
    FileKept(
        key,
        {
            Hash = FileHash(String('a', 64))
            MimeType = "image/jpeg"
            Size = 48123L
            Name = "taladro.jpg"
        }
    )
    FileNotKept(key, FileTypeLies("image/jpeg", "application/x-msdownload"))
    FileNotAttached(key, "the ticket was deleted")
    TimerElapsed(QuietTimer, at.AddTicks 7L)
]

let rec private rootFrom (folder: DirectoryInfo | null) =
    match folder with
    | null -> failwith "the solution's folder was not found above the tests"
    | folder when File.Exists(Path.Combine(folder.FullName, "FunctionalBot.sln")) -> folder.FullName
    | folder -> rootFrom folder.Parent

let private events =
    Path.Combine(rootFrom (DirectoryInfo AppContext.BaseDirectory), "data", "events")

let private same (expected: string) (actual: string) =
    Assert.True(
        JsonNode.DeepEquals(JsonNode.Parse expected, JsonNode.Parse actual),
        "expected " + expected + " but found " + actual
    )

let private unpack result =
    match result with
    | Ok value -> value
    | Error(reason: string) -> failwith reason

[<Fact>]
let ``every kind of fact has a golden file, an alias and a sample, and there are no others`` () =
    let cases =
        FSharpType.GetUnionCases typeof<Fact>
        |> Array.map (fun case -> MartenName.alias case.Name)
        |> Set.ofArray

    let files =
        Directory.GetFiles(events, "*.json")
        |> Array.map (fun path -> string (Path.GetFileNameWithoutExtension path))
        |> Set.ofArray

    Assert.Equal<Set<string>>(cases, Codec.aliases)
    Assert.Equal<Set<string>>(cases, files)

    Assert.Equal<Set<string>>(
        cases,
        samples |> List.map (fun fact -> (Codec.write at "c" fact).Alias) |> Set.ofList
    )

[<Fact>]
let ``each golden file is read as the fact it was made of and written back as it is`` () =
    for fact in samples do
        let alias = (Codec.write at "c" fact).Alias
        let golden = File.ReadAllText(Path.Combine(events, alias + ".json"))
        let read = unpack (Codec.read alias golden)
        Assert.Equal(fact, read.Fact)
        Assert.Equal(at, read.At)
        same golden (Codec.write read.At read.Cause read.Fact).Data

[<Fact>]
let ``any fact whose texts can be stored comes back from its stored shape`` () =
    holds 1000 anyStorable<DateTimeOffset * string * Fact> (fun (at, cause, fact) ->
        let stored = Codec.write at cause fact
        let read = unpack (Codec.read stored.Alias stored.Data)
        Assert.Equal(fact, read.Fact)
        Assert.Equal(at, read.At)
        Assert.Equal(cause, read.Cause))

[<Fact>]
let ``no fact is written with text that PostgreSQL refuses, and writing twice changes nothing more`` () =
    holds 1000 anyHostile<DateTimeOffset * string * Fact> (fun (at, cause, fact) ->
        let once = Codec.write at cause fact
        let read = unpack (Codec.read once.Alias once.Data)
        let twice = Codec.write read.At read.Cause read.Fact
        Assert.True(StoredText.isStorable once.Data)
        Assert.DoesNotContain("\\u0000", once.Data.Replace("\\\\", ""))
        Assert.Equal(once.Data, twice.Data))

[<Fact>]
let ``cleaning keeps what can be stored and the length of all`` () =
    holds 2000 anyHostile<string> (fun text ->
        let clean = StoredText.clean text
        Assert.Equal(text.Length, clean.Length)
        Assert.True(StoredText.isStorable clean)
        Assert.Equal(Text.Encoding.UTF8.GetString(Text.Encoding.UTF8.GetBytes clean), clean)
        Assert.Equal(StoredText.isStorable text, (clean = text)))

[<Fact>]
let ``a saved session and a queued action come back as they were`` () =
    holds 500 anyStorable<Session> (fun session ->
        Assert.Equal(session, unpack (Json.read<Session>(Json.write session))))

    holds 500 anyStorable<Action> (fun action ->
        Assert.Equal(action, unpack (Json.read<Action>(Json.write action))))

[<Fact>]
let ``what cannot be read is an error that names the type`` () =
    let error alias data =
        match Codec.read alias data with
        | Ok read -> failwith $"%A{read}"
        | Error reason -> reason

    Assert.Contains("'policy_opened'", error "policy_opened" "{}")
    Assert.Contains("'text_received'", error "text_received" """{"Text":"hola"}""")
    Assert.Contains("'text_received'", error "text_received" "[]")
    Assert.Contains("'text_received'", error "text_received" "null")

    let timer = (Codec.write at "c" (TimerElapsed(IdleTimer, at))).Data
    Assert.Contains("'noon'", error "timer_elapsed" (timer.Replace("\"idle\"", "\"noon\"")))
    Assert.True(Result.isError (Json.read<Session> """{"Id":1}"""))
    Assert.True(Result.isError (Json.read<Session> "null"))

[<Theory>]
[<InlineData("PolicyOpened", "policy_opened")>]
[<InlineData("HTTPError2", "http_error_2")>]
[<InlineData("IBANChanged", "iban_changed")>]
[<InlineData("Fnol2Received", "fnol_2_received")>]
[<InlineData("PolicyV2Opened", "policy_v2_opened")>]
[<InlineData("KYCCheck1Done", "kyc_check_1_done")>]
[<InlineData("A1B2C", "a1b2c")>]
[<InlineData("ABTest", "ab_test")>]
[<InlineData("ClaimURL", "claim_url")>]
[<InlineData("lowerCase", "lower_case")>]
[<InlineData("Policy_Opened", "policy___opened")>]
[<InlineData("_ClaimClosed", "__claim_closed")>]
[<InlineData("Änderung", "änderung")>]
let ``aliases are split as Marten splits them`` (name: string, alias: string) =
    Assert.Equal(alias, MartenName.alias name)

[<Fact>]
let ``the .NET names are those of top-level records of this assembly`` () =
    for fact in samples do
        let stored = Codec.write at "c" fact
        let name, _ = FSharpValue.GetUnionFields(fact, typeof<Fact>)
        Assert.Equal("FunctionalBot.Stored." + name.Name + ", FunctionalBot.Effects", stored.DotnetType)
        let found: Type | null = Type.GetType stored.DotnetType

        match found with
        | null -> failwith ("no such type: " + stored.DotnetType)
        | found -> Assert.NotNull(JsonSerializer.Deserialize(stored.Data, found))

[<Fact>]
let ``what is not supported goes by the name that rows have always known it by`` () =
    let kinds = [ Image; VoiceNote; ContactCard; Unsupported ]
    let stored = """["Image","VoiceNote","ContactCard","Other"]"""
    Assert.Equal(stored, Json.write kinds)
    Assert.Equal(Ok kinds, Json.read<MediaKind list> stored)

    match Json.read<MediaKind list> """["Hologram"]""" with
    | Error problem -> Assert.Contains("Hologram", problem)
    | Ok kinds -> failwith $"%A{kinds}"
