/// What the laws of the core are told with.
module FunctionalBot.Tests.Laws

open FunctionalBot.Domain
open FunctionalBot.Tests.RandomConversations

/// What the event asked for.
let actions (happening: Happening) =
    happening.Commands |> List.map (fun command -> command.Action)

/// The commands of the event whose actions are such ones.
let asking (such: Action -> bool) (happening: Happening) =
    happening.Commands |> List.filter (fun command -> such command.Action)

/// The law holds for each event.
let each (law: Happening -> bool) (conversation: Conversation) =
    conversation.Happenings |> List.forall law

/// The event was the next of its session and had something to say.
let counted (happening: Happening) =
    happening.After.Version = happening.Before.Version + 1L
    && Transition.ignored happening.Before happening.Event.At happening.Event.Fact = None

/// What was said after the event, in order.
let says (happening: Happening) =
    actions happening
    |> List.choose (function
        | Say utterance -> Some utterance
        | _ -> None)

/// The same, as meaning alone.
let phrases (happening: Happening) =
    says happening |> List.map (fun utterance -> utterance.Phrase)
