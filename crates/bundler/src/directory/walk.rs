//! What lies in a directory, looked through on all cores, without reading any file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use fs_err::DirEntry;
use rayon::prelude::*;
use workstead_core::path::RepoPath;

use super::DirectoryError;
use super::ignore::{self, IgnoreReason};
use crate::limits::{Limit, Limits};

/// One name that was met.
pub(super) struct Met {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The path below the root; an ignored directory's with a slash at its end.
    pub(super) inner: String,
    /// What it is.
    pub(super) what: What,
}

/// What a name is.
pub(super) enum What {
    Directory(RepoPath),
    File(RepoPath),
    Ignored(IgnoreReason),
    Refused(DirectoryError),
}

/// Looks through a directory; what is met comes in the order of names, each directory before what it holds.
pub(super) fn walk(directory: &Path, limits: &Limits) -> io::Result<Vec<Met>> {
    Walk { limits, entries: AtomicU64::new(0) }.enter(directory, "")
}

struct Walk<'a> {
    limits: &'a Limits,
    entries: AtomicU64,
}

impl Walk<'_> {
    /// Looks through one directory; `prefix` is its path below the root, empty or with a slash at its end.
    fn enter(&self, directory: &Path, prefix: &str) -> io::Result<Vec<Met>> {
        // Far enough to tell that there is too much, and no further.
        if self.entries.load(Ordering::Relaxed) > self.limits.max_entries {
            return Ok(Vec::new());
        }
        let mut entries = fs_err::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(DirEntry::file_name);
        let met: Vec<_> =
            entries.into_par_iter().map(|entry| self.meet(&entry, prefix)).collect::<io::Result<_>>()?;
        Ok(met.into_iter().flatten().collect())
    }

    /// Tells what a name is, and for a directory what lies in it.
    fn meet(&self, entry: &DirEntry, prefix: &str) -> io::Result<Vec<Met>> {
        let path = entry.path();
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let inner = format!("{prefix}{}", name.to_string_lossy());
            let what = What::Refused(DirectoryError::NotUtf8 { path: path.clone() });
            return Ok(vec![Met { path, inner, what }]);
        };
        let kind = entry.file_type()?;
        let inner = format!("{prefix}{name}");
        if let Some(reason) = ignore::reason(name, prefix.is_empty()) {
            let inner = if kind.is_dir() { format!("{inner}/") } else { inner };
            return Ok(vec![Met { path, inner, what: What::Ignored(reason) }]);
        }
        if kind.is_symlink() {
            let what = What::Refused(DirectoryError::SymbolicLink { path: path.clone() });
            return Ok(vec![Met { path, inner, what }]);
        }
        if !kind.is_dir() && !kind.is_file() {
            let what = What::Refused(DirectoryError::SpecialFile { path: path.clone() });
            return Ok(vec![Met { path, inner, what }]);
        }
        self.entries.fetch_add(1, Ordering::Relaxed);
        let parsed = match self.parse(&path, &inner) {
            Ok(parsed) => parsed,
            Err(error) => return Ok(vec![Met { path, inner, what: What::Refused(error) }]),
        };
        if kind.is_file() {
            return Ok(vec![Met { path, inner, what: What::File(parsed) }]);
        }
        let below = self.enter(&path, &format!("{inner}/"))?;
        let mut met = Vec::with_capacity(below.len() + 1);
        met.push(Met { path, inner, what: What::Directory(parsed) });
        met.extend(below);
        Ok(met)
    }

    fn parse(&self, path: &Path, inner: &str) -> Result<RepoPath, DirectoryError> {
        self.limits.check(Limit::PathBytes, inner.len() as u64, Some(inner))?;
        self.limits.check(Limit::PathDepth, inner.split('/').count() as u64, Some(inner))?;
        RepoPath::parse(inner)
            .map_err(|invalid| DirectoryError::InvalidPath { path: path.to_owned(), rule: invalid.rule })
    }
}
