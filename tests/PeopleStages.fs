/// The stages of scenes about people: a store in memory, and one in PostgreSQL.
module FunctionalBot.Tests.PeopleStages

open System
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.Memory
open FunctionalBot.Effects.Store
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.StoreScenes
open FunctionalBot.Tests.OperationScenes
open FunctionalBot.Tests.PeopleScenes

/// A store in memory with a clock of its own.
let inMemory () : PeopleStage =
    let clock = ref start

    let store =
        MemoryStore.create (worldOf (fun () -> clock.Value)) (TimeSpan.FromSeconds 60.) (fun _ -> Works)

    {
        Stage = { Store = store.Port; Clock = clock }
        Change = fun customer change -> task { store.ChangeContact customer change }
    }

/// The bench's store alone.
let storeOf (bench: Bench) : Stage = {
    Store = bench.Store
    Clock = bench.Clock
}

/// Changes a contact as the verbs do.
let private changeIn (operations: Operations) (customer: CustomerKey) change : Task = task {
    let (CustomerId id) = customer.Customer
    let! outcome = operations.ChangeContact request (ByContactId id) change
    expectChanged outcome
}

/// The store of a bench, with the operations that operators have.
let inPostgres (bench: Bench) (operations: Operations) : PeopleStage = {
    Stage = storeOf bench
    Change = changeIn operations
}
