/// The emulated Odoo over HTTP: what a bot can notice of a real Odoo 19 (and 14) has to be the same here.
module FunctionalBot.Tests.OdooEmulatorTests

open System
open System.IO
open System.Net.Http
open System.Net.Http.Headers
open System.Text
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open Xunit
open FunctionalBot.Emulators
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo

let private standard = Settings.standard

/// Runs a test against an emulator of its own and stops it afterwards.
let private withOdoo
    (settings: Settings)
    (test: OdooEmulator.Emulator -> HttpClient -> Task<unit>)
    : Task<unit> = task {
    let! emulator = OdooEmulator.start settings
    use client = new HttpClient(BaseAddress = emulator.Address)

    try
        do! test emulator client
    finally
        emulator.Stop().Wait()
}

let private json (document: string) : Json =
    match parse document with
    | Ok value -> value
    | Error problem -> failwith $"%s{problem}: %s{document}"

/// Posts a body with a key; gives the status, the content type and the text of the answer.
let private postText (client: HttpClient) (path: string) (key: string) (contentType: string) (body: string) =
    task {
        use request = new HttpRequestMessage(HttpMethod.Post, path)
        request.Content <- new StringContent(body, Encoding.UTF8, contentType)

        if key <> "" then
            request.Headers.Authorization <- AuthenticationHeaderValue("bearer", key)

        use! response = client.SendAsync request
        let! text = response.Content.ReadAsStringAsync()

        let answered =
            match response.Content.Headers.ContentType with
            | null -> ""
            | value -> string value.MediaType

        return int response.StatusCode, answered, text
    }

/// A JSON-2 call with the right key.
let private call (client: HttpClient) (method: string) (arguments: string) : Task<int * Json> = task {
    let! status, contentType, text =
        postText client $"/json/2/%s{method}" standard.ApiKeys.Head "application/json" arguments

    return
        status,
        (if contentType = "application/json" then
             json text
         else
             Text text)
}

/// A call that has to go well.
let private good (client: HttpClient) (method: string) (arguments: string) : Task<Json> = task {
    let! status, answer = call client method arguments
    Assert.True((status = 200), $"%s{method} answered %d{status}: %s{write answer}")
    return answer
}

/// A JSON-RPC call of a service; gives the whole envelope.
let private rpc (client: HttpClient) (service: string) (method: string) (arguments: string) : Task<Json> =
    task {
        let body =
            $"""{{"jsonrpc":"2.0","method":"call","id":1,"params":{{"service":"%s{service}","method":"%s{method}","args":%s{arguments}}}}}"""

        let! status, _, text = postText client "/jsonrpc" "" "application/json" body
        Assert.Equal(200, status)
        return json text
    }

let private oneTicket =
    """{"vals_list":[{"name":"Factura","description":"<p>No llega</p>","x_wa_key":"k1"}]}"""

let private loadOf (key: string) =
    $"""{{"fields":["id","name","description"],"data":[["wabot.%s{key}","Factura","<p>No llega</p>"]]}}"""

[<Fact>]
let ``a ticket that is created can be read with its number, stage and labels`` () =
    withOdoo standard (fun _ client -> task {
        let! created = good client "helpdesk.ticket/create" oneTicket
        Assert.Equal(Items [ Whole 1L ], created)

        let! read =
            good
                client
                "helpdesk.ticket/read"
                """{"ids":[1],"fields":["number","name","stage_id","partner_id","closed"]}"""

        let expected =
            """[{"id":1,"number":"HT00001","name":"Factura","stage_id":[1,"New"],"partner_id":false,"closed":false}]"""

        Assert.Equal(json expected, read)

        let! spanish =
            good
                client
                "helpdesk.ticket/read"
                """{"ids":[1],"fields":["stage_id"],"context":{"lang":"es_ES"}}"""

        Assert.Equal(json """[{"id":1,"stage_id":[1,"Nuevo"]}]""", spanish)
    })

