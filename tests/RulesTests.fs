/// What the rules understand with no AI, in three languages.
module FunctionalBot.Tests.RulesTests

open Xunit
open FunctionalBot.Domain

let private meaning text =
    Rules.recognise text |> Option.map (fun recognition -> recognition.Meaning)

[<Theory>]
[<InlineData("Quiero abrir un ticket")>]
[<InlineData("hola, ¿me puedes abrir una incidencia por favor?")>]
[<InlineData("necesito crear un nuevo ticket")>]
[<InlineData("ticket")>]
[<InlineData("I want to open a ticket")>]
[<InlineData("please create a new support ticket")>]
[<InlineData("quero abrir um chamado")>]
let ``a ticket is wanted`` (text: string) =
    Assert.Equal(Some(Means WantsTicket), meaning text)

[<Theory>]
[<InlineData("quiero hablar con una persona")>]
[<InlineData("¡¡Quiero hablar con un AGENTE ya!!")>]
[<InlineData("persona")>]
[<InlineData("no, quiero hablar con una persona")>]
[<InlineData("can I talk to a human?")>]
[<InlineData("quero falar com um atendente")>]
let ``a person is wanted`` (text: string) =
    Assert.Equal(Some(Means WantsPerson), meaning text)

[<Theory>]
[<InlineData("no quiero hablar con una persona")>]
[<InlineData("una persona me atendió muy mal el martes en la tienda")>]
[<InlineData("el ticket de compra no aparece en mi cuenta")>]
[<InlineData("¿a qué hora abren los sábados?")>]
[<InlineData("")>]
[<InlineData("😀")>]
let ``nothing is read into these`` (text: string) = Assert.Equal(None, meaning text)

[<Theory>]
[<InlineData("sí")>]
[<InlineData("Si, por favor")>]
[<InlineData("vale")>]
[<InlineData("👍")>]
[<InlineData("yes please")>]
[<InlineData("sim")>]
[<InlineData("siiii")>]
let ``these are a yes`` (text: string) =
    Assert.Equal(Some(Means SaysYes), meaning text)

[<Theory>]
[<InlineData("no")>]
[<InlineData("No, gracias")>]
[<InlineData("nope")>]
[<InlineData("não, obrigado")>]
[<InlineData("eso es todo, gracias")>]
let ``these are a no`` (text: string) =
    Assert.Equal(Some(Means SaysNo), meaning text)

[<Theory>]
[<InlineData("cancelar")>]
[<InlineData("cancela, por favor")>]
[<InlineData("olvídalo")>]
[<InlineData("never mind")>]
[<InlineData("deixa pra lá")>]
let ``these cancel`` (text: string) =
    Assert.Equal(Some(Means WantsToCancel), meaning text)

[<Theory>]
[<InlineData("estado de mi ticket")>]
[<InlineData("¿cómo va mi ticket?")>]
[<InlineData("status of my ticket")>]
[<InlineData("andamento do meu chamado")>]
let ``the state of a ticket is asked for`` (text: string) =
    Assert.Equal(Some(Means WantsTicketStatus), meaning text)

[<Theory>]
[<InlineData("cambia el título")>]
[<InlineData("quiero cambiar el título")>]
[<InlineData("change the title please")>]
[<InlineData("mudar o assunto")>]
let ``the title is to be changed`` (text: string) =
    Assert.Equal(Some(Means(WantsToChange(Some TitleField))), meaning text)

[<Theory>]
[<InlineData("adiós")>]
[<InlineData("hasta luego, gracias")>]
[<InlineData("bye!")>]
[<InlineData("tchau")>]
let ``these are goodbyes`` (text: string) =
    Assert.Equal(Some(Means Leaves), meaning text)

[<Theory>]
[<InlineData("ana@example.com", true)>]
[<InlineData("a.b+c@sub.example.co", true)>]
[<InlineData("ana@example", false)>]
[<InlineData("ana@@example.com", false)>]
[<InlineData("ana @example.com", false)>]
[<InlineData("@example.com", false)>]
[<InlineData("ana@-example.com", false)>]
[<InlineData("", false)>]
let ``an address is told from what is none`` (text: string, isAddress: bool) =
    Assert.Equal(isAddress, Result.isOk (EmailAddress.create text))

/// What cannot be seen within a word, or is an accent behind its letter.
[<Theory>]
[<InlineData("abrir un ti\u200Bcket")>]
[<InlineData("a\u00ADbrir un tic\u2060ket\uFEFF")>]
[<InlineData("\u202Eabrir \u2066un\u2069 ticket")>]
[<InlineData("a\u200Db\u200Dr\u200Di\u200Dr un ticket")>]
[<InlineData("abrir un ticket\uDB40\uDC41\uDB40\uDC4D\uDB40\uDC7F")>]
[<InlineData("abri\u0301r un tic\u034Fket")>]
let ``what is not seen within a word hides no wish`` (text: string) =
    Assert.Equal(Some(Means WantsTicket), meaning text)

[<Theory>]
[<InlineData("adio\u0301s")>]
[<InlineData("tcha\u200Cu")>]
let ``accents that stand behind their letters are accents`` (text: string) =
    Assert.Equal(Some(Means Leaves), meaning text)

[<Theory>]
[<InlineData("👍")>]
[<InlineData("👍\uFE0F")>]
[<InlineData("👍🏽")>]
let ``a thumb is a yes, whatever follows it`` (text: string) =
    Assert.Equal(Some(Means SaysYes), meaning text)

[<Theory>]
[<InlineData("\uD840\uDC4D")>]
[<InlineData("\uDB40\uDC4D")>]
[<InlineData("\uDC4D")>]
[<InlineData("\uD83C\uDC4D")>]
[<InlineData("\u200B\u200D\u00AD")>]
let ``half of a thumb is none`` (text: string) = Assert.Equal(None, meaning text)
