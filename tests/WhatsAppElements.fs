/// Everything that can stand in a webhook, by example.
module FunctionalBot.Tests.WhatsAppElements

open FunctionalBot.Tests.WhatsAppSamples

/// Every type of element that the reference of the webhook names, by what tells it from others.
let elements: (string * string) list =
    let value name members = name, bodyWith members
    let one name members = name, bodyOf [ message "new" members ]

    let status name members =
        value
            name
            ("\"statuses\":[{\"id\":\"wamid.status\",\"timestamp\":\"1790000002\","
             + members
             + "}]")

    let file name kind more =
        one
            name
            $""" "type":"%s{kind}","%s{kind}":{{"id":"700","mime_type":"x/y","sha256":"c2hh"%s{more}}} """

    let reply kind id title =
        $""" "type":"interactive","interactive":{{"type":"%s{kind}","%s{kind}":{{"id":"%s{id}","title":"%s{title}"}}}} """

    [
        one "text" """ "type":"text","text":{"body":"No va el mando"} """
        one
            "text, forwarded"
            """ "type":"text","text":{"body":"No va el mando"},"context":{"forwarded":true} """
        one
            "text, quoting"
            """ "type":"text","text":{"body":"No va el mando"},"context":{"from":"34910000000","id":"wamid.0"} """
        one
            "text, about a product"
            """ "type":"text","text":{"body":"No va el mando"},"context":{"referred_product":{"catalog_id":"1","product_retailer_id":"2"}} """
        one
            "text, from an advertisement"
            """ "type":"text","text":{"body":"No va el mando"},"referral":{"source_type":"ad","source_id":"1"} """
        one "text, for silence" """ "type":"text","text":{"body":"Stop"} """
        one "text, blank" """ "type":"text","text":{"body":" \u200b "} """
        file "image" "image" ""
        file "image, caption" "image" ",\"caption\":\"No va el mando\""
        one "image, without its id" """ "type":"image","image":{"mime_type":"image/jpeg"} """
        file "video" "video" ""
        file "audio" "audio" ",\"voice\":false"
        file "voice note" "audio" ",\"voice\":true"
        file "document" "document" ",\"filename\":\"factura.pdf\""
        file "document, caption" "document" ",\"filename\":\"factura.pdf\",\"caption\":\"No va el mando\""
        file "sticker" "sticker" ",\"animated\":true"
        one
            "location"
            """ "type":"location","location":{"latitude":40.4,"longitude":-3.7,"name":"Plaza Mayor"} """
        one
            "contacts"
            """ "type":"contacts","contacts":[{"name":{"formatted_name":"Eva"},"phones":[{"phone":"+34600"}]}] """
        one "reaction" """ "type":"reaction","reaction":{"message_id":"wamid.0","emoji":"👍"} """
        one "reaction, removed" """ "type":"reaction","reaction":{"message_id":"wamid.0"} """
        one "button, offered" (reply "button_reply" "person" "Hablar con alguien")
        one "button, stale" (reply "button_reply" "confirm:1" "Sí")
        one "button, never offered" (reply "button_reply" "later" "Más tarde")
        one "button, never offered, blank" (reply "button_reply" "later" "")
        one "list, offered" (reply "list_reply" "change:title" "El título")
        one "list, never offered" (reply "list_reply" "later" "Más tarde")
        one "template's button" """ "type":"button","button":{"payload":"later","text":"Más tarde"} """
        one
            "form"
            """ "type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{}"}} """
        one
            "form, filled in"
            """ "type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{\"title\":\"No va el mando\",\"description\":\"Ni con pilas.\"}"}} """
        one
            "address"
            """ "type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"address_message","response_json":"{}"}} """
        one
            "permission to call"
            """ "type":"interactive","interactive":{"type":"call_permission_reply","call_permission_reply":{"response":"accept"}} """
        one "interactive without its object" """ "type":"interactive" """
        one "order" """ "type":"order","order":{"catalog_id":"1","product_items":[{"quantity":1}]} """
        one
            "order, text"
            """ "type":"order","order":{"catalog_id":"1","text":"No va el mando","product_items":[]} """
        one
            "system, number"
            """ "type":"system","system":{"type":"user_changed_number","wa_id":"34600999888"} """
        one "system, id" """ "type":"system","system":{"type":"user_changed_user_id","user_id":"ES.2"} """
        one "system, identity" """ "type":"system","system":{"type":"customer_identity_changed"} """
        one
            "unsupported, poll"
            """ "type":"unsupported","errors":[{"code":131051}],"unsupported":{"type":"poll_creation"} """
        one "unsupported, elsewhere" """ "type":"unsupported","errors":[{"code":131060}] """
        one "unsupported, pin" """ "type":"unsupported","unsupported":{"type":"pin"} """
        one "unsupported, kept in chat" """ "type":"unsupported","unsupported":{"type":"keep_in_chat"} """
        one "welcome" """ "type":"request_welcome" """
        one
            "edit"
            """ "type":"edit","edit":{"original_message_id":"wamid.0","message":{"type":"text","text":{"body":"No va el mando"}}} """
        one
            "edit of a caption"
            """ "type":"edit","edit":{"original_message_id":"wamid.0","message":{"type":"image","image":{"caption":"No va el mando"}}} """
        one
            "edit of a file"
            """ "type":"edit","edit":{"original_message_id":"wamid.0","message":{"type":"image"}} """
        one "revoke" """ "type":"revoke","revoke":{"original_message_id":"wamid.0"} """
        one "unknown type" """ "type":"hologram","hologram":{"x":1} """
        one
            "answer to a request for the number"
            """ "type":"contact_request","contact_request":{"phone":"x"} """
        one "in a group" """ "type":"text","text":{"body":"No va el mando"},"group_id":"G1" """
        value "errors only" """ "errors":[{"code":131000,"title":"Something went wrong"}] """
        "call", """{"entry":[{"changes":[{"field":"calls","value":{"calls":[{"id":"1"}]}}]}]}"""
        "account", """{"entry":[{"changes":[{"field":"account_update","value":{"event":"X"}}]}]}"""
        status "status, sent" "\"status\":\"sent\""
        status "status, delivered" "\"status\":\"delivered\""
        status "status, read" "\"status\":\"read\""
        status "status, played" "\"status\":\"played\""
        status "status, failed" "\"status\":\"failed\",\"errors\":[{\"code\":131026,\"title\":\"x\"}]"
        status "status, unknown" "\"status\":\"warning\""
        status "status, of a group" "\"status\":\"read\",\"recipient_type\":\"group\""
    ]
