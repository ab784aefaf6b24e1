//! The step that every write of the API ends with: examine, then commit.

use std::collections::BTreeMap;

use bytes::Bytes;
use workstead_core::door::{self, Door};
use workstead_core::model::FactsCache;
use workstead_core::name::WorkspaceName;
use workstead_core::oid::BlobId;
use workstead_core::path::RepoPath;
use workstead_core::problem::Problem;
use workstead_core::role::Role;
use workstead_core::tree::{Edit, Edits, FileTree, ReadError};

use crate::error::ApiError;

/// A revision with edits applied, without copying what they leave alone.
pub(crate) struct Edited<'a> {
    base: &'a dyn FileTree,
    files: BTreeMap<RepoPath, BlobId>,
    written: BTreeMap<BlobId, Bytes>,
}

impl<'a> Edited<'a> {
    /// Applies edits to a revision.
    pub(crate) fn new(base: &'a dyn FileTree, edits: &Edits) -> Self {
        let mut files = base.files().clone();
        let mut written = BTreeMap::new();
        for (path, edit) in edits {
            match edit {
                Edit::Write(content) => {
                    let id = BlobId::of(content);
                    written.insert(id, content.clone());
                    files.insert(path.clone(), id);
                }
                Edit::Link(id) => {
                    files.insert(path.clone(), *id);
                }
                Edit::Remove => {
                    files.remove(path);
                }
            }
        }
        Self { base, files, written }
    }
}

impl FileTree for Edited<'_> {
    fn files(&self) -> &BTreeMap<RepoPath, BlobId> {
        &self.files
    }

    fn read(&self, id: BlobId) -> Result<Bytes, ReadError> {
        self.written.get(&id).map_or_else(|| self.base.read(id), |content| Ok(content.clone()))
    }
}

/// Asks the door-keeper about a change; returns the role that it needs and the warnings.
pub(crate) fn examine(
    name: &WorkspaceName,
    facts: &FactsCache,
    old: Option<&dyn FileTree>,
    new: &dyn FileTree,
) -> Result<(Role, Vec<Problem>), ApiError> {
    let examination = door::examine(name, facts, old, new, Door::Api)?;
    if !examination.problems.is_acceptable() {
        return Err(ApiError::invalid_content("invalid_content", examination.problems));
    }
    Ok((examination.needs, examination.problems.into_sorted()))
}

#[cfg(test)]
mod tests {
    use workstead_core::tree::MemoryTree;

    use super::*;

    #[test]
    fn edits_lie_over_the_revision() {
        let path = |text: &str| RepoPath::parse(text).unwrap();
        let base = MemoryTree::from_iter([
            (path("a"), Bytes::from_static(b"1")),
            (path("b"), Bytes::from_static(b"2")),
        ]);
        let edits = Edits::from([
            (path("a"), Edit::Remove),
            (path("c"), Edit::Write(Bytes::from_static(b"3"))),
            (path("d"), Edit::Link(BlobId::of(b"2"))),
        ]);
        let edited = Edited::new(&base, &edits);
        let read = |path: &str| edited.read_path(path).unwrap().map(|bytes| bytes.to_vec());
        assert_eq!(read("a"), None);
        assert_eq!(read("b"), Some(b"2".to_vec()));
        assert_eq!(read("c"), Some(b"3".to_vec()));
        assert_eq!(read("d"), Some(b"2".to_vec()));
    }
}
