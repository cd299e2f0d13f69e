/// What is said too late: it waits for the customer, who is asked by a template to write, where one is set up.
module FunctionalBot.Tests.LateTemplateTests

open System
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Web
open FunctionalBot.Tests.Protected
open FunctionalBot.Tests.StoreFixture

let private tooLate = Refused(131047, "more than 24 hours have passed")

/// What was asked of WhatsApp and of the store, in order.
type private Calls = ResizeArray<string>

let private template (calls: Calls) isFree outcome : LateTemplate = {
    Take =
        fun _ ->
            calls.Add "take"
            Task.FromResult isFree
    GiveBack =
        fun _ ->
            calls.Add "give back"
            Task.CompletedTask
    Send =
        fun _ _ ->
            calls.Add "template"
            Task.FromResult outcome
}

let private services (calls: Calls) outcome : Interpreter.Services =
    let services =
        InterpreterTests.servicesWith outcome InterpreterTests.unused (WillNotDo "unused")

    {
        services with
            WhatsApp = {
                services.WhatsApp with
                    Send =
                        fun _ _ ->
                            calls.Add "message"
                            Task.FromResult outcome
            }
    }

let private claimed lastHeard isShut = {
    onFirstTry (keyOf "ES.1" 3L) (say "hola") with
        LastHeard = lastHeard
        IsShut = isShut
}

let private run outcome template claimed = task {
    let calls = Calls()

    let services = services calls outcome
    let template = template |> Option.map (fun make -> make calls)

    let! result =
        LateTemplate.around services.World (fun _ -> template) (Interpreter.run services) claimed never

    return result, List.ofSeq calls
}

let private long = Some(start.AddHours -24.01)
let private short = Some(start.AddHours -23.99)
let private accepted = Accepted(MessageId "wamid.1")

let private free outcome =
    Some(fun calls -> template calls true outcome)

let private taken = Some(fun calls -> template calls false accepted)

[<Fact>]
let ``without a template a message is tried, and waits when it is refused as too late`` () : Task = task {
    let! result, calls = run tooLate None (claimed long false)
    Assert.Equal(AwaitCustomer "more than 24 hours have passed", result)
    Assert.Equal<string list>([ "message" ], calls)
    // The customer may have called, of which nobody tells us.
    let! result, _ = run accepted None (claimed long false)
    Assert.Equal(Done None, result)
}

[<Fact>]
let ``where a status said that it is too late, nothing is tried`` () : Task = task {
    let! result, calls = run accepted None (claimed long true)
    Assert.True(result.IsAwaitCustomer, $"%A{result}")
    Assert.Empty calls
}

[<Fact>]
let ``a template goes out at once where the customer has been silent for a day, else after the refusal``
    ()
    : Task = task {
    let! result, calls = run accepted (free accepted) (claimed long false)
    Assert.True(result.IsAwaitCustomer, $"%A{result}")
    Assert.Equal<string list>([ "take"; "template" ], calls)
    let! result, calls = run tooLate (free accepted) (claimed short false)
    Assert.True(result.IsAwaitCustomer, $"%A{result}")
    Assert.Equal<string list>([ "message"; "take"; "template" ], calls)
    let! result, calls = run accepted (free accepted) (claimed short false)
    Assert.Equal(Done None, result)
    Assert.Equal<string list>([ "message" ], calls)
    // Of whom nothing is known, the message finds out.
    let! _, calls = run accepted (free accepted) (claimed None false)
    Assert.Equal<string list>([ "message" ], calls)
}

[<Fact>]
let ``nobody is asked twice`` () : Task = task {
    let! result, calls = run tooLate taken (claimed long false)
    Assert.True(result.IsAwaitCustomer, $"%A{result}")
    Assert.Equal<string list>([ "take" ], calls)
}

[<Fact>]
let ``a template that cannot go out for now goes later, one that may have gone out goes no more`` () : Task =
    task {
        let later = [
            HeldBack(TimeSpan.FromSeconds 20., "stopped"), 20.
            RetryLater(Some(TimeSpan.FromSeconds 5.), "busy"), 5.
            RetryLater(None, "busy"), 30.
            RecipientBusy "131056", 30.
            ChannelStopped(190, "token"), 30.
        ]

        for outcome, seconds in later do
            match! run tooLate (free outcome) (claimed long false) with
            | PutOff(until, _), calls ->
                Assert.Equal(seconds, (until - start).TotalSeconds)
                Assert.Equal<string list>([ "take"; "template"; "give back" ], calls)
            | result -> failwith $"%A{result}"

        for outcome, words in
            [
                OutcomeUnknown "no answer", "nobody knows"
                Refused(132001, "no such"), "132001"
            ] do
            match! run tooLate (free outcome) (claimed long false) with
            | AwaitCustomer reason, calls ->
                Assert.Contains(words, reason)
                Assert.Equal<string list>([ "take"; "template" ], calls)
            | result -> failwith $"%A{result}"
    }

[<Fact>]
let ``other refusals end a message as before`` () : Task = task {
    let! result, _ =
        run (Refused(131026, "undeliverable")) (free accepted) (claimed short false)

    Assert.True(result.IsGivenUp, $"%A{result}")
}

let private read settings =
    LateTemplateSettings.lateTemplate (fun name -> Ok(Map.tryFind name (Map settings)))

[<Fact>]
let ``the template is set by name and languages, and nobody has one by default`` () =
    Assert.Equal(Ok None, read [])
    Assert.Equal(Ok None, read [ "BOT_LATE_TEMPLATE_LANGUAGES", "es" ])

    match
        read [
            "BOT_LATE_TEMPLATE", "te_escribimos"
            "BOT_LATE_TEMPLATE_LANGUAGES", "es, pt_BR"
        ]
    with
    | Ok(Some configuration) ->
        let code language =
            (LateTemplateSettings.forLanguage configuration language).Language

        Assert.Equal<string list>([ "es"; "pt_BR"; "es" ], List.map code [ Spanish; Portuguese; English ])
    | result -> Assert.Fail $"%A{result}"

    for wrong in
        [
            [ "BOT_LATE_TEMPLATE", "Te escribimos" ]
            [ "BOT_LATE_TEMPLATE", "a"; "BOT_LATE_TEMPLATE_LANGUAGES", "español" ]
            [ "BOT_LATE_TEMPLATE", "a"; "BOT_LATE_TEMPLATE_LANGUAGES", "," ]
        ] do
        match read wrong with
        | Error [ problem ] -> Assert.StartsWith("BOT_LATE_TEMPLATE", problem.Name)
        | result -> Assert.Fail $"%A{result}"
