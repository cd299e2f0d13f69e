namespace FunctionalBot.Effects.OdooAdapter

open System.IO
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain
open FunctionalBot.Effects
open OdooDesk

/// Attaching customers' files to tickets, once each.
module OdooAttachments =

    /// Odoo's own limit for a body, 128 MiB (references: DEFAULT_MAX_CONTENT_LENGTH), less room for what stands around
    /// the file. A proxy's may be lower.
    let private largestBody = 134_217_728L - 65_536L

    /// The largest file that fits, in bytes: some 96 MiB.
    let largest = largestBody / 4L * 3L

    /// Looks whether the bytes are there, and as many as were kept.
    let private look (file: OdooFile) (cancelled: CancellationToken) : OdooAnswer<unit> = task {
        try
            match! file.Open cancelled with
            | None -> return Error OdooFailures.fileIsGone
            | Some opened ->
                use stream: Stream = opened

                return
                    if stream.CanSeek && stream.Length <> file.Size then
                        Error OdooFailures.fileIsGone
                    else
                        Ok()
        with :? IOException ->
            return Error OdooFailures.fileIsUnreadable
    }

    /// The record that this command has made, if it has. Of the attachment's fields the description is the one that
    /// people see last.
    let private search desk (ticket: TicketReference) mark cancelled =
        let mine = [
            OdooValue.condition "res_model" "=" (Text(model desk))
            OdooValue.condition "res_id" "=" (Number ticket.Id)
            OdooValue.condition "description" "=" (Text mark)
        ]

        OdooRecords.search desk.Caller "ir.attachment" mine [ "id" ] "id" 1L false cancelled

    let private create desk (ticket: TicketReference) mark (stored: StoredFile) file cancelled = odoo {
        do! look file cancelled

        return!
            desk.Caller.CreateWithFile
                "ir.attachment"
                [
                    "name", Text(OdooText.line stored.Name)
                    "res_model", Text(model desk)
                    "res_id", Number ticket.Id
                    "description", Text mark
                    "datas", FileContent
                ]
                file
                cancelled
    }

    /// Attaches the file to the ticket that `creation` made. Repeated after a lost answer it finds what is there: the
    /// record and its bytes are one transaction of Odoo's.
    let attach
        (desk: OdooDesk)
        (key: CommandKey)
        (creation: CommandKey)
        (stored: StoredFile)
        openFile
        cancelled
        : OdooAnswer<unit> = odoo {
        let! fields = OdooDesk.fields desk cancelled
        let! found = OdooTickets.find desk fields creation cancelled
        let mark = "Ref.: " + OdooText.noteMark key

        return!
            match found with
            | None -> Task.FromResult(Error OdooFailures.noTicketYet)
            | Some _ when stored.Size > largest -> Task.FromResult(Error(OdooFailures.fileIsTooLarge largest))
            | Some ticket -> odoo {
                let! attached = search desk ticket mark cancelled

                return!
                    match attached with
                    | _ :: _ -> Task.FromResult(Ok())
                    | [] -> odoo {
                        let file = { Size = stored.Size; Open = openFile }
                        let! _ = create desk ticket mark stored file cancelled
                        return ()
                      }
              }
    }
