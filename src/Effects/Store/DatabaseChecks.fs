namespace FunctionalBot.Effects.Store

open System.Threading.Tasks
open Npgsql

/// What a check found.
type CheckFinding = {
    Check: DatabaseCheck
    /// The first few offences; none where all is well.
    Offences: string list
    /// How many there are.
    Count: int64
}

/// Running checks.
module internal DatabaseChecks =
    /// So many offences of one check are shown.
    let private shown = 5

    let private one (work: Work) (check: DatabaseCheck) : Task<CheckFinding> = task {
        let savepoint = "before_the_check"
        do! work.Transaction.SaveAsync savepoint
        let offences = ResizeArray()
        let count = ref 0L

        try
            do!
                Database.run work [
                    Statement.create
                        ("SELECT offence, count(*) OVER () FROM ("
                         + check.Offences
                         + ") AS o(offence) LIMIT $1")
                        [ Statement.int shown ],
                    fun reader ->
                        offences.Add(reader.GetString 0)
                        count.Value <- reader.GetInt64 1
                ]
        with :? PostgresException as refused when refused.SqlState <> PostgresErrorCodes.InsufficientPrivilege ->
            // What is asked about is not there at all, for example the sequence.
            do! work.Transaction.RollbackAsync savepoint
            offences.Add("it cannot be checked: " + refused.MessageText)
            count.Value <- 1L

        return {
            Check = check
            Offences = List.ofSeq offences
            Count = count.Value
        }
    }

    let private onOneSnapshot (source: NpgsqlDataSource) (checks: DatabaseCheck list) (passed: unit -> unit) =
        Database.transact source (fun work -> task {
            use snapshot =
                new NpgsqlCommand(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
                    work.Connection,
                    work.Transaction
                )

            let! _ = snapshot.ExecuteNonQueryAsync()
            let findings = ResizeArray()

            for check in checks do
                let! finding = one work check
                findings.Add finding
                passed ()

            return List.ofSeq findings
        })

    /// Runs the checks: the bot's books on one snapshot, so that a bot that works meanwhile makes no false alarm; each
    /// rule of the layout is one statement and has a snapshot of its own, since one that is open for as long as all of
    /// them take would keep the small open tables from being vacuumed. Changes nothing. `passed` is told how many are
    /// done.
    let run
        (source: NpgsqlDataSource)
        (checks: DatabaseCheck list)
        (passed: int64 -> unit)
        : Task<CheckFinding list> = task {
        let layout, books = checks |> List.partition (fun check -> check.Rule.IsSome)
        let groups = [ for check in layout -> [ check ] ] @ [ books ]
        let count = ref 0L
        let findings = ResizeArray()

        let pass () =
            count.Value <- count.Value + 1L
            passed count.Value

        for group in groups do
            let! found = onOneSnapshot source group pass
            findings.AddRange found

        return List.ofSeq findings
    }
