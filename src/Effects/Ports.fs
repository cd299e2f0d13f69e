namespace FunctionalBot.Effects

#nowarn "57"

[<NoComparison; NoEquality>]
type B = {
    Client: OpenAI.Responses.ResponsesClient
    Data: Npgsql.NpgsqlDataSource
    Logging: System.ClientModel.ClientResultException
}
