/// Who wrote.
module FunctionalBot.Tests.WhatsAppPeopleTests

open System
open FsCheck
open FsCheck.FSharp
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Tests.WhatsAppSamples
open Xunit

let private personOf body =
    match readOne body with
    | CustomerDid(_, person, _, _, _) -> Some person
    | _ -> None

let private from members contacts =
    let sent =
        "{"
        + members
        + "\"id\":\"wamid.1\",\"type\":\"text\",\"text\":{\"body\":\"x\"}}"

    personOf (bodyWith ("\"contacts\":" + contacts + ",\"messages\":[" + sent + "]"))

let private known scoped phone name : Person option =
    Some {
        BusinessScopedId = scoped
        Phone = phone
        Name = name
    }

[<Fact>]
let ``the sender is found wherever Meta puts the ids`` () =
    let both = "[" + ana + "]"

    Assert.Equal(
        known (Some "ES.13491208655302741918") (Some "34600111222") (Some "Ana"),
        from "\"from\":\"34600111222\"," both
    )

    Assert.Equal(known None (Some "34600111222") None, from "\"from\":\"+34600111222\"," "null")
    Assert.Equal(known None (Some "34600111222") None, from "\"from\":34600111222," "{}")
    Assert.Equal(known (Some "ES.9a") None None, from "\"from_user_id\":\"ES.9a\",\"from\":\"\"," "[]")
    Assert.Equal(known (Some "ES.9a") None None, from "\"from\":\"ES.9a\"," "[]")

    Assert.Equal(
        known (Some "ES.9a") None (Some "Eva"),
        from "" """[{"wa_id":"ES.9a","profile":{"name":" Eva "}}]"""
    )

    Assert.Equal(
        known (Some "ES.9a") (Some "5491100") (Some "Eva"),
        from "\"from\":\"5491100\"," """[{"wa_id":"54911009","user_id":"ES.9a","profile":{"name":"Eva"}}]"""
    )

    Assert.Equal(None, from "" "[]")
    Assert.Equal(None, from "\"from\":null," "[null, 3]")
    Assert.Equal(None, from "\"from\":\"a/b\"," "[]")
    Assert.Equal(None, from "\"from\":\"a b\"," "[]")

[<Fact>]
let ``contacts belong to messages by id and not by position`` () =
    let eva = """{"profile":{"name":"Eva"},"user_id":"ES.2"}"""

    let fromEva =
        """{"from_user_id":"ES.2","id":"wamid.e","type":"text","text":{"body":"x"}}"""

    let fromAna = message "a" "\"type\":\"text\",\"text\":{\"body\":\"x\"}"

    match read (bodyWith $"\"contacts\":[%s{ana},%s{eva}],\"messages\":[%s{fromEva},%s{fromAna}]") with
    | Ok [ CustomerDid(_, first, _, _, _); CustomerDid(_, second, _, _, _) ] ->
        Assert.Equal(Some "Eva", first.Name)
        Assert.Equal(Some "Ana", second.Name)
    | other -> failwith $"%A{other}"

[<Fact>]
let ``the only contact is who wrote everything, and nobody where several wrote`` () =
    let eva = """{"profile":{"name":"Eva"},"wa_id":"34600999888","user_id":"ES.2"}"""

    let people (senders: string list) =
        let messages = [
            for index, sender in List.indexed senders ->
                $"""{{"from":"%s{sender}","id":"wamid.%d{index}","type":"text","text":{{"body":"x"}}}}"""
        ]

        match read (bodyWith $"\"contacts\":[%s{eva}],\"messages\":[%s{String.Join(',', messages)}]") with
        | Ok updates -> [
            for update in updates do
                match update with
                | CustomerDid(_, person, _, _, _) -> person.BusinessScopedId, person.Name
                | other -> failwith $"%A{other}"
          ]
        | Error problem -> failwith problem

    Assert.Equal<(string option * string option) list>(
        [ Some "ES.2", Some "Eva"; Some "ES.2", Some "Eva" ],
        people [ "34600111222"; "34600111222" ]
    )

    Assert.Equal<(string option * string option) list>(
        [ None, None; None, None ],
        people [ "34600111222"; "34600333444" ]
    )

[<Fact>]
let ``every customer can be named in a stream`` () =
    let property node =
        match
            read (bodyOf [ "{\"id\":\"wamid.1\",\"from\":" + node + ",\"from_user_id\":" + node + "}" ])
        with
        | Ok updates ->
            updates
            |> List.forall (function
                | CustomerDid(channel, person, _, _, _) ->
                    let customer =
                        person.BusinessScopedId |> Option.orElse person.Phone |> Option.defaultValue ""

                    let session = {
                        Channel = channel
                        Customer = CustomerId customer
                        Ordinal = 1
                    }

                    SessionId.parse (SessionId.text session) = Some session
                | _ -> true)
        | Error _ -> false

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll (Arb.fromGen json) property)
