namespace FunctionalBot.Effects

open System.Threading.Tasks
open FunctionalBot.Domain

/// Whether a form that was shown still counts. The language is the customer's.
type FormStanding =
    | FormCounts of Language
    | FormIsOver of Language

/// Finding that out from the form's token, which is the key of the message that showed it.
module FormStandings =
    let private judge (key: CommandKey) (fallback: Language) (events: Event list) : FormStanding =
        match events with
        | [] -> FormIsOver fallback
        | events ->
            let session = events |> List.fold Transition.evolve (Session.initial key.Session)

            if session.Form = Some key && Session.hasOpenForm session then
                FormCounts session.Language
            else
                FormIsOver session.Language

    /// Reads the session that the token names. A token of nobody's is over. Where the session cannot be read now, the
    /// form counts: what is sent is looked at once more by the core.
    let find
        (readStream: SessionId -> Task<Result<Event list, StreamProblem>>)
        (fallback: Language)
        (token: string)
        : Task<FormStanding> = task {
        match CommandKey.parse token with
        | None -> return FormIsOver fallback
        | Some key ->
            try
                match! readStream key.Session with
                | Ok events -> return judge key fallback events
                | Error _ -> return FormCounts fallback
            with StoreUnavailable _ ->
                return FormCounts fallback
    }
