namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Collections.Generic
open System.Globalization
open System.Security.Cryptography

/// The files that both sides have sent, by media id, and the short-lived addresses that they are fetched
/// from.
[<Sealed>]
type MediaStore(secret: string, now: unit -> DateTimeOffset) =
    let gate = obj ()
    let files = Dictionary<string, MediaFile>()

    let seal (id: string) (expires: string) =
        HMACSHA256.HashData(
            Text.Encoding.UTF8.GetBytes secret,
            Text.Encoding.UTF8.GetBytes $"%s{id}/%s{expires}"
        )
        |> Convert.ToHexStringLower

    /// Keeps a file and gives its new id.
    member _.Add file =
        lock gate (fun () ->
            let id = RandomNumberGenerator.GetInt32(100_000_000, Int32.MaxValue)
            let id = $"%d{id}%06d{files.Count + 1}"
            files[id] <- file
            id)

    /// Puts a file back under the id that it had.
    member _.Restore id file = lock gate (fun () -> files[id] <- file)

    /// The file with this id.
    member _.Find id =
        lock gate (fun () ->
            match files.TryGetValue id with
            | true, file -> Some file
            | false, _ -> None)

    /// Whether there is a file with this id.
    member store.Exists id = (store.Find id).IsSome

    /// Deletes a file; false when there was none.
    member _.Remove(id: string) = lock gate (fun () -> files.Remove id)

    /// Every file with its id.
    member _.All = lock gate (fun () -> [ for KeyValue(id, file) in files -> id, file ])

    /// Forgets every file.
    member _.Clear() = lock gate files.Clear

    /// The path and query to fetch a file from for the next five minutes (references/whatsapp-cloud-api.md,
    /// section 4).
    member _.PathOf id =
        let expires =
            (now ()).AddMinutes(5.0).ToUnixTimeSeconds().ToString CultureInfo.InvariantCulture

        $"/whatsapp_business/attachments/?mid=%s{id}&ext=%s{expires}&hash=%s{seal id expires}"

    /// The file that such an address gives, unless it is forged or older than five minutes.
    member store.Fetch(id: string, expires: string, hash: string) =
        let genuine =
            CryptographicOperations.FixedTimeEquals(
                Text.Encoding.UTF8.GetBytes(seal id expires),
                Text.Encoding.UTF8.GetBytes hash
            )

        match Int64.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, until when genuine && (now ()).ToUnixTimeSeconds() <= until -> store.Find id
        | _ -> None
