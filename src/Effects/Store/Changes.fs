namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql

/// Who wants something changed by hand, and why.
type ChangeRequest = {
    /// The user of the operating system.
    Who: string
    /// For the audit; whoever writes it is asked to name no customer.
    Reason: string
    /// True for a dry run: everything is done as it would be, and rolled back.
    IsRehearsal: bool
}

/// What came of a change by hand.
type ChangeOutcome =
    /// It was done, or would be; what exactly.
    | Changed of effect: string
    /// Nothing has that number or key.
    | NotFound
    /// Its state does not allow it: why, and what can be done instead.
    | NotAllowed of why: string
    /// It is allowed and would change nothing.
    | Unchanged of why: string

/// Changes by hand: each is one transaction with its row in bot.audit.
module internal Changes =
    let private auditSql =
        "INSERT INTO bot.audit (at, who, verb, target, reason, effect) VALUES ($1, $2, $3, $4, $5, $6) RETURNING 1"

    let private savepoint = "before_the_change"

    /// Does the work in one transaction with its audit row. Whatever does not end as Changed leaves nothing behind, and
    /// nor does a rehearsal. The target is named by the work, which looks for it.
    let apply
        (source: NpgsqlDataSource)
        (now: DateTimeOffset)
        (request: ChangeRequest)
        (verb: string)
        (work: Work -> Task<string * ChangeOutcome>)
        : Task<ChangeOutcome> =
        Database.transact source (fun transaction -> task {
            do! transaction.Transaction.SaveAsync savepoint
            let! target, outcome = work transaction

            match outcome with
            | Changed effect ->
                do!
                    Database.run transaction [
                        Statement.create auditSql [
                            Statement.instant now
                            Statement.text request.Who
                            Statement.text verb
                            Statement.text target
                            Statement.text request.Reason
                            Statement.text effect
                        ],
                        Database.ignoreRows
                    ]
            | NotFound
            | NotAllowed _
            | Unchanged _ -> ()

            match outcome with
            | Changed _ when not request.IsRehearsal -> ()
            | _ -> do! transaction.Transaction.RollbackAsync savepoint

            return outcome
        })
