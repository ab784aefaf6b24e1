//! Reading objects: a few libgit2 handles per repository, and the caches before them.
//!
//! A handle is an object database without a repository around it, so that libgit2 reads no
//! configuration at all, neither of the user nor of the repository.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use git2::ObjectType;

use super::caches::{Caches, Key};
use super::error::{Error, Result};
use super::history::CommitInfo;
use super::listing::Listing;
use super::refs::raw;
use super::tree_format::RawId;
use crate::oid::{BlobId, CommitId, TreeId};

/// Most bytes of a file that are read unless the caller says otherwise.
pub const MAX_BLOB_BYTES: u64 = 64 << 20;
/// Most bytes of one tree object: some hundred thousand entries.
const MAX_TREE_BYTES: u64 = 64 << 20;
/// Most bytes of a commit object, nearly all of it message.
const MAX_COMMIT_BYTES: u64 = 1 << 20;
/// Most tags of tags that are followed to a commit.
const MAX_TAG_DEPTH: usize = 16;
/// Idle handles that are kept for the next reader.
const MAX_IDLE: usize = 4;
/// How often a read begins anew for packs that went meanwhile.
const MAX_RENEWALS: usize = 4;

/// The objects of one repository, with those of a quarantine or without.
pub(super) struct Objects {
    number: u64,
    directory: PathBuf,
    quarantine: Option<PathBuf>,
    idle: Mutex<Vec<(u64, git2::Repository)>>,
    generation: AtomicU64,
    caches: Arc<Caches>,
    /// The listing made last, from which the next one differs little.
    latest: Mutex<Option<(TreeId, Weak<Listing>)>>,
}

impl Objects {
    /// Makes a reader of an object directory; `number` tells the caches' entries apart.
    pub(super) fn new(number: u64, directory: PathBuf, caches: Arc<Caches>) -> Self {
        Self {
            number,
            directory,
            quarantine: None,
            idle: Mutex::default(),
            generation: AtomicU64::new(0),
            caches,
            latest: Mutex::default(),
        }
    }

    /// Makes a reader that sees a quarantine's objects too, and leaves no trace of them.
    pub(super) fn quarantined(&self, quarantine: PathBuf) -> Self {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self {
            quarantine: Some(quarantine),
            latest: Mutex::new(latest),
            ..Self::new(self.number, self.directory.clone(), Arc::clone(&self.caches))
        }
    }

    /// Returns the object directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Forgets the idle handles, whose packs may be gone.
    pub(super) fn renew(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn open(&self) -> Result<git2::Repository, git2::Error> {
        let database = git2::Odb::new()?;
        for directory in std::iter::once(&self.directory).chain(&self.quarantine) {
            let text = directory.to_str().ok_or_else(|| git2::Error::from_str("the path is not UTF-8"))?;
            database.add_disk_alternate(text)?;
        }
        git2::Repository::from_odb(database)
    }

    /// Runs a read on a handle.
    ///
    /// A failed read is tried once more on a new handle, because packs that an old handle knows are replaced when they
    /// are joined; and again while that happens so fast that they went between the look for them and the read.
    pub(super) fn with<T>(
        &self,
        read: impl Fn(&git2::Repository) -> Result<T, git2::Error>,
    ) -> Result<T, git2::Error> {
        let mut generation = self.generation.load(Ordering::Acquire);
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some((made, handle)) = idle
            && let Ok(value) = read(&handle)
        {
            self.put_back(made, handle);
            return Ok(value);
        }
        for _ in 0..MAX_RENEWALS {
            let handle = self.open()?;
            match read(&handle) {
                Ok(value) => {
                    self.put_back(generation, handle);
                    return Ok(value);
                }
                Err(error) => {
                    let present = self.generation.load(Ordering::Acquire);
                    if present == generation {
                        return Err(error);
                    }
                    generation = present;
                }
            }
        }
        read(&self.open()?)
    }

    fn put_back(&self, made: u64, handle: git2::Repository) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE && made == self.generation.load(Ordering::Acquire) {
            idle.push((made, handle));
        }
    }