[<Fact>]
let ``JSON-2 errors have the statuses and exception names of Odoo 19`` () =
    let cases = [
        "x.y/search", """{"domain":[]}""", 404, "werkzeug.exceptions.NotFound"
        "res.partner/frobnicate", "{}", 404, "werkzeug.exceptions.NotFound"
        "res.partner/_search", """{"domain":[]}""", 403, "odoo.exceptions.AccessError"
        "res.partner/search", """{"domain":[],"foo":1}""", 422, "werkzeug.exceptions.UnprocessableEntity"
        "res.partner/search", "{}", 422, "werkzeug.exceptions.UnprocessableEntity"
        "res.partner/search", """{"ids":[1],"domain":[]}""", 422, "werkzeug.exceptions.UnprocessableEntity"
        "res.partner/search", "{nope", 400, "werkzeug.exceptions.BadRequest"
        "res.partner/search", """{"domain":[["nope","=",1]]}""", 500, "builtins.ValueError"
        "res.partner/search", """{"domain":[["name","~","x"]]}""", 500, "builtins.ValueError"
        "res.partner/search", """{"domain":[],"context":{"lang":"xx_XX"}}""", 422, "odoo.exceptions.UserError"
        "res.partner/create", """{"vals_list":[{"name":"a","nope":1}]}""", 500, "builtins.ValueError"
        "res.partner/create", """{"vals_list":[{"name":"a\u0000b"}]}""", 500, "builtins.ValueError"
        "res.partner/create", """{"vals_list":[{}]}""", 422, "odoo.exceptions.ValidationError"
        "helpdesk.ticket/create", """{"vals_list":[{"name":"a"}]}""", 422, "odoo.exceptions.ValidationError"
        "helpdesk.ticket/create",
        """{"vals_list":[{"name":"a","description":"b","priority":"9"}]}""",
        500,
        "builtins.ValueError"
        "helpdesk.ticket/create",
        """{"vals_list":[{"name":"a","description":"b","team_id":99}]}""",
        404,
        "odoo.exceptions.MissingError"
        "helpdesk.ticket/write", """{"ids":[99],"vals":{"name":"a"}}""", 404, "odoo.exceptions.MissingError"
        "helpdesk.ticket/unlink", """{"ids":[1]}""", 403, "odoo.exceptions.AccessError"
        "ir.model.data/search_read", """{"domain":[]}""", 403, "odoo.exceptions.AccessError"
        "ir.attachment/create",
        """{"vals_list":[{"name":"a","datas":"aGVsbG8=","res_model":"helpdesk.ticket","res_id":9}]}""",
        403,
        "odoo.exceptions.AccessError"
    ]

    withOdoo standard (fun emulator client -> task {
        for method, arguments, status, name in cases do
            let! answered, body = call client method arguments

            Assert.Equal(
                (method, arguments, status, Some name),
                (method, arguments, answered, textField "name" body)
            )

            Assert.True((textField "message" body).IsSome && (field "debug" body).IsSome)

        Assert.Empty(emulator.Tickets())
    })

[<Fact>]
let ``keys, content types and databases are checked as by Odoo 19`` () =
    withOdoo standard (fun _ client -> task {
        let search = "/json/2/res.partner/search"

        let! wrong, _, wrongBody =
            postText client search "nope" "application/json" """{"domain":[]}"""

        Assert.Equal((401, Some "Invalid apikey"), (wrong, textField "message" (json wrongBody)))
        let! none, _, _ = postText client search "" "application/json" """{"domain":[]}"""
        Assert.Equal(401, none)

        let! media, kind, _ =
            postText client search standard.ApiKeys.Head "text/plain" """{"domain":[]}"""

        Assert.Equal((415, "text/html"), (media, kind))
        client.DefaultRequestHeaders.Add("X-Odoo-Database", "another")

        let! database, kind, page =
            postText client search standard.ApiKeys.Head "application/json" """{"domain":[]}"""

        Assert.Equal((404, "text/html"), (database, kind))
        Assert.Contains("No database is selected", page)
    })

