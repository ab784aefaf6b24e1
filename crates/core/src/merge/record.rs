//! What uploads from one location wrote, by blob id: how an untouched file is told from an edited one.
//!
//! The record keeps the last blob that an upload wrote at a path. Content that an older upload
//! wrote and a person restored counts as edited: a prune then leaves it, which is the safe side.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use itertools::{EitherOrBoth, Itertools};

use super::slxs::Slx;
use super::ungrouped::Ungrouped;
use crate::model::slx_directory;
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::tree::{Edit, Edits};

/// Reads the record of one location.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    files: &'a BTreeMap<RepoPath, BlobId>,
    ungrouped: &'a Ungrouped,
}

impl<'a> Record<'a> {
    pub(super) fn new(files: &'a BTreeMap<RepoPath, BlobId>, ungrouped: &'a Ungrouped) -> Self {
        Self { files, ungrouped }
    }

    /// Returns the SLXs that uploads brought and that have stood in no group since.
    pub(super) fn ungrouped(self) -> &'a Ungrouped {
        self.ungrouped
    }

    /// Tells whether no upload from the location was ever recorded.
    pub(super) fn is_empty(self) -> bool {
        self.files.keys().all(is_beside)
    }

    /// Tells whether an upload wrote exactly this at the path.
    pub(super) fn holds(self, path: &RepoPath, id: BlobId) -> bool {
        self.files.get(path) == Some(&id)
    }

    /// Tells whether an SLX is as an upload wrote it: no file changed, added or deleted since.
    pub(super) fn is_untouched(self, slx: &Slx<'_>) -> bool {
        slx.files.iter().all(|(path, id)| self.holds(path, *id))
            && self.directory(slx.directory).count() == slx.files.len()
    }

    /// Returns what is recorded of one SLX's directory.
    fn directory(self, name: &str) -> impl Iterator<Item = &'a RepoPath> {
        let prefix = format!("slxs/{name}/");
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        let range = self.files.range::<str, _>(from);
        range.map(|(path, _)| path).take_while(move |path| path.as_str().starts_with(&prefix))
    }

    /// Returns what has to change in the record.
    ///
    /// `held` are the uploaded paths where the repository holds exactly the uploaded content after the merge.
    /// Entries of paths that are gone go, unless `evidence` says that people deleted a file from an SLX that is
    /// still there: deleting a file is an edit, which the record has to show.
    pub(super) fn edits(
        self,
        held: &BTreeMap<&RepoPath, BlobId>,
        is_there: impl Fn(&RepoPath) -> bool,
        removed: &HashSet<&RepoPath>,
        evidence: impl Fn(&str, &RepoPath) -> bool,
    ) -> Edits {
        let mut edits = Edits::new();
        let recorded = self.files.iter().filter(|(path, _)| !is_beside(path));
        for both in recorded.merge_join_by(held, |(path, _), (other, _)| path.cmp(other)) {
            match both {
                EitherOrBoth::Left((path, _)) => {
                    let deleted_by_people =
                        || slx_directory(path).is_some_and(|(directory, _)| evidence(directory, path));
                    if removed.contains(path) || !(is_there(path) || deleted_by_people()) {
                        edits.insert(path.clone(), Edit::Remove);
                    }
                }
                EitherOrBoth::Both((_, recorded), (_, id)) if recorded == id => {}
                EitherOrBoth::Both(_, (path, id)) | EitherOrBoth::Right((path, id)) => {
                    edits.insert((*path).clone(), Edit::Link(*id));
                }
            }
        }
        edits
    }
}

/// Tells whether a path holds no written file but what is kept beside them, which no bundle can bring.
fn is_beside(path: &RepoPath) -> bool {
    path.as_str().starts_with('.')
}
