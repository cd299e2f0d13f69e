/// Where customers' files are kept, as it is set.
module FunctionalBot.Tests.FileSettingsTests

open System
open Xunit
open FunctionalBot.Web.Setting
open FunctionalBot.Web.FileSettings
open FunctionalBot.Tests.SettingTests

let private read variables = files (ofVariables variables None)

[<Fact>]
let ``what is not set has WhatsApp's limits, Meta's host and no scanner`` () =
    Assert.Equal(
        Ok {
            Folder = "data/media"
            Largest = 104_857_600L
            Keep = TimeSpan.FromDays 30.
            Scanner = None
            Hosts = [ "lookaside.fbsbx.com" ]
        },
        read []
    )

[<Fact>]
let ``what is set is taken`` () =
    Assert.Equal(
        Ok {
            Folder = "/srv/files"
            Largest = 16_777_216L
            Keep = TimeSpan.FromDays 1.5
            Scanner = Some("clamdscan", [ "--fdpass"; "--no-summary" ])
            Hosts = [ "lookaside.fbsbx.com"; "media.example.com" ]
        },
        read [
            "BOT_FILES", "/srv/files"
            "BOT_FILE_MEGABYTES", "16"
            "BOT_KEEP_MEDIA_DAYS", "1.5"
            "BOT_SCAN_COMMAND", "clamdscan --fdpass --no-summary"
            "WHATSAPP_MEDIA_HOSTS", "lookaside.fbsbx.com, media.example.com"
        ]
    )

[<Fact>]
let ``what cannot be meant is told of by name`` () =
    for name, value in
        [
            "BOT_FILE_MEGABYTES", "0"
            "BOT_FILE_MEGABYTES", "101"
            "BOT_KEEP_MEDIA_DAYS", "0.5"
            "BOT_SCAN_COMMAND", "\"\" x"
            "WHATSAPP_MEDIA_HOSTS", "https://lookaside.fbsbx.com"
            "WHATSAPP_MEDIA_HOSTS", "lookaside.fbsbx.com:443"
            "WHATSAPP_MEDIA_HOSTS", "lookaside.fbsbx.com/media"
            "WHATSAPP_MEDIA_HOSTS", "media.example.com,*.fbsbx.com"
            "WHATSAPP_MEDIA_HOSTS", ","
        ] do
        match read [ name, value ] with
        | Error [ problem ] -> Assert.Equal(name, problem.Name)
        | other -> failwith $"%s{name}=%s{value}: %A{other}"
