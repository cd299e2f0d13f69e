/// Times as operators write them.
module FunctionalBot.Tests.MomentTests

open System
open Xunit
open FunctionalBot.Tests.StoreFixture

[<Theory>]
[<InlineData("2026-11-02", "2026-11-02T00:00:00Z")>]
[<InlineData("2026-11-02T09:30", "2026-11-02T09:30:00Z")>]
[<InlineData("2026-11-02T09:30+01:00", "2026-11-02T08:30:00Z")>]
[<InlineData("90s", "2026-11-02T08:58:30Z")>]
[<InlineData("2h", "2026-11-02T07:00:00Z")>]
[<InlineData("7d", "2026-10-26T09:00:00Z")>]
let ``times are read as dates in UTC or as ages`` (text: string) (expected: string) =
    Assert.Equal(Ok(DateTimeOffset.Parse expected), FunctionalBot.Web.Moment.read start text)

[<Theory>]
[<InlineData("")>]
[<InlineData("h")>]
[<InlineData("-2h")>]
[<InlineData("2026-13-01")>]
[<InlineData("yesterday")>]
[<InlineData("99999999999d")>]
let ``what is no time is said to be none`` (text: string) =
    Assert.True(Result.isError (FunctionalBot.Web.Moment.read start text))
