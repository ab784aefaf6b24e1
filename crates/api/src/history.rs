//! History, read: commits, what they changed, directories and files of any revision.
//!
//! | File | Does |
//! |---|---|
//! | `log.rs` | which commits there are |
//! | `changes.rs` | what differs between two revisions, by file and by SLX |
//! | `last_changes.rs` | which commit changed each file last |
//! | `shown.rs` | how commits are written |
//!
//! Revisions never change, so what was found of one is remembered by its id and never forgotten for being old.

mod changes;
mod last_changes;
mod log;
mod shown;

use std::sync::Arc;

use moka::sync::Cache;
use workstead_core::oid::CommitId;
use workstead_core::repository::LastChanges;

pub(crate) use changes::{ChangesShown, changes, patch};
pub(crate) use last_changes::last_changes;
pub(crate) use log::{filter, log};
pub(crate) use shown::{CommitBrief, CommitShown, brief, commit};

/// Most bytes of last changes that are kept.
const LAST_CHANGES_BYTES: u64 = 64 << 20;
/// Most bytes of lists of commits that are kept.
const FOUND_BYTES: u64 = 16 << 20;

/// What was found of revisions.
pub(crate) struct History {
    last_changes: Cache<(String, CommitId), Arc<LastChanges>>,
    found: Cache<log::Asked, Arc<log::Found>>,
}

impl Default for History {
    fn default() -> Self {
        let weigh = |_: &(String, CommitId), found: &Arc<LastChanges>| {
            u32::try_from(found.files.len().saturating_mul(150) + 200).unwrap_or(u32::MAX)
        };
        let weigh_found = |_: &log::Asked, found: &Arc<log::Found>| found.weight();
        Self {
            last_changes: Cache::builder().max_capacity(LAST_CHANGES_BYTES).weigher(weigh).build(),
            found: Cache::builder().max_capacity(FOUND_BYTES).weigher(weigh_found).build(),
        }
    }
}
