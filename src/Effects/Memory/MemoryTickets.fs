namespace FunctionalBot.Effects.Memory

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects

/// What becomes of one call about tickets.
type TicketFate =
    | Serves
    /// Nothing is done; the same call is worth another try.
    | IsDown
    /// It is done, and the bot hears nothing of it.
    | LosesItsAnswer
    /// It is understood and will not be done.
    | RefusesCall of reason: string

/// A call about tickets, for faults.
type TicketCall =
    | Creates of CommandKey
    /// With the note's own key.
    | Notes of CommandKey
    /// With the attachment's own key.
    | Attaches of CommandKey
    | Finds of CustomerId

/// A ticket at the desk.
type DeskTicket = {
    /// The command that created it.
    Creation: CommandKey
    Ticket: Ticket
    Customer: Customer
    Reference: TicketReference
    /// The notes with the commands that wrote them, oldest first.
    Notes: (CommandKey * string) list
    /// The files with the commands that attached them, oldest first.
    Files: (CommandKey * StoredFile) list
}

/// The ticket desk in memory.
[<NoComparison; NoEquality>]
type MemoryTickets = {
    Port: TicketsPort
    /// All tickets, oldest first.
    Tickets: unit -> DeskTicket list
}

/// The ticket desk in memory, with the ways in which it fails.
module MemoryTickets =
    /// The most that a look-up gives.
    let private mostFound = 10

    let private summary (ticket: DeskTicket) : TicketSummary = {
        Reference = ticket.Reference
        Title = TicketTitle.value ticket.Ticket.Title
        Stage = "Nuevo"
        Closed = false
    }

    /// `latency` is the time on the way there and again on the way back; `fate` is asked for each call when
    /// it is there.
    let create (world: World) (latency: unit -> TimeSpan) (fate: TicketCall -> TicketFate) : MemoryTickets =
        let tickets = List<DeskTicket>()

        /// Does the work as the fate says.
        let call name (cancel: CancellationToken) (work: unit -> Result<'answer, TicketFailure>) = task {
            do! world.Delay (latency ()) cancel

            let answer =
                match fate name with
                | Serves -> lock tickets work
                | IsDown -> Error(TryAgain(None, "the desk in memory is set to be down"))
                | LosesItsAnswer ->
                    lock tickets work |> ignore
                    Error(TryAgain(None, "the answer was lost"))
                | RefusesCall reason -> Error(WillNotDo reason)

            do! world.Delay (latency ()) cancel
            return answer
        }

        let place creation =
            tickets.FindIndex(fun ticket -> ticket.Creation = creation)

        let add creation ticket customer () =
            match place creation with
            | -1 ->
                let number = int64 tickets.Count + 1L

                let reference = {
                    Id = number
                    Number = $"HT%05d{number}"
                }

                tickets.Add {
                    Creation = creation
                    Ticket = ticket
                    Customer = customer
                    Reference = reference
                    Notes = []
                    Files = []
                }

                Ok reference
            | index -> Ok tickets[index].Reference

        let note key creation text () =
            match place creation with
            | -1 -> Error(TryAgain(None, "The ticket that the note belongs to does not exist yet"))
            | index ->
                let ticket = tickets[index]

                if not (ticket.Notes |> List.exists (fun (written, _) -> written = key)) then
                    tickets[index] <- {
                        ticket with
                            Notes = ticket.Notes @ [ key, text ]
                    }

                Ok()

        let attach key creation file () =
            match place creation with
            | -1 -> Error(TryAgain(None, "The ticket that the file belongs to does not exist yet"))
            | index ->
                let ticket = tickets[index]

                if not (ticket.Files |> List.exists (fun (attached, _) -> attached = key)) then
                    tickets[index] <- {
                        ticket with
                            Files = ticket.Files @ [ key, file ]
                    }

                Ok()

        let find channel (customer: Customer) () =
            tickets
            |> Seq.filter (fun ticket ->
                ticket.Creation.Session.Channel = channel
                && ticket.Creation.Session.Customer = customer.Id)
            |> Seq.rev
            |> Seq.truncate mostFound
            |> Seq.map summary
            |> List.ofSeq
            |> Ok

        {
            Port = {
                Create =
                    fun key ticket customer _ cancel -> call (Creates key) cancel (add key ticket customer)
                AddNote = fun key creation text cancel -> call (Notes key) cancel (note key creation text)
                // The bytes stay where they are: the desk in memory keeps what they are.
                Attach =
                    fun key creation file _ cancel -> call (Attaches key) cancel (attach key creation file)
                Find = fun channel customer cancel -> call (Finds customer.Id) cancel (find channel customer)
            }
            Tickets = fun () -> lock tickets (fun () -> List.ofSeq tickets)
        }
