/// What must hold at any Odoo, emulated or real, of any version and over both protocols.
module FunctionalBot.Tests.OdooScenes

open System
open System.Net.Http
open System.Threading
open System.Threading.Tasks
open Xunit
open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Effects.OdooAdapter

let private none = CancellationToken.None

let private fitting result =
    match result with
    | Ok value -> value
    | Error problem -> failwith $"%A{problem}"

/// A client as the host builds it.
let client () =
    new HttpClient(new SocketsHttpHandler(AllowAutoRedirect = false))

/// A customer nobody has had before: the digits are random, of no country.
let newCustomer () : Customer =
    let digits = string (Random.Shared.NextInt64(10_000_000L, 99_999_999L))

    {
        Id = CustomerId $"ES.%s{digits}"
        Phone = Some("3460" + digits.Substring 1)
        Name = Some "Ana <Prueba>"
    }

let private channel = "whatsapp-100"

/// A key of the customer's first session.
let keyOf (customer: Customer) version : CommandKey = {
    Session = {
        Channel = channel
        Customer = customer.Id
        Ordinal = 1
    }
    Version = version
    Ordinal = 0
}

/// A complete ticket with text that HTML would spoil.
let ticketOf purpose title email : Ticket = {
    Purpose = purpose
    Title = fitting (TicketTitle.create title)
    Description = fitting (TicketDescription.create "No arranca: 5 < 6 & \"ruido\"\nsegunda línea 🛠️")
    Email = email |> Option.map (EmailAddress.create >> fitting)
    Files = None
}

/// Creating again gives the same ticket; a note is written once; the customer finds the ticket and nobody
/// else does.
let createNoteAndFind (settings: Odoo.Settings) : Task = task {
    use client = client ()
    let port = Odoo.create settings client
    let customer = newCustomer ()
    let key = keyOf customer 4L

    let ticket =
        ticketOf Support "El cortacésped no arranca" (Some $"ana.%s{customer.Phone.Value}@example.com")

    let! first = port.Create key ticket customer Spanish none
    let first = fitting first
    // A port of its own has nothing remembered: this is what a restarted bot does.
    let! again = (Odoo.create settings client).Create key ticket customer Spanish none
    Assert.Equal(first, fitting again)
    let noteKey = keyOf customer 9L
    let! noted = port.AddNote noteKey key "El cliente escribe:\n5 < 6 & <b>hola</b>" none
    fitting noted

    let! notedAgain =
        port.AddNote noteKey key "El cliente escribe:\n5 < 6 & <b>hola</b>" none

    fitting notedAgain
    let! other = port.AddNote (keyOf customer 10L) key "Otra nota" none
    fitting other

    let! second =
        port.Create (keyOf customer 20L) (ticketOf HandOver "Persona: factura" None) customer English none

    let second = fitting second
    let! found = port.Find channel customer none
    Assert.Equal<TicketReference list>([ second; first ], fitting found |> List.map _.Reference)
    Assert.Equal("El cortacésped no arranca", (fitting found |> List.last).Title)
    Assert.All(fitting found, (fun summary -> Assert.False summary.Closed))
    let! stranger = port.Find channel (newCustomer ()) none
    Assert.Empty(fitting stranger)

    // What agents see, read as an agent would.
    let caller = OdooCaller.create settings client

    let! messages =
        OdooRecords.search
            caller
            "mail.message"
            [
                OdooValue.condition "model" "=" (Text settings.Model)
                OdooValue.condition "res_id" "=" (Number first.Id)
                OdooValue.condition "body" "ilike" (Text "Ref.: wabot-")
            ]
            [ "body" ]
            "id"
            10L
            false
            none

    let bodies = fitting messages |> List.choose (OdooValue.text "body")
    Assert.Equal(2, bodies.Length)
    Assert.Contains("5 &lt; 6 &amp; &lt;b&gt;hola&lt;/b&gt;", bodies.Head)

    let! records =
        OdooRecords.search
            caller
            settings.Model
            [ OdooValue.condition "id" "in" (Items [ Number first.Id; Number second.Id ]) ]
            [ "description"; "priority"; "partner_id" ]
            "id"
            10L
            false
            none

    let records = fitting records

    let description =
        records |> List.map (OdooValue.text "description" >> Option.defaultValue "")

    Assert.Contains("No arranca: 5 &lt; 6 &amp; ", description[0])
    Assert.Contains("<br>segunda línea 🛠️", description[0].Replace("<br/>", "<br>"))
    Assert.Contains("Cliente: Ana &lt;Prueba&gt;", description[0])
    Assert.DoesNotContain("Para una persona", description[0])
    Assert.Contains("Para una persona", description[1])
    Assert.NotEqual(OdooValue.text "priority" records[0], OdooValue.text "priority" records[1])

    let partners =
        records
        |> List.map (OdooValue.reference "partner_id" >> Option.map fst)
        |> List.distinct

    Assert.Single partners |> ignore
    Assert.True partners.Head.IsSome
}

