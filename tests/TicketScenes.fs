/// Scenes that several tests begin with: a ticket that was told, and buttons that nobody offered.
module FunctionalBot.Tests.TicketScenes

open FunctionalBot.Domain
open FunctionalBot.Tests.Scenarios

/// A title, of words that can be one.
let title text =
    match TicketTitle.create text with
    | Ok title -> title
    | Error problem -> failwithf "%A" problem

let private description text =
    match TicketDescription.create text with
    | Ok description -> description
    | Error problem -> failwithf "%A" problem

let private email text =
    match EmailAddress.create text with
    | Ok address -> address
    | Error problem -> failwithf "%A" problem

/// The ticket that Ana tells step by step.
let ticket: Ticket = {
    Purpose = Support
    Title = title "La taladradora no enciende"
    Description = description "La compré ayer. Probé con otro enchufe y nada."
    Email = Some(email "ana@example.com")
    Files = None
}

/// Ana has told all of it and sees it.
let atConfirmation =
    opened
    |> writes "quiero abrir un ticket"
    |> writes "La taladradora no enciende"
    |> writes "La compré ayer. Probé con otro enchufe y nada."
    |> writes "ana@example.com"

/// The revision of the ticket that is shown.
let shownRevision scene =
    match scene.Session.Phase with
    | TicketCreation(_, Confirming(_, revision)) -> revision
    | other -> failwithf "Not confirming: %A" other

/// A button with an id that no version of the bot ever offered.
let neverOffered title : Fact =
    ChoicePicked {
        Message = MessageId "wamid.never"
        ChoiceId = "an-id-that-was-never-offered"
        Title = title
        Quoted = None
    }