    /// Returns an object's size without reading it.
    pub(super) fn size(&self, kind: Kind, id: RawId) -> Result<u64> {
        let (size, actual) = self
            .with(|handle| handle.odb()?.read_header(git2::Oid::from_bytes(&id)?))
            .map_err(|error| missing(kind, id, error))?;
        kind.check(id, actual)?;
        Ok(size as u64)
    }

    /// Reads an object that is of this kind and has at most `limit` bytes; looks before it reads.
    fn read(&self, kind: Kind, id: RawId, limit: u64) -> Result<Bytes> {
        let read = self.with(|handle| {
            let (database, oid) = (handle.odb()?, git2::Oid::from_bytes(&id)?);
            let (size, actual) = database.read_header(oid)?;
            if let Err(error) = kind.check(id, actual).and_then(|()| within(kind, id, size as u64, limit)) {
                return Ok(Err(error));
            }
            Ok(Ok(Bytes::copy_from_slice(database.read(oid)?.data())))
        });
        read.map_err(|error| missing(kind, id, error))?
    }

    fn key(&self, id: RawId) -> Key {
        (self.number, id)
    }

    /// Reads a tree object's bytes.
    pub(super) fn tree(&self, id: TreeId) -> Result<Bytes> {
        let key = self.key(*id.as_bytes());
        if let Some(raw) = self.caches.trees.get(&key) {
            return Ok(raw);
        }
        let raw = self.read(Kind::Tree, *id.as_bytes(), MAX_TREE_BYTES)?;
        self.keep_tree(id, &raw);
        Ok(raw)
    }

    /// Keeps a tree that was read or written.
    pub(super) fn keep_tree(&self, id: TreeId, raw: &Bytes) {
        if self.quarantine.is_none() {
            self.caches.trees.insert(self.key(*id.as_bytes()), raw.clone());
        }
    }

    /// Reads a blob of at most `limit` bytes.
    pub(super) fn blob(&self, id: BlobId, limit: u64) -> Result<Bytes> {
        let key = self.key(*id.as_bytes());
        if let Some(content) = self.caches.blobs.get(&key)
            && content.len() as u64 <= limit
        {
            return Ok(content);
        }
        let content = self.read(Kind::Blob, *id.as_bytes(), limit)?;
        if self.quarantine.is_none() && content.len() <= Caches::MAX_BLOB_BYTES {
            self.caches.blobs.insert(key, content.clone());
        }
        Ok(content)
    }

    /// Reads what a commit says.
    pub(super) fn commit(&self, id: CommitId) -> Result<Arc<CommitInfo>> {
        let key = self.key(*id.as_bytes());
        if let Some(info) = self.caches.commits.get(&key) {
            return Ok(info);
        }
        within(Kind::Commit, *id.as_bytes(), self.size(Kind::Commit, *id.as_bytes())?, MAX_COMMIT_BYTES)?;
        let info = self
            .with(|handle| Ok(CommitInfo::read(&handle.find_commit(git2::Oid::from_bytes(id.as_bytes())?)?)))
            .map_err(|error| missing(Kind::Commit, *id.as_bytes(), error))?;
        let info = Arc::new(info);
        if self.quarantine.is_none() {
            self.caches.commits.insert(key, Arc::clone(&info));
        }
        Ok(info)
    }

