/// The one address that Meta knows, before several nodes: what a load balancer is in production.
module FunctionalBot.Tests.Door

open System
open System.Collections.Concurrent
open System.Net.Http
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FunctionalBot.Emulators

/// Which nodes a webhook goes to, of those that are there; `turn` counts the requests. More than one: all at the
/// same moment, and the sender hears 200 if any of them said so.
type Policy = Uri list -> int -> Uri list

/// One node after the other.
let inTurn: Policy = fun nodes turn -> [ nodes[turn % nodes.Length] ]

/// The first node that is there.
let first: Policy = fun nodes _ -> [ List.head nodes ]

/// Every node.
let all: Policy = fun nodes _ -> nodes

[<NoComparison; NoEquality>]
type Door = {
    /// The addresses of the nodes that requests may go to.
    Nodes: Uri list ref
    Policy: Policy ref
    /// While it is shut, webhooks wait before it.
    IsShut: bool ref
    /// How many webhooks wait before it now.
    Waiting: int ref
    /// Every status that a node answered to a webhook; 0 where none came.
    Answers: ConcurrentQueue<int>
    Stop: unit -> Task
}

let private forward (client: HttpClient) (context: HttpContext) (body: byte[]) (node: Uri) = task {
    try
        let target =
            Uri(node, string context.Request.Path + string context.Request.QueryString)

        use request = new HttpRequestMessage(HttpMethod context.Request.Method, target)

        if context.Request.Method = "POST" then
            request.Content <- new ByteArrayContent(body)

            request.Headers.TryAddWithoutValidation(
                "X-Hub-Signature-256",
                string context.Request.Headers["X-Hub-Signature-256"]
            )
            |> ignore

        use! response = client.SendAsync request
        let! answer = response.Content.ReadAsStringAsync()
        return int response.StatusCode, answer
    with
    | :? HttpRequestException
    | :? OperationCanceledException -> return 0, ""
}

let private answer (context: HttpContext) status (text: string) : Task =
    context.Response.StatusCode <- if status = 0 then 502 else status
    context.Response.WriteAsync text

/// Opens the door at this port of 127.0.0.1. It tries no second node by itself: whoever sends repeats.
let openAt (port: int) : Task<Door> = task {
    let client =
        new HttpClient(new SocketsHttpHandler(UseProxy = false), Timeout = TimeSpan.FromSeconds 4.)

    let nodes = ref []
    let policy = ref inTurn
    let answers = ConcurrentQueue()
    let turn = ref -1
    let isShut = ref false
    let waiting = ref 0

    let pass () : Task = task {
        Interlocked.Increment &waiting.contents |> ignore

        while Volatile.Read &isShut.contents do
            do! Task.Delay 5

        Interlocked.Decrement &waiting.contents |> ignore
    }

    let webhook (context: HttpContext) : Task = task {
        let! body = Exchange.readBytes context

        do! pass ()

        match nodes.Value with
        | [] -> do! answer context 0 ""
        | present ->
            let chosen = policy.Value present (Interlocked.Increment &turn.contents)
            let! found = Task.WhenAll [ for node in chosen -> forward client context body node ]

            for status, _ in found do
                answers.Enqueue status

            let status, text =
                found
                |> Array.tryFind (fun (status, _) -> status = 200)
                |> Option.defaultValue found[0]

            do! answer context status text
    }

    // What asks for health gets the first node that answers.
    let question (context: HttpContext) : Task = task {
        let status = ref 0
        let text = ref ""

        for node in nodes.Value do
            if status.Value <> 200 then
                let! found, body = forward client context [||] node
                status.Value <- found
                text.Value <- body

        do! answer context status.Value text.Value
    }

    let handle (context: HttpContext) =
        if context.Request.Method = "POST" then
            webhook context
        else
            question context

    let! running =
        Hosting.start port 10_000_000L (fun app -> app.Run(RequestDelegate handle))

    return {
        Nodes = nodes
        Policy = policy
        IsShut = isShut
        Waiting = waiting
        Answers = answers
        Stop = running.Stop
    }
}
