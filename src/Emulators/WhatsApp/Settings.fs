namespace FunctionalBot.Emulators.WhatsApp

open System

/// A number of the business that customers write to.
type BusinessPhone = {
    /// The phone number id, by which webhooks and the Graph API name it.
    Id: string
    /// The number as digits without `+`.
    Number: string
    /// The verified name, shown in the header of every phone.
    Name: string
}

/// A person with a phone. At least one of `Phone` and `UserId` must be there, as on WhatsApp since 2026.
type Customer = {
    /// The emulator's own name for the person, short and stable: it is part of the page's test ids.
    Id: string
    /// The profile name that webhooks carry.
    Name: string
    /// The WhatsApp number as digits without `+` (`wa_id`); `None` hides it behind the user id.
    Phone: string option
    /// The business-scoped user id, `CC.` and up to 128 letters or digits; `None` for one that has none yet.
    UserId: string option
    /// False for a person who has switched read receipts off: no `read` status is ever sent.
    ReadReceipts: bool
    /// True once the person has blocked the business: what is sent is accepted and never arrives.
    Blocked: bool
}

/// A message template that Meta has approved: `{{1}}`, `{{2}}`... in the body are filled by the request.
type Template = {
    Name: string
    /// The language code that a send must name, for example `es`.
    Language: string
    Body: string
    /// The texts of its quick-reply buttons.
    QuickReplies: string list
}

/// What an emulator is started with. `Settings.standard` has invented values for everything.
[<NoComparison; NoEquality>]
type Settings = {
    /// The port on 127.0.0.1; 0 takes a free one.
    Port: int
    PhoneNumberId: string
    /// The business's number as digits without `+`.
    BusinessNumber: string
    /// The verified name, shown in the header of every phone.
    BusinessName: string
    /// Further numbers of the same account, each with conversations of its own.
    OtherNumbers: BusinessPhone list
    BusinessAccountId: string
    /// The application's id, as token checks and subscriptions tell it.
    ApplicationId: string
    AccessToken: string
    AppSecret: string
    VerifyToken: string
    /// Where webhooks go. `None`: they wait until an address is set.
    WebhookUrl: Uri option
    /// Where conversations are kept over restarts; `None` forgets them.
    DataFile: string option
    /// The people that exist after a start or a reset.
    Customers: Customer list
    Templates: Template list
    /// How many webhooks are under way at the same time, at most. Those of one customer go one after the
    /// other.
    Connections: int
    /// How many requests and how many deliveries the journals keep.
    JournalLimit: int
    /// How many messages each conversation keeps.
    ConversationLimit: int
    /// The wait before the first repetition of a refused webhook; each further one doubles it.
    FirstRetry: TimeSpan
    /// The longest wait between two repetitions. Meta's own waits grow over seven days.
    LongestRetry: TimeSpan
    /// The seed of every fault that is drawn by chance.
    Seed: int
    /// The clock that every time stamp and every wait comes from.
    Time: TimeProvider
}

/// Addresses as requests and settings write them.
[<RequireQualifiedAccess>]
module WebAddress =

    /// The absolute http or https address that a text is, if it is one.
    let tryRead (text: string) =
        match Uri.TryCreate(text, UriKind.Absolute) with
        | true, found ->
            match found with
            | null -> None
            | uri when uri.Scheme = "http" || uri.Scheme = "https" -> Some uri
            | _ -> None
        | false, _ -> None

