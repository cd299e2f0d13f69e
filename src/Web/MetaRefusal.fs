/// What operators are told of a call that Meta did not answer as it should, and how it is mended.
module FunctionalBot.Web.MetaRefusal

open FunctionalBot.Effects
open FunctionalBot.Web.NumberSettings

/// What happened, without what Meta's sentence may repeat.
let words (failure: SetUpFailure) : string =
    match failure with
    | GraphUnreachable reason -> Logging.mask reason
    | GraphRefused(code, told) -> $"Meta refused it: %s{Logging.mask told} (code %d{code})"

/// How it is mended, for calls with the number's token; None where Meta's sentence has to say it.
let mend (number: NumberConfiguration) (failure: SetUpFailure) : string option =
    match failure with
    | GraphUnreachable _ -> Some "Check the network and WHATSAPP_GRAPH_URL."
    | GraphRefused((0 | 190), _) ->
        let variable = number.TokenVariable
        Some $"Put a token that is valid into %s{variable}, or into the file of %s{variable}_FILE."
    | GraphRefused(code, _) when (WhatsAppErrors.ofCode code).Action = ErrorAction.MendToken ->
        Some(
            $"Give the system user of %s{number.TokenVariable} the account, and its token the permissions "
            + "whatsapp_business_messaging and whatsapp_business_management."
        )
    // Meta says so of what is not there and of what the token may not see.
    | GraphRefused((33 | 100), told) when told.Contains "does not exist" ->
        Some(
            "Check the id that it names (the number's, WHATSAPP_BUSINESS_ACCOUNT_ID or the form's), and give the "
            + $"system user of %s{number.TokenVariable} the account."
        )
    | GraphRefused _ -> None
