namespace FunctionalBot.Effects

open System
open System.Globalization
open System.Text.Json

/// Places, contact cards and orders in plain words, for the people who read them. Whatever is in them is text: markup
/// and scripts too, which stay the letters that they are.
module WhatsAppPlaces =
    open LenientJson
    open WhatsAppText

    /// So many cards of a message are read; WhatsApp allows 257.
    let private longestList = 10

    let private longestLine = 300

    /// So many numbers, addresses and the like are read of one card.
    let private longestPart = 5

    let private short = line longestLine

    let private coordinate name (limit: float) (place: JsonElement) =
        match text name place with
        | Some digits when digits.Length < 40 ->
            match Double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, degrees when abs degrees <= limit -> Some degrees
            | _ -> None
        | _ -> None

    /// About ten centimetres.
    let private written (degrees: float) =
        Math.Round(degrees, 6).ToString("0.######", CultureInfo.InvariantCulture)

    /// "Plaza Mayor, Calle Real 1 (40.4, -3.7) https://…". None where it names no place.
    let place (element: JsonElement) : string option =
        let where =
            match coordinate "latitude" 90. element, coordinate "longitude" 180. element with
            | Some latitude, Some longitude ->
                let latitude, longitude = written latitude, written longitude

                [
                    $"(%s{latitude}, %s{longitude})"
                    $"https://www.openstreetmap.org/?mlat=%s{latitude}&mlon=%s{longitude}"
                ]
            | _ -> []

        let named =
            [ short "name" element; short "address" element ]
            |> List.choose id
            |> List.distinct
            |> String.concat ", "

        match where, named with
        | [], "" -> None
        | where, "" -> Some(String.concat " " where)
        | where, named -> Some(String.concat " " (named :: where))

    let private parts name card =
        list name card |> List.truncate longestPart

    let private cardName card =
        let whole = field "name" card

        whole
        |> Option.bind (short "formatted_name")
        |> Option.orElseWith (fun () ->
            match
                whole
                |> Option.map (fun name ->
                    List.choose (fun part -> short part name) [ "first_name"; "last_name" ])
            with
            | None
            | Some [] -> None
            | Some names -> Some(String.concat " " names))

    let private company card =
        field "org" card |> Option.bind (short "company")

    let private phone part =
        short "phone" part |> Option.orElseWith (fun () -> short "wa_id" part)

    let private address part =
        match
            [ "street"; "zip"; "city"; "state"; "country" ]
            |> List.choose (fun name -> short name part)
        with
        | [] -> None
        | lines -> Some(String.concat ", " lines)

    /// One card on one line. None where nothing in it can be read.
    let private card (element: JsonElement) =
        let lines =
            [
                Option.toList (cardName element)
                Option.toList (company element)
                parts "phones" element |> List.choose phone
                parts "emails" element |> List.choose (short "email")
                parts "addresses" element |> List.choose address
            ]
            |> List.concat

        match lines with
        | [] -> None
        | lines -> Some(String.concat "; " lines)

    /// The cards of a message, each on its line: name; company; numbers; e-mail addresses; addresses. Of more than ten
    /// the first ten and how many more there are. None where nothing in them can be read.
    let cards (element: JsonElement) : string option =
        let all = items element

        match all |> List.truncate longestList |> List.choose card with
        | [] -> None
        | lines ->
            let more = all.Length - longestList
            let rest = if more > 0 then [ $"(+%d{more})" ] else []
            Some(String.concat "\n" (lines @ rest))

    /// So many articles of an order are read.
    let private longestOrder = 30

    /// "2 × 9012 (19.9 EUR)": how many of which article, at which price each.
    let private article (item: JsonElement) =
        let price =
            match short "item_price" item, short "currency" item with
            | Some price, Some currency -> $" (%s{price} %s{currency})"
            | Some price, None -> $" (%s{price})"
            | None, _ -> ""

        short "product_retailer_id" item
        |> Option.map (fun id ->
            let count = short "quantity" item |> Option.defaultValue "1"
            $"%s{count} × %s{id}%s{price}")

    /// What was ordered from the catalogue, in plain words below what the customer wrote with it. None where it names
    /// nothing.
    let order (element: JsonElement) : string option =
        let items = list "product_items" element
        let named = items |> List.truncate longestOrder |> List.choose article

        let more =
            if items.Length > longestOrder then
                [ $"… (%i{items.Length - longestOrder})" ]
            else
                []

        match Option.toList (filledWords "text" element) @ named @ more with
        | [] -> None
        | lines -> Some(String.concat "\n" lines)
