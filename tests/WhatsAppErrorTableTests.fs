/// Meta's error codes: each one that is known is provoked through the emulator, over HTTP, and what becomes of the
/// message is what references/whatsapp-cloud-api.md, section 5, asks for.
module FunctionalBot.Tests.WhatsAppErrorTableTests

open System
open System.Net.Http
open System.Text
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Interpreter
open FunctionalBot.Emulators
open FunctionalBot.Tests.Protected
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Web

/// The table as written there: HTTP status, what becomes of the message, and who acts.
let private table: (int * int list * string * ErrorAction) list = [
    401, [ 0; 190 ], "stopped", ErrorAction.MendToken
    500, [ 3 ], "stopped", ErrorAction.MendToken
    403, [ 10; 131005 ], "stopped", ErrorAction.MendToken
    400, [ 1 ], "unknown", ErrorAction.GoesOn
    503, [ 2; 131016; 133004 ], "unknown", ErrorAction.GoesOn
    500, [ 131000; 131057; 2494100 ], "unknown", ErrorAction.GoesOn
    400, [ 4; 80007 ], "again", ErrorAction.GoesOn
    429, [ 130429 ], "again", ErrorAction.GoesOn
    400, [ 131056 ], "again for the customer", ErrorAction.GoesOn
    400, [ 131048 ], "given up", ErrorAction.Alarm
    400, [ 131064; 131042 ], "stopped", ErrorAction.MendAccount
    403, [ 368; 131031 ], "stopped", ErrorAction.MendAccount
    403, [ 130497 ], "given up", ErrorAction.LeaveAlone
    400, [ 130403; 130472; 131049; 131050 ], "given up", ErrorAction.LeaveAlone
    400, [ 33; 100; 131008; 131009; 135000 ], "given up", ErrorAction.Alarm
    400, [ 131021; 131026; 131051; 131060 ], "given up", ErrorAction.TellCustomer
    500, [ 131037; 131045; 133000 ], "stopped", ErrorAction.MendNumber
    400, [ 133010; 133006; 133005; 133008; 133009; 133015; 133016 ], "stopped", ErrorAction.MendNumber
    400, [ 131047 ], "waiting", ErrorAction.AwaitCustomer
    400, [ 131052; 131053 ], "given up", ErrorAction.AskForFile
    400, [ 131062; 131063; 132000; 132012; 132018 ], "given up", ErrorAction.Alarm
    404, [ 132001 ], "given up", ErrorAction.Alarm
    400, [ 132005; 132007; 132015; 132016; 132068; 132069; 134011 ], "given up", ErrorAction.Alarm
]

let private expected =
    table
    |> List.collect (fun (status, codes, ending, action) ->
        codes |> List.map (fun code -> code, (status, ending, action)))
    |> Map.ofList

let private client = new HttpClient()

let private faults (emulator: WhatsApp.Emulator) (json: string) = task {
    use content = new StringContent(json, Encoding.UTF8, "application/json")
    use! answer = client.PostAsync(Uri(emulator.Address, "/_emulator/faults"), content)
    Assert.True answer.IsSuccessStatusCode
}

let private key =
    let key = keyOf "ES.1" 3L

    {
        key with
            Session = {
                key.Session with
                    Channel = WhatsAppApi.channelOf WhatsApp.Settings.standard.PhoneNumberId
            }
    }

let private claimed = onFirstTry key (say "hola")

/// What became of the message, and the reason that operators see.
let private ending result =
    match result with
    | Done _ -> "done", ""
    | PutOff(_, reason) -> "stopped", reason
    // The waits differ: 4^X seconds for one customer begin at 1.25 s with this chance, the others at 0.75 s.
    | RunAgain(at, reason, _) when at - start > TimeSpan.FromSeconds 1. -> "again for the customer", reason
    | RunAgain(_, reason, _) -> "again", reason
    | Parked(_, reason) -> "unknown", reason
    | AwaitCustomer reason -> "waiting", reason
    | GivenUp(reason, Some(DeliveryFailed _)) -> "given up", reason
    | GivenUp(reason, _) -> "given up without a word to the session", reason

