//! A workspace directory on this machine, read once into memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use workstead_bundler::{Limits, read_directory};
use workstead_core::path::RepoPath;

use crate::error::CliError;

/// The files of a workspace directory.
#[derive(Debug)]
pub(crate) struct WorkspaceDirectory {
    /// Where it lies.
    pub(crate) root: PathBuf,
    /// What a bundle of it holds.
    pub(crate) files: BTreeMap<RepoPath, Bytes>,
    /// What was left out, and why.
    pub(crate) ignored: Vec<String>,
}

impl WorkspaceDirectory {
    /// Reads a directory under the same rules and limits as a bundle.
    pub(crate) fn read(root: &Path) -> Result<Self, CliError> {
        if !root.is_dir() {
            return Err(CliError::user(format!("`{}` is not a directory", root.display()))
                .hint("name the directory that holds workspace.yaml"));
        }
        let read = read_directory(root, &Limits::default()).map_err(|error| {
            CliError::user_caused(error, format!("failed to read the workspace in `{}`", root.display()))
        })?;
        let ignored = read.ignored.iter().map(|one| format!("{} ({})", one.path, one.reason)).collect();
        Ok(Self { root: root.to_owned(), files: read.files, ignored })
    }
}