[<Fact>]
let ``a read of a record that is gone is an empty list, and empty values are false`` () =
    withOdoo standard (fun _ client -> task {
        let! gone = good client "helpdesk.ticket/read" """{"ids":[99],"fields":["name"]}"""
        Assert.Equal(Items [], gone)
        let! _ = good client "res.partner/create" """{"vals_list":[{"name":"Ana"}]}"""

        let! found =
            good
                client
                "res.partner/search_read"
                """{"domain":[["name","=","Ana"]],"fields":["email","phone_sanitized"]}"""

        Assert.Equal(json """[{"id":7,"email":false,"phone_sanitized":false}]""", found)
    })

[<Fact>]
let ``a phone number is found in its E.164 form, Mexican and Brazilian forms included`` () =
    withOdoo standard (fun _ client -> task {
        let numbers = [
            "+34 612 345 678", "+34612345678"
            "+5215512345678", "+525512345678"
            "+55 11 8765 4321", "+5511987654321"
        ]

        for written, sanitized in numbers do
            let! ids =
                good
                    client
                    "res.partner/create"
                    $"""{{"vals_list":[{{"name":"x","phone":"%s{written}"}}]}}"""

            let! found =
                good
                    client
                    "res.partner/search"
                    $"""{{"domain":[["phone_sanitized","=","%s{sanitized}"]]}}"""

            Assert.Equal(ids, found)
    })

[<Fact>]
let ``markup is sanitized and plain text becomes a paragraph as in Odoo 19`` () =
    let cases = [
        "plain a & b < c", "<p>plain a &amp; b &lt; c</p>"
        "<p>one &lt;x&gt;<br/>two</p>", "<p>one &lt;x&gt;<br>two</p>"
        "<img src=x onerror=alert(1)>", "<img src=\"x\">"
        "<style>p{}</style>z", "<p>z</p>"
        "<unk>inside</unk>", "<div>inside</div>"
        "<!-- c -->v", "<p>v</p>"
        "<p>😀 &quot;q&quot; &#39;s&#39;</p>", "<p>😀 \"q\" 's'</p>"
        "5 < 6 y <marker>\n<b>hi</b><script>x</script><a href=\"javascript:1\" onclick=\"y\">l</a>",
        "<p>5 &lt; 6 y \n<b>hi</b><a href=\"\">l</a></p>"
        "", ""
    ]

    for given, stored in cases do
        Assert.Equal(stored, Sanitizer.sanitize given)

[<Fact>]
let ``sanitized markup never holds a script, a handler or a javascript address, whatever went in`` () =
    let piece =
        Gen.elements [
            "<"
            ">"
            "\""
            "'"
            "<script>"
            "</script>"
            "<img src="
            " onerror=alert(1)"
            "javascript:alert(1)"
            "<a href=\""
            "<b>"
            "</b>"
            "<!--"
            "-->"
            "x"
            "&lt;"
            "<svg/onload="
            "\n"
            "<p>"
            "</p>"
            "="
            "<iframe>"
        ]

    let isSafe (pieces: string list) =
        let stored = Sanitizer.sanitize (String.concat "" pieces)

        let tags =
            RegularExpressions.Regex.Matches(stored, "<[^>]*>")
            |> Seq.map (fun found -> found.Value.ToLowerInvariant())

        tags
        |> Seq.forall (fun tag ->
            not (tag.StartsWith "<script")
            && not (tag.StartsWith "<svg")
            && not (tag.StartsWith "<iframe")
            && not (RegularExpressions.Regex.IsMatch(tag, "\\s(href|src)=\"?javascript:"))
            && not (RegularExpressions.Regex.IsMatch(tag, "^<[^\"]*(\"[^\"]*\"[^\"]*)*\\son\\w+=")))

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 500, Prop.forAll (Arb.fromGen (Gen.listOf piece)) isSafe)

