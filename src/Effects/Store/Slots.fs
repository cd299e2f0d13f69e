namespace FunctionalBot.Effects.Store

open System
open System.Threading.Tasks
open Npgsql
open FunctionalBot.Effects

/// Taking slots for messages from buckets that all nodes share.
module internal Slots =
    let private addSql =
        "INSERT INTO bot.pace (channel, customer, taken_until)
        SELECT channel, customer, clock_timestamp() FROM unnest($1, $2) AS n(channel, customer)
        ORDER BY channel, customer
        ON CONFLICT (channel, customer) DO NOTHING RETURNING 1"

    let private lockSql =
        "SELECT p.channel, p.customer, p.taken_until
        FROM (SELECT * FROM unnest($1, $2) AS u(channel, customer) ORDER BY channel, customer) n
        CROSS JOIN LATERAL (
            SELECT * FROM bot.pace b WHERE b.channel = n.channel AND b.customer = n.customer
            LIMIT 1 FOR UPDATE) p"

    /// Read after the locks are held, so that whoever comes later sees a later time.
    let private clockSql = "SELECT clock_timestamp()"

    let private takeSql =
        "INSERT INTO bot.pace (channel, customer, taken_until)
        SELECT channel, customer, taken_until
        FROM unnest($1, $2, $3) AS n(channel, customer, taken_until) ORDER BY channel, customer
        ON CONFLICT (channel, customer) DO UPDATE SET taken_until = excluded.taken_until RETURNING 1"

    /// Serves the requests in two round trips, by PostgreSQL's clock. What is taken is decided by
    /// `Bucket.reserve` while the buckets are locked, so there is one rule for all stores.
    let reserve
        (source: NpgsqlDataSource)
        (limits: PaceLimits)
        (requests: SlotRequest list)
        : Task<Slot list> =
        let names = Bucket.names limits requests
        let channels = names |> List.map fst
        let customers = names |> List.map snd

        Database.transact source (fun work -> task {
            let buckets = ref Map.empty
            let now = ref DateTimeOffset.MinValue

            do!
                Database.run work [
                    Statement.create addSql [ Statement.texts channels; Statement.texts customers ],
                    Database.ignoreRows
                    Statement.create lockSql [ Statement.texts channels; Statement.texts customers ],
                    fun reader ->
                        let name = reader.GetString 0, reader.GetString 1
                        buckets.Value <- buckets.Value.Add(name, Database.instantOf reader 2)
                    Statement.create clockSql [], fun reader -> now.Value <- Database.instantOf reader 0
                ]

            let slots, changed = Bucket.reserve limits now.Value buckets.Value requests
            let changed = Map.toList changed

            if not changed.IsEmpty then
                do!
                    Database.run work [
                        Statement.create takeSql [
                            Statement.texts (changed |> Seq.map (fun ((channel, _), _) -> channel))
                            Statement.texts (changed |> Seq.map (fun ((_, customer), _) -> customer))
                            Statement.notBefores (Seq.map snd changed)
                        ],
                        Database.ignoreRows
                    ]

            return slots
        })
