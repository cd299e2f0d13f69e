namespace FunctionalBot.Emulators.WhatsApp

open System.Security.Cryptography
open FunctionalBot.Emulators

/// An error as the Graph API answers it.
type GraphError = {
    /// The HTTP status.
    Status: int
    /// Meta's code, by which a caller decides what to do.
    Code: int
    /// `OAuthException` for nearly everything, `GraphMethodException` for an object that does not exist.
    Type: string
    Title: string
    /// What exactly is wrong; errors of WhatsApp carry it in `error_data`.
    Details: string option
    Subcode: int option
}

/// The codes of references/whatsapp-cloud-api.md, section 5, and the shape of an answer.
[<RequireQualifiedAccess>]
module GraphError =

    let private known code =
        match code with
        | 0
        | 190 -> 401, "Authentication Error"
        | 1 -> 400, "API Unknown"
        | 2 -> 503, "API Service"
        | 3 -> 500, "API Method"
        | 4 -> 400, "API Too Many Calls"
        | 10 -> 403, "Permission Denied"
        | 33 -> 400, "Parameter value is not valid"
        | 100 -> 400, "Invalid parameter"
        | 368 -> 403, "Temporarily blocked for policies violations"
        | 80007 -> 400, "Rate limit issues"
        | 130403 -> 400, "The recipient is blocked by the business"
        | 130429 -> 429, "Rate limit hit"
        | 130472 -> 400, "User's number is part of an experiment"
        | 130497 -> 403, "Business account is restricted from messaging users in this country"
        | 131000 -> 500, "Something went wrong"
        | 131005 -> 403, "Access denied"
        | 131008 -> 400, "Required parameter is missing"
        | 131009 -> 400, "Parameter value is not valid"
        | 131016 -> 503, "Service unavailable"
        | 131021 -> 400, "Recipient cannot be sender"
        | 131026 -> 400, "Message undeliverable"
        | 131031 -> 403, "Business Account locked"
        | 131037 -> 500, "Display name approval is needed before a message can be sent"
        | 131042 -> 400, "Business eligibility payment issue"
        | 131045 -> 500, "Incorrect certificate"
        | 131047 -> 400, "Re-engagement message"
        | 131048 -> 400, "Spam Rate limit hit"
        | 131049 -> 400, "Meta chose not to deliver"
        | 131050 -> 400, "User has stopped receiving marketing messages"
        | 131051 -> 400, "Unsupported message type"
        | 131052 -> 400, "Media download error"
        | 131053 -> 400, "Media upload error"
        | 131056 -> 400, "(Business Account, Consumer Account) pair rate limit hit"
        | 131057 -> 500, "Account in maintenance mode"
        | 131060 -> 400, "This message is currently unavailable"
        | 131062 -> 400, "Business-scoped user id recipients are not supported for this message"
        | 131063 -> 400, "Marketing messages are disabled on Cloud API"
        | 131064 -> 400, "Template misclassification limit hit"
        | 132000 -> 400, "Number of parameters does not match the expected number of params"
        | 132001 -> 404, "Template name does not exist in the translation"
        | 132005 -> 400, "Translated text too long"
        | 132007 -> 400, "Template format character policy violated"
        | 132012 -> 400, "Parameter format does not match format in the created template"
        | 132015 -> 400, "Template is paused"
        | 132016 -> 400, "Template is disabled"
        | 132018 -> 400, "Template parameters are not valid"
        | 132068 -> 400, "Flow is in blocked state"
        | 132069 -> 400, "Flow is in throttled state"
        | 133000 -> 500, "Incomplete deregistration"
        | 133004 -> 503, "Server temporarily unavailable"
        | 133005 -> 400, "Two step verification PIN mismatch"
        | 133006 -> 400, "Phone number re-verification needed"
        | 133008 -> 400, "Too many two step verification PIN guesses"
        | 133009 -> 400, "Two step verification PIN guessed too fast"
        | 133010 -> 400, "Phone number is not registered"
        | 133015 -> 400, "Please wait a few minutes before attempting to register this phone number"
        | 133016 -> 400, "Account register deregister rate limit exceeded"
        | 134011 -> 400, "WhatsApp Payments terms of service has not been accepted"
        | 135000 -> 400, "Generic user error"
        | 2494100 -> 500, "Phone number is in maintenance mode"
        | code when code >= 200 && code <= 299 -> 403, "Permission Denied"
        | _ -> 400, "Error"

    /// The name of a code, as `failed` statuses carry it too.
    let title code = snd (known code)

    /// An error of WhatsApp: a code of the table, and what exactly is wrong.
    let create code details =
        let status, title = known code

        {
            Status = status
            Code = code
            Type = "OAuthException"
            Title = title
            Details = Some details
            Subcode = None
        }

    /// A field that must be there is missing.
    let missing field =
        create 131008 $"The parameter %s{field} is required."

    /// A field holds something that it may not.
    let invalid details = create 131009 details

    /// The bearer token is missing or not the right one.
    let unauthorized = {
        Status = 401
        Code = 190
        Type = "OAuthException"
        Title = "Invalid OAuth access token - Cannot parse access token"
        Details = None
        Subcode = None
    }

    /// The object that the path names does not exist for this token.
    let noObject verb id = {
        Status = 400
        Code = 100
        Type = "GraphMethodException"
        Title =
            $"Unsupported %s{verb} request. Object with ID '%s{id}' does not exist, cannot be loaded due to "
            + "missing permissions, or does not support this operation"
        Details = None
        Subcode = Some 33
    }

    /// No endpoint has this path.
    let noPath path = {
        Status = 404
        Code = 2500
        Type = "OAuthException"
        Title = $"Unknown path components: %s{path}"
        Details = None
        Subcode = None
    }

    /// The answer's body, with a trace id of its own.
    let toJson error =
        // Only errors of WhatsApp's own endpoints put their code in front of the text.
        let message =
            match error.Details with
            | Some _ -> $"(#%d{error.Code}) %s{error.Title}"
            | None -> error.Title

        let data details =
            Json.Fields [ "messaging_product", Json.Text "whatsapp"; "details", Json.Text details ]

        Json.Fields [
            "error",
            Json.sparse [
                "message", Some(Json.Text message)
                "type", Some(Json.Text error.Type)
                "code", Some(Json.Whole error.Code)
                "error_subcode", error.Subcode |> Option.map (int64 >> Json.Whole)
                "error_data", error.Details |> Option.map data
                "fbtrace_id", Some(Json.Text("A" + RandomNumberGenerator.GetHexString(22)))
            ]
        ]
