namespace FunctionalBot.Effects

open FunctionalBot.Domain

/// What one customer is to be told and have done, just decided.
type DecidedCommands = {
    Customer: CustomerKey
    /// Whether a command that speaks to the customer is open already.
    Speaking: bool
    /// In order.
    Commands: Command list
}

/// Which of the commands that were just decided go straight to the node's own workers.
type Leasing = {
    Leased: Set<CommandKey>
    /// As in `Advanced`.
    Full: Set<Service>
    /// As in `Advanced`.
    Behind: CustomerKey list
}

/// Sharing out a node's room. A claim costs a search and a transaction, and nearly every command can run
/// as soon as it is decided: so most are leased in the transaction that queues them.
module Leasing =
    let private nothing = {
        Leased = Set.empty
        Full = Set.empty
        Behind = []
    }

    let private lease key (leasing: Leasing) = {
        leasing with
            Leased = leasing.Leased.Add key
    }

    let private standBehind customer (leasing: Leasing) = {
        leasing with
            Behind = customer :: leasing.Behind
    }

    let private findFull service (leasing: Leasing) = {
        leasing with
            Full = leasing.Full.Add service
    }

    /// Takes commands in their order while there is room for their service. A second thing said to the same
    /// customer waits for the first, wherever that runs.
    let choose (room: Map<Service, int>) (decided: DecidedCommands list) : Leasing =
        let takeOne customer (room, speaking, leasing) (command: Command) =
            match Service.ofAction command.Action with
            | None -> room, speaking, leasing
            | Some _ when command.Action.IsSay && speaking -> room, speaking, standBehind customer leasing
            | Some service ->
                let speaking = speaking || command.Action.IsSay

                match Map.tryFind service room with
                | Some left when left > 0 ->
                    Map.add service (left - 1) room, speaking, lease command.Key leasing
                | _ -> room, speaking, findFull service leasing

        let takeAll (room, leasing) (customer: DecidedCommands) =
            let room, _, leasing =
                ((room, customer.Speaking, leasing), customer.Commands)
                ||> List.fold (takeOne customer.Customer)

            room, leasing

        ((room, nothing), decided) ||> List.fold takeAll |> snd
