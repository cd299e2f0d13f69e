namespace FunctionalBot.Effects

open System
open System.Text.RegularExpressions
open FunctionalBot.Domain

/// Reading ticket fields out of a customer's words by rules, where no language model does it.
module TicketWords =

    /// Longest title that is made up from a description; the customer sees it and may change it.
    let private titleLimit = 80

    let private pattern (text: string) =
        Regex(
            text,
            RegexOptions.IgnoreCase
            ||| RegexOptions.CultureInvariant
            ||| RegexOptions.IgnorePatternWhitespace
        )

    let private greeting =
        pattern
            @"^\s*(?:(?:hola|buen[oa]s(?:\s+(?:d[ií]as|tardes|noches))?
              |hello|hi|hey|good\s+(?:morning|afternoon|evening)
              |ol[aá]|oi|bo[am]\s+(?:dia|tarde|noite))\b[\s,.!¡:;-]*)+"

    // "quiero abrir un ticket porque …", "I would like to open a ticket about …", "preciso de abrir um
    // chamado …".
    let private request =
        pattern
            @"^\s*¿?\s*
              (?:(?:por\s+favor|please)\s*,?\s*)?
              (?:(?:yo\s+)?(?:quiero|quisiera|quer[ií]a|necesito|deseo
                 |me\s+gustar[ií]a|puede[sn]?|pod[eé]is|podr[ií]as?)
                 |i\s+(?:want|need|would\s+like)\s+(?:you\s+)?to|i'd\s+like\s+to|(?:can|could)\s+(?:you|i)
                 |(?:eu\s+)?(?:quero|queria|gostaria\s+de|preciso(?:\s+de)?|pode[ms]?))?\s*
              (?:que\s+)?
              (?:abrir(?:me|nos)?|abr[aei]s?|abre|crear(?:me)?|crea|poner|pon|hacer|registrar|dar\s+de\s+alta
                 |open|create|file|raise|submit|make|criar|fazer|registar)\s+
              (?:me\s+)?
              (?:una?|um|uma|an?|the|el|la|o|a|otro|otra|another|outro|outra|new|nuev[oa]|nov[oa])?\s*
              (?:nuev[oa]|new|nov[oa])?\s*
              (?:support\s+|de\s+)?
              (?:ticket|tique|incidencia|reclamaci[oó]n|queja|caso|parte|petici[oó]n|complaint|case|request
                 |chamado|pedido\s+de\s+(?:suporte|ajuda)|reclama[cç][aã]o|incid[eê]ncia)
              (?:\s+(?:de\s+soporte|de\s+suporte))?
              \s*[,.:;!?-]*\s*
              (?:(?:porque|por|para|de\s+que|sobre|ya\s+que|because\s+of|because|about
                 |for|since|as|pois|j[aá]\s+que)\b)?
              \s*[,.:;-]*\s*"

    let private clauseEnd =
        Regex(@"[.;!?\n]+(?=\s|$)|\n", RegexOptions.CultureInvariant)

    let private clauseComma = Regex(@",\s+", RegexOptions.CultureInvariant)

    let private capital (text: string) =
        if text = "" then
            text
        else
            text.Substring(0, 1).ToUpperInvariant() + text.Substring 1

    let private firstPart (border: Regex) (text: string) =
        match border.Split text |> Array.tryFind (fun part -> part.Trim() <> "") with
        | Some part -> part.Trim()
        | None -> ""

    let private makeTitle (words: string) =
        let clause = firstPart clauseEnd words

        let short =
            if clause.Length <= titleLimit then
                clause
            else
                firstPart clauseComma clause

        let title =
            capital (Excerpt.cut titleLimit (short.Trim(' ', ',', ':', '-', '¿', '¡')))
        // One word ("ayuda") names no problem; the dialogue asks for a better title then.
        if (Words.split title).Length >= 2 then Some title else None

    /// What the words tell of a ticket: a title from the first clause after the words that ask for it, the
    /// words themselves as description, and an e-mail address that is in them. Nothing but "open a ticket"
    /// gives no hints.
    let read (words: string) : TicketHints =
        let email =
            match EmailAddress.find words with
            | Ok address -> Some(EmailAddress.value address)
            | Error _ -> None

        let asked = greeting.Replace(words, "")
        let problem = request.Replace(asked, "", 1).Trim()

        // An address is no part of what went wrong; it goes from the title, not from the description.
        let withoutAddress =
            match email with
            | Some address -> problem.Replace(address, "", StringComparison.OrdinalIgnoreCase)
            | None -> problem

        match makeTitle withoutAddress with
        | Some title -> {
            Title = Some title
            Description = Some(words.Trim())
            Email = email
          }
        | None -> {
            Title = None
            Description = None
            Email = email
          }
