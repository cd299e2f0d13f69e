namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Collections.Generic
open System.Globalization
open System.Security.Cryptography

/// A file under its media id.
type KeptMedia = {
    /// The phone number id of the business's side.
    Owner: string
    /// When its id stops being known to the Graph API, UTC.
    Until: DateTimeOffset
    File: MediaFile
}

/// The files that both sides have sent, by media id, and the short-lived addresses that they are fetched
/// from.
[<Sealed>]
type MediaStore(secret: string, now: unit -> DateTimeOffset) =
    let gate = obj ()
    let files = Dictionary<string, KeptMedia>()

    let seal (id: string) (expires: string) =
        HMACSHA256.HashData(
            Text.Encoding.UTF8.GetBytes secret,
            Text.Encoding.UTF8.GetBytes $"%s{id}/%s{expires}"
        )
        |> Convert.ToHexStringLower

    let add numberId (days: float) file =
        lock gate (fun () ->
            let id = RandomNumberGenerator.GetInt32(100_000_000, Int32.MaxValue)
            let id = $"%d{id}%06d{files.Count + 1}"

            files[id] <- {
                Owner = numberId
                Until = (now ()).AddDays days
                File = file
            }

            id)

    let find id =
        lock gate (fun () ->
            match files.TryGetValue id with
            | true, kept -> Some kept
            | false, _ -> None)

    /// Keeps a file that a customer has sent to this number; its id lives for 7 days.
    member _.AddInbound(numberId: string, file: MediaFile) = add numberId 7.0 file

    /// Keeps a file that was uploaded for this number; its id lives for 30 days.
    member _.AddUpload(numberId: string, file: MediaFile) = add numberId 30.0 file

    /// Puts a file back under the id that it had.
    member _.Restore id kept = lock gate (fun () -> files[id] <- kept)

    /// The file with this id, as the phones have it: they keep it when its id has long ended.
    member _.Find id = find id |> Option.map _.File

    /// The file with this id, unless the id has ended.
    member _.Known id =
        find id |> Option.filter (fun kept -> now () < kept.Until)

    /// Deletes a file; false when there was none.
    member _.Remove(id: string) = lock gate (fun () -> files.Remove id)

    /// Every file with its id.
    member _.All = lock gate (fun () -> [ for KeyValue(id, kept) in files -> id, kept ])

    /// Forgets every file.
    member _.Clear() = lock gate files.Clear

    /// The path and query to fetch a file from for the next five minutes (references/whatsapp-cloud-api.md,
    /// section 4).
    member _.PathOf id =
        let expires =
            (now ()).AddMinutes(5.0).ToUnixTimeSeconds().ToString CultureInfo.InvariantCulture

        $"/whatsapp_business/attachments/?mid=%s{id}&ext=%s{expires}&hash=%s{seal id expires}"

    /// The file that such an address gives, unless it is forged or older than five minutes, or the file's id
    /// has ended.
    member store.Fetch(id: string, expires: string, hash: string) =
        let genuine =
            CryptographicOperations.FixedTimeEquals(
                Text.Encoding.UTF8.GetBytes(seal id expires),
                Text.Encoding.UTF8.GetBytes hash
            )

        match Int64.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, until when genuine && (now ()).ToUnixTimeSeconds() <= until ->
            store.Known id |> Option.map _.File
        | _ -> None