[<Fact>]
let ``every code that is known, provoked through the emulator, ends as the table says`` () : Task = task {
    let! emulator = WhatsApp.WhatsAppEmulator.start WhatsApp.Settings.standard

    try
        let settings: WhatsAppSettings = {
            GraphUrl = Uri(emulator.Address, "/v25.0")
            Token = fun () -> WhatsApp.Settings.standard.AccessToken
            PhoneNumberId = WhatsApp.Settings.standard.PhoneNumberId
            Timeout = TimeSpan.FromSeconds 20.
        }

        let services = {
            InterpreterTests.servicesWith
                (Accepted(MessageId "unused"))
                InterpreterTests.unused
                (WillNotDo "unused") with
                WhatsApp = WhatsAppApi.create settings client
        }

        let provoke code = task {
            do! faults emulator $"""{{"sendError": 1, "sendErrorCode": %d{code}}}"""
            let! result = Interpreter.run services claimed CancellationToken.None
            return ending result
        }

        for error in WhatsAppErrors.known do
            let! found, reason = provoke error.Code

            match Map.tryFind error.Code expected with
            | None -> Assert.Fail $"The table in this test lacks %d{error.Code}."
            | Some(status, ending, action) ->
                Assert.Equal((error.Code, ending, action), (error.Code, found, error.Action))
                Assert.Contains($"code %d{error.Code}, HTTP %d{status}", reason)
                Assert.Contains(error.Words, reason)

            // The shape that the emulator answers in names what is wrong as Meta does, never just "Error".
            Assert.NotEqual<string>("Error", WhatsApp.GraphError.title error.Code)

        // The range of missing permissions, at its ends and beside them.
        for code, expected in [ 199, "given up"; 200, "stopped"; 299, "stopped"; 300, "given up" ] do
            let! found, reason = provoke code
            Assert.Equal((code, expected), (code, found))
            Assert.Contains($"code %d{code}", reason)
    finally
        emulator.Stop().Wait()
}

[<Fact>]
let ``the table and the code hold the same codes, each once`` () =
    let known = WhatsAppErrors.known |> List.map _.Code |> List.sort
    Assert.Equal<int list>(expected.Keys |> List.ofSeq, known)
    Assert.Equal(expected.Count, table |> List.sumBy (fun (_, codes, _, _) -> codes.Length))

[<Fact>]
let ``each stop reaches as far as what has to be mended`` () =
    for KeyValue(code, (_, ending, action)) in expected do
        let reach =
            match code, action with
            // A token may serve its other numbers.
            | 131005, _
            | _, ErrorAction.MendNumber -> Some StopReach.Number
            | _, ErrorAction.MendAccount -> Some StopReach.Account
            | _, ErrorAction.MendToken -> Some StopReach.Token
            | _ -> None

        Assert.Equal((code, ending = "stopped"), (code, reach.IsSome))

        if reach.IsSome then
            Assert.Equal((code, reach), (code, Some(WhatsAppErrors.reachOf code)))

[<Fact>]
let ``a customer hears of every lost message but those that he is not to be written to about`` () =
    for error in WhatsAppErrors.known do
        Assert.Equal(
            (error.Code, error.Action <> ErrorAction.LeaveAlone),
            (error.Code, Undelivered.isTold error.Code)
        )

    Assert.True(Undelivered.isTold 999_999)

[<Fact>]
let ``what waits for the customer is what the table says, and is known to the store and the interpreter`` () =
    let waiting =
        WhatsAppErrors.known
        |> List.filter (fun error -> error.Action = ErrorAction.AwaitCustomer)
        |> List.map _.Code
        |> Set.ofList

    Assert.Equal<Set<int>>(waiting, CustomerWindow.refusals)

[<Fact>]
let ``what is not known has an answer: lost, and operators are told`` () =
    let unknown = WhatsAppErrors.ofCode 999_999
    Assert.Equal((Never, ErrorAction.Alarm), (unknown.Class, unknown.Action))
    Assert.Equal(ErrorAction.MendToken, (WhatsAppErrors.ofCode 250).Action)

[<Fact>]
let ``a failed status alarms where its code concerns more than one message`` () =
    for error in WhatsAppErrors.known do
        let alarms =
            Alarms.ofUpdate (
                StatusCame("whatsapp-1", MessageId "wamid.1", Failed(error.Code, "x"), None, start)
            )

        let expected =
            match error.Action with
            | ErrorAction.MendToken
            | ErrorAction.MendAccount
            | ErrorAction.MendNumber
            | ErrorAction.Alarm -> error.Code <> 0
            | _ -> false

        Assert.Equal((error.Code, expected), (error.Code, alarms.IsSome))

    for code in [ 131048; 131031; 368 ] do
        match Alarms.ofFailure code with
        | Some notice -> Assert.Contains($"code %d{code}", notice.Told)
        | None -> Assert.Fail $"%d{code} is not told."
