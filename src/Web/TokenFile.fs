/// The access token, read again from the file that holds it: a new one needs no restart.
module FunctionalBot.Web.TokenFile

open System
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Effects
open FunctionalBot.Web.NumberSettings

/// How long what was read is believed.
let lookEvery = TimeSpan.FromSeconds 1.

/// The token as it is now.
[<NoComparison; NoEquality>]
type CurrentToken = {
    /// The token; of a file at most as old as `lookEvery`.
    Read: unit -> string
    /// Looks every second until it is cancelled, and tells each time that the token is another. Who is told must not
    /// fail.
    Keep: (unit -> Task) -> CancellationToken -> Task
}

/// A token that stays: given by the environment or .env, which are read once.
let fixedToken (token: string) : CurrentToken = {
    Read = fun () -> token
    Keep = fun _ _ -> Task.CompletedTask
}

/// The token in a file, with what it held at the start. The text is read each time: a secret that is put in place by a
/// link, or twice within a second, shows no other time stamp. A file that is away or empty for a moment, as while it is
/// replaced, or that holds no token, changes nothing; `trouble` hears of it once.
let watch
    (world: World)
    (read: string -> string option)
    (trouble: string -> unit)
    (path: string)
    (first: string)
    : CurrentToken =
    let gate = obj ()
    let token = ref first
    let lookedAt = ref (world.Elapsed())
    let isTroubled = ref false

    let look () =
        lock gate (fun () ->
            let now = world.Elapsed()

            if now - lookedAt.Value >= lookEvery then
                lookedAt.Value <- now

                match read path |> Option.filter Setting.isToken with
                | Some text ->
                    isTroubled.Value <- false
                    token.Value <- text
                | None ->
                    if not isTroubled.Value then
                        trouble path

                    isTroubled.Value <- true

            token.Value)

    {
        Read = look
        Keep =
            fun replaced cancel -> task {
                let mutable known = first

                try
                    while not cancel.IsCancellationRequested do
                        do! world.Delay lookEvery cancel
                        let current = look ()

                        if current <> known then
                            known <- current
                            do! replaced ()
                with :? OperationCanceledException when cancel.IsCancellationRequested ->
                    ()
            }
    }

/// The tokens of all numbers.
[<NoComparison; NoEquality>]
type NumberTokens = {
    /// The token of a number as it is now.
    Of: NumberConfiguration -> unit -> string
    /// `CurrentToken.Keep` of all of them.
    Keep: (unit -> Task) -> CancellationToken -> Task
}

/// One token for each variable that numbers name: those that name the same one share it.
let ofNumbers (world: World) (trouble: string -> unit) (numbers: NumberConfiguration list) : NumberTokens =
    let tokens =
        Map [
            for number in numbers |> List.distinctBy _.TokenVariable ->
                number.TokenVariable,
                match number.TokenFile with
                | None -> fixedToken number.Token
                | Some path -> watch world Setting.valueIn trouble path number.Token
        ]

    {
        Of = fun number -> tokens[number.TokenVariable].Read
        Keep =
            fun replaced cancel ->
                Task.WhenAll [| for KeyValue(_, token) in tokens -> token.Keep replaced cancel |]
    }
