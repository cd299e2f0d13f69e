/// The endpoint of the ticket's form (WhatsApp Flows): telephones ask it through Meta, encrypted, what is to be shown
/// and whether the fields are right. It keeps nothing; what is sent comes through the webhook like any message.
module FunctionalBot.Web.FlowDoor

open System
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open FunctionalBot.Effects
open FunctionalBot.Web.SignedBody

/// Meta lets a telephone send at most 1 MB; base64 makes four bytes of three, and the envelope needs a little.
let bodyLimit = 1_500_000

/// The settings of the endpoint, and what it needs.
[<NoComparison; NoEquality>]
type FlowDoorSettings = {
    /// As on the webhook.
    AppSecrets: string list
    Key: FlowKey
    /// The words of the number that a form's token belongs to.
    Phrases: string -> PhraseBook
    /// Whether the form with this token still counts. Never fails: where nobody can tell, it counts, since the core
    /// looks at what is sent once more.
    Standing: string -> Task<FormStanding>
    /// Told of what operators should know, in words without personal data.
    Tell: string -> unit
}

/// The content of the request, or with which status and words it is turned away.
let private openEnvelope (settings: FlowDoorSettings) (body: byte[]) =
    match FlowCipher.read settings.Key (ReadOnlyMemory body) with
    | Error CannotBeDecrypted ->
        settings.Tell
            "A form's request cannot be decrypted. If this goes on, upload the public key: bot whatsapp flow key"

        Error(421, "The request cannot be decrypted with this key.")
    | Error(NotAnEnvelope reason) -> Error(400, "This is no request of a form: " + reason + ".")
    | Ok(plain, key) ->
        match FlowExchange.read plain with
        | Ok(asked, version) -> Ok(asked, version, key)
        | Error reason ->
            settings.Tell("A form asked for something that this version does not know: " + reason)
            Error(400, "The request is one " + reason + ".")

let private say (settings: FlowDoorSettings) (asked: FlowAsked) (version: string option) : Task<FlowSaid> =
    task {
        match asked with
        | IsAnybodyThere -> return FlowAnswer(FlowExchange.active version)
        | CouldNotGoOn key ->
            settings.Tell("A telephone could not go on with the form: " + key)
            return FlowAnswer(FlowExchange.acknowledged version)
        | FormAsked(token, fields) ->
            let! standing = settings.Standing token
            return FlowExchange.answer (settings.Phrases token) standing fields version
    }

/// One POST: 432 for a signature that is none of ours, 413 for a body over the limit, 421 where it cannot be decrypted
/// (the telephone then fetches the public key anew), 400 for what is no request of a form, 427 for a form that counts
/// no more, else 200. The statuses are those of Meta's page on the endpoint's error codes; answers of 200 and 427 are
/// encrypted, as in Meta's own sample.
let receive (settings: FlowDoorSettings) : HttpContext -> Task =
    let readBody = SignedBody.reader settings.AppSecrets bodyLimit

    let serve (context: HttpContext) (body: byte[]) : Task = task {
        match openEnvelope settings body with
        | Error(status, reason) -> do! answer context status reason
        | Ok(asked, version, key) ->
            match! say settings asked version with
            | FlowAnswer said -> do! answer context 200 (FlowCipher.answer key said)
            | FlowIsOver said -> do! answer context 427 (FlowCipher.answer key said)
    }

    fun context -> task {
        match! readBody context with
        | NotSigned -> do! answer context 432 "The signature does not fit the body."
        | TooLarge -> do! answer context 413 "The body is larger than 1.5 MB."
        | Signed body -> do! serve context body
    }
