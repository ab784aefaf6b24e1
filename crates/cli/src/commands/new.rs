//! `workstead new`: files from the default manifests, in their place.

mod files;
mod values;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use workstead_bundler::manifest::{ManifestType, default_manifest};
use workstead_core::name::{SlxName, WorkspaceName};

use self::files::NewFiles;
use self::values::Setting;
use crate::error::CliError;
use crate::output::Printer;

/// Arguments of `workstead new`.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  workstead new workspace shop --owner me@example.com\n  workstead new slx web\n  workstead new sli web \
                             --location eu-1\n\nWhat is written passes `workstead validate`; what is there is never replaced without --force."
)]
pub(crate) struct Args {
    /// What to make; workspace makes a directory with a whole example
    #[arg(value_name = "KIND", value_parser = kinds())]
    kind: ManifestType,
    /// The name: of the workspace, of the SLX that a file is of, or of the workflow or persona
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The workspace directory; by default the nearest with a workspace.yaml, for a new workspace one of its name
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The workspace's name; by default what workspace.yaml says, and else the directory's
    #[arg(long, short, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
    /// Where things run; by default the workspace's first location
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    /// The owner's e-mail address; by default that of the workspace's admin, and else the one that git knows
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
    /// The SLX that a workflow or persona is about; by default the first one
    #[arg(long, value_name = "NAME")]
    slx: Option<SlxName>,
    /// The server, for the line that tells editors the schema; by default the one that workspace.yaml names so
    #[arg(long, value_name = "URL", env = "WORKSTEAD_SERVER", hide_env_values = true)]
    server: Option<String>,
    /// Print the file and write nothing
    #[arg(long)]
    stdout: bool,
    /// Replace what is there
    #[arg(long)]
    force: bool,
}

fn kinds() -> impl clap::builder::TypedValueParser<Value = ManifestType> {
    let names = ManifestType::ALL.map(ManifestType::as_str);
    PossibleValuesParser::new(names)
        .try_map(|name| ManifestType::parse(&name).ok_or_else(|| format!("there is no kind {name:?}")))
}

/// Writes the files, or prints one.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<ExitCode, CliError> {
    let Setting { directory, values, notes } = values::find(args)?;
    let kinds: &[ManifestType] = match args.kind {
        ManifestType::Workspace if !args.stdout => {
            &[ManifestType::Workspace, ManifestType::Slx, ManifestType::Sli, ManifestType::Runbook]
        }
        kind => &[kind],
    };
    let files = NewFiles::make(kinds, &values)?;
    for note in notes {
        printer.say(format_args!("note: {note}"));
    }
    if args.stdout {
        files.check_alone(&values.workspace, printer)?;
        let text = default_manifest(args.kind, &values);
        printer.data(text.trim_end_matches('\n'))?;
        return Ok(ExitCode::SUCCESS);
    }
    files.check_beside(&directory, &values.workspace, printer)?;
    files.write(&directory, args.force, printer)?;
    Ok(ExitCode::SUCCESS)
}