/// A note for a ticket that is not there yet is worth another try; a customer without a phone gets a ticket
/// all the same.
let withoutPhoneAndTooEarly (settings: Odoo.Settings) : Task = task {
    use client = client ()
    let port = Odoo.create settings client
    let customer = { newCustomer () with Phone = None }

    match! port.AddNote (keyOf customer 3L) (keyOf customer 2L) "pronto" none with
    | Error(TryAgain _) -> ()
    | other -> failwith $"%A{other}"

    let! created =
        port.Create (keyOf customer 2L) (ticketOf Support "Sin teléfono" None) customer Portuguese none

    let created = fitting created
    let! found = port.Find channel customer none
    Assert.Equal<TicketReference list>([ created ], fitting found |> List.map _.Reference)

    // The same key at another business number may be somebody else's.
    let! elsewhere = port.Find "whatsapp-200" customer none
    Assert.Empty(fitting elsewhere)
    let! elsewhere = port.Find "whatsapp-10" customer none
    Assert.Empty(fitting elsewhere)
}

/// Creates a ticket, as often as Odoo says that another call was faster.
let rec private createPatiently (port: TicketsPort) customer ticket triesLeft : Task<TicketReference> = task {
    match! port.Create (keyOf customer 4L) ticket customer Spanish none with
    | Ok reference -> return reference
    | Error(TryAgain _) when triesLeft > 0 -> return! createPatiently port customer ticket (triesLeft - 1)
    | Error problem -> return failwith $"%A{problem}"
}

/// Several at the same moment make one ticket; those that lose are told to try again and then find it.
let race (settings: Odoo.Settings) : Task = task {
    use client = client ()
    let customer = newCustomer ()
    let ticket = ticketOf Support "A la vez" None

    let! references =
        [
            for _ in 1..6 -> createPatiently (Odoo.create settings client) customer ticket 20
        ]
        |> Task.WhenAll

    Assert.Single(Array.distinct references) |> ignore
    let! found = (Odoo.create settings client).Find channel customer none
    Assert.Single(fitting found) |> ignore
}

/// The check finds nothing that stands in the way.
let checkIsClean (settings: Odoo.Settings) : Task = task {
    use client = client ()
    let! findings = Odoo.check settings client none

    let problems =
        findings
        |> List.filter (function
            | Problem _ -> true
            | Fine _
            | Notice _ -> false)

    Assert.True(problems.IsEmpty, $"%A{problems}")
    Assert.True(findings.Length >= 6, $"%A{findings}")
}

/// A file of so many bytes, none of them told by its place.
let fileOf (name: string) (mimeType: string) (bytes: byte[]) : StoredFile = {
    Hash = FileHash(Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData bytes))
    MimeType = mimeType
    Size = int64 bytes.Length
    Name = name
}

/// Opens bytes anew each time.
let opened (bytes: byte[]) (_: CancellationToken) : Task<IO.Stream option> =
    Task.FromResult(Some(new IO.MemoryStream(bytes) :> IO.Stream))

