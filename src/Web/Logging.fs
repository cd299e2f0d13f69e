/// Logs: readable on the console, JSON in a rolling file, and personal data masked in both.
module FunctionalBot.Web.Logging

open System
open System.IO
open System.Text.RegularExpressions
open Serilog
open Serilog.Core
open Serilog.Events
open Serilog.Formatting
open Serilog.Formatting.Display
open Serilog.Formatting.Json
open FunctionalBot.Effects.Telemetry

let private longNumber =
    Regex(@"(?<![\w.])\+?\d[\d ]{5,}\d(?![\w])", RegexOptions.Compiled)

let private scopedId =
    Regex(@"\b[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{6,}", RegexOptions.Compiled)

let private email =
    Regex(@"[^\s@""'<>]+@[^\s@""'<>]+\.[A-Za-z]{2,}", RegexOptions.Compiled)

let private wamid = Regex(@"wamid\.[A-Za-z0-9+/=_-]+", RegexOptions.Compiled)

let private bearer =
    Regex(@"(?i)(bearer\s+|token=|password=|apikey=|secret=)[^\s;,""&]+", RegexOptions.Compiled)

/// An access token of Meta's, which its own sentences may repeat.
let private graphToken = Regex(@"\bEAA[A-Za-z0-9_-]{5,}", RegexOptions.Compiled)

let private streamCustomer =
    Regex(@"session/([^/\s""]+)/([^/\s""]+)/", RegexOptions.Compiled)

/// Takes phone numbers, WhatsApp ids, e-mail addresses and secrets out of a text. The last two characters
/// of an id stay, so that lines of one customer can be told from those of another.
let mask (text: string) : string =
    let tail (value: string) =
        value.Substring(max 0 (value.Length - 2))

    let customer (found: Match) =
        "session/" + found.Groups[1].Value + "/***" + tail found.Groups[2].Value + "/"

    let text = bearer.Replace(text, "$1***")
    let text = graphToken.Replace(text, "EAA***")
    let text = email.Replace(text, "***@***")

    let text =
        wamid.Replace(text, (fun (found: Match) -> "wamid.***" + tail found.Value))

    let text = streamCustomer.Replace(text, customer)

    let text =
        scopedId.Replace(text, (fun (found: Match) -> found.Value.Substring(0, 3) + "***" + tail found.Value))

    longNumber.Replace(text, (fun (found: Match) -> "***" + tail found.Value))

/// Masks values before any sink sees them: texts among the properties, and what exceptions say.
type private MaskingEnricher() =
    let rec masked (value: LogEventPropertyValue) : LogEventPropertyValue =
        match value with
        | :? ScalarValue as scalar ->
            match scalar.Value with
            | :? string as text -> ScalarValue(mask text)
            | _ -> value
        | :? SequenceValue as sequence -> SequenceValue(sequence.Elements |> Seq.map masked)
        | _ -> value

    interface ILogEventEnricher with
        member _.Enrich(event, _) =
            for pair in List.ofSeq event.Properties do
                event.AddOrUpdateProperty(LogEventProperty(pair.Key, masked pair.Value))

/// Writes what another formatter writes, with exceptions masked too.
type private MaskingFormatter(inner: ITextFormatter) =
    interface ITextFormatter with
        member _.Format(event, output) =
            use text = new StringWriter()
            inner.Format(event, text)

            output.Write(
                match event.Exception with
                | null -> text.ToString()
                | _ -> mask (text.ToString())
            )

/// Builds the logger. `folder` gets one file a day, at most 31 of them, of 100 MB at most each.
let create (folder: string) (level: string) : Logger =
    let level =
        match level with
        | "debug" -> LogEventLevel.Debug
        | "warning" -> LogEventLevel.Warning
        | "error" -> LogEventLevel.Error
        | _ -> LogEventLevel.Information

    let console =
        MessageTemplateTextFormatter("{Timestamp:HH:mm:ss} {Level:u3} {Message:lj}{NewLine}{Exception}")

    LoggerConfiguration()
        .MinimumLevel.Is(level)
        .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
        .Enrich.With(MaskingEnricher())
        .WriteTo.Console(MaskingFormatter console, standardErrorFromLevel = Nullable LogEventLevel.Verbose)
        .WriteTo.File(
            MaskingFormatter(JsonFormatter(renderMessage = true)),
            Path.Combine(folder, "bot-.json"),
            rollingInterval = RollingInterval.Day,
            retainedFileCountLimit = Nullable 31,
            fileSizeLimitBytes = Nullable 100_000_000L,
            rollOnFileSizeLimit = true,
            shared = true
        )
        .CreateLogger()

/// A warning that belongs to a trace, though the span is no longer current: its line in the JSON file has the trace's
/// and the span's ids, as lines that are written within a span have by themselves.
let warnWithin
    (log: ILogger)
    (now: DateTimeOffset)
    (trace: string option)
    (template: string)
    (values: obj[])
    =
    let context = Trace.parse trace

    if log.IsEnabled LogEventLevel.Warning then
        match log.BindMessageTemplate(template, values) with
        | true, NonNull bound, NonNull properties ->
            LogEvent(
                now.ToLocalTime(),
                LogEventLevel.Warning,
                null,
                bound,
                properties,
                context.TraceId,
                context.SpanId
            )
            |> log.Write
        | _ -> log.Warning(template, values)
