//! Collecting a workspace directory's files for a bundle.

mod ignore;
mod walk;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rayon::prelude::*;
use workstead_core::path::RepoPath;

pub use self::ignore::IgnoreReason;
use self::walk::{Met, What};
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

/// A directory as it was found, with all that would not go into a bundle or a repository.
#[derive(Debug, Default)]
pub struct Survey {
    /// What would.
    pub found: DirectoryFiles,
    /// What would be refused, names that can't be beside each other excepted; in the order of the walk.
    pub refused: Vec<DirectoryError>,
}

/// Reads the files of a workspace directory, in the order of their paths.
///
/// Symbolic links are refused, not followed: what a link names is not the workspace's.
pub fn read_directory(directory: &Path, limits: &Limits) -> Result<DirectoryFiles, DirectoryError> {
    let met = walk::walk(directory, limits)?;
    check_names(&met)?;
    let Survey { found, refused } = survey(met, limits)?;
    if let Some(error) = refused.into_iter().next() {
        return Err(error);
    }
    if found.files.is_empty() {
        return Err(DirectoryError::Empty { path: directory.to_owned(), ignored: found.ignored.len() });
    }
    Ok(found)
}

/// Reads the files of a workspace directory, and tells everything that [`read_directory`] would refuse.
pub fn survey_directory(directory: &Path, limits: &Limits) -> io::Result<Survey> {
    survey(walk::walk(directory, limits)?, limits)
}

/// Finds names that can't be beside each other, as far as the walk went without a refusal.
fn check_names(met: &[Met]) -> Result<(), NameClash> {
    let mut names = Names::default();
    for one in met {
        match &one.what {
            What::Directory(path) => names.add_directory(path)?,
            What::File(path) => names.add_file(path)?,
            What::Refused(_) => break,
            What::Ignored(_) => {}
        }
    }
    Ok(())
}

/// Reads what the walk met, on all cores.
fn survey(met: Vec<Met>, limits: &Limits) -> io::Result<Survey> {
    let mut survey = Survey::default();
    let mut files = Vec::with_capacity(met.len());
    let mut entries = 0;
    for Met { path, inner, what } in met {
        match what {
            What::Ignored(reason) => {
                survey.found.ignored.push(Ignored { path: inner, reason });
                continue;
            }
            What::Refused(error) => survey.refused.push(error),
            What::Directory(_) => entries += 1,
            What::File(name) => {
                entries += 1;
                files.push((path, name));
            }
        }
        if let Err(error) = limits.check(Limit::Entries, entries, Some(&inner)) {
            survey.refused.push(error.into());
            return Ok(survey);
        }
    }
    survey.found.ignored.sort_by(|a, b| a.path.cmp(&b.path));
    let total = AtomicU64::new(0);
    let read = |(path, name): (PathBuf, RepoPath)| Ok((read_file(&path, &name, limits, &total)?, name));
    let read: Vec<_> = files.into_par_iter().map(read).collect::<io::Result<_>>()?;
    for (content, name) in read {
        let content = match content {
            Ok(content) => content,
            Err(error) => {
                survey.refused.push(error.into());
                continue;
            }
        };
        survey.found.total_bytes += content.len() as u64;
        if let Err(error) = limits.check(Limit::UnpackedBytes, survey.found.total_bytes, Some(name.as_str()))
        {
            survey.refused.push(error.into());
            return Ok(survey);
        }
        survey.found.files.insert(name, content);
    }
    Ok(survey)
}

/// Reads one file; what would go beyond the total, which ends the whole, is not even begun.
fn read_file(
    path: &Path,
    name: &RepoPath,
    limits: &Limits,
    total: &AtomicU64,
) -> io::Result<Result<Bytes, LimitExceeded>> {
    if total.load(Ordering::Relaxed) > limits.max_unpacked_bytes {
        return Ok(Ok(Bytes::new()));
    }
    let file = fs_err::File::open(path)?;
    let size = file.metadata()?.len();
    if let Err(error) = limits.check(Limit::FileBytes, size, Some(name.as_str())) {
        return Ok(Err(error));
    }
    // A file that grows meanwhile is still bounded.
    let mut content = Vec::with_capacity(size as usize);
    file.take(limits.max_file_bytes.saturating_add(1)).read_to_end(&mut content)?;
    let size = content.len() as u64;
    total.fetch_add(size, Ordering::Relaxed);
    Ok(limits.check(Limit::FileBytes, size, Some(name.as_str())).map(|()| content.into()))
}

#[cfg(test)]
mod tests;
