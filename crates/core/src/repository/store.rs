//! All repositories under one directory.

use std::collections::{HashMap, VecDeque};
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use fs_err as fs;
use jiff::Timestamp;

use super::caches::Caches;
use super::commit::{CommitRequest, Outcome};
use super::error::{Error, Result};
use super::layout::{clean_repository, sync_directory, write_durably, write_repository};
use super::message::Author;
use super::names::RepositoryId;
use super::transfer::read_bundle;
use super::{Inner, Repository};
use crate::name::BranchName;
use crate::oid::CommitId;
use crate::tree::Edits;

/// Repositories that stay open after their last use.
///
/// libgit2 keeps each pack that was read open, once for all handles, so these repositories of some
/// twenty packs each, and those that callers hold, must stay below the usual limit of 1024 open files.
pub(super) const MAX_OPEN: usize = 16;
/// How the names of half-made and of half-removed repositories begin.
const NEW: &str = ".new-";
const GONE: &str = ".gone-";
/// Keeps a second process out.
const LOCK: &str = ".lock";
/// What libgit2 is to know when it writes references; `git` never sees it, which warns about the key.
const LIBGIT2_CONFIG: &str = ".libgit2-config";

/// The first commit of a new repository.
#[derive(Debug, Clone)]
pub struct FirstCommit {
    /// The branch to begin; clones check it out.
    pub branch: BranchName,
    /// The first files.
    pub edits: Edits,
    /// Who makes it.
    pub author: Author,
    /// Subject, and body if there is one.
    pub message: String,
    /// Trailers, `Key: value`.
    pub trailers: Vec<(String, String)>,
    /// When it is made.
    pub when: Timestamp,
}

/// What may be different from store to store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The program that looks after packs.
    pub git: PathBuf,
    /// Most bytes of the objects of one repository; `None` is any number.
    pub max_repository_bytes: Option<u64>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { git: PathBuf::from("git"), max_repository_bytes: None }
    }
}

/// What the store and its open repositories share.
pub(super) struct Shared {
    pub(super) caches: Arc<Caches>,
    pub(super) libgit2_config: PathBuf,
    pub(super) git_program: PathBuf,
    pub(super) max_repository_bytes: Option<u64>,
    /// Held as long as anything of the store is in use.
    lock: fs::File,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Closing is not enough: a child that is just being forked holds the same open file.
        let _ = self.lock.file().unlock();
    }
}

/// One repository's place in memory.
#[derive(Default)]
struct Slot {
    /// Tells its cache entries from those of a former repository with this id.
    number: u64,
    open: Weak<Inner>,
    /// Whether this process has removed what a crash left; later it might remove a push's objects.
    is_clean: bool,
}

/// The place of every repository that was asked for.
#[derive(Default)]
struct Slots {
    last_number: u64,
    by_id: HashMap<RepositoryId, Arc<Mutex<Slot>>>,
}

impl Slots {
    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

/// The bare repositories under one directory, `<id>.git` each.
///
/// A process opens a directory once; a clone of the store is the same store.
#[derive(Clone)]
pub struct RepositoryStore {
    inner: Arc<StoreInner>,
}

struct StoreInner {
    root: PathBuf,
    shared: Arc<Shared>,
    slots: Mutex<Slots>,
    /// Keeps the repositories in use lately open, the latest first.
    ///
    /// No cache of moka's: that drops what it evicts later, and files would stay open.
    recent: Mutex<VecDeque<Arc<Inner>>>,
}

impl RepositoryStore {
    /// Opens the store in a directory, which is made if need be, and removes what crashes left.
    pub fn open(root: &Path) -> Result<Self> {
        Self::open_with(root, StoreOptions::default())
    }

