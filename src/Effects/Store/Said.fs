namespace FunctionalBot.Effects.Store

open System.Threading.Tasks
open Npgsql
open FunctionalBot.Domain
open FunctionalBot.Effects

/// Finding what was said with a message of ours. Meta's id of it is known from its statuses alone: their entries are
/// named by it and keep the command's key that came back with them.
module internal Said =
    /// Statuses whose entries keep the key; one that failed was not seen by the customer.
    let private statuses = [ "sent"; "delivered"; "read"; "played" ]

    /// Two look-ups by unique indexes.
    let private sql =
        "SELECT c.payload::text FROM bot.command c
        WHERE c.key = (
            SELECT i.fact->>'Raw' FROM bot.inbox i
            WHERE i.source = 'status' AND i.source_id = ANY ($1) AND i.fact IS NOT NULL LIMIT 1)
        AND c.kind = 'say' AND c.channel = $2 AND c.customer = $3"

    /// What was said to the session's customer with this message.
    let read (source: NpgsqlDataSource) (session: SessionId) (MessageId message) : Task<Utterance option> =
        Database.transact source (fun work -> task {
            let (CustomerId customer) = session.Customer
            let found = ref None

            do!
                Database.run work [
                    Statement.create sql [
                        Statement.texts (
                            statuses |> List.map (fun status -> StoredText.name (message + ":" + status))
                        )
                        Statement.text session.Channel
                        Statement.text customer
                    ],
                    fun reader ->
                        match Json.read<Action>(reader.GetString 0) with
                        | Ok(Say utterance) -> found.Value <- Some utterance
                        | Ok _
                        | Error _ -> ()
                ]

            return found.Value
        })
