namespace FunctionalBot.Effects

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks

/// Customers for whom something came in on this node. The list in memory spares the search through all that
/// waits; it is a hint only: what is forgotten is found by the next search.
[<NoComparison; NoEquality>]
type internal Arrivals = {
    Add: CustomerKey list -> unit
    /// Adds those whom another worker holds at this moment, a little later.
    AddSoon: CustomerKey list -> unit
    /// Takes up to so many out, each once.
    Take: int -> CustomerKey list
    /// Whether the last search began longer ago than the span.
    IsSearchDue: TimeSpan -> bool
    /// A search has been made.
    Searched: unit -> unit
    /// Rung when there are some.
    Bell: Bell
}

/// Hints of arrivals.
module internal Arrivals =
    /// More are not remembered: a node that is so far behind finds them by searching.
    let private most = 20_000

    /// A transaction takes about so long.
    let private heldByOthers = TimeSpan.FromMilliseconds 20.

    /// Nobody has arrived.
    let create (world: World) : Arrivals =
        let bell = Bell.create world
        let queue = ConcurrentQueue<CustomerKey>()
        let waiting = ConcurrentDictionary<CustomerKey, unit>()
        let searched = ref DateTimeOffset.MinValue

        let add (customers: CustomerKey list) =
            for customer in customers do
                if queue.Count < most && waiting.TryAdd(customer, ()) then
                    queue.Enqueue customer

            if not customers.IsEmpty then
                bell.Ring()

        let addLater customers : Task = task {
            do! world.Delay heldByOthers CancellationToken.None
            add customers
        }

        {
            Add = add
            AddSoon =
                fun customers ->
                    if not (List.isEmpty customers) then
                        Work.start (fun () -> addLater customers) |> ignore
            Take =
                fun count -> [
                    let mutable left = count
                    let mutable customer = Unchecked.defaultof<CustomerKey>

                    while left > 0 && queue.TryDequeue &customer do
                        // From here on a new arrival of the same customer is noted anew.
                        waiting.TryRemove customer |> ignore
                        left <- left - 1
                        customer
                ]
            IsSearchDue = fun span -> world.Now() - searched.Value > span
            Searched = fun () -> searched.Value <- world.Now()
            Bell = bell
        }
