module FunctionalBot.Tests.SmokeTests

open Xunit

[<Fact>]
let ``the test project runs`` () = Assert.True true
