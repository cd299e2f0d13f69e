namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects

/// How services stand, as nodes tell each other.
module internal ServiceStates =
    let private reportSql =
        "INSERT INTO bot.service_state (service, node, state, since, reason, next_probe)
        VALUES ($1, $2, $3, $4, ($5)[1], ($6)[1])
        ON CONFLICT (service, node) DO UPDATE SET state = excluded.state, since = excluded.since,
            reason = excluded.reason, next_probe = excluded.next_probe
        RETURNING 1"

    let private readSql =
        "SELECT service, node, state, since, reason, next_probe FROM bot.service_state ORDER BY service, node"

    let private probeSql =
        "UPDATE bot.service_state SET next_probe = $3
        WHERE service = $1 AND node = '' AND state = 'stopped' AND (next_probe IS NULL OR next_probe <= $2)
        RETURNING 1"

    let private resumeSql =
        "UPDATE bot.service_state SET state = 'working', since = $2, reason = NULL, next_probe = NULL
        WHERE service = $1 AND node = '' AND state = 'stopped' RETURNING 1"

    /// What somebody else holds at this moment comes back by its own time.
    let private wakeSql =
        "UPDATE bot.outbox o SET wake = $1
        WHERE o.id = ANY (ARRAY(SELECT w.id FROM bot.outbox w
            WHERE w.service = 'messaging' AND w.wake > $1 AND w.state = 'ready' AND w.put_off > 0
            ORDER BY w.id FOR UPDATE SKIP LOCKED))
        RETURNING 1"

    let private run source statements : Task<int> =
        Database.transact source (fun work -> task {
            let rows = ref 0

            do!
                Database.run work [
                    for statement in statements -> statement, (fun _ -> rows.Value <- rows.Value + 1)
                ]

            return rows.Value
        })

    /// Keeps what is reported, in place of what was there.
    let report (source: NpgsqlDataSource) (state: ServiceState) : Task = task {
        let! _ =
            run source [
                Statement.create reportSql [
                    Statement.text state.Service
                    Statement.text (Option.defaultValue "" state.Node)
                    Statement.text (ServiceState.word state.Condition)
                    Statement.instant state.Since
                    Statement.textOptions [ state.Reason ]
                    Statement.instants (Option.toList state.NextProbe)
                ]
            ]

        return ()
    }

    /// All that is known. A state of a newer build is left out.
    let read (source: NpgsqlDataSource) : Task<ServiceState list> =
        Database.transact source (fun work -> task {
            let states = ResizeArray()

            do!
                Database.run work [
                    Statement.create readSql [],
                    fun reader ->
                        match ServiceState.ofWord (reader.GetString 2) with
                        | None -> ()
                        | Some condition ->
                            states.Add {
                                Service = reader.GetString 0
                                Node =
                                    match reader.GetString 1 with
                                    | "" -> None
                                    | node -> Some node
                                Condition = condition
                                Since = Database.instantOf reader 3
                                Reason = Database.textOrNone reader 4
                                NextProbe =
                                    if reader.IsDBNull 5 then
                                        None
                                    else
                                        Some(Database.instantOf reader 5)
                            }
                ]

            return List.ofSeq states
        })

    /// The row's lock gives the probe to one node.
    let takeProbe (source: NpgsqlDataSource) (service: string) (now: DateTimeOffset) (next: DateTimeOffset) =
        task {
            let! rows =
                run source [
                    Statement.create probeSql [
                        Statement.text service
                        Statement.instant now
                        Statement.instant next
                    ]
                ]

            return rows > 0
        }

    /// Ends a stop and lets what was put off be handed out. What another stop holds is put off again.
    let resumeMessages (source: NpgsqlDataSource) (service: string) (now: DateTimeOffset) : Task = task {
        let! _ =
            run source [
                Statement.create resumeSql [ Statement.text service; Statement.instant now ]
                Statement.create wakeSql [ Statement.instant now ]
            ]

        return ()
    }
