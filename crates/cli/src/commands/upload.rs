//! `workstead upload`: a directory or a bundle goes to a workspace of a server.

mod inline;
mod presigned;
pub(super) mod summary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use workstead_core::name::WorkspaceName;
use workstead_core::path::RepoPath;

use crate::client::{Client, ClientError};
use crate::diagnostics::Diagnostics;
use crate::directory::WorkspaceDirectory;
use crate::error::CliError;
use crate::output::{OutputFormat, Printer};
use crate::token::TokenSource;

/// Arguments of `workstead upload`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A workspace directory, or a bundle (tar.gz)
    #[arg(value_name = "DIR|FILE")]
    source: PathBuf,
    /// The workspace to upload to
    #[arg(long, short, value_name = "NAME")]
    workspace: WorkspaceName,
    /// The server's address
    #[arg(long, value_name = "URL", env = "WORKSTEAD_SERVER", hide_env_values = true)]
    #[arg(default_value = "http://127.0.0.1:8700")]
    server: String,
    /// Where the token comes from.
    #[command(flatten)]
    token: TokenSource,
    /// The way in
    #[arg(long, value_enum, value_name = "WAY", default_value_t)]
    via: Via,
    /// What the merge does.
    #[command(flatten)]
    options: MergeArgs,
    /// How to print the result
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: OutputFormat,
}

/// The ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Via {
    /// One request that carries the bundle
    #[default]
    Inline,
    /// Ask for a signed address, put the bundle there, then have it taken in
    Presigned,
}

/// What the merge does with what people and earlier uploads left.
#[derive(Debug, Default, clap::Args)]
pub(super) struct MergeArgs {
    /// Which side wins where an SLX is in the repository and in the upload
    #[arg(long, value_enum, value_name = "MODE", default_value_t)]
    merge_mode: MergeMode,
    /// Remove SLXs that earlier uploads of this location brought and this one lacks
    #[arg(long)]
    prune_stale_slxs: bool,
    /// Remove also files and workflows that earlier uploads brought and this one lacks
    #[arg(long)]
    prune_stale_resources: bool,
    /// Let a prune take more than half of the location's SLXs
    #[arg(long)]
    allow_mass_prune: bool,
    /// The commit's message
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
}

/// Which side wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum MergeMode {
    /// The repository's files stay
    #[default]
    #[value(name = "keepexisting")]
    KeepExisting,
    /// The uploaded files replace them
    #[value(name = "keepuploaded")]
    KeepUploaded,
}

impl MergeMode {
    /// Returns the word of the API.
    fn as_str(self) -> &'static str {
        match self {
            Self::KeepExisting => "keepexisting",
            Self::KeepUploaded => "keepuploaded",
        }
    }
}

/// A bundle, and the files it was made from where they are known.
struct Source {
    bundle: Vec<u8>,
    files: BTreeMap<RepoPath, Bytes>,
}

/// What both ways in need.
pub(super) struct Upload<'a> {
    /// The server.
    pub(super) client: &'a Client,
    /// Where to.
    pub(super) workspace: &'a WorkspaceName,
    /// What the merge does.
    pub(super) options: &'a MergeArgs,
    /// What to send.
    pub(super) bundle: &'a [u8],
}

impl Upload<'_> {
    /// Uploads one way or the other, waits for the commit, and returns the server's answer.
    pub(super) fn send(&self, via: Via) -> Result<Value, ClientError> {
        match via {
            Via::Inline => self.inline(),
            Via::Presigned => self.presigned(),
        }
    }
}

/// Uploads, waits for the commit, and tells what came of it.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<(), CliError> {
    let source = read_source(&args.source)?;
    let client = Client::new(&args.server, args.token.read()?)?;
    let upload = Upload {
        client: &client,
        workspace: &args.workspace,
        options: &args.options,
        bundle: &source.bundle,
    };
    let answer = upload.send(args.via).map_err(|error| explain(error, &source, printer))?;
    match args.output {
        OutputFormat::Json => printer.json(&answer),
        OutputFormat::Text => printer.data(summary::describe(&args.workspace, &answer)),
    }
}

fn read_source(path: &Path) -> Result<Source, CliError> {
    if path.is_dir() {
        let directory = WorkspaceDirectory::read(path)?;
        return Ok(Source { bundle: directory.pack()?, files: directory.files });
    }
    let bundle = fs_err::read(path)
        .map_err(|error| CliError::user_caused(error, format!("failed to read `{}`", path.display())))?;
    Ok(Source { bundle, files: BTreeMap::new() })
}

/// Shows the problems that the server listed, each with its line where the files are here.
fn explain(error: ClientError, source: &Source, printer: &Printer) -> CliError {
    if let ClientError::Refused(refusal) = &error {
        let diagnostics = Diagnostics::new(&source.files, false);
        for finding in &refusal.errors {
            printer.say(format_args!("{}\n", diagnostics.render(finding)));
        }
    }
    error.into()
}

impl MergeArgs {
    /// Returns the options as the API's field names and JSON values; what is not set is left out.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        let mut fields = vec![("mergeMode", Value::from(self.merge_mode.as_str()))];
        let flags = [
            ("pruneStaleSlxs", self.prune_stale_slxs),
            ("pruneStaleResources", self.prune_stale_resources),
            ("allowMassPrune", self.allow_mass_prune),
        ];
        fields.extend(flags.into_iter().filter(|(_, set)| *set).map(|(name, set)| (name, Value::from(set))));
        fields.extend(self.message.as_deref().map(|message| ("message", Value::from(message))));
        fields
    }
}

/// Makes a bar on standard error; it draws nothing where that is no terminal.
fn progress(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("uploading {bar:30} {bytes}/{total_bytes} {bytes_per_sec}");
    let bar = ProgressBar::new(length);
    // The template is a constant that a test reads; without it the default style is used.
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_template_can_be_read() {
        assert!(
            ProgressStyle::with_template("uploading {bar:30} {bytes}/{total_bytes} {bytes_per_sec}").is_ok()
        );
    }

    #[test]
    fn only_what_is_set_is_sent() {
        let mut options = MergeArgs {
            merge_mode: MergeMode::KeepExisting,
            prune_stale_slxs: false,
            prune_stale_resources: false,
            allow_mass_prune: false,
            message: None,
        };
        assert_eq!(options.fields(), [("mergeMode", Value::from("keepexisting"))]);
        options.prune_stale_slxs = true;
        options.message = Some("nightly".to_owned());
        assert_eq!(
            options.fields()[1..],
            [("pruneStaleSlxs", Value::from(true)), ("message", Value::from("nightly"))]
        );
    }
}