/// A clock whose timers fire only when they are told to, so that transactions overlap for certain.
type private HeldClock() =
    inherit TimeProvider()
    let waiting = System.Collections.Concurrent.ConcurrentQueue<unit -> unit>()
    let arrived = new System.Threading.SemaphoreSlim 0

    override _.CreateTimer(callback, state, _, _) =
        waiting.Enqueue(fun () -> callback.Invoke state)
        arrived.Release() |> ignore

        {
            new System.Threading.ITimer with
                member _.Change(_, _) = true
                member _.Dispose() = ()
                member _.DisposeAsync() = ValueTask.CompletedTask
        }

    /// Ends once so many timers wait.
    member _.Arrival(count: int) : Task = task {
        for _ in 1..count do
            do! arrived.WaitAsync()
    }

    /// Lets all timers that wait fire.
    member _.Release() =
        for fire in waiting do
            fire ()

[<Fact>]
let ``of eight loads at once with one external id one makes the ticket and seven have to come again`` () =
    let clock = HeldClock()

    withOdoo { standard with Clock = clock } (fun emulator client -> task {
        let calls = [ for _ in 1..8 -> good client "helpdesk.ticket/load" (loadOf "race") ]
        do! clock.Arrival 8
        clock.Release()
        let! answers = Task.WhenAll calls

        let won, lost =
            List.ofArray answers
            |> List.partition (fun answer -> field "ids" answer = Some(Items [ Whole 1L ]))

        Assert.Equal((1, 1, 7), (emulator.Tickets().Length, won.Length, lost.Length))

        for answer in lost do
            Assert.Equal(Some(Flag false), field "ids" answer)
            Assert.Contains("could not serialize access", write answer)
    })

[<Fact>]
let ``loads that do not overlap do not disturb each other`` () =
    withOdoo standard (fun emulator client -> task {
        let! answers =
            Task.WhenAll [ for key in 1..8 -> good client "helpdesk.ticket/load" (loadOf (string key)) ]

        Assert.All(answers, fun answer -> Assert.True(field "ids" answer |> Option.exists isTruthy))
        Assert.Equal(8, emulator.Tickets().Length)
    })

[<Fact>]
let ``a repeated load overwrites the same ticket, and its external id leads back to it`` () =
    withOdoo standard (fun emulator client -> task {
        let! first = good client "helpdesk.ticket/load" (loadOf "a.b/c+d=")

        let! second =
            good
                client
                "helpdesk.ticket/load"
                """{"fields":["id","name"],"data":[["wabot.a.b/c+d=","Otra cosa"]]}"""

        Assert.Equal(json """{"ids":[1],"messages":[],"nextrow":0}""", first)
        Assert.Equal(first, second)

        Assert.Equal<string option list>(
            [ Some "Otra cosa" ],
            emulator.Tickets() |> List.map (textField "name")
        )

        let! names = good client "helpdesk.ticket/get_external_id" """{"ids":[1,2]}"""
        Assert.Equal(json """{"1":"wabot.a.b/c+d=","2":""}""", names)
    })

[<Fact>]
let ``a load that cannot be carried out answers 200 with the reason and imports nothing`` () =
    let cases = [
        """{"fields":["id","name","description","team_id/.id"],"data":[["w.1","a","b","1"],["w.2","a","b","999"]]}""",
        "No matching record found for database id '999' in field 'Team'"
        """{"fields":["id","name","description"],"data":[["w.1","","b"]]}""",
        "Missing required value for the field 'Title' (name)."
        """{"fields":["id","name","description","priority"],"data":[["w.1","a","b","9"]]}""",
        "Value '9' not found in selection field 'Priority'"
        """{"fields":["id","name","description"],"data":[["w.1","a\u0000","b"]]}""",
        "Unknown error during import: <class 'ValueError'>: A string literal cannot contain NUL (0x00) characters."
    ]

    withOdoo standard (fun emulator client -> task {
        for arguments, message in cases do
            let! answer = good client "helpdesk.ticket/load" arguments
            Assert.Equal(Some(Flag false), field "ids" answer)
            let told = itemsField "messages" answer |> List.choose (textField "message")
            Assert.StartsWith(message, Assert.Single told)

        let! status, unknown =
            call client "helpdesk.ticket/load" """{"fields":["id","nope"],"data":[["w.1","a"]]}"""

        Assert.Equal((500, Some "Invalid field name 'nope'"), (status, textField "message" unknown))
        Assert.Empty(emulator.Tickets())
    })

