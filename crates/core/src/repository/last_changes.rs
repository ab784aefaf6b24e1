//! Which commit changed each file last.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Repository;
use super::error::Result;
use super::history::changed_paths;
use crate::oid::CommitId;
use crate::path::RepoPath;

/// The last change of every file of a revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastChanges {
    /// The commit that changed each file last.
    pub files: BTreeMap<RepoPath, CommitId>,
    /// Whether all are there; else those are missing that were not changed for very long.
    pub is_whole: bool,
}

impl Repository {
    /// Finds the last change of every file of a commit, along first parents.
    ///
    /// `known` is asked at every commit for what was found of it before: the walk ends there. It costs what the commits
    /// changed, and looks at `limit` of them at most.
    pub fn last_changes(
        &self,
        commit: CommitId,
        limit: usize,
        known: &dyn Fn(CommitId) -> Option<Arc<LastChanges>>,
    ) -> Result<LastChanges> {
        let mut seen = BTreeMap::new();
        let mut next = Some(commit);
        let mut base = None;
        let mut walked = 0;
        while let Some(id) = next {
            base = known(id);
            if base.is_some() || walked == limit {
                break;
            }
            walked += 1;
            let info = self.objects().commit(id)?;
            next = info.parents.first().copied();
            let parent = next.map(|parent| self.objects().commit(parent)).transpose()?;
            for change in changed_paths(self.objects(), parent.map(|info| info.tree), info.tree)? {
                seen.entry(change.path).or_insert(id);
            }
        }
        let is_whole = next.is_none() || base.as_ref().is_some_and(|base| base.is_whole);
        let mut files = base.map(|base| base.files.clone()).unwrap_or_default();
        files.extend(seen);
        let present = self.snapshot(commit)?;
        files.retain(|path, _| crate::tree::FileTree::files(&*present).contains_key(path));
        Ok(LastChanges { files, is_whole })
    }
}