    /// Opens the store in the same way, with options.
    pub fn open_with(root: &Path, options: StoreOptions) -> Result<Self> {
        // Its cache would hold beside ours what is read once, and up to 256 MiB of it.
        git2::opts::enable_caching(false);
        fs::create_dir_all(root)?;
        let root = fs::canonicalize(root)?;
        let lock = fs::File::create(root.join(LOCK))?;
        match lock.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(root)),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        for entry in fs::read_dir(&root)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(NEW) || name.starts_with(GONE) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let libgit2_config = root.join(LIBGIT2_CONFIG);
        write_durably(&libgit2_config, "[core]\n\tfsyncObjectFiles = true\n")?;
        let caches = Arc::new(Caches::new());
        let StoreOptions { git: git_program, max_repository_bytes } = options;
        let shared = Shared { caches, libgit2_config, git_program, max_repository_bytes, lock };
        let inner =
            StoreInner { root, shared: Arc::new(shared), slots: Mutex::default(), recent: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes a repository with its first commit; it is there with it or not at all.
    pub fn create(&self, id: &RepositoryId, first: FirstCommit) -> Result<Repository> {
        let slot = self.slot(id);
        let mut slot = lock(&slot);
        let directory = self.directory(id);
        if directory.exists() {
            return Err(Error::AlreadyExists(id.clone()));
        }
        let prefix = format!("{NEW}{id}-");
        let temporary = tempfile::Builder::new().prefix(&prefix).tempdir_in(&self.inner.root)?;
        write_repository(temporary.path(), &first.branch.reference())?;
        let repository = self.open_at(id, temporary.path().to_owned(), &slot)?;
        let FirstCommit { branch, edits, author, message, trailers, when } = first;
        let outcome = Repository::new(repository).commit(&CommitRequest {
            branch: &branch,
            base: None,
            edits: &edits,
            executable: None,
            merged: &[],
            records: &[],
            author: &author,
            message: &message,
            trailers: &trailers,
            when,
        })?;
        debug_assert!(matches!(outcome, Outcome::Committed(_)), "an empty repository takes any commit");
        fs::rename(temporary.path(), &directory)?;
        // It has another name now, under which there is nothing to remove.
        let _ = temporary.keep();
        sync_directory(&self.inner.root)?;
        self.open_slot(id, &mut slot)
    }

    /// Makes a repository of a bundle that [`Repository::write_bundle`] wrote; it is there with all of it or not at all.
    ///
    /// It must bring the default branch, or nothing could be read of it.
    pub fn restore(&self, id: &RepositoryId, branch: &BranchName, bundle: &Path) -> Result<Repository> {
        let slot = self.slot(id);
        let mut slot = lock(&slot);
        let directory = self.directory(id);
        if directory.exists() {
            return Err(Error::AlreadyExists(id.clone()));
        }
        let prefix = format!("{NEW}{id}-");
        let temporary = tempfile::Builder::new().prefix(&prefix).tempdir_in(&self.inner.root)?;
        write_repository(temporary.path(), &branch.reference())?;
        read_bundle(&self.inner.shared.git_program, temporary.path(), bundle)?;
        let restored = self.open_at(id, temporary.path().to_owned(), &slot)?;
        if Repository::new(restored).head(branch)?.is_none() {
            return Err(Error::NoBranch(branch.to_string()));
        }
        fs::rename(temporary.path(), &directory)?;
        // It has another name now, under which there is nothing to remove.
        let _ = temporary.keep();
        sync_directory(&self.inner.root)?;
        self.open_slot(id, &mut slot)
    }

    /// Returns where a branch is, without opening the repository: for the many that nobody asked for yet.
    pub fn peek_head(&self, id: &RepositoryId, branch: &BranchName) -> Result<Option<CommitId>> {
        // A branch that was packed with others (git-pack-refs) needs the whole reading.
        let file = fs::read_to_string(self.directory(id).join(branch.reference()));
        match file.ok().and_then(|text| CommitId::parse(text.trim()).ok()) {
            Some(commit) => Ok(Some(commit)),
            None => self.get(id)?.head(branch),
        }
    }

    /// Opens a repository.
    pub fn get(&self, id: &RepositoryId) -> Result<Repository> {
        let slot = self.slot(id);
        let mut slot = lock(&slot);
        if let Some(open) = slot.open.upgrade() {
            self.keep_open(&open);
            return Ok(Repository::new(open));
        }
        self.open_slot(id, &mut slot)
    }

    /// Removes a repository, if there is one; after a crash half-way it is gone all the same.
    pub fn remove(&self, id: &RepositoryId) -> Result<()> {
        let slot = self.slot(id);
        let mut slot = lock(&slot);
        lock(&self.inner.recent).retain(|open| open.id != *id);
        if let Some(open) = slot.open.upgrade() {
            // Waits for a writer, and turns away those who hold the repository still.
            open.retire();
        }
        *slot = Slot { number: lock(&self.inner.slots).next_number(), ..Slot::default() };
        let tombstone =
            tempfile::Builder::new().prefix(&format!("{GONE}{id}-")).tempdir_in(&self.inner.root)?;
        match fs::rename(self.directory(id), tombstone.path()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            other => other?,
        }
        sync_directory(&self.inner.root)?;
        Ok(tombstone.close()?)
    }

    /// Returns the ids of all repositories, in order.
    pub fn ids(&self) -> Result<Vec<RepositoryId>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.inner.root)? {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".git"));
            ids.extend(id.and_then(|id| RepositoryId::parse(id).ok()));
        }
        ids.sort();
        Ok(ids)
    }

    pub(super) fn git_program(&self) -> &Path {
        &self.inner.shared.git_program
    }

    pub(super) fn directory(&self, id: &RepositoryId) -> PathBuf {
        self.inner.root.join(format!("{id}.git"))
    }

    /// Notes that a repository is in use; the one that has not been for longest may close.
    fn keep_open(&self, open: &Arc<Inner>) {
        let mut recent = lock(&self.inner.recent);
        if recent.front().is_some_and(|first| Arc::ptr_eq(first, open)) {
            return;
        }
        recent.retain(|other| !Arc::ptr_eq(other, open));
        recent.push_front(Arc::clone(open));
        recent.truncate(MAX_OPEN);
    }

    fn slot(&self, id: &RepositoryId) -> Arc<Mutex<Slot>> {
        let mut slots = lock(&self.inner.slots);
        if let Some(slot) = slots.by_id.get(id) {
            return Arc::clone(slot);
        }
        let slot = Arc::new(Mutex::new(Slot { number: slots.next_number(), ..Slot::default() }));
        slots.by_id.insert(id.clone(), Arc::clone(&slot));
        slot
    }

    fn open_slot(&self, id: &RepositoryId, slot: &mut Slot) -> Result<Repository> {
        let directory = self.directory(id);
        if !directory.is_dir() {
            return Err(Error::NotFound(id.clone()));
        }
        if !slot.is_clean {
            clean_repository(&directory)?;
            slot.is_clean = true;
        }
        let open = self.open_at(id, directory, slot)?;
        slot.open = Arc::downgrade(&open);
        self.keep_open(&open);
        Ok(Repository::new(open))
    }

    fn open_at(&self, id: &RepositoryId, directory: PathBuf, slot: &Slot) -> Result<Arc<Inner>> {
        Ok(Arc::new(Inner::open(id.clone(), slot.number, directory, Arc::clone(&self.inner.shared))?))
    }
}

impl std::fmt::Debug for RepositoryStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RepositoryStore({})", self.inner.root.display())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
