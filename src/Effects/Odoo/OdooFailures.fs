namespace FunctionalBot.Effects.OdooAdapter

open System
open System.Text.Json
open System.Text.RegularExpressions
open FunctionalBot.Effects

/// What Odoo's errors mean. They are told apart by content type and Python's exception name: the HTTP
/// status alone says little (JSON-RPC always answers 200, a wrong field name is 500, a stopped database is
/// 404 in HTML).
module OdooFailures =

    let private address = Regex(@"\S+@\S+", RegexOptions.CultureInvariant)
    let private longNumber = Regex(@"\+?\d[\d \-]{6,}\d", RegexOptions.CultureInvariant)

    /// Quoted words with blanks between are values, which may be a customer's; names of fields and models
    /// have no blanks.
    let private quotedWords =
        Regex(@"(?<!\w)(['""])[^'""]*\s[^'""]*\1(?!\w)", RegexOptions.CultureInvariant)

    /// The first line of a message, short, without what looks personal. `debug`, which comes with it, is
    /// never read.
    let clean (message: string) : string =
        let line = message.Trim().Split('\n')[0]

        [ quotedWords, "$1…$1"; address, "…"; longNumber, "…" ]
        |> List.fold (fun text (personal: Regex, instead: string) -> personal.Replace(text, instead)) line
        |> Excerpt.cut 160

    let private contains (part: string) (text: string) =
        text.Contains(part, StringComparison.OrdinalIgnoreCase)

    /// Two transactions that met: PostgreSQL ended this one, and a moment later it goes through.
    let isCollision (message: string) : bool =
        [
            "could not serialize"
            "deadlock detected"
            "could not obtain lock"
            "lock timeout"
            "current transaction is aborted"
        ]
        |> List.exists (fun part -> contains part message)

    let private may name reason after = {
        MayPass = true
        After = after
        Name = name
        Reason = reason
    }

    let private never name reason = {
        MayPass = false
        After = None
        Name = name
        Reason = reason
    }

    /// Nobody answered, or not in time.
    let unreachable (reason: string) : OdooFailure = may "network" reason None

    /// Odoo answered with something that is no answer to the call.
    let unexpected (what: string) : OdooFailure =
        never "unexpected" $"Odoo answered %s{what}, which this version of the bot does not understand."

    /// What belongs to a ticket came before the ticket.
    let noTicketYet: OdooFailure =
        may "missing" "The ticket that it belongs to does not exist yet" None

    /// The bytes were deleted, or are not those that were kept.
    let fileIsGone: OdooFailure =
        never "file" "The file is not kept any more, or not whole"

    /// The disk or the share with the bytes is away, or their rights are wrong.
    let fileIsUnreadable: OdooFailure =
        may "file" "The kept file cannot be read now; check the folder BOT_FILES" None

    /// Odoo takes no body of more than 128 MiB, and base64 makes three bytes four.
    let fileIsTooLarge (limit: int64) : OdooFailure =
        never "file" $"The file is larger than what Odoo takes in one call (%d{limit} bytes)"

    /// load() said `ids: false`, with these messages.
    let ofImport (messages: string list) : OdooFailure =
        let told = messages |> List.map clean |> String.concat "; "

        if List.exists isCollision messages then
            may "import" $"Odoo was busy with the same record (%s{told})" (Some(TimeSpan.FromSeconds 1.))
        else
            never "import" $"Odoo does not take the record: %s{told}"

    /// An error of Odoo's own: Python's exception name and its message.
    let ofException (status: int) (name: string) (message: string) (after: TimeSpan option) : OdooFailure =
        let short = name.Substring(name.LastIndexOf '.' + 1)
        let told = $"%s{short}: %s{clean message}"

        if isCollision message || name.StartsWith("psycopg2", StringComparison.Ordinal) then
            may name $"Odoo's database is busy or away (%s{told})" after
        else
            match short with
            | "Unauthorized"
            | "AccessDenied" ->
                never
                    name
                    $"Odoo refuses the login (%s{told}). Check ODOO_USER and ODOO_API_KEY: keys expire, \
                      and only unscoped or rpc keys work."
            | "AccessError"
            | "Forbidden" -> never name $"The bot's Odoo user lacks a right (%s{told})"
            | "NotFound"
            | "AttributeError" ->
                never
                    name
                    $"Odoo lacks a model or method (%s{told}). Check ODOO_MODEL and that its app is \
                      installed."
            | "TooManyRequests"
            | "ServiceUnavailable"
            | "BadGateway"
            | "GatewayTimeout"
            | "OperationalError"
            | "InterfaceError" -> may name $"Odoo is busy (%s{told})" after
            | "MissingError"
            | "ValidationError"
            | "UserError"
            | "RedirectWarning"
            | "UnprocessableEntity"
            | "BadRequest"
            | "UnsupportedMediaType"
            | "ValueError" -> never name $"Odoo does not take the data (%s{told})"
            | _ when status >= 500 || status = 200 -> may name $"Odoo failed (%s{told})" after
            | _ -> never name $"Odoo does not do it (%s{told})"

    /// An answer that is no JSON: from a proxy, or from Odoo before it has found a database.
    let ofPage (status: int) (contentType: string) (after: TimeSpan option) : OdooFailure =
        let name = $"http %d{status}"
        let told = $"HTTP %d{status}, %s{contentType}"

        match status with
        | 404 ->
            may
                name
                $"Odoo has no database at hand (%s{told}). If it stays so, check ODOO_URL and ODOO_DB."
                after
        | 408
        | 425
        | 429 -> may name $"Odoo asks to wait (%s{told})" after
        | 413 ->
            never
                name
                $"The file is larger than what stands before Odoo lets through (%s{told}); raise its limit \
                  for bodies."
        | _ when status >= 500 -> may name $"Odoo is not well (%s{told})" after
        | _ when status >= 200 && status < 300 ->
            may name $"A page came back (%s{told}). If it stays so, check ODOO_URL." after
        | _ when status >= 300 && status < 400 ->
            never name $"Odoo sends to another address (%s{told}). Set ODOO_URL to the final one, with https."
        | _ -> never name $"What answers at ODOO_URL refuses the call (%s{told})."

    /// An error of Odoo's as JSON: {name, message} of JSON-2, or error.data of JSON-RPC.
    let ofJson (status: int) (error: JsonElement) (after: TimeSpan option) : OdooFailure =
        let name = OdooValue.text "name" error |> Option.defaultValue "unnamed"

        let message =
            OdooValue.text "message" error |> Option.defaultValue "without a message"

        ofException status name message after

    /// Refused because of who the bot is, not because of what it asked: a key that ended, a right that is missing.
    let private refusedTheBot =
        set [
            "werkzeug.exceptions.Unauthorized"
            "odoo.exceptions.AccessDenied"
            "odoo.exceptions.AccessError"
        ]

    /// The failure in the terms of the port. A key or right that is missing is mended by an operator: until then the
    /// ticket waits, since no customer should have to tell it again for that.
    let toPort (failure: OdooFailure) : TicketFailure =
        if failure.MayPass then
            TryAgain(failure.After, failure.Reason)
        elif refusedTheBot.Contains failure.Name then
            TryAgain(None, failure.Reason)
        else
            WillNotDo failure.Reason