[<Fact>]
let ``an answer that is lost after the commit leaves the ticket, and the repeated load finds it`` () =
    withOdoo standard (fun emulator client -> task {
        emulator.SetFaults { Faults.none with LoseAnswers = 1 }

        let! _ =
            Assert.ThrowsAnyAsync<HttpRequestException>(fun () ->
                good client "helpdesk.ticket/load" (loadOf "k"))

        Assert.Equal(1, emulator.Tickets().Length)
        let! again = good client "helpdesk.ticket/load" (loadOf "k")
        Assert.Equal(Some(Items [ Whole 1L ]), field "ids" again)
        Assert.Equal(1, emulator.Tickets().Length)
        Assert.Equal<int list>([ 0; 200 ], emulator.Requests() |> List.map (fun entry -> entry.Status))
    })

[<Fact>]
let ``faults over HTTP: away, a proxy's errors, conflicts and expired keys`` () =
    withOdoo standard (fun _ client -> task {
        let faults (body: string) = task {
            let! status, _, _ = postText client "/_emulator/faults" "" "application/json" body
            Assert.Equal(200, status)
        }

        do! faults """{"down":true}"""
        let! status, page = call client "res.partner/search" """{"domain":[]}"""
        Assert.Equal(404, status)
        Assert.Contains("No database is selected", write page)
        do! faults """{"status":502,"count":2}"""
        let! first, _ = call client "res.partner/search" """{"domain":[]}"""
        let! second, _ = call client "res.partner/search" """{"domain":[]}"""
        let! third, _ = call client "res.partner/search" """{"domain":[]}"""
        Assert.Equal((502, 502, 200), (first, second, third))
        do! faults """{"conflicts":1}"""
        let! conflict = good client "helpdesk.ticket/load" (loadOf "k")
        let! success = good client "helpdesk.ticket/load" (loadOf "k")

        Assert.Equal(
            (Some(Flag false), Some(Items [ Whole 1L ])),
            (field "ids" conflict, field "ids" success)
        )

        do! faults """{"refuse_keys":true}"""
        let! refused, _ = call client "res.partner/search" """{"domain":[]}"""
        Assert.Equal(401, refused)

        let! unknown, _, text =
            postText client "/_emulator/faults" "" "application/json" """{"dwon":true}"""

        Assert.Equal(400, unknown)
        Assert.Contains("dwon", text)
    })

[<Fact>]
let ``domains, orders and pages find what Odoo would find`` () =
    withOdoo standard (fun _ client -> task {
        let rows = [
            for number in 1..5 ->
                $"""{{"name":"Caso %d{number}","description":"d","priority":"%d{number % 3}"}}"""
        ]

        let! _ =
            good client "helpdesk.ticket/create" $"""{{"vals_list":[%s{String.concat "," rows}]}}"""

        let cases = [
            """[["name","ilike","caso"]]""", """ "order":"id" """, [ 1L; 2L; 3L; 4L; 5L ]
            """["|",["id","=",1],["priority","=","2"]]""", """ "order":"id desc" """, [ 5L; 2L; 1L ]
            """["!",["id","in",[1,2]]]""", """ "order":"id" """, [ 3L; 4L; 5L ]
            """["&",["id",">",1],["id","<=",3]]""", """ "order":"id" """, [ 2L; 3L ]
            """[["id","not in",[1]],["id","!=",2]]""", """ "order":"id","limit":2,"offset":1 """, [ 4L; 5L ]
            """[["x_wa_key","!=",false]]""", """ "order":"id" """, []
            """[["stage_id.name","=","New"],["create_date",">=","2001-01-01 00:00:00"]]""",
            """ "order":"priority desc, id" """,
            [ 2L; 5L; 1L; 4L; 3L ]
            """[["stage_id","ilike","ne"]]""", """ "limit":1,"order":"id" """, [ 1L ]
        ]

        for domain, page, expected in cases do
            let! found =
                good client "helpdesk.ticket/search" $"""{{"domain":%s{domain},%s{page}}}"""

            Assert.Equal((domain, Items(expected |> List.map Whole)), (domain, found))

        let! count =
            good client "helpdesk.ticket/search_count" """{"domain":[["priority","=","1"]]}"""

        Assert.Equal(Whole 2L, count)

        let! _ =
            good client "helpdesk.ticket/write" """{"ids":[1],"vals":{"active":false}}"""

        let! hidden = good client "helpdesk.ticket/search" """{"domain":[["id","=",1]]}"""

        let! shown =
            good
                client
                "helpdesk.ticket/search"
                """{"domain":[["id","=",1]],"context":{"active_test":false}}"""

        Assert.Equal((Items [], Items [ Whole 1L ]), (hidden, shown))
    })

