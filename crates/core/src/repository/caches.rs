//! Caches of immutable things by their id, bounded for the whole store.

use std::sync::Arc;

use bytes::Bytes;
use moka::sync::Cache;

use super::history::CommitInfo;
use super::listing::Listing;
use super::tree_format::RawId;

/// A key: the number of the repository and the id of the object.
///
/// Repositories share no entries, so none can be asked for what only another one holds.
pub(super) type Key = (u64, RawId);

/// What is kept in memory of all repositories.
#[derive(Debug)]
pub(super) struct Caches {
    pub(super) trees: Cache<Key, Bytes>,
    pub(super) blobs: Cache<Key, Bytes>,
    pub(super) listings: Cache<Key, Arc<Listing>>,
    pub(super) commits: Cache<Key, Arc<CommitInfo>>,
}

impl Caches {
    /// Most bytes of a blob that is kept.
    pub(super) const MAX_BLOB_BYTES: usize = 1 << 20;

    pub(super) fn new() -> Self {
        // An entry costs some 200 bytes by itself.
        let bytes = |_: &Key, value: &Bytes| u32::try_from(value.len() + 200).unwrap_or(u32::MAX);
        let listing = |_: &Key, value: &Arc<Listing>| u32::try_from(value.weight()).unwrap_or(u32::MAX);
        Self {
            trees: Cache::builder().weigher(bytes).max_capacity(32 << 20).build(),
            blobs: Cache::builder().weigher(bytes).max_capacity(32 << 20).build(),
            listings: Cache::builder().weigher(listing).max_capacity(96 << 20).build(),
            commits: Cache::new(20_000),
        }
    }
}
