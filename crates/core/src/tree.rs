//! Files of a revision, and edits of them, independent of where they are stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::oid::BlobId;
use crate::path::RepoPath;

/// Why a file's content could not be had.
#[derive(Debug, thiserror::Error)]
#[error("failed to read blob {id}")]
pub struct ReadError {
    /// The blob that was asked for.
    pub id: BlobId,
    /// What went wrong below.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// All files of one immutable revision.
pub trait FileTree: Sync {
    /// Returns every file with its blob.
    fn files(&self) -> &BTreeMap<RepoPath, BlobId>;

    /// Reads one blob of the revision.
    fn read(&self, id: BlobId) -> Result<Bytes, ReadError>;

    /// Reads the file at a path, or nothing when there is none.
    fn read_path(&self, path: &str) -> Result<Option<Bytes>, ReadError> {
        self.files().get(path).map(|id| self.read(*id)).transpose()
    }
}

/// What happens to one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The path gets this content.
    Write(Bytes),
    /// The path gets a blob that the repository holds, or that another edit of the same commit writes.
    Link(BlobId),
    /// The path goes; nothing happens if it is not there.
    Remove,
}

/// Edits by path, in the order of paths.
pub type Edits = BTreeMap<RepoPath, Edit>;

/// Files in memory: of a bundle, of a test, of a directory that was read.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    files: BTreeMap<RepoPath, BlobId>,
    blobs: std::collections::HashMap<BlobId, Bytes>,
}

impl MemoryTree {
    /// Makes an empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file, replacing what was there.
    pub fn insert(&mut self, path: RepoPath, content: Bytes) {
        let id = BlobId::of(&content);
        self.files.insert(path, id);
        self.blobs.insert(id, content);
    }

    /// Applies edits as a commit would.
    ///
    /// A link to a blob that is nowhere in the tree leaves the path without readable content.
    pub fn apply(&mut self, edits: &Edits) {
        for (path, edit) in edits {
            match edit {
                Edit::Write(content) => self.insert(path.clone(), content.clone()),
                Edit::Link(id) => {
                    self.files.insert(path.clone(), *id);
                }
                Edit::Remove => {
                    self.files.remove(path);
                }
            }
        }
    }
}

impl FromIterator<(RepoPath, Bytes)> for MemoryTree {
    /// Hashes the files on all cores.
    fn from_iter<I: IntoIterator<Item = (RepoPath, Bytes)>>(files: I) -> Self {
        use rayon::prelude::*;
        let files: Vec<_> = files.into_iter().collect();
        let ids: Vec<BlobId> = files.par_iter().map(|(_, content)| BlobId::of(content)).collect();
        let blobs = files.iter().zip(&ids).map(|((_, content), id)| (*id, content.clone())).collect();
        let files = files.into_iter().zip(ids).map(|((path, _), id)| (path, id)).collect();
        Self { files, blobs }
    }
}

impl FileTree for MemoryTree {
    fn files(&self) -> &BTreeMap<RepoPath, BlobId> {
        &self.files
    }

    fn read(&self, id: BlobId) -> Result<Bytes, ReadError> {
        let missing = || ReadError { id, source: "no such blob in memory".into() };
        self.blobs.get(&id).cloned().ok_or_else(missing)
    }
}

impl<T: FileTree + Send> FileTree for Arc<T> {
    fn files(&self) -> &BTreeMap<RepoPath, BlobId> {
        (**self).files()
    }

    fn read(&self, id: BlobId) -> Result<Bytes, ReadError> {
        (**self).read(id)
    }
}
