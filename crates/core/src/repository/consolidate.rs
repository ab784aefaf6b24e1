//! Many small packs become few.

use std::ffi::OsStr;
use std::time::Duration;

use fs_err as fs;

use super::Repository;
use super::error::Result;
use super::program::Run;

/// Packs from which on reading gets slower for having to look into each.
///
/// Each pack of an open repository is an open file, see [`MAX_OPEN`](super::store::MAX_OPEN).
pub(super) const MAX_PACKS: usize = 20;
/// Longest that writers are kept waiting.
const MAX_TIME: Duration = Duration::from_mins(10);

impl Repository {
    /// Tells whether there are so many packs that [`consolidate`](Self::consolidate) is worth its while.
    pub fn needs_consolidation(&self) -> Result<bool> {
        let mut packs = 0;
        for entry in fs::read_dir(self.objects().directory().join("pack"))? {
            packs += usize::from(entry?.path().extension().is_some_and(|extension| extension == "pack"));
        }
        Ok(packs > MAX_PACKS)
    }

    /// Joins packs until each has at least twice the objects of the next smaller one.
    ///
    /// The work is `git repack`'s. Writers of this repository wait for it, if not for ever; readers
    /// don't: they keep what they have open, and look again for what they miss. No object is dropped,
    /// reachable or not.
    pub fn consolidate(&self) -> Result<()> {
        self.consolidate_within(MAX_TIME)
    }

    pub(super) fn consolidate_within(&self, limit: Duration) -> Result<()> {
        let writer = self.writer()?;
        let ended = Run {
            program: self.git_program(),
            directory: self.directory(),
            command: "repack",
            arguments: &["-d", "--geometric=2", "-q"].map(OsStr::new),
            limit,
        }
        .run();
        // Whatever git did, old handles may know packs that are gone.
        self.objects().renew();
        drop(writer);
        ended
    }
}
