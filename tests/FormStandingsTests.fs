/// Whether a form still counts, found out from its token by whoever answers telephones.
module FunctionalBot.Tests.FormStandingsTests

open System
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open Xunit

let private id: SessionId = {
    Channel = "whatsapp-100"
    Customer = CustomerId "ES.1"
    Ordinal = 1
}

let private customer: Customer = {
    Id = id.Customer
    Phone = None
    Name = None
}

/// A stream of these facts.
let private streamOf (facts: Fact list) : Event list = [
    for index, fact in List.indexed facts do
        {
            Id = Guid.Empty
            At = DateTimeOffset(2026, 11, 2, 9, 0, index, TimeSpan.Zero)
            Session = id
            Version = int64 index + 1L
            Cause = "test"
            Fact = fact
        }
]

let private text number words : Fact =
    TextReceived {
        Message = MessageId("wamid." + string<int> number)
        Text = words
        Quoted = None
    }

let private asked = [
    SessionOpened(
        customer,
        English,
        {
            Quiet = TimeSpan.Zero
            Idle = TimeSpan.FromMinutes 30.
        }
    )
    CircumstancesChanged {
        Circumstances.usual with
            HasForm = true
    }
    text 1 "open a ticket"
]

let private tokenOf (facts: Fact list) : string =
    let session = streamOf facts |> List.fold Transition.evolve (Session.initial id)

    match session.Form with
    | Some key -> CommandKey.text key
    | None -> failwith "no form was shown"

let private standing read token =
    (FormStandings.find read Portuguese token).GetAwaiter().GetResult()

let private standingIn (facts: Fact list) token =
    standing
        (fun session ->
            Assert.Equal(id, session)
            Task.FromResult(Ok(streamOf facts)))
        token

[<Fact>]
let ``a form counts while its ticket is being told, in the customer's language`` () =
    let token = tokenOf asked
    Assert.Equal(FormCounts English, standingIn asked token)
    Assert.Equal(FormCounts English, standingIn (asked @ [ text 2 "It drips" ]) token)

[<Fact>]
let ``a form is over once its ticket is cancelled, or another form was shown`` () =
    let token = tokenOf asked
    let cancelled = asked @ [ text 2 "cancel" ]
    Assert.Equal(FormIsOver English, standingIn cancelled token)
    let again = cancelled @ [ text 3 "open a ticket" ]
    Assert.Equal(FormIsOver English, standingIn again token)
    Assert.Equal(FormCounts English, standingIn again (tokenOf again))

[<Fact>]
let ``a token of nobody's is over, and nothing is read for one that is none`` () =
    Assert.Equal(FormIsOver Portuguese, standingIn [] (tokenOf asked))

    let never _ : Task<Result<Event list, StreamProblem>> = failwith "it was read"

    for token in [ ""; "unused"; SessionId.text id; String('x', 400) ] do
        Assert.Equal(FormIsOver Portuguese, standing never token)

[<Fact>]
let ``where the session cannot be read now, the form counts`` () =
    let away _ : Task<Result<Event list, StreamProblem>> =
        Task.FromException<_>(StoreUnavailable("away", InvalidOperationException "away"))

    Assert.Equal(FormCounts Portuguese, standing away (tokenOf asked))
