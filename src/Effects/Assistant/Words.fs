namespace FunctionalBot.Effects

open System
open System.Collections.Generic
open System.Text
open FunctionalBot.Domain

/// Reading words in Spanish, Portuguese and English alike: the same word in another form, with or without its
/// accent, becomes the same term. It knows nothing of grammar; that is enough to find a passage.
module Words =

    // .NET's own normalization does nothing in invariant-globalization mode, so the Latin letters are
    // listed here.
    let private plainLetters =
        dict [
            for plain, marked in
                [
                    "a", "áàâäãåāª"
                    "e", "éèêëē"
                    "i", "íìîïī"
                    "o", "óòôöõøōº"
                    "u", "úùûüū"
                    "n", "ñ"
                    "c", "ç"
                    "y", "ýÿ"
                    "ss", "ß"
                    "ae", "æ"
                    "oe", "œ"
                ] do
                for letter in marked -> letter, plain
        ]

    let private isCombiningMark (letter: char) =
        letter >= '\u0300' && letter <= '\u036f'

    /// Lower case without accents ("Devolución" is "devolucion"), for composed and decomposed letters.
    let fold (text: string) : string =
        let folded = StringBuilder text.Length

        for letter in text.ToLowerInvariant() do
            match plainLetters.TryGetValue letter with
            | true, plain -> folded.Append plain |> ignore
            | _ when isCombiningMark letter -> ()
            | _ -> folded.Append letter |> ignore

        folded.ToString()

    /// The words of a text in order, folded; digits count as letters.
    let split (text: string) : string list =
        let words = List<string>()
        let word = StringBuilder()

        let finish () =
            if word.Length > 0 then
                words.Add(word.ToString())
                word.Clear() |> ignore

        for letter in fold text do
            if Char.IsLetterOrDigit letter then
                word.Append letter |> ignore
            else
                finish ()

        finish ()
        List.ofSeq words

    let private wordSet (text: string) =
        HashSet<string>(text.Split([| ' '; '\n' |], StringSplitOptions.RemoveEmptyEntries))

    // Words that hold a sentence together, courtesies, and the verbs of asking. Folded, by language: the
    // lists also tell which language a text is in.
    let private spanish =
        wordSet
            "a al algo algun alguna algunos ante antes aqui asi aun aunque bien bueno buena
            buenas buenos cada casi como
             con cual cuales cualquier cuando cuanto cuanta cuantos cuantas cuesta de debo
             decir decirme del desde dia
             dias dime donde dos el ella ellos en entonces entre era eres es esa ese eso esta
             estaba estais estan estar
             estas este esto estos estoy fue ha haber habia hace hacen hacer haceis hago han
             hasta hay haya he hola
             hoy hubo igual informacion ir la las le les lo los mas me mi mis mucha mucho
             muchas muchos muy nada ni no
             nos nosotros nuestra nuestro o os otra otro para pero poco podeis podria podrias
             podriais porque por
             favor puede puedes pueden puedo pues que queria quien quienes quiero quisiera
             saber se sea ser si siempre
             sin sobre sois solo son soy su sus tal tambien tan te tendria tener tengo teneis
             tiene tienen tienes
             todo toda todos tu tus un una unas uno unos usted ustedes va vais vale vamos van
             vez vosotros voy y ya
             yo tardes noches gracias saludos necesito gustaria ayuda ayudar ayudarme pregunta duda compre
             comprado comprada semana semanas mes meses pasado pasada ayer"

    let private english =
        wordSet
            "a about after all also am an and any are as at be because been before being but by
            can could did do does
             doing don done dont for from get go good got had has have he hello help her here
             hey hi him his how i id
             if im in into is isnt it its just know let like ll m many may me more morning much
             my need no not now of
             on one only or our out please question re s see she should so some t take takes
             tell thank thanks that
             the their them then there these they thing this to too up us ve very want wanted
             was we well were what
             whats when where which who why will with would yes you your evening afternoon
             bought buy whether last first week weeks
             month months yesterday"

    let private portuguese =
        wordSet
            "a ao aos aquela aquele aqui as ate bem boa boas bom cada com como custa da das de
            dela dele depois do dos
             e ela ele eles em entao entre era essa esse esta estao estar estou eu faz fazem
             fazer fica foi gostaria
             ha isso isto ja la lhe mais mas me mesmo meu meus minha minhas muito na nao nas
             nem no nos nossa nosso num
             numa o obrigado obrigada oi ola onde os ou para pela pelo por pode podem poderia
             porque posso precisava
             preciso pra qual quais quando quanto quanta quantos quantas que quem queria quero
             saber sao se sem ser
             seu seus so sobre sou sua suas ta tal tambem te tem tenho temos teria tudo um uma
             umas uns vai vao voce
             voces vou tarde noite dia favor ajuda ajudar duvida pergunta comprei semana mes
             passado passada ontem primeiro"

    let private isStopWord (word: string) =
        spanish.Contains word || english.Contains word || portuguese.Contains word

    // Longest first, so that the first that fits is the right one.
    let private endings =
        "aciones uciones iciones amientos imientos amiento imiento adoras adores acoes ucoes icoes
        ations itions ation
         ition acion ucion icion acao ucao icao ciones coes iendo ando indo endo mente adora ador
         idas ados adas idos
         aron ieron amos emos imos aban abais eries ments ment ings ies ing ado ada ido ida aba ais
         eis aos oes ers ed
         es er ar ir or as os an en am em ao a e i o s y"
            .Split([| ' '; '\n' |], StringSplitOptions.RemoveEmptyEntries)
        |> Array.sortBy (fun ending -> -ending.Length)

    /// What is left of a folded word without its usual ending: "enviamos", "envío" and "enviar" are all
    /// "envi". At least three letters stay; a word with a digit stays whole.
    let stem (word: string) : string =
        if Seq.exists Char.IsDigit word then
            word
        else
            let keep (ending: string) =
                word.Length - ending.Length >= 3
                && word.EndsWith(ending, StringComparison.Ordinal)

            let bare =
                match Array.tryFind keep endings with
                | Some ending -> word.Substring(0, word.Length - ending.Length)
                | None -> word

            // "shipping" and "ship", "arreglar" and "arreglo": a doubled last letter says nothing.
            if bare.Length > 3 && bare[bare.Length - 1] = bare[bare.Length - 2] then
                bare.Substring(0, bare.Length - 1)
            else
                bare

    /// The terms that a text is searched by: its words without stop words, each without its ending.
    let terms (text: string) : string list =
        split text
        |> List.filter (fun word -> word.Length > 1 && not (isStopWord word))
        |> List.map stem

    /// The language of a text by its small words, or None when they do not tell (a short text, or a tie).
    let language (text: string) : Language option =
        let words = split text

        let count (known: HashSet<string>) =
            words |> List.filter known.Contains |> List.length

        // "ñ", "¿" and "¡" are Spanish, "ã", "õ" and "ç" Portuguese: each weighs as much as two small words.
        let marks (letters: string) =
            if
                text.ToLowerInvariant()
                |> Seq.exists (fun (letter: char) -> letters.Contains letter)
            then
                2
            else
                0

        let ranked =
            [
                Spanish, count spanish + marks "ñ¿¡"
                English, count english
                Portuguese, count portuguese + marks "ãõç"
            ]
            |> List.sortByDescending snd

        match ranked with
        | (best, most) :: (_, next) :: _ when most > next -> Some best
        | _ -> None
