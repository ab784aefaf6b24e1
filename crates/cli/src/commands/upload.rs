//! `workstead upload`: a directory or a bundle goes to a workspace of a server.

mod after_put;
mod await_end;
mod effort;
mod inline;
mod presigned;
mod report;
mod send;
mod source;
mod steps;
pub(super) mod summary;
mod talk;
mod target;
mod upload_info;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

pub(super) use self::report::Report;
pub(super) use self::send::{Manner, Upload, Via};
pub(super) use self::source::Source;
pub(super) use self::talk::Talk;
pub(super) use self::target::TargetArgs;
use crate::client::Client;
use crate::client::retry::{Patience, SystemClock};
use crate::diagnostics::Diagnostics;
use crate::error::CliError;
use crate::merge_args::MergeArgs;
use crate::output::{OutputFormat, Printer};

/// What `--help` says at its end.
const EXIT_CODES: &str = "Exit codes:
  0  committed, or nothing was new (see --detailed-exitcode)
  1  something to mend here: arguments, files, settings
  2  unexpected
  3  the bundle is refused: not valid, or over a limit (413, 422)
  4  not signed in, not allowed, or no such workspace for this token (401, 403, 404)
  5  what is there stands against it: prune_guard, merge_conflict, a moved branch (409, 410, 412)
  6  the server or its store was not reached, or still failed after all retries (429, 5xx)
  7  nothing was new, with --detailed-exitcode";

/// Arguments of `workstead upload`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// A workspace directory, a bundle (tar.gz) that is sent as it is, or - for a bundle on standard input
    #[arg(value_name = "DIR|FILE|-")]
    source: PathBuf,
    /// Where to, and as whom.
    #[command(flatten)]
    target: TargetArgs,
    /// The way in
    #[arg(long, value_enum, value_name = "WAY", default_value_t)]
    via: Via,
    /// What the merge does.
    #[command(flatten)]
    options: MergeArgs,
    /// Change nothing, and say what would be
    #[arg(long)]
    dry_run: bool,
    /// How often a step is tried again after a broken connection, 429, 502, 503 or 504
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    retries: u32,
    /// How long all of it may take, pauses and waiting included: seconds, or with the unit s, m or h
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = parse_time)]
    timeout: Duration,
    /// Let the server answer at once and work later; the command asks until it is done
    #[arg(long = "async")]
    respond_async: bool,
    /// With --async: don't ask what came of it
    #[arg(long, requires = "respond_async")]
    no_wait: bool,
    /// End with 7 when nothing was new
    #[arg(long)]
    detailed_exitcode: bool,
    /// Tell nothing but the result and errors
    #[arg(long, short)]
    quiet: bool,
    /// How to print the result
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: OutputFormat,
    /// The same as --output json
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

/// Uploads, waits for the commit, and tells what came of it.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<ExitCode, CliError> {
    let deadline = Instant::now() + args.timeout;
    let source = Source::read(&args.source)?;
    let target = args.target.find()?;
    let client = Client::new(&target.server, target.token)?.until(deadline);
    let manner = Manner {
        patience: Patience { retries: args.retries, deadline },
        clock: &SystemClock,
        talk: Talk::new(printer, args.quiet),
        respond_async: args.respond_async,
        wait: !args.no_wait,
        dry_run: args.dry_run,
    };
    let upload = Upload::new(&client, &target.workspace, &args.options, &source.bundle, manner);
    let format = if args.json { OutputFormat::Json } else { args.output };
    let report = Report { printer, format, detailed: args.detailed_exitcode };
    match upload.send(args.via) {
        Ok(answer) => report.success(&upload, answer),
        Err(error) => Err(report.failure(&target.workspace, &Diagnostics::new(&source.files, false), error)),
    }
}

/// Reads a time: seconds, or with the unit s, m or h.
fn parse_time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    let number: Option<u64> = digits.parse().ok();
    let time = number.and_then(|number| number.checked_mul(seconds));
    time.filter(|time| (1..=7 * 24 * 3600).contains(time))
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a time up to a week, like 90, 90s, 10m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let read = |text| parse_time(text).map(|time| time.as_secs());
        assert_eq!([read("90"), read("90s"), read("10m"), read("1h")], [Ok(90), Ok(90), Ok(600), Ok(3600)]);
        for bad in ["", "0", "m", "1.5m", "-1", "1d", "9h9", "99999999999999999999", "169h"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
