//! What one commit holds below a directory.

use std::collections::BTreeMap;

use bytes::Bytes;
use tempfile::TempDir;
use workstead_core::oid::BlobId;
use workstead_core::path::RepoPath;
use workstead_core::repository::{Irregular, file_path};
use workstead_core::tree::{FileTree, ReadError};

use super::WorkTree;
use super::blobs::Blobs;
use crate::error::CliError;

/// The files of a commit below a directory, read when they are asked for.
#[derive(Debug)]
pub(crate) struct CommitTree {
    files: BTreeMap<RepoPath, BlobId>,
    irregular: Vec<Irregular>,
    blobs: Blobs,
    git: WorkTree,
    /// Holds objects that are nowhere else; it goes after the reader, which has files of it open.
    _scratch: Option<TempDir>,
}

impl WorkTree {
    /// Lists a commit or tree below a directory.
    pub(crate) fn tree(&self, id: &str, prefix: &str) -> Result<CommitTree, CliError> {
        let listed = self.ok(&["ls-tree", "-r", "-z", "--full-tree", id])?;
        let mut files = Vec::new();
        let mut irregular = Vec::new();
        for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let Some(entry) = Entry::parse(entry) else {
                return Err(CliError::unexpected_message("`git ls-tree` wrote what can't be read"));
            };
            let Some(path) = below(entry.path, prefix) else { continue };
            match file_path(path, entry.mode) {
                Ok(path) => files.push((path, entry.id()?)),
                Err(kind) => {
                    irregular.push(Irregular { path: String::from_utf8_lossy(path).into_owned(), kind });
                }
            }
        }
        let files = files.into_iter().collect();
        Ok(CommitTree {
            files,
            irregular,
            blobs: Blobs::new(self.clone()),
            git: self.clone(),
            _scratch: None,
        })
    }
}

impl CommitTree {
    /// Keeps a directory for as long as the tree is read.
    pub(super) fn keeping(self, scratch: TempDir) -> Self {
        Self { _scratch: Some(scratch), ..self }
    }

    /// Returns the entries that are no files of a workspace.
    pub(crate) fn irregular(&self) -> &[Irregular] {
        &self.irregular
    }

    /// Returns the sizes of blobs, in their order.
    pub(crate) fn sizes(&self, ids: &[BlobId]) -> Result<Vec<u64>, CliError> {
        let lines = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let sizes = self.git.ok_with(&["cat-file", "--batch-check=%(objectsize)"], lines.as_bytes())?;
        let sizes: Result<Vec<_>, _> = String::from_utf8_lossy(&sizes).lines().map(str::parse).collect();
        match sizes {
            Ok(sizes) if sizes.len() == ids.len() => Ok(sizes),
            _ => Err(CliError::user("some files' objects are missing from the repository")
                .hint("`git fsck` tells which; fetch them again")),
        }
    }
}

impl FileTree for CommitTree {
    fn files(&self) -> &BTreeMap<RepoPath, BlobId> {
        &self.files
    }

    fn read(&self, id: BlobId) -> Result<Bytes, ReadError> {
        self.blobs.read(id)
    }
}

/// One line of `git ls-tree`.
struct Entry<'a> {
    mode: u32,
    object: &'a str,
    path: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Reads `<mode> <type> <object>TAB<path>`.
    fn parse(line: &'a [u8]) -> Option<Self> {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let mut words = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
        let mode = u32::from_str_radix(words.next()?, 8).ok()?;
        let object = words.nth(1)?;
        Some(Self { mode, object, path: &line[tab + 1..] })
    }

    fn id(&self) -> Result<BlobId, CliError> {
        BlobId::parse(self.object).map_err(|error| {
            CliError::user_caused(error, "the repository's object format is not supported")
                .hint("workspaces are repositories of the format sha1")
        })
    }
}

/// Returns the path below a directory, or nothing for what lies elsewhere.
fn below<'a>(path: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    if prefix.is_empty() {
        return Some(path);
    }
    path.strip_prefix(prefix.as_bytes())?.strip_prefix(b"/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_its_path_holds() {
        let entry = Entry::parse(b"100644 blob 8b137891791fe96927ad78e64b0aad7bded08bdc\ta\tb\xff").unwrap();
        assert_eq!((entry.mode, entry.path), (0o100_644, &b"a\tb\xff"[..]));
        assert!(entry.id().is_ok());
        assert!(Entry::parse(b"100644 blob").is_none());
    }

    #[test]
    fn only_what_lies_below_counts() {
        assert_eq!(below(b"a/b", "a"), Some(&b"b"[..]));
        assert_eq!(below(b"ab/c", "a"), None);
        assert_eq!(below(b"a", ""), Some(&b"a"[..]));
    }
}
