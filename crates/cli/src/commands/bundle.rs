//! `workstead bundle`: a directory becomes a bundle, always the same bytes for the same files.

use std::cmp::Reverse;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indicatif::HumanBytes;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::directory::WorkspaceDirectory;
use crate::error::CliError;
use crate::output::{OutputFormat, Printer};

/// How many of the largest files are shown.
const LARGEST: usize = 10;

/// Arguments of `workstead bundle`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workspace directory: the one that holds workspace.yaml
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The bundle to write; it is replaced at once or not at all
    #[arg(long, short, value_name = "FILE", required_unless_present = "list")]
    out: Option<PathBuf>,
    /// List the files that the bundle holds
    #[arg(long)]
    list: bool,
    /// How to print the result
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: OutputFormat,
}

/// One file of the bundle.
#[derive(Debug, Serialize)]
struct Member<'a> {
    path: &'a str,
    bytes: usize,
}

/// What `--output json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<&'a Path>,
    sha256: String,
    compressed_bytes: usize,
    unpacked_bytes: usize,
    file_count: usize,
    largest: Vec<Member<'a>>,
    ignored: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<Member<'a>>>,
}

/// Packs the directory and tells what went in.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<(), CliError> {
    let directory = WorkspaceDirectory::read(&args.directory)?;
    let bundle = directory.pack()?;
    if let Some(target) = &args.out {
        write_file(target, &bundle).map_err(|error| {
            CliError::user_caused(error, format!("failed to write `{}`", target.display()))
        })?;
    }
    let report = directory.report(args, &bundle);
    match args.output {
        OutputFormat::Json => printer.json(&report),
        OutputFormat::Text => report.print(printer),
    }
}

impl WorkspaceDirectory {
    /// Packs the files into a bundle.
    pub(crate) fn pack(&self) -> Result<Vec<u8>, CliError> {
        if self.files.is_empty() {
            return Err(CliError::user(format!("`{}` holds no files to pack", self.root.display()))
                .hint("name the directory that holds workspace.yaml; an empty bundle would be refused"));
        }
        let mut bundle = Vec::new();
        workstead_bundler::write(&self.files, &mut bundle)
            .map_err(|error| CliError::unexpected(error, "failed to pack the bundle"))?;
        Ok(bundle)
    }

    fn report<'a>(&'a self, args: &'a Args, bundle: &[u8]) -> Report<'a> {
        let members =
            || self.files.iter().map(|(path, content)| Member { path: path.as_str(), bytes: content.len() });
        let mut largest: Vec<Member<'_>> = members().collect();
        largest.sort_by_key(|member| (Reverse(member.bytes), member.path));
        largest.truncate(LARGEST);
        Report {
            bundle: args.out.as_deref(),
            sha256: hex::encode(Sha256::digest(bundle)),
            compressed_bytes: bundle.len(),
            unpacked_bytes: self.files.values().map(bytes::Bytes::len).sum(),
            file_count: self.files.len(),
            largest,
            ignored: &self.ignored,
            files: args.list.then(|| members().collect()),
        }
    }
}

impl Report<'_> {
    /// Lists files as data when asked for, and tells the rest as talk.
    fn print(&self, printer: &Printer) -> Result<(), CliError> {
        for member in self.files.iter().flatten() {
            printer.data(format_args!("{:>10}  {}", member.bytes, member.path))?;
        }
        let unpacked = HumanBytes(self.unpacked_bytes as u64);
        let compressed = HumanBytes(self.compressed_bytes as u64);
        printer.say(format_args!("{} files, {unpacked}, packed into {compressed}", self.file_count));
        printer.say(format_args!("largest {}:", self.largest.len()));
        for member in &self.largest {
            printer.say(format_args!(
                "  {:>10}  {}",
                HumanBytes(member.bytes as u64).to_string(),
                member.path
            ));
        }
        if !self.ignored.is_empty() {
            printer.say(format_args!("ignored {}:", self.ignored.len()));
            for ignored in self.ignored {
                printer.say(format_args!("  {ignored}"));
            }
        }
        printer.say(format_args!("sha256 {}", self.sha256));
        if let Some(bundle) = self.bundle {
            printer.say(format_args!("wrote {}", bundle.display()));
        }
        Ok(())
    }
}

/// Writes beside the target and renames, so that nobody ever sees half a bundle.
fn write_file(target: &Path, content: &[u8]) -> io::Result<()> {
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".workstead-bundle-").tempfile_in(directory)?;
    file.write_all(content)?;
    file.persist(target)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_replaces_its_target_and_leaves_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("x.tar.gz");
        write_file(&target, b"one").unwrap();
        write_file(&target, b"two").unwrap();
        assert_eq!(fs_err::read(&target).unwrap(), b"two");
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 1);
    }
}
