//! What is uploaded: a directory, a bundle, or what comes in on standard input.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use workstead_core::path::RepoPath;

use crate::directory::WorkspaceDirectory;
use crate::error::CliError;

/// Most bytes of a bundle that are read; servers take 64 MiB unless told.
const MAX_BYTES: u64 = 1 << 30;

/// A bundle, and the files it was made from where they are known.
#[derive(Debug)]
pub(crate) struct Source {
    /// The bundle.
    pub(crate) bundle: Vec<u8>,
    /// The files of a directory.
    pub(crate) files: BTreeMap<RepoPath, Bytes>,
}

impl Source {
    /// Packs a directory, or reads a bundle as it is; `-` is standard input.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        if path == Path::new("-") {
            return Ok(Self::of(read_bundle(io::stdin().lock(), "standard input")?));
        }
        if path.is_dir() {
            let directory = WorkspaceDirectory::read(path)?;
            return Ok(Self { bundle: directory.pack()?, files: directory.files });
        }
        let name = format!("`{}`", path.display());
        let file = fs_err::File::open(path)
            .map_err(|error| CliError::user_caused(error, format!("failed to read {name}")))?;
        Ok(Self::of(read_bundle(file, &name)?))
    }

    fn of(bundle: Vec<u8>) -> Self {
        Self { bundle, files: BTreeMap::new() }
    }
}

fn read_bundle(reader: impl Read, name: &str) -> Result<Vec<u8>, CliError> {
    let mut bundle = Vec::new();
    reader
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bundle)
        .map_err(|error| CliError::user_caused(error, format!("failed to read {name}")))?;
    if bundle.is_empty() {
        return Err(CliError::user(format!("{name} is empty"))
            .hint("a bundle is a gzip tar of a workspace directory"));
    }
    if bundle.len() as u64 > MAX_BYTES {
        return Err(CliError::user(format!("{name} has more than {MAX_BYTES} bytes"))
            .hint("a bundle is a gzip tar of one workspace directory"));
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_taken_as_it_is_and_nothing_is_no_bundle() {
        assert_eq!(read_bundle(&b"abc"[..], "x").unwrap(), b"abc");
        insta::assert_snapshot!(read_bundle(io::empty(), "standard input").unwrap_err().report(), @r"
        error: standard input is empty
        hint: a bundle is a gzip tar of a workspace directory
        ");
    }
}
