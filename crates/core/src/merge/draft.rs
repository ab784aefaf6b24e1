//! The edits of a merge while they are collected.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;

use super::MergeError;
use super::summary::{MergeConflict, MergeSummary, NO_BASE};
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::tree::{Edit, Edits};

/// What an upload said that the repository took in.
#[derive(Debug, Clone)]
pub(super) enum Heeded {
    /// The blob of the upload.
    AsUploaded(BlobId),
    /// A workflow under the repository's names.
    Rewritten(Bytes),
}

/// The edits of a merge while they are collected.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) edits: Edits,
    pub(super) summary: MergeSummary,
    /// Uploaded paths where the repository holds exactly the uploaded content.
    pub(super) held: BTreeMap<&'a RepoPath, BlobId>,
    /// Paths of the repository that a prune or a replacement removes.
    pub(super) removed: HashSet<&'a RepoPath>,
    /// Uploaded paths that the merge took in although the repository does not hold exactly the uploaded content,
    /// and what is to be remembered of it.
    pub(super) heeded: BTreeMap<&'a RepoPath, Heeded>,
    conflicts: Vec<MergeConflict>,
    conflict_count: usize,
}

impl<'a> Draft<'a> {
    pub(super) fn write(&mut self, path: RepoPath, content: Bytes) {
        self.removed.remove(&path);
        self.edits.insert(path, Edit::Write(content));
    }

    pub(super) fn remove(&mut self, path: &'a RepoPath) {
        self.edits.insert(path.clone(), Edit::Remove);
        self.removed.insert(path);
    }

    /// Takes a removal back.
    pub(super) fn keep(&mut self, path: &RepoPath) {
        self.removed.remove(path);
        self.edits.remove(path);
    }

    pub(super) fn hold(&mut self, path: &'a RepoPath, id: BlobId) {
        self.held.insert(path, id);
    }

    /// Notes what an uploaded file became: it is held where the repository has its very content.
    pub(super) fn note(&mut self, path: &'a RepoPath, id: BlobId, is_held: bool, rewritten: Option<&Bytes>) {
        if is_held {
            self.hold(path, id);
        } else {
            let heeded =
                rewritten.map_or(Heeded::AsUploaded(id), |content| Heeded::Rewritten(content.clone()));
            self.heeded.insert(path, heeded);
        }
    }

    /// Notes what both sides changed in different ways.
    pub(super) fn clash(&mut self, conflicts: Vec<MergeConflict>) {
        self.conflict_count += conflicts.len();
        let room = MergeSummary::MAX_CONFLICTS.saturating_sub(self.conflicts.len());
        self.conflicts.extend(conflicts.into_iter().take(room));
    }

    /// Refuses the merge if both sides changed something in different ways.
    pub(super) fn refuse_conflicts(&mut self) -> Result<(), MergeError> {
        if self.conflict_count == 0 {
            return Ok(());
        }
        let mut conflicts = std::mem::take(&mut self.conflicts);
        conflicts.sort_unstable();
        Err(MergeError::Conflicts { conflicts, total: self.conflict_count })
    }

    /// Tells whether a file is in conflict because its base is not known.
    pub(super) fn lacks_base(&self) -> bool {
        self.conflicts.iter().any(|conflict| conflict.code == NO_BASE)
    }

    /// Tells whether a path is there after the edits.
    pub(super) fn has(&self, path: &str, before: &BTreeMap<RepoPath, BlobId>) -> bool {
        match self.edits.get(path) {
            Some(Edit::Remove) => false,
            Some(Edit::Write(_) | Edit::Link(_)) => true,
            None => before.contains_key(path),
        }
    }

    /// Ends the summary.
    pub(super) fn finish(&mut self) {
        self.count_files();
        let unlisted = self.conflict_count - self.conflicts.len();
        self.summary.conflicts.append(&mut self.conflicts);
        self.summary.finish();
        self.summary.counts.conflicts += unlisted;
    }

    /// Counts the files that are written and removed.
    fn count_files(&mut self) {
        let removed = self.edits.values().filter(|edit| matches!(edit, Edit::Remove)).count();
        self.summary.counts.files_removed = removed;
        self.summary.counts.files_written = self.edits.len() - removed;
    }
}