/// People to begin with, all invented.
[<RequireQualifiedAccess>]
module Customer =

    /// A customer with both a number and a user id.
    let create id name phone userId = {
        Id = id
        Name = name
        Phone = phone
        UserId = userId
        ReadReceipts = true
        Blocked = false
    }

    /// Known by number and by user id.
    let ana =
        create "ana" "Ana Ríos" (Some "34600111222") (Some "ES.13491208655302741918")

    /// Has taken a user name, so that the business never sees the number.
    let tomas = create "tomas" "Tomás Vidal" None (Some "AR.20817345520968113374")

    /// From another country, with a number only.
    let beatriz = create "beatriz" "Beatriz Souza" (Some "5511987650000") None

    /// The id that a status or an answer gives for the person: the number when there is one.
    let address (customer: Customer) =
        customer.Phone
        |> Option.orElse customer.UserId
        |> Option.defaultValue customer.Id

    /// The customer's own number, also where the business does not see it: an invented one that stays the same.
    let ownNumber (customer: Customer) =
        let hidden (userId: string) =
            let codes = [
                "ES", "34600"
                "AR", "5491155"
                "MX", "5215555"
                "CO", "57310"
                "BR", "551198"
            ]

            let code =
                codes
                |> List.tryFind (fun (country, _) -> userId.StartsWith country)
                |> Option.map snd
                |> Option.defaultValue "1555010"

            let drawn =
                Security.Cryptography.SHA256.HashData(Text.Encoding.UTF8.GetBytes userId)

            $"%s{code}%06d{BitConverter.ToUInt32(drawn, 0) % 1_000_000u}"

        customer.Phone
        |> Option.defaultWith (fun () -> customer.UserId |> Option.defaultValue customer.Id |> hidden)

/// The settings of the demo and of tests.
[<RequireQualifiedAccess>]
module Settings =

    /// Invented values, three customers, a free port, no webhook address and nothing kept.
    let standard = {
        Port = 0
        PhoneNumberId = "106540352242922"
        BusinessNumber = "34910000000"
        BusinessName = "Tienda Aurora"
        OtherNumbers = []
        BusinessAccountId = "102290129340398"
        ApplicationId = "670843887433847"
        AccessToken = "emulator-access-token"
        AppSecret = "emulator-app-secret"
        VerifyToken = "emulator-verify-token"
        WebhookUrl = None
        DataFile = None
        Customers = [ Customer.ana; Customer.tomas; Customer.beatriz ]
        Templates = [
            {
                Name = "hello_world"
                Language = "en_US"
                Body = "Hello World"
                QuickReplies = []
            }
            {
                Name = "seguimiento"
                Language = "es"
                Body = "Hola, {{1}}. Hay novedades en tu caso {{2}}. ¿Quieres verlas ahora?"
                QuickReplies = [ "Sí, muéstrame"; "Más tarde" ]
            }
        ]
        Connections = 16
        JournalLimit = 5000
        ConversationLimit = 500
        FirstRetry = TimeSpan.FromMilliseconds 100.0
        LongestRetry = TimeSpan.FromSeconds 5.0
        Seed = 20260101
        Time = TimeProvider.System
    }

    /// The number that is meant where none is named.
    let mainNumber (settings: Settings) : BusinessPhone = {
        Id = settings.PhoneNumberId
        Number = settings.BusinessNumber
        Name = settings.BusinessName
    }

    /// Every number of the business, the main one first.
    let numbers (settings: Settings) : BusinessPhone list =
        mainNumber settings :: settings.OtherNumbers

    /// The number with this phone number id.
    let number (settings: Settings) (id: string) : BusinessPhone option =
        numbers settings |> List.tryFind (fun found -> found.Id = id)

    /// Reads further numbers as `id:number:name`, several apart by commas. The error names the wrong one.
    let readNumbers (text: string) : Result<BusinessPhone list, string> =
        let parts =
            text.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)

        let isDigits (part: string) =
            part <> "" && Seq.forall Char.IsAsciiDigit part

        let read (part: string) =
            match part.Split(':', 3, StringSplitOptions.TrimEntries) with
            | [| id; number; name |] when isDigits id && isDigits number && name <> "" ->
                Ok {
                    Id = id
                    Number = number
                    Name = name
                }
            | _ ->
                Error(
                    $"\"%s{part}\" is no business number; write id:number:name, for example "
                    + "106540352242923:34910000001:Taller Aurora."
                )

        (Ok [], List.ofArray parts)
        ||> List.fold (fun known part ->
            known
            |> Result.bind (fun found -> read part |> Result.map (fun one -> found @ [ one ])))
