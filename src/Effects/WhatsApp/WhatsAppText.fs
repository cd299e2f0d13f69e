namespace FunctionalBot.Effects

open System
open System.Text.Json
open FunctionalBot.Domain

/// What customers wrote, no longer than the bot takes in. The body that it came in is kept whole.
module WhatsAppText =
    /// The longest text of a customer in UTF-16 units: four times what WhatsApp lets a business send.
    let limit = 16_384

    /// The text's start of at most `limit` units, cut between what a reader sees as characters.
    let private within (text: string) = Graphemes.start limit text

    /// The member of that name as a text of at most `limit` units. None if it is missing, null, or an object or array.
    let words name (element: JsonElement) : string option =
        LenientJson.field name element
        |> Option.bind (LenientJson.asTextUpTo limit)
        |> Option.map within

    /// The same, where blank text counts as missing.
    let filledWords name element : string option =
        words name element |> Option.filter (String.IsNullOrWhiteSpace >> not)

    /// The member as one line for people to read, of at most so many units: without what cannot be seen or turns the
    /// direction of writing. None where nothing is left.
    let line (units: int) name element : string option =
        LenientJson.field name element
        |> Option.bind (LenientJson.asTextUpTo (4 * units))
        |> Option.map (TypedText.shownOnOneLine >> Graphemes.cut units)
        |> Option.filter (fun text -> text <> "")
