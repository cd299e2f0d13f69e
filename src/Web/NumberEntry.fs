/// One entry of the file of business numbers.
module FunctionalBot.Web.NumberEntry

open System
open System.IO
open System.Text.Json
open FunctionalBot.Effects
open FunctionalBot.Web.Setting
open FunctionalBot.Web.NumberSettings

/// One entry of the file.
[<NoComparison; NoEquality>]
type internal Entry = {
    /// As problems name it: the file and which entry it is.
    Place: string
    /// The folder of the file; paths in it are taken from there.
    Folder: string
    Fields: JsonElement
}

let private members = [
    "id"
    "account"
    "name"
    "contact"
    "scope"
    "language"
    "knowledge"
    "phrases"
    "team"
    "hours"
    "holidays"
    "time_zone"
    "late_template"
    "late_template_languages"
    "flow_id"
    "flow_name"
    "flow_mode"
    "token_variable"
]

/// Reads a member where the entry has it. Texts and whole numbers are taken, since ids are written as either.
let private memberOf
    (entry: Entry)
    (name: string)
    (otherwise: unit -> Reading<'value>)
    (read: string -> string -> Reading<'value>)
    : Reading<'value> =
    let place = entry.Place + ", " + name

    match entry.Fields.TryGetProperty name with
    | false, _ -> otherwise ()
    | true, found ->
        match found.ValueKind with
        | JsonValueKind.Null -> otherwise ()
        | JsonValueKind.String when not (String.IsNullOrWhiteSpace(found.GetString())) ->
            read place ((nonNull (found.GetString())).Trim())
        | JsonValueKind.Number -> read place (found.GetRawText())
        | _ -> problem place "holds no text" "Write a text in quotes, or leave the member out."

let private isVariable (text: string) =
    Char.IsAsciiLetterUpper text[0]
    && text
       |> Seq.forall (fun unit -> Char.IsAsciiLetterUpper unit || Char.IsAsciiDigit unit || unit = '_')

/// A token that was written where the name of its variable belongs is not repeated in what is told of it.
let private tokenOf (source: Source) place (variable: string) =
    if isVariable variable then
        token source variable
    else
        problem
            place
            "is not the name of a variable (capitals, digits and \"_\")"
            "Name the variable that holds the token. The token itself does not belong into the file."

let private languageOf place (text: string) =
    match languages |> List.tryFind (fun (code, _) -> code = text.ToLowerInvariant()) with
    | Some(_, language) -> Ok language
    | None -> problem place "is not one of es, en, pt" "Write one of them."

let private teamOf place (text: string) =
    match Int64.TryParse text with
    | true, id when id > 0L -> Ok(Some id)
    | _ ->
        problem
            place
            "is not a database id"
            "Open the team or project in Odoo; its id is in the address. Leave it out for ODOO_TEAM_ID."

let private folderOf (entry: Entry) place (text: string) : Reading<string> =
    let folder = Path.Combine(entry.Folder, text)

    if Directory.Exists folder then
        Ok folder
    else
        problem
            place
            ("names a folder that is not there: " + folder)
            "Paths are taken from the file's own folder."

/// Reads what variables set, each as the entry has it, else as the variables say; `own` names the member for each
/// variable. `false` leaves the variable out for this number. A problem of the entry is named by its place.
let private ofEntryFirst
    (own: (string * string) list)
    (source: Source)
    (entry: Entry)
    (read: Source -> Reading<'value>)
    : Reading<'value> =
    let memberFor variable =
        own |> List.tryFind (fun (known, _) -> known = variable) |> Option.map snd

    let kindOf (name: string) =
        match entry.Fields.TryGetProperty name with
        | true, found -> found.ValueKind
        | _ -> JsonValueKind.Null

    let renamed (found: Problem) =
        match memberFor found.Name with
        | Some name when kindOf name <> JsonValueKind.Null -> {
            found with
                Name = entry.Place + ", " + name
          }
        | _ -> found

    let ofEntry variable =
        match memberFor variable with
        | Some name when kindOf name = JsonValueKind.False -> Ok None
        | Some name -> memberOf entry name (fun () -> source variable) (fun _ text -> Ok(Some text))
        | None -> source variable

    read ofEntry |> Result.mapError (List.map renamed)

let private hoursOf source entry =
    let own = [
        "BOT_HOURS", "hours"
        "BOT_HOLIDAYS", "holidays"
        "BOT_TIME_ZONE", "time_zone"
    ]

    ofEntryFirst own source entry HoursSettings.businessHours

let private lateTemplateOf source entry =
    let own = [
        LateTemplateSettings.nameVariable, "late_template"
        LateTemplateSettings.languagesVariable, "late_template_languages"
    ]

    ofEntryFirst own source entry LateTemplateSettings.lateTemplate

/// An entry that names a flow by its id, or by its name, does not mean the one that the variables name the other way.
let private flowOf (source: Source) entry =
    let names = [ "FLOW_ID", "flow_id"; "FLOW_NAME", "flow_name" ]

    let isItsOwn =
        names
        |> List.exists (fun (_, name) ->
            match entry.Fields.TryGetProperty name with
            | true, found -> found.ValueKind <> JsonValueKind.Null
            | _ -> false)

    let others variable =
        if isItsOwn && List.exists (fun (known, _) -> known = variable) names then
            Ok None
        else
            source variable

    ofEntryFirst (names @ [ "FLOW_MODE", "flow_mode" ]) others entry FlowSettings.flow

/// The number that an entry sets, or everything that is wrong with it.
let internal ofEntry (common: Common) (source: Source) (entry: Entry) : Reading<NumberConfiguration> =
    let textOf name otherwise =
        memberOf entry name otherwise (fun _ text -> Ok text)

    let names = [ for part in entry.Fields.EnumerateObject() -> part.Name ]

    let unclear = [
        for name, count in List.countBy id names do
            let place = entry.Place + ", " + name

            if not (List.contains name members) then
                {
                    Name = place
                    Wrong = "is unknown; is it misspelt?"
                    Mend = "Known are " + String.concat ", " members + "."
                }
            elif count > 1 then
                {
                    Name = place
                    Wrong = $"is there %d{count} times"
                    Mend = "Leave one."
                }
    ]

    let known =
        build
            number
            (memberOf
                entry
                "id"
                (fun () -> problem (entry.Place + ", id") "is not set" phoneIdHelp)
                (fun place -> digits place phoneIdHelp))
        |> apply (
            memberOf entry "account" common.Account (fun place -> digits place accountHelp >> Result.map Some)
        )
        |> apply (memberOf entry "token_variable" (fun () -> token source standardToken) (tokenOf source))
        |> apply (textOf "name" common.Name)
        |> apply (textOf "contact" common.Contact)
        |> apply (textOf "scope" common.Scope)
        |> apply (memberOf entry "language" common.Language languageOf)
        |> apply (memberOf entry "knowledge" common.Knowledge (folderOf entry))
        |> apply (
            memberOf entry "phrases" (fun () -> Ok None) (fun place ->
                folderOf entry place >> Result.map Some)
        )
        |> apply (memberOf entry "team" (fun () -> Ok None) teamOf)
        |> apply (hoursOf source entry)
        |> apply (lateTemplateOf source entry)
        |> apply (flowOf source entry)

    match unclear with
    | [] -> known
    | unclear -> build (fun number () -> number) known |> apply (Error unclear)
