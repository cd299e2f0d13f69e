/// The emulated Odoo over HTTP: what a bot can notice of a real Odoo 19 (and 14) has to be the same here.
module FunctionalBot.Tests.OdooEmulatorTests

open System.Threading.Tasks
open Xunit
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo
open FunctionalBot.Tests.OdooCalls

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
let ``notes and attachments reach the ticket`` () =
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