    /// Follows tags to a commit; nothing when they lead elsewhere.
    ///
    /// Each object's kind and size are looked at before it is read, as a tag can lead to anything.
    pub(super) fn peel(&self, id: RawId) -> Result<Option<CommitId>> {
        let mut id = id;
        for _ in 0..MAX_TAG_DEPTH {
            let step = self.with(|handle| {
                let oid = git2::Oid::from_bytes(&id)?;
                let (size, actual) = handle.odb()?.read_header(oid)?;
                let kind = match actual {
                    ObjectType::Commit => Kind::Commit,
                    ObjectType::Tag => Kind::Tag,
                    _ => return Ok(Ok(None)),
                };
                if let Err(error) = within(kind, id, size as u64, MAX_COMMIT_BYTES) {
                    return Ok(Err(error));
                }
                let next = if kind == Kind::Tag { raw(handle.find_tag(oid)?.target_id()) } else { id };
                Ok(Ok(Some((kind, next))))
            });
            match step.map_err(|error| missing(Kind::Commit, id, error))?? {
                None => return Ok(None),
                Some((Kind::Tag, next)) => id = next,
                Some((_, commit)) => return Ok(Some(CommitId::from_bytes(commit))),
            }
        }
        Ok(None)
    }

    /// Tells whether an object is there, as far as a handle knows that may be a little behind.
    pub(super) fn has(&self, id: CommitId) -> Result<bool> {
        // Looking into the directory again for each that is missing would cost more than it finds.
        let flags = git2::OdbLookupFlags::NO_REFRESH;
        self.with(|handle| Ok(handle.odb()?.exists_ext(git2::Oid::from_bytes(id.as_bytes())?, flags)))
            .map_err(Error::git("look for an object"))
    }

    /// Returns a commit's size and what comes before it; the size is looked at before it is read.
    pub(super) fn parents(&self, id: CommitId) -> Result<(u64, Vec<CommitId>)> {
        let size = self.size(Kind::Commit, *id.as_bytes())?;
        within(Kind::Commit, *id.as_bytes(), size, MAX_COMMIT_BYTES)?;
        let parents = self.with(|handle| {
            let commit = handle.find_commit(git2::Oid::from_bytes(id.as_bytes())?)?;
            Ok(commit.parent_ids().map(|parent| CommitId::from_bytes(raw(parent))).collect())
        });
        Ok((size, parents.map_err(|error| missing(Kind::Commit, *id.as_bytes(), error))?))
    }

    /// Keeps what a commit says that was just made, so that the next one finds its parent in memory.
    pub(super) fn keep_commit(&self, info: CommitInfo) {
        self.caches.commits.insert(self.key(*info.id.as_bytes()), Arc::new(info));
    }

    /// Lists a tree, reusing what it shares with the one listed last.
    pub(super) fn listing(&self, tree: TreeId) -> Result<Arc<Listing>> {
        let key = self.key(*tree.as_bytes());
        if let Some(listing) = self.caches.listings.get(&key) {
            return Ok(listing);
        }
        let base = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let base = base.and_then(|(id, listing)| Some((id, listing.upgrade()?)));
        let listing = Arc::new(Listing::read(self, base, tree)?);
        if self.quarantine.is_none() {
            self.caches.listings.insert(key, Arc::clone(&listing));
            let latest = Some((tree, Arc::downgrade(&listing)));
            *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = latest;
        }
        Ok(listing)
    }

    /// Returns a listing if it is in memory.
    pub(super) fn known_listing(&self, tree: TreeId) -> Option<Arc<Listing>> {
        self.caches.listings.get(&self.key(*tree.as_bytes()))
    }
}

/// The kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Blob,
    Tree,
    Commit,
    Tag,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
            Self::Tag => "tag",
        }
    }

    fn check(self, id: RawId, actual: ObjectType) -> Result<()> {
        let expected = self.name();
        let actual = actual.str();
        if actual == expected {
            return Ok(());
        }
        Err(Error::WrongKind { id: hex::encode(id), expected, actual })
    }
}

fn within(kind: Kind, id: RawId, size: u64, limit: u64) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    Err(Error::TooLarge { kind: kind.name(), id: hex::encode(id), size, limit })
}

fn missing(kind: Kind, id: RawId, error: git2::Error) -> Error {
    match error.code() {
        git2::ErrorCode::NotFound => Error::MissingObject { kind: kind.name(), id: hex::encode(id) },
        _ => Error::git("read an object")(error),
    }
}
