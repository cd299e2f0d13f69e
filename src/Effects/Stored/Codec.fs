namespace FunctionalBot.Effects

open System
open System.Text.Json
open FunctionalBot.Domain

/// Between the facts of the domain and their stored shapes.
module Codec =
    /// The stored shape of a fact, with when it happened and its cause. Total: every fact has one.
    let write (at: DateTimeOffset) (cause: string) (fact: Fact) : StoredFact = FactWriter.write at cause fact

    /// Every alias that this version can read.
    let aliases: string Set = Set.ofSeq FactReader.readers.Keys

    /// Reads a stored fact. The error says what is wrong, for operators; it names the alias and nothing
    /// personal.
    let read (alias: string) (data: string) : Result<ReadFact, string> =
        match FactReader.readers.TryGetValue alias with
        | false, _ ->
            Error(
                String.Concat("the type '", alias, "' is unknown to this version; ")
                + "run the version that wrote it, or a newer one"
            )
        | true, read ->
            try
                Ok(read data)
            with
            | :? JsonException
            | :? InvalidOperationException as problem ->
                Error(String.Concat("the data of '", alias, "' cannot be read: ", problem.Message))
            // Whatever the data makes a reader stumble over is a fault of the data. Such a message may quote it.
            | problem ->
                Error(String.Concat("the data of '", alias, "' cannot be read: ", problem.GetType().Name))
