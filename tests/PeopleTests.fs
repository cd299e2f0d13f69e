/// Who is who, at the store in memory and at the one in PostgreSQL: the scenes.
module FunctionalBot.Tests.PeopleTests

open System.Threading.Tasks
open Xunit
open FunctionalBot.Tests.StoreFixture
open FunctionalBot.Tests.OperationScenes
open FunctionalBot.Tests.PeopleScenes
open FunctionalBot.Tests.PeopleStages

let names: TheoryData<string> =
    let data = TheoryData<string>()

    for name, _ in PeopleScenes.all do
        data.Add name

    data

let private sceneOf name = Map.find name (Map PeopleScenes.all)

[<Theory; MemberData(nameof names)>]
let ``memory`` (name: string) : Task = sceneOf name (inMemory ())

[<Theory; MemberData(nameof names)>]
let ``PostgreSQL`` (name: string) : Task = task {
    use! bench = startBench ()
    let operations = operationsOf bench
    do! sceneOf name (inPostgres bench operations)
    do! expectSound operations
    do! operations.Close()
}
