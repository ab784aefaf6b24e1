//! `workstead validate`: the server's checks, before anything is uploaded or pushed.

mod change;
mod directory;
mod github;
mod report;
mod sarif;
mod subject;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use workstead_core::name::WorkspaceName;

use self::report::Report;
use self::subject::Subject;
pub(crate) use self::workspace::{name as workspace_name, nearest_directory};
use crate::error::{CliError, Ending};
use crate::output::Printer;

/// Arguments of `workstead validate`.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Exit codes: 0 nothing that refuses (warnings are allowed), 1 problems, 2 it could not be checked: wrong \
                             arguments, files that can't be read, no such revision. docs/VALIDATION.md lists the rules."
)]
pub(crate) struct Args {
    /// The workspace directory: the one that holds workspace.yaml; by default the nearest such one, from here upwards
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Check what `git commit` would commit now, and only what it changes
    #[arg(long, conflicts_with = "diff")]
    staged: bool,
    /// Check what changed since a revision as a push would be checked: REV against the work tree, or A..B, or A...B
    #[arg(long, value_name = "REV")]
    diff: Option<String>,
    /// The workspace's name; by default what workspace.yaml says, and else the directory's
    #[arg(long, short, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
    /// How to print the problems
    #[arg(long, visible_alias = "output", value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,
    /// End with 1 for warnings too
    #[arg(long, visible_alias = "strict")]
    deny_warnings: bool,
}

/// How problems are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// For people: each with its line underlined.
    #[default]
    Text,
    /// For scripts: one JSON document.
    Json,
    /// For GitHub: workflow commands, which it shows at the lines of a change.
    Github,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
}

/// Checks and shows all problems; that nothing could be checked ends with 2.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<ExitCode, CliError> {
    let could_not = |error: CliError| error.ends(Ending::Unexpected);
    let subject = Subject::find(args).map_err(could_not)?;
    let report = subject.check().map_err(could_not)?;
    match args.format {
        Format::Text => report.print(printer)?,
        Format::Json => printer.json(&report)?,
        Format::Github => github::print(&report, printer)?,
        Format::Sarif => printer.json(&sarif::log(&report))?,
    }
    conclude(&report, args.deny_warnings, printer)
}

fn conclude(report: &Report, deny_warnings: bool, printer: &Printer) -> Result<ExitCode, CliError> {
    let Report { workspace, errors, warnings, .. } = report;
    let unlisted = (errors + warnings).saturating_sub(report.problems.len());
    if unlisted > 0 {
        printer.say(format_args!("{unlisted} more problems are counted and not shown"));
    }
    for note in &report.notes {
        printer.say(format_args!("note: {note}"));
    }
    let counts = format!("{}, {}", count(*errors, "error"), count(*warnings, "warning"));
    let looked_at = report.looked_at();
    if *errors > 0 {
        return Err(CliError::user(format!("workspace `{workspace}` is not valid: {counts} in {looked_at}"))
            .hint("the server refuses it until every error is mended; warnings are accepted"));
    }
    if *warnings > 0 && deny_warnings {
        return Err(CliError::user(format!("workspace `{workspace}` has warnings: {counts} in {looked_at}"))
            .hint("the server would take it; --deny-warnings does not"));
    }
    printer.say(format_args!("workspace `{workspace}` is valid: {counts} in {looked_at}"));
    Ok(ExitCode::SUCCESS)
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
