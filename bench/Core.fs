/// Measures what needs no database: the pure core and the codec, on one thread.
module FunctionalBot.Bench.Core

open FunctionalBot.Domain
open FunctionalBot.Effects
open FunctionalBot.Bench.Measurement
open FunctionalBot.Bench.Recordings

/// Plays the recordings once; returns how many events that were.
let private play (recordings: Recording list) () : int =
    let mutable count = 0

    for recording in recordings do
        let mutable session = recording.Start

        for event in recording.Events do
            let after, _ = Transition.transition session event
            session <- after

        count <- count + recording.Events.Length

    count

let private longText =
    "Buenas tardes, les escribo porque la semana pasada compré en su tienda una taladradora de percusión y desde "
    + "ayer hace un ruido extraño cuando la enciendo, como si algo rozara por dentro. La he probado en otro enchufe, "
    + "le he cambiado la broca y la he dejado enfriar, pero sigue igual. Mi vecino dice que puede ser el rodamiento. "
    + "Me gustaría saber si la garantía cubre la reparación, cuánto tardarían más o menos y si mientras tanto me "
    + "podrían prestar otra, porque estoy montando una pérgola y el sábado que viene tengo que terminarla sin falta."

let private recognition effort (name: string) (texts: string list) =
    work effort "rules" ("Rules.recognise, " + name) "call" None (fun () ->
        for text in texts do
            Rules.recognise text |> ignore

        texts.Length)

/// `Transition.transition` and the rules inside it.
let transition (effort: Effort) : Findings = {
    nothing with
        Figures = [
            yield!
                work
                    effort
                    "transition"
                    "conversations: talk, tickets, duplicates"
                    "event"
                    (Some(AtLeast 1e6))
                    (play mixed)
            yield! work effort "transition" "events without text" "event" None (play textless)
            yield!
                recognition effort "short texts" [
                    "hola"
                    "sí"
                    "quiero abrir un ticket por favor"
                    "¿A qué hora abren los sábados?"
                ]
            yield! recognition effort "a text of 600 characters" [ longText ]
        ]
}

/// Events to their stored JSON and back.
let codec (effort: Effort) : Findings =
    let events = mixed |> List.collect (fun recording -> List.ofArray recording.Events)

    let stored =
        events |> List.map (fun event -> Codec.write event.At event.Cause event.Fact)

    let encode () =
        for event in events do
            Codec.write event.At event.Cause event.Fact |> ignore

        events.Length

    let decode () =
        for fact in stored do
            match Codec.read fact.Alias fact.Data with
            | Ok _ -> ()
            | Error problem -> invalidOp problem

        stored.Length

    {
        nothing with
            Figures = [
                yield! work effort "codec" "encode" "event" None encode
                yield! work effort "codec" "decode" "event" None decode
            ]
    }
