namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open FunctionalBot.Effects

/// Changing contacts by hand. Nodes read a contact anew with each decision, so that the next one keeps to it. A
/// decision that is being made is waited for; a message that a worker holds already still goes out.
module internal ContactChanges =
    /// A contact that is locked.
    type private Standing = {
        IsOptedOut: bool
        IsBlocked: bool
        IsMerged: bool
    }

    let private lockSql =
        "SELECT c.opted_out, c.blocked_at IS NOT NULL, c.merged_into IS NOT NULL FROM bot.contact c
        WHERE c.number = $1 FOR NO KEY UPDATE"

    let private blockSql =
        "UPDATE bot.contact SET blocked_at = $2, blocked_reason = $3 WHERE number = $1 RETURNING 1"

    let private unblockSql =
        "UPDATE bot.contact SET blocked_at = NULL, blocked_reason = NULL WHERE number = $1 RETURNING 1"

    let private consentSql =
        "UPDATE bot.contact SET opted_out = $2 WHERE number = $1 RETURNING 1"

    let private write work sql parameters : Task =
        Database.run work [ Statement.create sql parameters, Database.ignoreRows ]

    let private onContact
        (work: Work)
        now
        reason
        number
        (change: ContactChange)
        (standing: Standing)
        : Task<ChangeOutcome> = task {
        let id = Statement.bigint number

        match change with
        | Block when standing.IsBlocked -> return Unchanged "it is blocked already"
        | Unblock when not standing.IsBlocked -> return Unchanged "it is not blocked"
        | OptOut when standing.IsOptedOut -> return Unchanged "the customer has opted out already"
        | OptIn when not standing.IsOptedOut -> return Unchanged "the customer has not opted out"
        | Block ->
            let! waiting = ContactView.waiting work number
            do! write work blockSql [ id; Statement.instant now; Statement.text reason ]

            return
                Changed $"blocked; of what was to be said, %d{waiting} will be dropped when their turn comes"
        | Unblock ->
            do! write work unblockSql [ id ]
            return Changed "unblocked; what was dropped stays dropped"
        | OptOut ->
            do! write work consentSql [ id; Statement.boolean true ]
            return Changed "opted out"
        | OptIn ->
            do! write work consentSql [ id; Statement.boolean false ]
            return Changed "opted in"
    }

    let private lock (work: Work) (number: int64) : Task<Standing option> = task {
        let standing = ref None

        do!
            Database.run work [
                Statement.create lockSql [ Statement.bigint number ],
                fun reader ->
                    standing.Value <-
                        Some {
                            IsOptedOut = reader.GetBoolean 0
                            IsBlocked = reader.GetBoolean 1
                            IsMerged = reader.GetBoolean 2
                        }
            ]

        return standing.Value
    }

    /// Changes the contact that the name leads to. The audit knows it by its number.
    let rec one
        (now: DateTimeOffset)
        (reason: string)
        (name: ContactName)
        (change: ContactChange)
        (work: Work)
        : Task<string * ChangeOutcome> = task {
        match! ContactView.find work name with
        | [] -> return "contact", NotFound
        | [ number ] ->
            match! lock work number with
            | None -> return "contact", NotFound
            // It was merged while its lock was waited for. What is written there nobody reads any more.
            | Some { IsMerged = true } -> return! one now reason name change work
            | Some standing ->
                let! outcome = onContact work now reason number change standing
                return $"contact %d{number}", outcome
        | several ->
            let numbers = several |> List.map string |> String.concat ", "

            return
                "contact",
                NotAllowed
                    $"it is known at several business numbers: name one of the contacts by its number (%s{numbers})"
    }