[<Fact>]
let ``notes and attachments reach the ticket without touching its write_date`` () =
    withOdoo standard (fun _ client -> task {
        let! _ = good client "helpdesk.ticket/create" oneTicket

        let! attachment =
            good
                client
                "ir.attachment/create"
                """{"vals_list":[{"name":"f.png","datas":"iVBORw0KGgo=","res_model":"mail.compose.message","res_id":0}]}"""

        let! _ =
            good
                client
                "helpdesk.ticket/message_post"
                $"""{{"ids":[1],"body":"<b>x</b> a","attachment_ids":%s{write attachment}}}"""

        let! messages =
            good
                client
                "mail.message/search_read"
                """{"domain":[["res_id","=",1]],"fields":["body","preview","author_id","subtype_id"]}"""

        let expected =
            """[{"id":1,"body":"<p>&lt;b&gt;x&lt;/b&gt; a</p>","preview":"<b>x</b> a","author_id":[6,"WhatsApp bot"],"subtype_id":[2,"Note"]}]"""

        Assert.Equal(json expected, messages)

        let! owned =
            good
                client
                "ir.attachment/read"
                """{"ids":[1],"fields":["res_model","res_id","mimetype","file_size"]}"""

        Assert.Equal(
            json
                """[{"id":1,"res_model":"helpdesk.ticket","res_id":1,"mimetype":"image/png","file_size":8}]""",
            owned
        )
    })

[<Fact>]
let ``JSON-RPC logs in, calls with positions and tells every error with status 200`` () =
    withOdoo { standard with Version = 14 } (fun _ client -> task {
        let key = standard.ApiKeys.Head
        let! version = rpc client "common" "version" "[]"
        Assert.Equal(Some(Text "14.0"), at [ "result"; "server_version" ] version)
        let! bad = rpc client "common" "login" """["demo","wa-bot","nope"]"""
        Assert.Equal(Some(Flag false), field "result" bad)

        let! user =
            rpc client "common" "authenticate" $"""["demo","wa-bot","%s{standard.Password}",{{}}]"""

        Assert.Equal(Some(Whole 5L), field "result" user)

        let execute (rest: string) =
            rpc client "object" "execute_kw" $"""["demo",5,"%s{key}",%s{rest}]"""

        let! one = execute """"helpdesk.ticket","create",[{"name":"a","description":"b"}]"""
        Assert.Equal(Some(Whole 1L), field "result" one)

        let! many =
            execute """"helpdesk.ticket","create",[[{"name":"a","description":"b"}]]"""

        Assert.Equal(Some(Items [ Whole 2L ]), field "result" many)

        let! note =
            execute """"helpdesk.ticket","message_post",[[1]],{"body":"<b>hola</b>"}"""

        Assert.Equal(Some(Whole 1L), field "result" note)

        let! found =
            execute """"helpdesk.ticket","search_read",[[["id","=",1]],["name"]],{"limit":1}"""

        Assert.Equal(Some(json """[{"id":1,"name":"a"}]"""), field "result" found)

        let failures = [
            """"x.y","search",[[]]""", "odoo.exceptions.UserError"
            """"res.partner","frob",[]""", "builtins.AttributeError"
            """"res.partner","search",[]""", "builtins.TypeError"
            """"helpdesk.ticket","create",[{"name":"a"}]""", "odoo.exceptions.ValidationError"
            """"helpdesk.ticket","unlink",[[1]]""", "odoo.exceptions.AccessError"
        ]

        for rest, name in failures do
            let! answer = execute rest
            Assert.Equal(Some(Text name), at [ "error"; "data"; "name" ] answer)

        let! denied =
            rpc client "object" "execute_kw" """["demo",5,"nope","res.partner","search",[[]]]"""

        Assert.Equal(Some(Text "odoo.exceptions.AccessDenied"), at [ "error"; "data"; "name" ] denied)
        let! database = rpc client "common" "login" """["nope","wa-bot","x"]"""
        Assert.Equal(Some(Text "psycopg2.OperationalError"), at [ "error"; "data"; "name" ] database)
    })

