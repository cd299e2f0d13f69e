namespace FunctionalBot.Emulators.WhatsApp

open System
open System.Globalization
open System.Text
open FunctionalBot.Emulators

/// What a send may refer to.
[<NoComparison; NoEquality>]
type Known = {
    /// The file with a media id that still holds.
    Media: string -> MediaFile option
    /// Whether the form that these parameters of a flow message name can be sent.
    Flow: Json.Json -> Result<unit, GraphError>
}

/// Meta's limits on what a send may carry (references/whatsapp-cloud-api.md, section 3). Each rule gives the
/// list of problems; the first one is what the API answers. Lengths are counted in UTF-16 units, the
/// strictest reading of "characters".
[<RequireQualifiedAccess>]
module Rules =

    /// A text that must be there, not blank, with at most `most` characters.
    let required name most value =
        match value with
        | None -> [ GraphError.missing name ]
        | Some(Json.Text text) -> [
            if String.IsNullOrWhiteSpace text then
                GraphError.missing name
            if text.Length > most then
                GraphError.invalid
                    $"Param %s{name} must be at most %d{most} characters long, and has %d{text.Length}."
          ]
        | Some _ -> [ GraphError.invalid $"Param %s{name} must be a string." ]

    /// A text that may be missing, with at most `most` characters.
    let optional name most value =
        match value with
        | None -> []
        | found -> required name most found

    /// An identifier: required, bounded, and without blanks at its ends.
    let identifier name most value = [
        yield! required name most value

        match value with
        | Some(Json.Text text) when text.Trim() <> text ->
            GraphError.invalid $"Param %s{name} must not begin or end with a blank."
        | _ -> ()
    ]

    /// Values that must differ from one another.
    let distinct name values = [
        if List.length values <> List.length (List.distinct values) then
            GraphError.invalid $"Param %s{name} must be unique within the message."
    ]

    let private link name value =
        match value |> Option.bind Json.asText |> Option.map WebAddress.tryRead with
        | Some(Some _) -> []
        | Some None -> [ GraphError.invalid $"Param %s{name} must be an http or https address." ]
        | None -> [ GraphError.missing name ]

    let private isPictogram (rune: Rune) =
        rune.Value >= 0x1F000
        || rune.Value = 0xFE0F
        || Rune.GetUnicodeCategory rune = UnicodeCategory.OtherSymbol

    /// Text in which no emoji may be.
    let withoutEmoji name value = [
        match value with
        | Some(Json.Text text) when Seq.exists isPictogram (text.EnumerateRunes()) ->
            GraphError.invalid $"Param %s{name} must not hold an emoji."
        | _ -> ()
    ]

    /// One emoji, or "" to take it back.
    let emoji name value =
        match value with
        | None -> [ GraphError.missing name ]
        | Some(Json.Text "") -> []
        | Some(Json.Text text) when
            StringInfo(text).LengthInTextElements = 1
            && Seq.exists (fun (rune: Rune) -> rune.Value >= 0x2000) (text.EnumerateRunes())
              ->
              []
        | Some _ -> [
            GraphError.invalid $"Param %s{name} must be one emoji, or empty to take it back."
          ]

    /// A value that is true or false, if it is there.
    let flag name value =
        match value with
        | None
        | Some(Json.Flag _) -> []
        | Some _ -> [ GraphError.invalid $"Param %s{name} must be true or false." ]

    /// A media object of a message of this kind: exactly one of `id` and `link`, the id being one that is
    /// known, of a file that may be sent as this kind.
    let media known kind name value =
        match Json.given "id" value, Json.given "link" value with
        | Some _, Some _ -> [ GraphError.invalid $"Param %s{name} takes either id or link, not both." ]
        | None, None -> [ GraphError.missing $"%s{name}['id'] or %s{name}['link']" ]
        | None, address -> link $"%s{name}['link']" address
        | Some id, None ->
            match Json.asText id |> Option.bind known.Media with
            | Some file -> MediaRules.mismatch kind file
            | None -> [
                {
                    GraphError.create
                        100
                        $"%s{name}['id'] names no media of this account, or one whose time is over." with
                        Title =
                            $"Param %s{name}['id'] is not a valid whatsapp business account media attachment ID"
                }
              ]

    let private header known allowed value =
        match value with
        | None -> []
        | Some found ->
            match Json.textAt [ "type" ] found with
            | None -> [ GraphError.missing "interactive['header']['type']" ]
            | Some kind when not (List.contains kind allowed) ->
                let names = String.Join(", ", allowed)

                [
                    GraphError.invalid $"A header of type %s{kind} is not allowed here; allowed: %s{names}."
                ]
            | Some "text" -> required "interactive['header']['text']" 60 (Json.given "text" found)
            | Some kind ->
                match Json.given kind found with
                | None -> [ GraphError.missing $"interactive['header']['%s{kind}']" ]
                | Some part -> media known kind $"interactive['header']['%s{kind}']" part

    let private anyHeader = [ "text"; "image"; "video"; "document" ]

    let private buttons action =
        let found = Json.itemsField "buttons" action

        let replyField name =
            List.choose (Json.textAt [ "reply"; name ]) found

        [
            if found.IsEmpty || found.Length > 3 then
                GraphError.invalid $"There must be 1 to 3 reply buttons, and there are %d{found.Length}."

            for index, button in List.indexed found do
                if Json.textAt [ "type" ] button <> Some "reply" then
                    GraphError.invalid
                        $"Param interactive['action']['buttons'][%d{index}]['type'] must be reply."

                let at name =
                    $"interactive['action']['buttons'][%d{index}]['reply']['%s{name}']"

                yield! identifier (at "id") 256 (Json.givenAt [ "reply"; "id" ] button)
                yield! required (at "title") 20 (Json.givenAt [ "reply"; "title" ] button)

            yield! distinct "the reply buttons' titles" (replyField "title")
            yield! distinct "the reply buttons' ids" (replyField "id")
        ]

    let private list action =
        let sections = Json.itemsField "sections" action

        let rowsOf section = Json.itemsField "rows" section

        let rows = List.collect rowsOf sections

        [
            yield! required "interactive['action']['button']" 20 (Json.given "button" action)

            if sections.IsEmpty || sections.Length > 10 then
                GraphError.invalid $"A list must have 1 to 10 sections, and has %d{sections.Length}."

            if rows.IsEmpty || rows.Length > 10 then
                GraphError.invalid $"A list must have 1 to 10 rows in all, and has %d{rows.Length}."

            for index, section in List.indexed sections do
                let name = $"interactive['action']['sections'][%d{index}]['title']"
                let title = Json.given "title" section
                yield! (if sections.Length > 1 then required else optional) name 24 title

                if (rowsOf section).IsEmpty then
                    GraphError.invalid $"Section %d{index} of the list has no rows."

            for index, row in List.indexed rows do
                yield! identifier $"the id of row %d{index}" 200 (Json.given "id" row)
                yield! required $"the title of row %d{index}" 24 (Json.given "title" row)
                yield! optional $"the description of row %d{index}" 72 (Json.given "description" row)

            yield! distinct "the rows' ids" (List.choose (Json.textAt [ "id" ]) rows)
        ]

    let private actionNamed expected action = [
        if Json.textAt [ "name" ] action <> Some expected then
            GraphError.invalid $"Param interactive['action']['name'] must be %s{expected}."
    ]

    let private callToAction action = [
        yield! actionNamed "cta_url" action
        yield! required "display_text" 20 (Json.givenAt [ "parameters"; "display_text" ] action)
        yield! link "interactive['action']['parameters']['url']" (Json.givenAt [ "parameters"; "url" ] action)
    ]

    let private oneOf name allowed value = [
        match value with
        | Some found when not (List.contains found (allowed |> List.map Json.Text)) ->
            let names = String.Join(", ", (allowed: string list))
            GraphError.invalid $"Param %s{name} must be one of: %s{names}."
        | _ -> ()
    ]

    let private flow known action = [
        yield! actionNamed "flow" action
        let parameters = Json.given "parameters" action |> Option.defaultValue Json.Null
        let parameter name = Json.given name parameters

        if parameter "flow_message_version" <> Some(Json.Text "3") then
            GraphError.invalid "Param flow_message_version must be \"3\"."

        yield! required "flow_cta" 30 (parameter "flow_cta")

        yield! withoutEmoji "flow_cta" (parameter "flow_cta")
        yield! oneOf "flow_action" [ "navigate"; "data_exchange" ] (parameter "flow_action")
        yield! oneOf "mode" [ "draft"; "published" ] (parameter "mode")

        match parameter "flow_id", parameter "flow_name" with
        | None, None -> GraphError.missing "flow_id or flow_name"
        | Some _, Some _ -> GraphError.invalid "A form is named by flow_id or by flow_name, not by both."
        | _ ->
            match known.Flow parameters with
            | Ok() -> ()
            | Error problem -> problem
    ]

    /// The rules of an interactive message.
    let interactive known value =
        let kind = Json.textAt [ "type" ] value
        let action = Json.given "action" value |> Option.defaultValue Json.Null

        // The list's body may have 4096 characters by one page and 1024 by the published contract: the
        // smaller holds.
        [
            match kind with
            | None -> GraphError.missing "interactive['type']"
            | Some named ->
                yield! required "interactive['body']['text']" 1024 (Json.givenAt [ "body"; "text" ] value)
                yield! optional "interactive['footer']['text']" 60 (Json.givenAt [ "footer"; "text" ] value)

                match named with
                | "button" ->
                    yield! header known anyHeader (Json.given "header" value)
                    yield! buttons action
                | "list" ->
                    yield! header known [ "text" ] (Json.given "header" value)
                    yield! list action
                | "cta_url" ->
                    yield! header known anyHeader (Json.given "header" value)
                    yield! callToAction action
                | "flow" ->
                    yield! header known anyHeader (Json.given "header" value)
                    yield! flow known action
                | "location_request_message" -> yield! actionNamed "send_location" action
                | "request_contact_info" -> yield! actionNamed "request_contact_info" action
                | other -> GraphError.invalid $"Param interactive['type'] has the unknown value %s{other}."
        ]
