namespace FunctionalBot.Domain

open System
open System.Collections.Generic

/// What the rules make of a text without any AI.
type Meaning =
    | Means of Intent
    /// A bare "thank you", which asks for nothing.
    | Thanks

/// What the rules listen for, in the three languages. Words stand as `Rules` compares them: lower case, no
/// accents.
module internal Vocabulary =
    /// One meaning with its wordings, and how many other words may stand beside one.
    type Listening = {
        Meaning: Meaning
        Allowed: int
        Wordings: string list
    }

    /// The meaning counts however much else is said.
    let private anywhere = Int32.MaxValue

    /// The meaning counts when little else is said.
    let private nearlyAlone = 1

    /// Wordings written one after the other, separated by "|".
    let private each (wordings: string) = wordings.Split '|' |> Array.toList

    /// Every beginning with every ending after it.
    let private before (endings: string list) (beginnings: string) : string list = [
        for beginning in each beginnings do
            for ending in endings do
                beginning + " " + ending
    ]

    let private withArticles (articles: string) (things: string) = [
        for thing in each things do
            yield thing

            for article in each articles do
                yield article + " " + thing
    ]

    let private tickets =
        withArticles "un|una|otro|otra|un nuevo|una nueva" "ticket|incidencia|caso|reclamacion|reclamo|queja"

    let private ticketsInEnglish =
        withArticles "a|another|a new" "ticket|case|complaint|support ticket"

    let private ticketsInPortuguese =
        withArticles "um|uma|outro|outra|um novo|uma nova" "chamado|ticket|reclamacao|ocorrencia"

    let private people =
        each (
            "una persona|alguien|un humano|un ser humano|un agente|una agente|un asesor|una asesora|un operador|"
            + "una operadora|un representante|una persona real|el encargado|atencion al cliente"
        )

    let private peopleInEnglish =
        each (
            "a person|a human|an agent|a real person|someone|somebody|a representative|customer service|"
            + "an operator|the manager"
        )

    let private peopleInPortuguese =
        each
            "uma pessoa|um humano|um atendente|uma atendente|alguem|um agente|uma pessoa real|um operador|o gerente"

    let private changes = [
        for field, nouns in
            [
                TitleField, "titulo|asunto|title|subject|assunto"
                DescriptionField, "descripcion|detalle|detalles|description|descricao"
                EmailField, "correo|correo electronico|email|e mail|mail"
            ] do
            {
                Meaning = Means(WantsToChange(Some field))
                Allowed = 0
                Wordings = withArticles "el|la|the|o|a" nouns
            }

            {
                Meaning = Means(WantsToChange(Some field))
                Allowed = 3
                Wordings =
                    before
                        (withArticles "el|la|mi|the|my|o|a|meu|minha" nouns)
                        ("cambiar|cambia|cambio|cambie|modificar|modifica|corregir|corrige|editar|otro|otra|"
                         + "change|edit|correct|another|mudar|muda|alterar|trocar|corrigir|outro|outra")
            }
    ]

    /// Everything that is listened for.
    let heard: Listening list =
        let listen meaning allowed wordings = {
            Meaning = meaning
            Allowed = allowed
            Wordings = List.concat wordings
        }

        [
            listen (Means WantsTicket) anywhere [
                before
                    tickets
                    ("abrir|abre|abreme|abra|crear|crea|creame|generar|genera|levantar|poner|registrar|quiero|"
                     + "necesito|hacer|reportar")
                before ticketsInEnglish "open|create|raise|submit|file|need|want|log"
                before ticketsInPortuguese "abrir|abre|abra|criar|cria|registrar|quero|preciso de|fazer"
                each "nuevo ticket|nueva incidencia|reportar un problema|informar de un problema|new ticket"
                each "report a problem|report an issue|report a fault|novo chamado|relatar um problema"
                each "reportar um problema"
            ]
            listen (Means WantsTicket) 0 [ each "ticket|chamado|incidencia" ]
            listen (Means WantsTicketStatus) 4 [
                before
                    (each "ticket|tickets|incidencia|incidencias|caso|casos|reclamacion")
                    ("estado de mi|estado del|estado de mis|como va mi|como van mis|como esta mi|seguimiento de mi|"
                     + "consultar mi|consultar mis|ver mi|ver mis|que paso con mi|en que va mi|que hay de mi|"
                     + "novedades de mi|mis")
                before
                    (each "ticket|tickets|case|cases|complaint")
                    "status of my|how is my|check my|check on my|any news on my|my"
                before
                    (each "chamado|chamados|ticket|tickets")
                    ("status do meu|como esta meu|como esta o meu|andamento do meu|ver meu|ver meus|meus|"
                     + "consultar meu")
                each "ticket status|estado ticket"
            ]
            listen (Means WantsPerson) anywhere [
                before
                    people
                    ("hablar con|hablar a|comunicarme con|pasame con|pasame a|paseme con|chatear con|"
                     + "contactar con|contactar a|quiero|necesito|atencion de|ponme con")
                before peopleInEnglish "talk to|speak to|speak with|talk with|chat with|want|need|get me"
                before peopleInPortuguese "falar com|conversar com|quero|preciso de|me passa para"
                each "agente humano|persona real|atencion humana|human agent|real person|atendimento humano"
                each "pessoa real"
            ]
            listen (Means WantsPerson) nearlyAlone [
                each "persona|una persona|humano|agente|un agente|asesor|operador|representante"
                each "person|a person|human|agent|operator|representative|pessoa|atendente"
            ]
            listen (Means WantsHelp) nearlyAlone [
                each "ayuda|ayudame|menu|opciones|que puedes hacer|que sabes hacer|como funciona esto"
                each "help|options|what can you do|ajuda|opcoes|me ajuda|o que voce faz|o que voce pode fazer"
                each "otra pregunta|another question|outra pergunta"
            ]
            listen (Means WantsToCancel) nearlyAlone [
                each "cancelar|cancela|cancelalo|cancelarlo|anular|anula|anulalo|ya no quiero|olvidalo|dejalo"
                each "mejor no|no quiero el ticket|cancelar el ticket|cancela el ticket|cancelar ticket"
                each "descartar|descartalo|dejalo asi|ya no hace falta"
                each "cancel|cancel it|never mind|nevermind|forget it|cancel the ticket|discard"
                each "deixa pra la|esquece|desisto|cancelar o chamado|cancela o chamado|nao quero mais"
            ]
            listen (Means WantsBot) nearlyAlone [
                each "volver al bot|volver con el bot|volver al asistente|volver contigo|bot|asistente"
                each "back to the bot|back to bot|assistant|voltar ao bot|voltar ao assistente|assistente"
            ]
            listen (Means WantsSilence) nearlyAlone [
                each
                    "stop|baja|de baja|darme de baja|darse de baja|quiero baja|no molestar|no me molestes|no molesten"
                each "no me escribas|no me escriban|no me escribas mas|no me escriban mas|dejen de escribirme"
                each "deja de escribirme|no quiero mensajes|no quiero mas mensajes|no quiero recibir mensajes"
                each
                    "no quiero recibir mas mensajes|unsubscribe|opt out|do not disturb|stop writing|stop messages"
                each "stop writing to me|stop messaging me|no more messages|descadastrar|sair da lista"
                each "nao perturbe|nao me mande mensagens|nao quero mensagens|nao quero mais mensagens"
                each "pare de me escrever"
            ]
            listen (Means WantsToHear) nearlyAlone [
                each "alta|darme de alta|quiero mensajes|volver a recibir mensajes|escribirme de nuevo"
                each "subscribe|opt in|start|write to me again|quero receber mensagens|pode me escrever"
                each "quiero recibir mensajes|si , escribidme|escribidme de nuevo|volver a recibir avisos"
                each
                    "recibir avisos|get notices again|receber avisos|voltar a receber|voltar a receber avisos"
            ]
            listen (Means WantsToGoBack) nearlyAlone [
                each "atras|volver|volver atras|regresar|paso anterior|anterior|ir atras|retroceder"
                each "back|go back|previous|previous step|voltar|passo anterior"
                each "volver un paso|one step back|back one step|go back one step|voltar um passo"
            ]
            listen (Means WantsToSkip) nearlyAlone [
                each "saltar|salta|omitir|omite|sin correo|sin email|no tengo|no tengo correo|no tengo email"
                each "prefiero no|prefiero no darlo|ninguno|siguiente"
                each "skip|no email|i dont have one|none|next|rather not"
                each "pular|nao tenho|nao tenho email|sem email|prefiro nao|proximo"
                each (
                    "seguir sin correo|continue without email|go on without it|seguir sem e mail|"
                    + "continuar sem e mail|sem e mail"
                )
            ]
            listen (Means(WantsToChange None)) nearlyAlone [
                each "cambiar algo|cambiar|modificar|corregir|editar|hay un error|esta mal"
                each "change|change something|edit|its wrong|mudar|mudar algo|alterar|corrigir|esta errado"
            ]
            listen (Means SaysYes) nearlyAlone [
                each "si|sip|claro|claro que si|correcto|confirmar|confirmo|ok|okay|vale|de acuerdo|esta bien"
                each "perfecto|dale|adelante|exacto|asi es|todo bien|todo correcto|si por favor"
                each "yes|yep|yeah|sure|correct|confirm|right|go ahead|looks good"
                each "sim|certo|isso|isso mesmo|pode ser|com certeza|tudo certo|esta certo"
                each "si , enviarlo|si enviarlo|enviarlo|envialo|enviar|yes , send it|yes send it|send it"
                each "sim , enviar|sim enviar|envie|pode enviar"
            ]
            listen (Means SaysNo) nearlyAlone [
                each "no|nop|no gracias|nada mas|eso es todo|es todo|incorrecto|para nada"
                each "nope|no thanks|no thank you|nothing else|thats all|that is all"
                each "nao|nao obrigado|nao obrigada|nada mais|so isso|e so isso"
            ]
            listen (Means Greets) nearlyAlone [
                each "hola|buenas|buenos dias|buen dia|buenas tardes|buenas noches|saludos|que tal"
                each "hello|hi|hey|good morning|good afternoon|good evening"
                each "ola|oi|bom dia|boa tarde|boa noite|tudo bem"
            ]
            listen (Means Leaves) 2 [
                each "adios|hasta luego|hasta pronto|hasta manana|chao|chau|nos vemos|me despido"
                each "cerrar la conversacion|terminar la conversacion|cerrar sesion|terminar|finalizar"
                each "bye|bye bye|goodbye|see you|see you later|close the chat|tchau|ate logo|ate mais"
            ]
            listen Thanks nearlyAlone [
                each "gracias|muchas gracias|mil gracias|muy amable|te lo agradezco"
                each "thanks|thank you|thank you very much|thanks a lot"
                each "obrigado|obrigada|muito obrigado|muito obrigada"
            ]
        ]
        @ changes

    /// Words that add courtesy and no meaning of their own.
    let courtesies =
        HashSet<string>(
            [
                "por"
                "favor"
                "porfa"
                "porfavor"
                "please"
                "pls"
                "quiero"
                "quisiera"
                "queria"
                "me"
                "gustaria"
            ]
            @ [
                "necesito"
                "puedes"
                "podrias"
                "puedo"
                "hola"
                "buenas"
                "buenos"
                "dias"
                "tardes"
                "noches"
            ]
            @ [
                "gracias"
                "muchas"
                "hello"
                "hi"
                "i"
                "would"
                "like"
                "to"
                "id"
                "can"
                "could"
                "you"
                "want"
            ]
            @ [
                "ola"
                "oi"
                "bom"
                "boa"
                "dia"
                "tarde"
                "noite"
                "quero"
                "gostaria"
                "de"
                "pode"
                "poderia"
            ]
            @ [
                "thanks"
                "obrigado"
                "obrigada"
                "eu"
                "yo"
                "pues"
                "bueno"
                "entonces"
                "muy"
                "amable"
                "ya"
            ]
            @ [ "todo"; "bien"; "ahora"; "now"; "agora"; "mejor"; "ayudarme"; "ayuda"; "a" ]
        )

    /// Words that turn the wish that follows them around.
    let negations =
        HashSet<string>([ "no"; "nao"; "dont"; "not"; "tampoco"; "nunca"; "never"; "sin" ])

    /// How somebody says that he would rather be asked than fill in a form.
    let stepWords =
        [ "paso a paso"; "step by step"; "passo a passo" ]
        @ [ "sin formulario"; "without the form"; "sem formulario" ]

    let private wordsOf (list: string) = HashSet<string>(list.Split ' ')

    /// Common words that tell one language from the others; a word in two lists counts for both.
    let tellingWords = [
        Spanish,
        wordsOf (
            "hola buenas buenos dias el los las una unos que como cuando donde cuanto cuanta porque quiero necesito "
            + "tengo mi mis su sus con por para pero gracias favor puedo puede puedes esta este esto hacer hay abren "
            + "cierran tienda ayuda hablar persona problema abrir ahora muy si y del al lo le se es son me te cuesta "
            + "envio pedido factura garantia devolver arreglar horario adios mucho no un la nada"
        )
        English,
        wordsOf (
            "hello hi hey the is are was were what when where how much why want need have has my your with for but "
            + "thanks thank please can could you i it this that do does open close help speak talk person problem yes "
            + "and of to in on at cost shipping order invoice warranty return repair hours bye no not a"
        )
        Portuguese,
        wordsOf (
            "ola oi bom boa dia tarde noite os as um uma uns que como quando onde quanto voce voces quero preciso "
            + "tenho meu minha seu sua com por para mas obrigado obrigada favor posso pode esta este isto fazer tem "
            + "abrem loja ajuda falar pessoa problema abrir agora muito sim e do da no na dos das nao eh custa "
            + "entrega pedido nota garantia devolver consertar horario tchau chamado a o nada"
        )
    ]
