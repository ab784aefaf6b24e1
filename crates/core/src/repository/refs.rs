//! References: read once into memory, moved by compare-and-swap under Git's own locks.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use git2::{ErrorCode, Oid};

use super::error::{Error, Result};
use super::layout::sync_directory;
use super::names::RecordName;
use crate::oid::{CommitId, TreeId};

/// Where every reference of a repository points.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Refs {
    /// Branches by short name.
    pub(super) branches: BTreeMap<String, CommitId>,
    /// Tags by short name, peeled to the commit.
    pub(super) tags: BTreeMap<String, CommitId>,
    /// Records by name.
    pub(super) records: BTreeMap<String, TreeId>,
}

impl Refs {
    /// Reads all references.
    pub(super) fn read(handle: &git2::Repository) -> Result<Self, git2::Error> {
        let mut refs = Self::default();
        for reference in handle.references()? {
            let reference = reference?;
            // Names that are not UTF-8 can't be asked for; symbolic ones we don't make.
            let (Ok(name), Some(target)) = (reference.name(), reference.target()) else { continue };
            if let Some(name) = name.strip_prefix("refs/heads/") {
                refs.branches.insert(name.to_owned(), CommitId::from_bytes(raw(target)));
            } else if let Some(name) = name.strip_prefix("refs/tags/") {
                // A tag of something else than a commit names no revision.
                if let Ok(commit) = reference.peel_to_commit() {
                    refs.tags.insert(name.to_owned(), CommitId::from_bytes(raw(commit.id())));
                }
            } else if let Some(name) = name.strip_prefix(RecordName::PREFIX) {
                refs.records.insert(name.to_owned(), TreeId::from_bytes(raw(target)));
            }
        }
        Ok(refs)
    }

    /// Notes that a branch or record points elsewhere.
    pub(super) fn set(&mut self, name: &str, target: [u8; 20]) {
        if let Some(name) = name.strip_prefix("refs/heads/") {
            self.branches.insert(name.to_owned(), CommitId::from_bytes(target));
        } else if let Some(name) = name.strip_prefix(RecordName::PREFIX) {
            self.records.insert(name.to_owned(), TreeId::from_bytes(target));
        }
    }

    /// Returns a branch beside which this one can't exist, because one name continues the other.
    pub(super) fn collision(&self, branch: &str) -> Option<&str> {
        let continues =
            |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('/'));
        self.branches
            .keys()
            .map(String::as_str)
            .find(|other| continues(branch, other) || continues(other, branch))
    }
}

/// Returns the raw bytes of a SHA-1 id; others can't occur, as the repositories are ours.
pub(super) fn raw(id: Oid) -> [u8; 20] {
    let mut bytes = [0; 20];
    let known = id.as_bytes();
    let length = known.len().min(20);
    bytes[..length].copy_from_slice(&known[..length]);
    bytes
}

/// A reference that is to move.
pub(super) struct Move {
    pub(super) name: String,
    pub(super) from: Option<[u8; 20]>,
    pub(super) to: [u8; 20],
}

/// Moves references if all of them are where they are expected; tells whether they were.
///
/// All are locked, then compared, then moved in the given order. A crash in between leaves the
/// first ones moved, so the branch comes last: a record that is ahead does no harm.
pub(super) fn move_all(handle: &git2::Repository, moves: &[Move]) -> Result<bool> {
    let failed = Error::git;
    let mut transactions = Vec::with_capacity(moves.len());
    for step in moves {
        // One transaction each: a common one moves in an order of its own.
        let mut transaction = handle.transaction().map_err(failed("begin moving references"))?;
        lock(&mut transaction, &step.name)?;
        transactions.push(transaction);
    }
    for step in moves {
        if current(handle, &step.name)? != step.from {
            return Ok(false);
        }
    }
    let time = git2::Time::new(0, 0);
    // Bare repositories keep no reflog; a signature keeps libgit2 from looking for the user's.
    let nobody = git2::Signature::new("workstead", "workstead", &time).map_err(failed("make a signature"))?;
    for (step, mut transaction) in moves.iter().zip(transactions) {
        let target = Oid::from_bytes(&step.to).map_err(failed("read an id"))?;
        transaction
            .set_target(&step.name, target, Some(&nobody), "commit")
            .and_then(|()| transaction.commit())
            .map_err(failed("move a reference"))?;
        sync_ancestors(handle.path(), &step.name)?;
    }
    Ok(true)
}

/// Removes a reference if it is where it is expected; tells whether it was.
pub(super) fn remove(handle: &git2::Repository, name: &str, from: [u8; 20]) -> Result<bool> {
    let failed = Error::git;
    let mut transaction = handle.transaction().map_err(failed("begin removing a reference"))?;
    lock(&mut transaction, name)?;
    if current(handle, name)? != Some(from) {
        return Ok(false);
    }
    transaction.remove(name).and_then(|()| transaction.commit()).map_err(failed("remove a reference"))?;
    // Git removes directories that it left empty; the first that is there has lost an entry.
    let gone = handle.path().join(name);
    for ancestor in gone.ancestors().skip(1).take_while(|ancestor| ancestor.starts_with(handle.path())) {
        if ancestor.is_dir() {
            sync_directory(ancestor)?;
            break;
        }
    }
    Ok(true)
}

fn current(handle: &git2::Repository, name: &str) -> Result<Option<[u8; 20]>> {
    match handle.find_reference(name) {
        Ok(reference) => Ok(reference.target().map(raw)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(Error::git("read a reference")(error)),
    }
}

/// Takes the lock of a reference, waiting for a push that is just moving it.
fn lock(transaction: &mut git2::Transaction<'_>, name: &str) -> Result<()> {
    for _ in 0..200 {
        match transaction.lock_ref(name) {
            Ok(()) => return Ok(()),
            Err(error) if error.code() == ErrorCode::Locked => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(Error::git("lock a reference")(error)),
        }
    }
    Err(Error::Busy(name.to_owned()))
}

/// Makes durable the directories above a reference's own, which libgit2 creates but does not sync.
///
/// `refs/heads` is made durable with the repository and Git never removes it.
fn sync_ancestors(repository: &Path, name: &str) -> Result<()> {
    let top = if name.starts_with("refs/heads/") { "refs/heads" } else { "refs" };
    // The first ancestor is the directory that holds the reference; libgit2 has synced it.
    for ancestor in Path::new(name).ancestors().skip(2) {
        if !ancestor.starts_with(top) {
            break;
        }
        sync_directory(&repository.join(ancestor))?;
    }
    Ok(())
}
