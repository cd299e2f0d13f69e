/// What a measurement is: a value of several rounds with its spread, and how rounds are taken.
module FunctionalBot.Bench.Measurement

open System
open System.Diagnostics

/// What the design asks of a value. It is shown beside the value and never fails anything.
type Budget =
    | AtLeast of float
    | AtMost of float

/// One line of the report.
type Figure = {
    /// What the line belongs to, for example "transition".
    Group: string
    /// What was measured.
    Name: string
    /// The unit of the numbers, for example "events/s".
    Unit: string
    /// The values of the rounds, at least one, in the order in which they were taken; NaN where a round had none.
    Rounds: float list
    Budget: Budget option
}

/// A line that is no number: a check that was made, or why something was not measured.
type Remark = { About: string; Text: string }

/// What one part of the benchmark found.
type Findings = {
    Figures: Figure list
    Remarks: Remark list
    /// Parts that did not come to their end; a remark says why.
    BrokenOff: int
}

/// Nothing found.
let nothing: Findings = {
    Figures = []
    Remarks = []
    BrokenOff = 0
}

/// The findings of one part behind those of another.
let join (first: Findings) (second: Findings) : Findings = {
    Figures = first.Figures @ second.Figures
    Remarks = first.Remarks @ second.Remarks
    BrokenOff = first.BrokenOff + second.BrokenOff
}

/// Does a part. One that breaks off is told as a remark, so that what others found is not lost with it.
let attempt (part: string) (work: unit -> Findings) : Findings =
    try
        work ()
    with problem ->
        eprintfn "%O" problem

        {
            nothing with
                Remarks = [
                    {
                        About = part
                        Text = $"BROKE OFF: %s{problem.Message}"
                    }
                ]
                BrokenOff = 1
        }

/// The value in the middle of the sorted values; of an even count the mean of the two. Values that are no number do
/// not count; NaN where none is left.
let median (values: float list) : float =
    let sorted = values |> List.filter Double.IsFinite |> List.sort |> List.toArray
    let middle = sorted.Length / 2

    if sorted.Length = 0 then nan
    elif sorted.Length % 2 = 1 then sorted[middle]
    else (sorted[middle - 1] + sorted[middle]) / 2.

/// The value below which this share (0 to 1) of the values lies; NaN of nothing. `sorted` is ascending.
let percentile (share: float) (sorted: float[]) : float =
    if sorted.Length = 0 then
        nan
    else
        sorted[min (sorted.Length - 1) (int (Math.Ceiling(share * float sorted.Length)) - 1 |> max 0)]

/// How much is measured.
type Effort = {
    /// Rounds that are kept of each measurement.
    Rounds: int
    /// How long a round of pure work takes, about.
    Span: TimeSpan
}

/// What one round of work on this thread cost.
type Cost = {
    OperationsPerSecond: float
    /// Bytes that the work allocated for each operation.
    BytesPerOperation: float
}

/// Does the work again and again for about the span. `work` returns how many operations it did.
let private round (span: TimeSpan) (work: unit -> int) : Cost =
    let watch = Stopwatch.StartNew()
    let before = GC.GetAllocatedBytesForCurrentThread()
    let mutable operations = 0L

    while watch.Elapsed < span do
        operations <- operations + int64 (work ())

    let seconds = watch.Elapsed.TotalSeconds

    {
        OperationsPerSecond = float operations / seconds
        BytesPerOperation = float (GC.GetAllocatedBytesForCurrentThread() - before) / float operations
    }

/// Warms up for two spans, until the runtime has compiled the work for good, and then takes the rounds.
let costs (effort: Effort) (work: unit -> int) : Cost list =
    for _ in 1..2 do
        round effort.Span work |> ignore
        // Recompilation happens on another thread, a tenth of a second after the last new method.
        Threading.Thread.Sleep 150

    [ for _ in 1 .. effort.Rounds -> round effort.Span work ]

/// The throughput and the allocation of some pure work as two lines.
let work
    (effort: Effort)
    group
    name
    (unit: string)
    (budget: Budget option)
    (work: unit -> int)
    : Figure list =
    let taken = costs effort work

    [
        {
            Group = group
            Name = name
            Unit = unit + "s/s"
            Rounds = taken |> List.map _.OperationsPerSecond
            Budget = budget
        }
        {
            Group = group
            Name = name + ", allocation"
            Unit = "bytes/" + unit
            Rounds = taken |> List.map _.BytesPerOperation
            Budget = None
        }
    ]
