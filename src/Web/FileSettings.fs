/// Where customers' files are kept, as it is set.
module FunctionalBot.Web.FileSettings

open System
open FunctionalBot.Effects
open FunctionalBot.Web.Setting

/// Customers' files.
type FileConfiguration = {
    /// The folder that all nodes share.
    Folder: string
    /// The largest file that is taken, in bytes.
    Largest: int64
    /// How long a file is kept.
    Keep: TimeSpan
    /// The program that looks into each file before it is kept, with its arguments. None where none is set.
    Scanner: (string * string list) option
    /// Hosts of Meta's that files are fetched from, with the token.
    Hosts: string list
}

let private scanner (source: Source) : Reading<(string * string list) option> =
    parsed
        (CommandScanner.parse >> Option.map Some)
        "a command"
        source
        "BOT_SCAN_COMMAND"
        None
        "A program with its arguments, for example clamdscan --fdpass --no-summary; the file's path is put behind it."

/// Reads BOT_FILES, what is kept there, and WHATSAPP_MEDIA_HOSTS.
let files (source: Source) : Reading<FileConfiguration> =
    build
        (fun folder megabytes days scanner hosts -> {
            Folder = folder
            Largest = int64 (megabytes: int) * 1024L * 1024L
            Keep = TimeSpan.FromDays(value = days)
            Scanner = scanner
            Hosts = hosts
        })
        (withDefault source "BOT_FILES" "data/media")
    |> apply (
        number
            source
            "BOT_FILE_MEGABYTES"
            100
            (1, 100)
            "Megabytes of the largest file that is taken; 100 is WhatsApp's most."
    )
    |> apply (amount source "BOT_KEEP_MEDIA_DAYS" 30. (1., 3650.) "Days that customers' files are kept.")
    |> apply (scanner source)
    |> apply (hosts source "WHATSAPP_MEDIA_HOSTS" (String.concat "," WhatsAppMedia.defaultHosts))
