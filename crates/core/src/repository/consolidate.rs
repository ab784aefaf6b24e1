//! Many small packs become few.

use std::ffi::OsStr;
use std::time::Duration;

use super::Repository;
use super::error::Result;
use super::housekeeping::{House, packs};

/// Packs from which on reading gets slower for having to look into each.
///
/// Each pack of an open repository is an open file, see [`MAX_OPEN`](super::store::MAX_OPEN).
pub(super) const MAX_PACKS: usize = 20;
/// Longest that it may take.
const MAX_TIME: Duration = Duration::from_mins(10);

impl Repository {
    /// Tells whether there are so many packs that [`consolidate`](Self::consolidate) is worth its while.
    pub fn needs_consolidation(&self) -> Result<bool> {
        Ok(packs::count_joinable(&self.objects().directory().join("pack"))? > MAX_PACKS)
    }

    /// Joins packs until each has at least twice the objects of the next smaller one.
    ///
    /// The work is `git repack`'s. Nobody waits for it: readers keep what they have open, and look again for what they
    /// miss; packs that come meanwhile stay as they are. No object is dropped, reachable or not.
    pub fn consolidate(&self) -> Result<()> {
        self.consolidate_unless(&|| false)
    }

    /// The same, ending early when it is told to.
    pub fn consolidate_unless(&self, stop: &(dyn Fn() -> bool + Sync)) -> Result<()> {
        House::enter(self, stop)?.consolidate(MAX_TIME)
    }

    #[cfg(test)]
    pub(super) fn consolidate_within(&self, limit: Duration) -> Result<()> {
        House::enter(self, &|| false)?.consolidate(limit)
    }
}

impl House<'_> {
    pub(super) fn consolidate(&self, limit: Duration) -> Result<()> {
        let arguments = ["-d", "-n", "-q", "--geometric=2"].map(OsStr::new);
        self.replace_packs(&arguments, limit)
    }
}
