//! Collecting a workspace directory's files for a bundle.

mod ignore;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use workstead_core::path::RepoPath;

pub use self::ignore::IgnoreReason;
use crate::limits::{Limit, LimitExceeded, Limits};
use crate::names::{NameClash, Names};

/// Why a directory was refused.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// A limit is exceeded.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// Two names that can't both be there.
    #[error(transparent)]
    Clash(#[from] NameClash),
    /// A symbolic link.
    #[error("`{}` is a symbolic link; a bundle holds only regular files, so put the file itself there or take the link away", path.display())]
    SymbolicLink {
        /// Where it is.
        path: PathBuf,
    },
    /// A device, fifo or socket.
    #[error("`{}` is neither a file nor a directory; a bundle holds only regular files", path.display())]
    SpecialFile {
        /// Where it is.
        path: PathBuf,
    },
    /// A name that is not UTF-8.
    #[error("the name of `{}` is not UTF-8; rename it", path.display())]
    NotUtf8 {
        /// Where it is.
        path: PathBuf,
    },
    /// A path that can't be in a repository.
    #[error("`{}` can't be in a bundle: its path {rule}", path.display())]
    InvalidPath {
        /// Where it is.
        path: PathBuf,
        /// The rule that it breaks, as the end of a sentence.
        rule: String,
    },
    /// No file at all.
    #[error("`{}` holds no files for a bundle ({ignored} ignored)", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
        /// How many names were ignored.
        ignored: usize,
    },
    /// The directory or a file in it could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What was found in a directory.
#[derive(Debug, Clone, Default)]
pub struct DirectoryFiles {
    /// The files for the bundle, by path.
    pub files: BTreeMap<RepoPath, Bytes>,
    /// What was left out, sorted by path.
    pub ignored: Vec<Ignored>,
    /// The size of all files together.
    pub total_bytes: u64,
}

impl DirectoryFiles {
    /// Returns the largest files, largest first, equal ones by path.
    pub fn largest(&self, count: usize) -> Vec<(&RepoPath, u64)> {
        let mut sizes: Vec<_> =
            self.files.iter().map(|(path, content)| (path, content.len() as u64)).collect();
        sizes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        sizes.truncate(count);
        sizes
    }
}

/// One name that was left out; a directory stands for all in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The path below the directory, a directory's with a slash at its end.
    pub path: String,
    /// Why it was left out.
    pub reason: IgnoreReason,
}

/// Reads the files of a workspace directory, in the order of their paths.
///
/// Symbolic links are refused, not followed: what a link names is not the workspace's.
pub fn read_directory(directory: &Path, limits: &Limits) -> Result<DirectoryFiles, DirectoryError> {
    let mut walk = Walk { limits, found: DirectoryFiles::default(), names: Names::default(), entries: 0 };
    walk.enter(directory, "")?;
    let mut found = walk.found;
    found.ignored.sort_by(|a, b| a.path.cmp(&b.path));
    if found.files.is_empty() {
        return Err(DirectoryError::Empty { path: directory.to_owned(), ignored: found.ignored.len() });
    }
    Ok(found)
}

struct Walk<'a> {
    limits: &'a Limits,
    found: DirectoryFiles,
    names: Names,
    entries: u64,
}

impl Walk<'_> {
    /// Reads one directory; `prefix` is its path below the root, empty or with a slash at its end.
    fn enter(&mut self, directory: &Path, prefix: &str) -> Result<(), DirectoryError> {
        let mut entries = fs_err::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs_err::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(DirectoryError::NotUtf8 { path });
            };
            let kind = entry.file_type()?;
            if let Some(reason) = ignore::reason(name, prefix.is_empty()) {
                let slash = if kind.is_dir() { "/" } else { "" };
                self.found.ignored.push(Ignored { path: format!("{prefix}{name}{slash}"), reason });
            } else if kind.is_symlink() {
                return Err(DirectoryError::SymbolicLink { path });
            } else if kind.is_dir() {
                let inner = self.path(&path, &format!("{prefix}{name}"))?;
                self.names.add_directory(&inner)?;
                self.enter(&path, &format!("{inner}/"))?;
            } else if kind.is_file() {
                let inner = self.path(&path, &format!("{prefix}{name}"))?;
                self.names.add_file(&inner)?;
                self.read_file(&path, inner)?;
            } else {
                return Err(DirectoryError::SpecialFile { path });
            }
        }
        Ok(())
    }

    fn path(&mut self, path: &Path, inner: &str) -> Result<RepoPath, DirectoryError> {
        self.entries += 1;
        self.limits.check(Limit::Entries, self.entries, Some(inner))?;
        self.limits.check(Limit::PathBytes, inner.len() as u64, Some(inner))?;
        self.limits.check(Limit::PathDepth, inner.split('/').count() as u64, Some(inner))?;
        RepoPath::parse(inner)
            .map_err(|invalid| DirectoryError::InvalidPath { path: path.to_owned(), rule: invalid.rule })
    }

    fn read_file(&mut self, path: &Path, inner: RepoPath) -> Result<(), DirectoryError> {
        let file = fs_err::File::open(path)?;
        let size = file.metadata()?.len();
        self.limits.check(Limit::FileBytes, size, Some(inner.as_str()))?;
        // A file that grows meanwhile is still bounded.
        let mut content = Vec::with_capacity(size as usize);
        file.take(self.limits.max_file_bytes.saturating_add(1)).read_to_end(&mut content)?;
        let size = content.len() as u64;
        self.limits.check(Limit::FileBytes, size, Some(inner.as_str()))?;
        self.found.total_bytes += size;
        self.limits.check(Limit::UnpackedBytes, self.found.total_bytes, Some(inner.as_str()))?;
        self.found.files.insert(inner, content.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
