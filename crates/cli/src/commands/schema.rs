//! `workstead schema`: JSON Schemas of the files of a workspace, for editors and other programs.

use std::path::{Path, PathBuf};

use serde::Serialize;
use workstead_core::check::SchemaKind;

use crate::error::CliError;
use crate::output::Printer;

/// Arguments of `workstead schema`.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "A server has the same schemas at /schemas/<KIND>.json, and a catalog of them for editors at /schemas."
)]
pub(crate) struct Args {
    /// The kind of file; without one, and without --output, the kinds are listed
    #[arg(value_name = "KIND", value_parser = clap::value_parser!(String))]
    kind: Option<String>,
    /// List the kinds
    #[arg(long, conflicts_with_all = ["kind", "output"])]
    list: bool,
    /// Write the schema, or those of all kinds, into this directory, each as KIND.json
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// The server whose addresses the schemas carry as their names; without it they have none
    #[arg(long, value_name = "URL", env = "WORKSTEAD_SERVER", hide_env_values = true)]
    server: Option<String>,
}

/// Prints or writes schemas.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<(), CliError> {
    let kind = args.kind.as_deref().map(parse).transpose()?;
    let server = args.server.as_deref().filter(|server| !server.is_empty());
    match (&args.output, kind) {
        (Some(directory), kind) => {
            let kinds = kind.map_or_else(|| SchemaKind::ALL.to_vec(), |kind| vec![kind]);
            write(directory, &kinds, server, printer)
        }
        (None, Some(kind)) => printer.json(&kind.json(server)),
        (None, None) => SchemaKind::ALL.into_iter().try_for_each(|kind| {
            printer.data(format_args!("{:<14} {:<32} {}", kind.name(), kind.file_match(), kind.title()))
        }),
    }
}

fn parse(name: &str) -> Result<SchemaKind, CliError> {
    SchemaKind::parse(name).ok_or_else(|| {
        let known = SchemaKind::ALL.map(SchemaKind::name).join(", ");
        CliError::user(format!("there is no kind {name:?}")).hint(format!("the kinds are {known}"))
    })
}

fn write(
    directory: &Path,
    kinds: &[SchemaKind],
    server: Option<&str>,
    printer: &Printer,
) -> Result<(), CliError> {
    let failed =
        |error| CliError::user_caused(error, format!("failed to write schemas to `{}`", directory.display()));
    fs_err::create_dir_all(directory).map_err(failed)?;
    for kind in kinds {
        let path = directory.join(kind.file_name());
        fs_err::write(&path, pretty(&kind.json(server))?).map_err(failed)?;
        printer.data(path.display())?;
    }
    Ok(())
}

fn pretty(value: &impl Serialize) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n").map_err(|error| CliError::unexpected(error, "failed to write JSON"))
}