[<Fact>]
let ``below version 19 there is no JSON-2, and the version can be asked for without a key`` () =
    withOdoo { standard with Version = 18 } (fun _ client -> task {
        let! status, _ = call client "res.partner/search" """{"domain":[]}"""
        Assert.Equal(404, status)
        let! version = client.GetStringAsync "/web/version"
        Assert.Equal(Some "18.0", textField "version" (json version))
        let! health = client.GetStringAsync "/web/health"
        Assert.Equal("""{"status":"pass"}""", health)
    })

[<Fact>]
let ``fields_get tells the Community and the Enterprise helpdesk apart, and which own fields there are`` () =
    let fieldsOf settings = task {
        let mutable names = []

        do!
            withOdoo settings (fun _ client -> task {
                match! good client "helpdesk.ticket/fields_get" """{"attributes":["type","required"]}""" with
                | Fields fields -> names <- fields |> List.map fst
                | other -> failwith (write other)
            })

        return Set.ofList names
    }

    task {
        let! community = fieldsOf standard

        let! enterprise =
            fieldsOf {
                standard with
                    Helpdesk = Enterprise
                    TicketFields = []
            }

        Assert.True(Set.isSubset (set [ "number"; "closed"; "x_wa_key" ]) community)
        Assert.True(Set.isSubset (set [ "ticket_ref"; "partner_phone"; "close_date" ]) enterprise)
        Assert.False(enterprise.Contains "x_wa_key" || enterprise.Contains "number")
    }

[<Fact>]
let ``Enterprise finds or makes the partner of an e-mail address`` () =
    withOdoo { standard with Helpdesk = Enterprise } (fun _ client -> task {
        let ticket =
            """{"vals_list":[{"name":"a","partner_name":"Ana","partner_email":"ana@example.com"}]}"""

        let! _ = good client "helpdesk.ticket/create" ticket
        let! _ = good client "helpdesk.ticket/create" ticket

        let! partners =
            good client "helpdesk.ticket/search_read" """{"fields":["partner_id"],"order":"id"}"""

        Assert.Equal(json """[{"id":1,"partner_id":[7,"Ana"]},{"id":2,"partner_id":[7,"Ana"]}]""", partners)
    })

[<Fact>]
let ``tickets outlive a restart, a reset empties them, and a torn last line is left out`` () = task {
    let path = Path.Combine(Path.GetTempPath(), $"odoo-%O{Guid.NewGuid()}.jsonl")
    let kept = { standard with DataFile = Some path }

    try
        do!
            withOdoo kept (fun _ client -> task {
                let! _ = good client "helpdesk.ticket/load" (loadOf "k")
                return ()
            })

        File.AppendAllText(path, """{"model":"helpdesk.ticket","id":2,"row":{"na""")

        do!
            withOdoo kept (fun emulator client -> task {
                Assert.Equal(1, emulator.Tickets().Length)
                let! again = good client "helpdesk.ticket/load" (loadOf "k")
                Assert.Equal(Some(Items [ Whole 1L ]), field "ids" again)
                let! status, _, _ = postText client "/_emulator/reset" "" "application/json" "{}"
                Assert.Equal(200, status)
            })

        do! withOdoo kept (fun emulator _ -> task { Assert.Empty(emulator.Tickets()) })
    finally
        File.Delete path
}

