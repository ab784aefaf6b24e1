//! Where workspaces are kept: bare Git repositories, read and written through one door.
//!
//! Objects are read and written by libgit2, packs are consolidated by the `git` program, and
//! neither ever reads a hook, a filter or the configuration of a user. (When libgit2 opens the
//! handle that moves references it loads the user's configuration to look for repository
//! extensions; its values are replaced before anything is done with the handle. Handles that
//! read objects load none.) Nothing outside this module may assume that references are files.
//!
//! What housekeeping does, and why no reader or writer waits for it or loses anything, is argued in `housekeeping.rs`.

mod caches;
mod census;
mod commit;
mod comparison;
mod consolidate;
mod directory;
mod dot_names;
mod error;
mod fsck;
mod history;
mod housekeeping;
mod incoming;
mod last_changes;
mod layout;
mod listing;
mod merge;
mod message;
mod names;
mod objects;
mod pack;
mod probe;
mod program;
mod quarantine;
mod refs;
mod size;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;
mod transfer;
mod tree_diff;
mod tree_edit;
mod tree_format;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

pub use census::Census;
pub use commit::{CommitRequest, Outcome, RecordUpdate};
pub use comparison::{CompareLimits, Comparison, FileChange};
pub use directory::{DirectoryEntry, EntryKind};
pub use dot_names::DotName;
pub use error::{Error, Result};
pub use fsck::{Finding, Severity};
pub use history::{ChangeKind, CommitFilter, CommitInfo, PathChange};
pub use housekeeping::{Hold, HouseKept, Housekeeping};
pub use incoming::Incoming;
pub use last_changes::LastChanges;
pub use listing::{Irregular, IrregularKind, file_path};
pub use merge::{ConflictKind, Lines, MergeConflict, Merged};
pub use message::Author;
pub use names::{InvalidRepositoryId, RecordName, RepositoryId};
pub use objects::MAX_BLOB_BYTES;
pub use probe::bytes_below;
pub use quarantine::{MeasuredCommits, Quarantine};
pub use snapshot::Snapshot;
pub use store::{FirstCommit, RepositoryStore, StoreOptions};

use crate::name::BranchName;
use crate::oid::{BlobId, CommitId};
use objects::Objects;
use refs::Refs;
use store::Shared;

/// One workspace's repository; a clone is the same repository.
#[derive(Clone)]
pub struct Repository {
    inner: Arc<Inner>,
}

/// What all users of an open repository share.
struct Inner {
    id: RepositoryId,
    directory: PathBuf,
    objects: Arc<Objects>,
    refs: RwLock<Arc<Refs>>,
    writer: Mutex<Writer>,
    /// Taken by whoever looks after the packs, for as long as that takes.
    house: Mutex<()>,
    /// How many count on everything that is there now, see [`Hold`].
    holds: Mutex<usize>,
    /// Bytes of the objects, as far as they are known.
    bytes: Mutex<Option<u64>>,
    /// Whether the repository is being removed.
    retiring: AtomicBool,
    shared: Arc<Shared>,
}

/// What only one at a time may use: who holds it may write.
struct Writer {
    handle: git2::Repository,
    retired: bool,
}

impl Inner {
    fn open(id: RepositoryId, number: u64, directory: PathBuf, shared: Arc<Shared>) -> Result<Self> {
        let open = || {
            let handle = git2::Repository::open_bare(&directory)?;
            let mut config = git2::Config::new()?;
            config.add_file(&shared.libgit2_config, git2::ConfigLevel::App, false)?;
            handle.set_config(&config)?;
            let refs = Refs::read(&handle)?;
            Ok((handle, refs))
        };
        let (handle, refs) = open().map_err(Error::git("open a repository"))?;
        let objects = Objects::new(number, directory.join("objects"), Arc::clone(&shared.caches));
        Ok(Self {
            id,
            objects: Arc::new(objects),
            directory,
            refs: RwLock::new(Arc::new(refs)),
            writer: Mutex::new(Writer { handle, retired: false }),
            house: Mutex::default(),
            holds: Mutex::default(),
            bytes: Mutex::default(),
            retiring: AtomicBool::new(false),
            shared,
        })
    }

    /// Ends housekeeping, waits for a writer and lets no other follow: the repository is being removed.
    fn retire(&self) {
        self.retiring.store(true, Ordering::Release);
        // Git would make the directories again into which it wants to write.
        drop(self.house.lock().unwrap_or_else(PoisonError::into_inner));
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).retired = true;
    }
}

impl Repository {
    fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Returns the id.
    pub fn id(&self) -> &RepositoryId {
        &self.inner.id
    }

    /// Returns the directory, to give to the `git` program and for nothing else.
    pub fn directory(&self) -> &Path {
        &self.inner.directory
    }

    /// Returns where a branch is, from memory.
    pub fn head(&self, branch: &BranchName) -> Result<Option<CommitId>> {
        Ok(self.refs().branches.get(branch.as_str()).copied())
    }

    /// Returns all branches by name, from memory.
    pub fn branches(&self) -> Result<Vec<(String, CommitId)>> {
        Ok(self.refs().branches.iter().map(|(name, id)| (name.clone(), *id)).collect())
    }

    /// Reads all references again, after `git receive-pack` has moved some.
    pub fn refresh(&self) -> Result<()> {
        let writer = self.writer()?;
        self.read_refs(&writer)
    }

    /// Returns the files of a commit.
    pub fn snapshot(&self, commit: CommitId) -> Result<Arc<Snapshot>> {
        Ok(Arc::new(Snapshot::new(self.objects(), self.objects().commit(commit)?.tree)?))
    }

    /// Reads one file of a commit without listing the others.
    ///
    /// Costs a directory per level, whatever the size of the workspace; nothing is returned when
    /// there is no such file.
    pub fn read_file(&self, commit: CommitId, path: &str, limit: u64) -> Result<Option<bytes::Bytes>> {
        match self.find_file(commit, path)? {
            Some(id) => self.objects().blob(id, limit).map(Some),
            None => Ok(None),
        }
    }

    /// Returns the blob of one file of a commit without listing the others.
    pub fn find_file(&self, commit: CommitId, path: &str) -> Result<Option<BlobId>> {
        let tree = self.objects().commit(commit)?.tree;
        tree_diff::find(self.objects(), tree, path)
    }

    /// Returns a record's files; none while the record does not exist.
    pub fn record(&self, name: &RecordName) -> Result<Arc<Snapshot>> {
        let snapshot = match self.refs().records.get(name.as_str()) {
            Some(tree) => Snapshot::new(self.objects(), *tree)?,
            None => Snapshot::empty(self.objects()),
        };
        Ok(Arc::new(snapshot))
    }

    fn objects(&self) -> &Arc<Objects> {
        &self.inner.objects
    }

    fn git_program(&self) -> &Path {
        &self.inner.shared.git_program
    }

    fn refs(&self) -> Arc<Refs> {
        Arc::clone(&self.inner.refs.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_refs(&self, refs: Refs) {
        *self.inner.refs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(refs);
    }

    fn read_refs(&self, writer: &Writer) -> Result<()> {
        self.set_refs(Refs::read(&writer.handle).map_err(Error::git("read the references"))?);
        Ok(())
    }

    /// Waits until nobody else writes to this repository.
    fn writer(&self) -> Result<MutexGuard<'_, Writer>> {
        let writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.retired {
            return Err(Error::NotFound(self.inner.id.clone()));
        }
        Ok(writer)
    }
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Repository({})", self.inner.id)
    }
}
