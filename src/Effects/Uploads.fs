/// Files that go with messages: Meta is given them ahead, and knows them for a while.
module FunctionalBot.Effects.Uploads

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Domain

/// Gives Meta the file of a message, or says why it cannot be sent. None where it has no file.
let ofUtterance
    (whatsApp: WhatsAppPort)
    (files: FilesPort)
    (channel: string)
    (utterance: Utterance)
    (cancel: CancellationToken)
    : Task<Result<UploadedFile option, SendOutcome>> =
    match utterance.File with
    | None -> Task.FromResult(Ok None)
    | Some file -> task {
        let upload: FileUpload = {
            Hash = file.Hash
            Name = file.Name
            MimeType = file.MimeType
            Size = file.Size
            Open = files.Open file.Hash
        }

        let! uploaded = whatsApp.Upload channel upload cancel
        return Result.map Some uploaded
      }

/// How long an upload is remembered; Meta keeps it for 30 days.
let rememberedFor = TimeSpan.FromDays 7.

/// More uploads than these are not remembered.
let private most = 1000

/// A port that gives a file to Meta once: what is sent again, or to somebody else, is there already. Names and types
/// go with the message and not with the file. An id that a message is refused with is forgotten.
let remembered (world: World) (whatsApp: WhatsAppPort) : WhatsAppPort =
    let known = Dictionary<string * FileHash, string * DateTimeOffset>()

    let find channel hash =
        lock known (fun () ->
            match known.TryGetValue((channel, hash)) with
            | true, (id, at) when world.Now() - at < rememberedFor -> Some id
            | _ -> None)

    let remember channel hash id =
        lock known (fun () ->
            if known.Count >= most then
                known.Clear()

            known[(channel, hash)] <- (id, world.Now()))

    let forget (uploaded: UploadedFile) =
        lock known (fun () ->
            for entry in List.ofSeq known do
                if fst entry.Value = uploaded.Id then
                    known.Remove entry.Key |> ignore)

    {
        whatsApp with
            Send =
                fun outgoing cancel ->
                    match outgoing.Message with
                    | ImageMessage(uploaded, _)
                    | DocumentMessage(uploaded, _) -> task {
                        let! outcome = whatsApp.Send outgoing cancel

                        if outcome.IsRefused then
                            forget uploaded

                        return outcome
                      }
                    | _ -> whatsApp.Send outgoing cancel
            Upload =
                fun channel file cancel -> task {
                    match find channel file.Hash with
                    | Some id -> return Ok(FileUpload.uploadedAs id file)
                    | None ->
                        let! uploaded = whatsApp.Upload channel file cancel

                        match uploaded with
                        | Ok found -> remember channel file.Hash found.Id
                        | Error _ -> ()

                        return uploaded
                }
    }