[<Fact>]
let ``the desk moves tickets and writes replies that the bot can poll, and foreign pages cannot`` () =
    withOdoo standard (fun emulator client -> task {
        let! _ = good client "helpdesk.ticket/create" oneTicket

        let! moved, _, _ =
            postText client "/desk/tickets/1/stage" "" "application/json" """{"stage_id":4}"""

        Assert.Equal(200, moved)

        let! closed =
            good client "helpdesk.ticket/read" """{"ids":[1],"fields":["closed","stage_id"]}"""

        Assert.Equal(json """[{"id":1,"closed":true,"stage_id":[4,"Done"]}]""", closed)
        let reply = """{"body":"Ya está <b>listo</b>","public":true}"""

        let! written, _, _ =
            postText client "/desk/tickets/1/messages" "" "application/json" reply

        Assert.Equal(200, written)

        let! polled =
            good
                client
                "mail.message/search_read"
                """{"domain":[["model","=","helpdesk.ticket"],["res_id","in",[1]],["message_type","in",["comment","email"]],["subtype_id.internal","=",false],["is_internal","=",false],["author_id","!=",6],["id",">",0]],"fields":["preview"]}"""

        Assert.Equal(json """[{"id":1,"preview":"Ya está <b>listo</b>"}]""", polled)
        let! overview = client.GetStringAsync "/desk/tickets"
        Assert.Contains("HT00001", overview)
        client.DefaultRequestHeaders.Add("Origin", "https://example.com")

        let! foreign, _, _ =
            postText client "/desk/tickets/1/stage" "" "application/json" """{"stage_id":1}"""

        let! reset, _, _ = postText client "/_emulator/reset" "" "application/json" "{}"
        Assert.Equal((403, 403), (foreign, reset))
        Assert.Equal(1, emulator.Tickets().Length)
    })

[<Fact>]
let ``the desk page is served with its parts and tells of changes as they happen`` () =
    withOdoo standard (fun _ client -> task {
        for path in [ "/"; "/desk"; "/desk/desk.css"; "/desk/desk.js" ] do
            use! response = client.GetAsync path
            Assert.True(response.IsSuccessStatusCode)
            Assert.True(response.Headers.Contains "Content-Security-Policy")

        use! events =
            client.GetAsync("/desk/events", HttpCompletionOption.ResponseHeadersRead)

        let! stream = events.Content.ReadAsStreamAsync()
        use reader = new StreamReader(stream)
        let! first = reader.ReadLineAsync()
        Assert.Equal("data: changed", first)
        let! _ = good client "helpdesk.ticket/create" oneTicket
        let! _ = reader.ReadLineAsync()
        let! second = reader.ReadLineAsync()
        Assert.Equal("data: changed", second)
    })

[<Fact>]
let ``the journal shows what was asked, without key or password`` () =
    withOdoo standard (fun emulator client -> task {
        let! _ = good client "helpdesk.ticket/create" oneTicket

        let! _ =
            rpc
                client
                "object"
                "execute_kw"
                $"""["demo",5,"%s{standard.Password}","res.partner","search",[[]]]"""

        let! journal = client.GetStringAsync "/_emulator/requests"

        Assert.Equal<string list>(
            [ "json2 helpdesk.ticket/create"; "jsonrpc res.partner/search" ],
            emulator.Requests() |> List.map (fun entry -> entry.Operation)
        )

        Assert.DoesNotContain(standard.Password, journal)
        Assert.DoesNotContain(standard.ApiKeys.Head, journal)
    })
