//! One revision's files, immutable.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::error::Result;
use super::listing::{Irregular, Listing};
use super::objects::{Kind, MAX_BLOB_BYTES, Objects};
use crate::oid::{BlobId, TreeId};
use crate::path::RepoPath;
use crate::tree::{FileTree, ReadError};

/// The files of one commit or record.
///
/// They are listed when the snapshot is made, so that listing never fails later; a listing costs
/// what differs from the one made before.
#[derive(Clone)]
pub struct Snapshot {
    tree: TreeId,
    listing: Arc<Listing>,
    objects: Arc<Objects>,
}

impl Snapshot {
    pub(super) fn new(objects: &Arc<Objects>, tree: TreeId) -> Result<Self> {
        Ok(Self { tree, listing: objects.listing(tree)?, objects: Arc::clone(objects) })
    }

    pub(super) fn empty(objects: &Arc<Objects>) -> Self {
        let tree = TreeId::from_bytes(super::tree_format::object_id("tree", b""));
        Self { tree, listing: Arc::default(), objects: Arc::clone(objects) }
    }

    /// Returns the id of the tree: equal ids, equal files.
    pub fn tree_id(&self) -> TreeId {
        self.tree
    }

    /// Returns what is in the tree and is no file: links, submodules, paths that may not be.
    pub fn irregular(&self) -> &[Irregular] {
        &self.listing.irregular
    }

    /// Returns the size of a blob without reading it.
    pub fn size(&self, id: BlobId) -> Result<u64> {
        self.objects.size(Kind::Blob, *id.as_bytes())
    }

    /// Reads a blob that has at most `limit` bytes.
    pub fn read_at_most(&self, id: BlobId, limit: u64) -> Result<Bytes> {
        self.objects.blob(id, limit)
    }
}

impl FileTree for Snapshot {
    fn files(&self) -> &BTreeMap<RepoPath, BlobId> {
        &self.listing.files
    }

    /// Reads a blob of at most [`MAX_BLOB_BYTES`].
    fn read(&self, id: BlobId) -> Result<Bytes, ReadError> {
        self.read_at_most(id, MAX_BLOB_BYTES).map_err(|error| ReadError { id, source: Box::new(error) })
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Snapshot({}, {} files)", self.tree, self.listing.files.len())
    }
}
