namespace FunctionalBot.Effects

/// How Meta knows a flow (its word for a form).
type FlowName =
    | FlowId of string
    | FlowNamed of string

/// Whether everybody may open the flow, or only testers.
type FlowMode =
    | DraftFlow
    | PublishedFlow

/// A message whose button opens a form.
type FormInvitation = {
    Body: string
    /// What stands on the button: at most 30 UTF-16 units, without emoji.
    Button: string
    Flow: FlowName
    Mode: FlowMode
    /// Comes back with the answer.
    Token: string
    /// The data of the first screen, a JSON object, where no endpoint is there to be asked for it. None: the endpoint
    /// is asked.
    Screen: string option
}
