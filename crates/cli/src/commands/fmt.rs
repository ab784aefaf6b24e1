//! `workstead fmt`: files in the form that they should have, with their comments.

mod files;

use std::path::PathBuf;
use std::process::ExitCode;

use workstead_core::diff::{DiffLimits, Side, diff};
use workstead_core::model::is_generated;
use workstead_core::path::RepoPath;
use workstead_core::yaml::{FormatError, format};

use self::files::Found;
use crate::diagnostics::{Diagnostics, Finding};
use crate::error::{CliError, Ending};
use crate::output::Printer;

/// Arguments of `workstead fmt`.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "What changes: line ends, blanks at the ends of lines, empty lines beyond one, the end of the file. What stays: \
                             comments, order, quotes, indentation, and everything inside strings of several lines. A file is written only \
                             when it was read again and says the same.\n\nExit codes: 0 done, 1 files that are not formatted (with --check or \
                             --diff) or that are no YAML, 2 it could not be done."
)]
pub(crate) struct Args {
    /// Files, or directories of a workspace, where the files that the server reads are formatted; by default the workspace
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change nothing; list the files that are not formatted
    #[arg(long)]
    check: bool,
    /// Change nothing; show what would change
    #[arg(long)]
    diff: bool,
    /// Format what a workspace builder made too; the next upload then takes the files for edited by people
    #[arg(long)]
    generated: bool,
}

/// How many files came to which end.
#[derive(Debug, Default)]
struct Tally {
    looked_at: usize,
    changed: usize,
    left_alone: usize,
    refused: usize,
}

/// Formats the files.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<ExitCode, CliError> {
    let could_not = |error: CliError| error.ends(Ending::Unexpected);
    let mut tally = Tally::default();
    for found in files::find(&args.paths).map_err(could_not)? {
        take(args, &found, &mut tally, printer).map_err(could_not)?;
    }
    let Tally { looked_at, changed, left_alone, refused } = tally;
    if left_alone > 0 {
        printer.say(format_args!(
            "note: {left_alone} of a workspace builder's files are left as they are; --generated formats them too"
        ));
    }
    let dry = args.check || args.diff;
    if refused > 0 {
        return Err(CliError::user(format!("{refused} of {looked_at} files can't be formatted")));
    }
    if dry && changed > 0 {
        return Err(CliError::user(format!("{changed} of {looked_at} files are not formatted"))
            .hint("`workstead fmt` formats them"));
    }
    let verb = if dry { "are formatted" } else { "were looked at" };
    printer.say(format_args!("{looked_at} files {verb}, {changed} changed"));
    Ok(ExitCode::SUCCESS)
}

/// Formats one file, or tells what would be done.
fn take(args: &Args, found: &Found, tally: &mut Tally, printer: &Printer) -> Result<(), CliError> {
    tally.looked_at += 1;
    let Ok(text) = std::str::from_utf8(&found.content) else {
        tally.refused += 1;
        printer.say(format_args!("{}: the file is not UTF-8", found.shown));
        return Ok(());
    };
    let formatted = match format(text) {
        Ok(None) => return Ok(()),
        Ok(Some(formatted)) => formatted,
        Err(error) => {
            tally.refused += 1;
            return tell(found, &error, printer);
        }
    };
    if !args.generated && !found.is_named && is_generated(&found.content) {
        tally.left_alone += 1;
        return Ok(());
    }
    tally.changed += 1;
    if args.diff {
        show(found, &formatted, printer)?;
    } else {
        if !args.check {
            files::replace(found, &formatted)?;
        }
        printer.data(&found.shown)?;
    }
    Ok(())
}

/// Shows why a file can't be formatted.
fn tell(found: &Found, error: &FormatError, printer: &Printer) -> Result<(), CliError> {
    let FormatError::Syntax(errors) = error else {
        printer.say(format_args!("{}: {error}, so it stays as it is", found.shown));
        return Ok(());
    };
    let name = repo_path(&found.shown);
    let files = [(name.clone(), found.content.clone())].into_iter().collect();
    let diagnostics = Diagnostics::new(&files, printer.color());
    for error in errors {
        let finding = Finding::from(error.clone().into_problem(&name));
        printer.data(format_args!("{}\n", diagnostics.render(&finding)))?;
    }
    Ok(())
}

/// Shows what would change.
fn show(found: &Found, formatted: &str, printer: &Printer) -> Result<(), CliError> {
    let limits = DiffLimits { max_file_bytes: usize::MAX, max_diff_bytes: usize::MAX };
    let (old, new) = (Side::plain(&found.content), Side::plain(formatted.as_bytes()));
    let text = diff(&repo_path(&found.shown), Some(old), Some(new), limits).text.unwrap_or_default();
    printer.data(text.trim_end_matches('\n'))
}

/// Returns a path as diffs and problems name it; what no repository could hold is called `file`.
fn repo_path(shown: &str) -> RepoPath {
    let relative = shown.trim_start_matches(['.', '/']);
    match RepoPath::parse(relative).or_else(|_| RepoPath::parse("file")) {
        Ok(path) => path,
        Err(error) => unreachable!("`file` is a path: {error}"),
    }
}
