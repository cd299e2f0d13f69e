/// What always holds for the files of customers.
module FunctionalBot.Tests.FileLaws

open System
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Tests.Laws
open FunctionalBot.Tests.RandomConversations

/// Every time that a file was put to a ticket, in order: which file, which ticket, and the number of the event.
let private attachments (conversation: Conversation) : (FileHash * CommandKey * int) list = [
    for index, happening in List.indexed conversation.Happenings do
        for action in actions happening do
            match action with
            | AttachToTicket(creation, file) -> file.Hash, creation, index
            | _ -> ()
]

let private wasRefused (creation: CommandKey) (happenings: Happening list) =
    happenings
    |> List.exists (fun happening ->
        match happening.Event.Fact with
        | TicketRefused(key, _) -> key = creation && counted happening
        | _ -> false)

let private keysOf (session: Session) =
    session.Files |> List.map (fun file -> file.Fetch)

let private isLoose (key: CommandKey) (session: Session) =
    session.Files
    |> List.exists (fun file -> file.Fetch = key && file.Ticket.IsNone && not file.State.IsNotKept)

[<Fact>]
let ``a file goes to a ticket once, only after it is there, and to another only where that was refused`` () =
    holds (fun conversation ->
        let all = attachments conversation

        let isThere (hash, creation, index) =
            conversation.Happenings[index].After.Files
            |> List.exists (fun file ->
                file.Ticket = Some creation
                && match file.State with
                   | Kept stored -> stored.Hash = hash
                   | Awaited
                   | NotKept _ -> false)

        let followsRefusal ((_, earlier, _), (_, _, index)) =
            conversation.Happenings |> List.truncate (index + 1) |> wasRefused earlier

        List.forall isThere all
        && all
           |> List.groupBy (fun (hash, _, _) -> hash)
           |> List.forall (fun (_, ofOne) ->
               let tickets = ofOne |> List.map (fun (_, creation, _) -> creation)

               List.distinct tickets = tickets
               && ofOne |> List.pairwise |> List.forall followsRefusal))

[<Fact>]
let ``no file that is there is missing on its ticket, and none stays with one that was refused`` () =
    holds (fun conversation ->
        let attached =
            attachments conversation |> List.map (fun (hash, creation, _) -> hash, creation)

        conversation.Last.Files
        |> List.forall (fun file ->
            match file.Ticket, file.State with
            | Some creation, Kept stored -> List.contains (stored.Hash, creation) attached
            | _ -> true)
        && conversation
           |> each (fun happening ->
               match happening.Event.Fact with
               | TicketRefused(creation, _) when counted happening ->
                   happening.After.Files |> List.forall (fun file -> file.Ticket <> Some creation)
               | _ -> true))

[<Fact>]
let ``a file is forgotten only with the ticket that it was for, or where the customer takes it back`` () =
    holds (
        each (fun happening ->
            let fetched =
                happening.Commands
                |> List.filter (fun command -> command.Action.IsFetchFile)
                |> List.map (fun command -> command.Key)

            let gone = List.except (keysOf happening.After) (keysOf happening.Before @ fetched)

            let isLeft =
                phrases happening
                |> List.exists (function
                    | TicketDiscarded
                    | OptedOutUnsent -> true
                    | _ -> false)

            gone.IsEmpty || isLeft || happening.Event.Fact.IsMessageRevoked)
    )

[<Fact>]
let ``a ticket that is being told has each of its files once, and is sent with as many as were shown`` () =
    holds (
        each (fun happening ->
            let isOwn =
                match happening.After.Phase with
                | TicketCreation(_, Creating _) -> true
                | TicketCreation(draft, _) ->
                    List.distinct draft.Files = draft.Files
                    && draft.Files |> List.forall (fun key -> isLoose key happening.After)
                | Conversing _
                | WithAgent _
                | Closed _ -> true

            isOwn
            && happening.Commands
               |> List.forall (fun command ->
                   match command.Action with
                   | CreateTicket(ticket, _) when ticket.Purpose = Support ->
                       let its =
                           happening.After.Files
                           |> List.filter (fun file -> file.Ticket = Some command.Key)

                       Option.defaultValue 0 ticket.Files = its.Length
                   | _ -> true))
    )

[<Fact>]
let ``every file that comes is fetched, refused by name, or not taken for the brakes`` () =
    holds (
        each (fun happening ->
            match happening.Event.Fact with
            | MediaReceived media when
                counted happening
                && media.MediaId.IsSome
                && CustomerFile.isFile media.Kind
                && happening.After.Pulse.Told = false
                ->
                actions happening |> List.exists (fun action -> action.IsFetchFile)
                || happening.Before.Files.Length >= CustomerFile.most
                // A goodbye that waited was taken first.
                || Session.isClosed happening.After
            | _ -> true)
    )