/// Files are attached once each to their ticket, with exactly their bytes, whatever their length.
let attachFiles (settings: Odoo.Settings) : Task = task {
    use client = client ()
    let port = Odoo.create settings client
    let customer = newCustomer ()
    let creation = keyOf customer 4L

    let bytesOf length =
        Array.init length (fun index -> byte (index * 37 % 256))

    let files =
        [ 1; 2; 3; 4; 49_151; 49_152; 49_153; 300_000 ]
        |> List.mapi (fun index length ->
            let bytes = Array.append "%PDF-"B (bytesOf length)
            let name = "Señal \"" + string length + "\".pdf"

            {
                keyOf customer 5L with
                    Ordinal = index
            },
            fileOf name "application/pdf" bytes,
            bytes)

    let key, file, bytes = files.Head

    match! port.Attach key creation file (opened bytes) none with
    | Error(TryAgain _) -> ()
    | other -> failwith $"%A{other}"

    let! ticket =
        port.Create creation (ticketOf Support "Con adjuntos" None) customer Spanish none

    let ticket = fitting ticket

    // A port of its own has nothing remembered: this is what a restarted bot does.
    for port in [ port; Odoo.create settings client ] do
        for key, file, bytes in files do
            let! attached = port.Attach key creation file (opened bytes) none
            fitting attached

    let caller = OdooCaller.create settings client

    let! records =
        OdooRecords.search
            caller
            "ir.attachment"
            [
                OdooValue.condition "res_model" "=" (Text settings.Model)
                OdooValue.condition "res_id" "=" (Number ticket.Id)
            ]
            [ "name"; "datas"; "mimetype" ]
            "id"
            100L
            false
            none

    let records = fitting records
    Assert.Equal(files.Length, records.Length)

    for record, (_, file, bytes) in List.zip records files do
        Assert.Equal(Some file.Name, OdooValue.text "name" record)
        Assert.Equal(Some "application/pdf", OdooValue.text "mimetype" record)
        let stored = Convert.FromBase64String(OdooValue.text "datas" record |> Option.get)
        Assert.Equal<byte[]>(bytes, stored)
}

/// The bytes of a large file as they are read, without the whole ever being in memory.
type GrowingStream(size: int64) =
    inherit IO.Stream()
    let mutable at = 0L
    override _.CanRead = true
    override _.CanSeek = false
    override _.CanWrite = false
    override _.Length = size

    override _.Position
        with get () = at
        and set _ = raise (NotSupportedException())

    override _.Flush() = ()
    override _.Seek(_, _) = raise (NotSupportedException())
    override _.SetLength _ = raise (NotSupportedException())
    override _.Write(_: byte[], _: int, _: int) = raise (NotSupportedException())

    override stream.Read(buffer: byte[], offset: int, count: int) =
        stream.Fill(Span(buffer, offset, count))

    override stream.ReadAsync(buffer: Memory<byte>, _: CancellationToken) =
        ValueTask<int>(stream.Fill buffer.Span)

    member private _.Fill(buffer: Span<byte>) =
        let count = int (min (int64 buffer.Length) (size - at))

        for index in 0 .. count - 1 do
            buffer[index] <- byte ((at + int64 index) * 31L % 251L)

        at <- at + int64 count
        count

/// A file of just the size that Odoo takes goes through, and one byte more is refused without being sent.
let attachLargest (settings: Odoo.Settings) : Task = task {
    use client = client ()
    client.Timeout <- Timeout.InfiniteTimeSpan
    let port = Odoo.create settings client
    let customer = newCustomer ()
    let creation = keyOf customer 4L

    let! created =
        port.Create creation (ticketOf Support "Archivo grande" None) customer Spanish none

    let ticket = fitting created

    let large = {
        fileOf "grande.bin" "application/octet-stream" [||] with
            Size = OdooAttachments.largest
    }

    let growing size (_: CancellationToken) : Task<IO.Stream option> =
        Task.FromResult(Some(new GrowingStream(size) :> IO.Stream))

    let tooLarge = { large with Size = large.Size + 1L }

    match! port.Attach (keyOf customer 5L) creation tooLarge (growing tooLarge.Size) none with
    | Error(WillNotDo reason) -> Assert.Contains("larger", reason)
    | other -> failwith $"%A{other}"

    let! attached =
        port.Attach (keyOf customer 6L) creation large (growing large.Size) none

    fitting attached
    let caller = OdooCaller.create settings client

    let! records =
        OdooRecords.search
            caller
            "ir.attachment"
            [ OdooValue.condition "res_id" "=" (Number ticket.Id) ]
            [ "file_size" ]
            "id"
            10L
            false
            none

    let record = Assert.Single(fitting records)
    Assert.Equal(Some large.Size, OdooValue.property "file_size" record |> Option.bind OdooValue.number)
}
