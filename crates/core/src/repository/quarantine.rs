//! Reading a push before it is accepted.
//!
//! `git receive-pack` keeps what was pushed in a directory of its own until the pre-receive
//! check has passed, see "Quarantine environment" in <https://git-scm.com/docs/git-receive-pack>.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Repository;
use super::error::{Error, Result};
use super::history::{self, CommitInfo, PathChange};
use super::layout::ANY_TEMPORARY_OBJECTS;
use super::objects::Objects;
use super::size;
use super::snapshot::Snapshot;
use crate::oid::CommitId;

/// Most commits that one push may bring.
const MAX_COMMITS: usize = 100_000;
/// Most bytes of all of them, nearly all of it messages.
const MAX_COMMIT_BYTES: u64 = 256 << 20;

/// Bytes of a pack without objects: its header and its checksum.
const EMPTY_PACK_BYTES: u64 = 32;
/// More than all files of such a pack have.
const MAX_EMPTY_BYTES: u64 = 4096;

/// The commits of one push that were measured already.
#[derive(Debug, Default)]
pub struct MeasuredCommits {
    seen: HashSet<CommitId>,
    bytes: u64,
}

/// A repository as it would be if a push were accepted.
#[derive(Clone)]
pub struct Quarantine {
    repository: Repository,
    objects: Arc<Objects>,
    directory: PathBuf,
}

impl Repository {
    /// Reads this repository together with the objects of a push.
    ///
    /// The directory is what the pre-receive hook gets as `GIT_QUARANTINE_PATH`; it must be a
    /// temporary directory of this repository's own objects.
    pub fn quarantined(&self, objects: &Path) -> Result<Quarantine> {
        let refuse = || Error::NotQuarantine(objects.to_owned());
        let real = fs_err::canonicalize(objects).map_err(|_| refuse())?;
        let home = fs_err::canonicalize(self.objects().directory())?;
        let name = real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if real.parent() != Some(&home) || !name.starts_with(ANY_TEMPORARY_OBJECTS) || !real.is_dir() {
            return Err(refuse());
        }
        let objects = Arc::new(self.objects().quarantined(real.clone()));
        Ok(Quarantine { repository: self.clone(), objects, directory: real })
    }
}

impl Quarantine {
    /// Returns how many bytes of objects the push brings; none when its pack is empty, as for a branch at a known commit.
    pub fn bytes(&self) -> Result<u64> {
        let packs = self.directory.join("pack");
        let mut is_empty = true;
        if packs.is_dir() {
            for entry in fs_err::read_dir(&packs)? {
                let entry = entry?;
                let is_pack = entry.path().extension().is_some_and(|extension| extension == "pack");
                is_empty &= !is_pack || entry.metadata()?.len() <= EMPTY_PACK_BYTES;
            }
        }
        let bytes = size::count(&self.directory)?;
        Ok(if is_empty && bytes < MAX_EMPTY_BYTES { 0 } else { bytes })
    }

    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(super) fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Follows an object's id, through tags, to a commit; nothing when it leads to something else.
    ///
    /// Neither a file nor a tag or commit of unusual size is read for it.
    pub fn commit_of(&self, id: &str) -> Result<Option<CommitId>> {
        let Ok(id) = CommitId::parse(id) else { return Ok(None) };
        self.objects.peel(*id.as_bytes())
    }

    /// Returns the best common ancestor of two commits; nothing when their histories have none.
    pub fn merge_base(&self, one: CommitId, other: CommitId) -> Result<Option<CommitId>> {
        history::merge_base(&self.objects, one, other)
    }

    /// Returns the files of a commit, pushed or not.
    pub fn snapshot(&self, commit: CommitId) -> Result<Arc<Snapshot>> {
        Ok(Arc::new(Snapshot::new(&self.objects, self.objects.commit(commit)?.tree)?))
    }

    /// Returns what a commit says.
    pub fn commit_info(&self, commit: CommitId) -> Result<CommitInfo> {
        Ok((*self.objects.commit(commit)?).clone())
    }

    /// Returns the files that differ between two commits, or that the second one has.
    pub fn changed_paths(&self, old: Option<CommitId>, new: CommitId) -> Result<Vec<PathChange>> {
        let old = old.map(|id| self.objects.commit(id)).transpose()?.map(|info| info.tree);
        history::changed_paths(&self.objects, old, self.objects.commit(new)?.tree)
    }

    /// Tells whether a commit is another one or descends from it.
    pub fn is_descendant(&self, old: CommitId, new: CommitId) -> Result<bool> {
        history::is_descendant(&self.objects, old, new)
    }

    /// Measures the commits up to this one that the repository does not have, and returns how many there are.
    ///
    /// Whatever walks the history reads each commit whole, so this comes first: it looks at the size of
    /// one commit after the other.
    pub fn measure_commits(&self, new: CommitId, measured: &mut MeasuredCommits) -> Result<usize> {
        let known = self.repository.objects();
        let mut count = 0;
        let mut waiting = Vec::from_iter(measured.seen.insert(new).then_some(new));
        while let Some(commit) = waiting.pop() {
            if known.has(commit)? {
                continue;
            }
            let (size, parents) = self.objects.parents(commit)?;
            count += 1;
            measured.bytes = measured.bytes.saturating_add(size);
            if measured.bytes > MAX_COMMIT_BYTES {
                return Err(Error::CommitsTooLarge { limit: MAX_COMMIT_BYTES });
            }
            waiting.extend(parents.into_iter().filter(|parent| measured.seen.insert(*parent)));
            if measured.seen.len() > MAX_COMMITS {
                return Err(Error::TooManyCommits { limit: MAX_COMMITS });
            }
        }
        Ok(count)
    }
}

impl std::fmt::Debug for Quarantine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Quarantine({:?})", self.repository)
    }
}
