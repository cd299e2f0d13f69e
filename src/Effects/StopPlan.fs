namespace FunctionalBot.Effects

/// How far a stop reaches.
[<RequireQualifiedAccess>]
type StopReach =
    /// All numbers that share the token.
    | Token
    /// All numbers of the account.
    | Account
    | Number

/// The names under which the stops are kept that hold one number.
type StopNames = {
    Token: string
    /// None where the number's account is not known: then each of its numbers finds out for itself.
    Account: string option
    Number: string
}

/// Which numbers stop together.
[<NoComparison; NoEquality>]
type StopPlan = {
    /// The numbers of this process by channel.
    Numbers: Map<string, StopNames>
    /// How far a refusal reaches, by Meta's code.
    ReachOf: int -> StopReach
}

/// Which stop a refusal makes, and which stops hold a number.
module StopPlan =
    /// One number, or several that share all: each stop holds everything.
    let alone: StopPlan = {
        Numbers = Map.empty
        ReachOf = fun _ -> StopReach.Token
    }

    /// The names of the stops that can hold a channel, widest first.
    let namesOf (plan: StopPlan) (channel: string) : string list =
        match Map.tryFind channel plan.Numbers with
        | Some names -> [ names.Token ] @ Option.toList names.Account @ [ names.Number ]
        | None -> [ ServiceState.whatsApp ]

    /// Whether a number of this process can be held by the stop of this name.
    let concerns (plan: StopPlan) (service: string) : bool =
        plan.Numbers
        |> Map.exists (fun channel _ -> List.contains service (namesOf plan channel))

    /// The name of the stop that a refusal with this code makes.
    let nameFor (plan: StopPlan) (channel: string) (code: int) : string =
        match Map.tryFind channel plan.Numbers, plan.ReachOf code with
        | None, _ -> ServiceState.whatsApp
        | Some names, StopReach.Token -> names.Token
        | Some names, StopReach.Account -> names.Account |> Option.defaultValue names.Number
        | Some names, StopReach.Number -> names.Number
