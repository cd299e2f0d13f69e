/// How bodies share commits, and that nobody is turned away for what another one sent.
module FunctionalBot.Tests.WebhookTests

open System
open System.Collections.Generic
open System.Text
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Effects
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Web

let private bodyNamed (name: string) = {
    bodyOf start [ textFrom name ("wamid." + name) start "hola" ] with
        Body = Encoding.UTF8.GetBytes name
}

let private nameOf (body: ReceivedBody) = Encoding.UTF8.GetString body.Body

/// What a store was given, commit by commit; what it kept, in order; and of whom the engine was told.
[<NoComparison; NoEquality>]
type private Seen = {
    Commits: List<string list>
    Kept: List<string * Result<Update list, string>>
    Woken: List<CustomerKey>
}

/// A receiver over a store that ends each commit as the function says, all bodies waiting before it begins. Gives how
/// each body ended.
let private received (fault: ReceivedBody list -> exn option) (bodies: ReceivedBody list) = task {
    let seen = {
        Commits = List()
        Kept = List()
        Woken = List()
    }

    let world = worldOf (fun () -> start)

    let store = {
        (Protected.storeIn world).Port with
            Receive =
                fun bodies ->
                    seen.Commits.Add [ for body in bodies -> nameOf body ]

                    match fault bodies with
                    | Some problem -> Task.FromException<CustomerKey list> problem
                    | None ->
                        for body in bodies do
                            seen.Kept.Add(nameOf body, body.Updates)

                        Task.FromResult [
                            for body in bodies ->
                                {
                                    Channel = nameOf body
                                    Customer = FunctionalBot.Domain.CustomerId "x"
                                }
                        ]
    }

    let receiver = Webhook.receiver world store seen.Woken.AddRange
    let waiting = [ for body in bodies -> receiver.Store body ]
    use stop = new CancellationTokenSource()
    let running = receiver.Run stop.Token
    let outcomes = List<exn option>()

    for body in waiting do
        try
            do! body
            outcomes.Add None
        with fault ->
            outcomes.Add(Some fault)

    stop.Cancel()
    do! running
    return seen, List.ofSeq outcomes, receiver
}

let private crowd count = [ for number in 1..count -> bodyNamed $"b%d{number}" ]

[<Fact>]
let ``bodies that wait at the same moment share a commit, of 200 at most`` () : Task = task {
    let! seen, outcomes, _ = received (fun _ -> None) (crowd 450)
    Assert.Equal<int list>([ 200; 200; 50 ], [ for commit in seen.Commits -> commit.Length ])
    Assert.All(outcomes, fun outcome -> Assert.Equal(None, outcome))
    Assert.Equal<string list>([ for body in crowd 450 -> nameOf body ], [ for name, _ in seen.Kept -> name ])
    Assert.Equal(450, seen.Woken.Count)
}

[<Fact>]
let ``a commit holds no more than a few large bodies`` () : Task = task {
    let large = [
        for body in crowd 5 ->
            {
                body with
                    Body = Array.create 3_000_000 (byte 'x')
            }
    ]

    let! seen, _, _ = received (fun _ -> None) large
    Assert.Equal<int list>([ 3; 2 ], [ for commit in seen.Commits -> commit.Length ])
}

[<Fact>]
let ``a body that the store cannot write turns away nobody else, and is kept to be read again`` () : Task =
    task {
        let isPoison (body: ReceivedBody) =
            nameOf body = "b2" && (Result.isOk body.Updates)

        let fault bodies =
            if List.exists isPoison bodies then
                Some(InvalidOperationException "22P05: hola" :> exn)
            else
                None

        let! seen, outcomes, _ = received fault (crowd 3)
        Assert.Equal<exn option list>([ None; None; None ], outcomes)
        Assert.Equal<string list>([ "b1"; "b2"; "b3" ], [ for name, _ in seen.Kept -> name ])

        match snd seen.Kept[1] with
        | Error reason ->
            Assert.Contains("InvalidOperationException", reason)
            // What the fault says may quote the message.
            Assert.DoesNotContain("hola", reason)
        | Ok _ -> Assert.Fail "it was written as it was read"

        Assert.Equal(3, seen.Woken.Count)
    }

[<Fact>]
let ``while the database is away everybody is to send again, and nothing is tried one by one`` () : Task =
    task {
        let! seen, outcomes, _ =
            received (fun _ -> Some(StoreUnavailable("away", TimeoutException()))) (crowd 3)

        Assert.All(outcomes, fun outcome -> Assert.True outcome.IsSome)
        Assert.Equal(1, seen.Commits.Count)
    }

[<Fact>]
let ``a store that takes nothing at all is told to who sent`` () : Task = task {
    let! seen, outcomes, _ =
        received (fun _ -> Some(InvalidOperationException() :> exn)) (crowd 2)

    Assert.All(outcomes, fun outcome -> Assert.IsType<InvalidOperationException>(outcome.Value) |> ignore)
    Assert.Empty seen.Kept
}

[<Fact>]
let ``while the database is slow no more than 64 MB wait, and who comes then is to send again`` () : Task =
    task {
        let world = worldOf (fun () -> start)
        let goOn = TaskCompletionSource<CustomerKey list>()

        let store = {
            (Protected.storeIn world).Port with
                Receive = fun _ -> goOn.Task
        }

        let receiver = Webhook.receiver world store ignore
        use stop = new CancellationTokenSource()
        let running = receiver.Run stop.Token

        let large name = {
            bodyNamed name with
                Body = Array.create 3_000_000 (byte 'x')
        }

        let fitting = [ for number in 1..22 -> receiver.Store(large $"b%d{number}") ]
        let refused = receiver.Store(large "one more")
        Assert.True(refused.IsFaulted, "it waits too")

        match (nonNull refused.Exception).InnerException with
        | StoreUnavailable _ -> ()
        | other -> failwith $"%O{other}"

        Assert.All(fitting, fun body -> Assert.False body.IsCompleted)
        goOn.SetResult []
        do! Task.WhenAll fitting
        do! receiver.Store(large "later")
        stop.Cancel()
        do! running
    }

[<Fact>]
let ``after the end nothing is taken any more`` () : Task = task {
    let! _, _, receiver = received (fun _ -> None) (crowd 1)

    let! _ =
        Assert.ThrowsAnyAsync<Channels.ChannelClosedException>(fun () -> receiver.Store(bodyNamed "late"))

    ()
}
