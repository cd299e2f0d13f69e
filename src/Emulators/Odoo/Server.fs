/// The running state of one emulated Odoo: its database behind a lock, its faults, its journal, and who waits
/// for changes. Every call is one transaction, as in Odoo.
module FunctionalBot.Emulators.Odoo.Server

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open FunctionalBot.Emulators
open FunctionalBot.Emulators.Json
open FunctionalBot.Emulators.Odoo.Outcome
open FunctionalBot.Emulators.Odoo.Records

/// What happens to the answer of a call that went through the transaction.
type Delivery =
    /// It is sent.
    | Delivered
    /// It is lost: the work is done, the caller's connection is cut.
    | Lost

/// One emulated Odoo. The mutable parts are read and changed under `Gate` only.
type Server(settings: Settings) =
    let gate = Lock()
    let live = Live()

    let models =
        Catalogue.models settings.Helpdesk settings.Version settings.TicketFields

    let mutable faults = Faults.none

    /// External ids with the number of the commit that wrote them last, to tell overlapping loads.
    let mutable written: Map<string, int64> = Map.empty
    let mutable commits = 0L

    let fresh () =
        seed settings.Helpdesk (settings.Clock.GetUtcNow())

    let mutable database =
        match settings.DataFile with
        | Some path ->
            match Path.GetDirectoryName(Path.GetFullPath path) with
            | null -> ()
            | folder -> Directory.CreateDirectory folder |> ignore

            DataFile.read path (fresh ())
        | None -> fresh ()

    let locked (action: unit -> 'result) : 'result =
        let scope = gate.EnterScope()

        try
            action ()
        finally
            scope.Dispose()

    // Pages ask for what changed themselves.
    let announce () = live.Publish("changed", Fields [])

    let commit (after: Database) =
        let changes = List.rev after.Changes
        database <- { after with Changes = [] }

        if not changes.IsEmpty then
            commits <- commits + 1L
            settings.DataFile |> Option.iter (fun path -> DataFile.append path changes)
            announce ()

    /// How this Odoo is set up.
    member _.Settings = settings
    /// Its models.
    member _.Models = models
    /// The requests it answered.
    member val Journal = Journal.create 2000
    /// The records as of the last commit.
    member _.Database = locked (fun () -> database)
    /// The faults that are on now.
    member _.Faults = locked (fun () -> faults)

    /// Switches faults on and off.
    member _.SetFaults(chosen: Faults.Faults) =
        locked (fun () ->
            faults <- chosen
            announce ())

    /// Tells the open pages of each commit, fault and reset.
    member _.Live = live

    /// Empties the database, the journal and the faults.
    member this.Reset() =
        locked (fun () ->
            database <- fresh ()
            written <- Map.empty
            faults <- Faults.none
            settings.DataFile |> Option.iter DataFile.clear
            announce ())

        this.Journal.Clear()

    /// The status that a request gets instead of an answer, and one less to come; none when all is well.
    member _.TakeFailure() : int option =
        locked (fun () ->
            if faults.FailCount > 0 then
                faults <- {
                    faults with
                        FailCount = faults.FailCount - 1
                }

                Some faults.FailStatus
            else
                None)

    /// Runs one call as one transaction. A failed one leaves nothing behind.
    member _.Transaction(run: Database -> Outcome<Json * Database>) : Outcome<Json> * Delivery =
        locked (fun () ->
            match run database with
            | Error failure -> Error failure, Delivered
            | Ok(answer, after) ->
                let changesSomething = not after.Changes.IsEmpty
                commit after

                if changesSomething && faults.LoseAnswers > 0 then
                    faults <- {
                        faults with
                            LoseAnswers = faults.LoseAnswers - 1
                    }

                    Ok answer, Lost
                else
                    Ok answer, Delivered)

    /// Runs load() as one transaction that stays open for a while. Of those that overlap on an external id
    /// one goes through; the others get Odoo's message that they could not serialize access.
    member this.Load(externalIds: string list, run: Database -> Outcome<Json * Database>) = task {
        let started, hit =
            locked (fun () ->
                let hit = faults.Conflicts > 0

                if hit then
                    faults <- {
                        faults with
                            Conflicts = faults.Conflicts - 1
                    }

                commits, hit)

        do! Task.Delay(settings.LoadTime, settings.Clock)

        return
            locked (fun () ->
                let overtaken =
                    externalIds
                    |> List.exists (fun id ->
                        written |> Map.tryFind id |> Option.exists (fun commit -> commit > started))

                if hit || overtaken then
                    Ok Import.serializationFailure, Delivered
                else
                    let result = this.Transaction run

                    match result with
                    | Ok answer, _ when (field "ids" answer |> Option.exists isTruthy) ->
                        for id in externalIds do
                            written <- Map.add id commits written
                    | _ -> ()

                    result)
    }

    /// Who is behind a user id, in the context that the caller sent.
    member _.Caller(user: int64, context: Json) : Outcome<Caller> =
        let language =
            match textField "lang" context with
            | None -> Ok "en_US"
            | Some("en_US" | "es_ES" as known) -> Ok known
            | Some other -> userError $"Invalid language code: %s{other}"

        language
        |> Result.map (fun language -> {
            Models = models
            Version = settings.Version
            User = user
            Partner = if user = administratorUser then 3L else 6L
            Administrator = (user = administratorUser)
            Language = language
            OnlyActive = field "active_test" context |> Option.forall isTruthy
            At = settings.Clock.GetUtcNow()
        })
