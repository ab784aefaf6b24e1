//! The edits of a merge while they are collected.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;

use super::summary::MergeSummary;
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::tree::{Edit, Edits};

/// The edits of a merge while they are collected.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) edits: Edits,
    pub(super) summary: MergeSummary,
    /// Uploaded paths where the repository holds exactly the uploaded content.
    pub(super) held: BTreeMap<&'a RepoPath, BlobId>,
    /// Paths of the repository that a prune or a replacement removes.
    pub(super) removed: HashSet<&'a RepoPath>,
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

    /// Counts the files that are written and removed.
    pub(super) fn count_files(&mut self) {
        let removed = self.edits.values().filter(|edit| matches!(edit, Edit::Remove)).count();
        self.summary.counts.files_removed = removed;
        self.summary.counts.files_written = self.edits.len() - removed;
    }
}
