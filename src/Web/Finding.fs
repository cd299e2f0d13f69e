/// What a check of `bot doctor` found.
module FunctionalBot.Web.Finding

open System.Threading.Tasks

/// What one check found.
type Finding =
    | Fine of fact: string
    | Wrong of problem: string * mend: string

/// One check by name.
type Check = { Name: string; Finding: Finding }

/// Runs a check; one that throws has found something too.
let guard (name: string) (check: unit -> Task<Finding>) : Task<Check> = task {
    try
        let! finding = check ()
        return { Name = name; Finding = finding }
    with fault ->
        return {
            Name = name
            Finding =
                Wrong(
                    Logging.mask (fault.GetType().Name + ": " + fault.Message),
                    "See the message; the service answered in an unexpected way."
                )
        }
}
