//! `workstead plan`: what an upload would change, without changing it.

mod answer;
mod render;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Deserialize;

use self::answer::Answer;
use self::render::{Renderer, Style};
use super::upload::{Manner, Report, Source, Talk, TargetArgs, Upload, Via};
use crate::client::retry::Patience;
use crate::client::{Client, ClientError};
use crate::diagnostics::Diagnostics;
use crate::error::{CliError, Ending};
use crate::merge_args::MergeArgs;
use crate::output::{OutputFormat, Printer};

/// What `--help` says at its end.
const EXIT_CODES: &str =
    "Exit codes: those of `workstead upload`. With --detailed-exitcode 0 says that an upload would
change nothing, 2 that it would change something, and what is unexpected ends with 1.";

/// How often a step is tried again; a plan may be asked for as often as one likes.
const RETRIES: u32 = 4;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_mins(15);
/// The exit code of a plan with changes, where that is asked to be told.
const CHANGES: u8 = 2;

/// Arguments of `workstead plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// A workspace directory, a bundle (tar.gz), or - for a bundle on standard input
    #[arg(value_name = "DIR|FILE|-")]
    source: PathBuf,
    /// Where to, and as whom.
    #[command(flatten)]
    target: TargetArgs,
    /// What the merge would do.
    #[command(flatten)]
    options: MergeArgs,
    /// Show also the content of files that come or go
    #[arg(long)]
    full: bool,
    /// When to use colours; by default on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    color: When,
    /// Print the server's answer as it is, for scripts
    #[arg(long)]
    json: bool,
    /// End with 2 when an upload would change something, with 5 when it would be refused
    #[arg(long)]
    detailed_exitcode: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum When {
    /// Where a terminal shows them
    #[default]
    Auto,
    /// Also in a file or a pipe
    Always,
    /// Nowhere
    Never,
}

impl When {
    fn style(self, printer: &Printer) -> Style {
        match self {
            Self::Auto if printer.color() => Style::Colored,
            Self::Always => Style::Colored,
            Self::Auto | Self::Never => Style::Plain,
        }
    }
}

/// Asks for the plan and shows it.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<ExitCode, CliError> {
    match plan(args, printer) {
        // 2 means changes then, and must mean nothing else.
        Err(error) if args.detailed_exitcode && error.ending() == Ending::Unexpected => {
            printer.failure(&error);
            Ok(ExitCode::from(1))
        }
        ended => ended,
    }
}

fn plan(args: &Args, printer: &Printer) -> Result<ExitCode, CliError> {
    let source = Source::read(&args.source)?;
    let target = args.target.find()?;
    let deadline = Instant::now() + PATIENCE;
    let client = Client::new(&target.server, target.token)?.until(deadline);
    let manner = Manner {
        patience: Patience { retries: RETRIES, deadline },
        dry_run: true,
        ..Manner::plain(Talk::new(printer, false))
    };
    let upload = Upload::new(&client, &target.workspace, &args.options, &source.bundle, manner);
    let format = if args.json { OutputFormat::Json } else { OutputFormat::Text };
    let style = args.color.style(printer);
    let json = upload.send(Via::Inline).map_err(|error| {
        let diagnostics = Diagnostics::new(&source.files, style == Style::Colored);
        let report = Report { printer, format, detailed: false };
        report.failure(&target.workspace, &diagnostics, in_one_request(error, source.bundle.len()))
    })?;
    let answer = Answer::deserialize(&json).map_err(|error| {
        CliError::unexpected(error, "the server's answer holds no plan").hint(
            "does this server know dry runs? ask its history (`/uploads`) whether it took the upload in",
        )
    })?;
    if args.json {
        printer.json(&json)?;
    } else {
        printer.data(Renderer { style, full: args.full }.plan(&target.workspace, &answer))?;
    }
    let plan = &answer.plan;
    Ok(match args.detailed_exitcode {
        // As the upload would end.
        true if plan.would_be_refused.is_some() => ExitCode::from(Ending::Conflict as u8),
        true if plan.changes => ExitCode::from(CHANGES),
        _ => ExitCode::SUCCESS,
    })
}

/// Says of a bundle that is too large how it was sent.
fn in_one_request(error: ClientError, bytes: usize) -> ClientError {
    let is_too_large = matches!(&error, ClientError::Refused(refusal) if refusal.http_status == 413);
    if is_too_large {
        error.noting(format!("a plan is asked for in one request, and the bundle has {bytes} bytes"))
    } else {
        error
    }
}
