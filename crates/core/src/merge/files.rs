//! Workflows and all other files outside of SLXs.

use std::collections::HashSet;

use super::base::Bases;
use super::draft::Draft;
use super::identity::Sides;
use super::names::Names;
use super::placement::{Place, Spellings};
use super::threeway::{ThreeWay, Versions};
use super::workflows;
use super::{MergeError, MergeInput, MergeMode};
use crate::model::{FactsCache, FileKind, MANIFEST_FILE, WORKSPACE_FILE};
use crate::oid::BlobId;
use crate::path::RepoPath;

/// Merges the files that belong to no SLX's directory.
pub(super) struct LooseFiles<'a, 'b> {
    pub(super) input: &'b MergeInput<'a>,
    pub(super) sides: Sides<'a, 'b>,
    pub(super) names: &'b Names<'b>,
}

impl<'a> LooseFiles<'a, '_> {
    /// Adds the edits of all such files to the draft.
    pub(super) fn merge(&self, draft: &mut Draft<'a>) -> Result<(), MergeError> {
        for (path, _) in &self.sides.upload.strays {
            draft.summary.warn(format!("{:?} was left out: its directory holds no slx.yaml", path.as_str()));
        }
        let mut spellings = None;
        let mut respelled = HashSet::new();
        for (path, id) in self.sides.upload.loose.iter().copied() {
            if path.as_str().starts_with('.') {
                draft.summary.warn(format!("{:?} was left out: its name begins with a dot", path.as_str()));
                continue;
            }
            let there = self.input.repository.files().get(path);
            if there == Some(&id) && !self.is_renamed(path, id)? {
                draft.hold(path, id);
                continue;
            }
            let target = if there.is_some() {
                Place::At(path.clone())
            } else {
                spellings.get_or_insert_with(|| self.spellings()).place(path)
            };
            let Place::At(target) = target else {
                let path = path.as_str();
                draft.summary.warn(format!(
                    "{path:?} was left out: something else in the repository stands in its place"
                ));
                continue;
            };
            self.put(path, id, &target, draft)?;
            if target != *path {
                respelled.insert(target);
            }
        }
        if self.input.options.prune_stale_resources {
            self.prune(&respelled, draft)?;
        }
        Ok(())
    }

    /// Tells whether a workflow has to be written with other names than the uploaded ones.
    fn is_renamed(&self, path: &RepoPath, id: BlobId) -> Result<bool, MergeError> {
        Ok(FileKind::of(path) == FileKind::Workflow
            && workflows::follows_rename(&*workflow(self.input.facts, self.input.upload, id)?, self.names))
    }

    /// Puts one file at its place, as the mode says.
    fn put(
        &self,
        path: &'a RepoPath,
        id: BlobId,
        target: &RepoPath,
        draft: &mut Draft<'a>,
    ) -> Result<(), MergeError> {
        let existing = self.input.repository.files().get(target).copied();
        let mut content = self.input.upload.read(id)?;
        let mut result = id;
        let mut is_rewritten = false;
        if FileKind::of(path) == FileKind::Workflow {
            let workflow = workflow(self.input.facts, self.input.upload, id)?;
            if workflows::stays_out(&workflow, self.names) {
                return Ok(());
            }
            if workflows::follows_rename(&workflow, self.names) {
                content = workflows::rename(path, &content, &workflow, self.names)?;
                result = BlobId::of(&content);
                is_rewritten = true;
            }
        }
        let rewritten = is_rewritten.then(|| content.clone());
        let is_held = |result: Option<BlobId>| target == path && result == Some(id);
        match self.input.options.mode {
            _ if existing == Some(result) => draft.note(path, id, is_held(existing), rewritten.as_ref()),
            MergeMode::KeepExisting if existing.is_some() => {
                if is_held(existing) {
                    draft.hold(path, id);
                }
            }
            MergeMode::ThreeWay => {
                let base = Bases { input: self.input, sides: self.sides }.of_file(path);
                let name = target.as_str();
                let file = Versions {
                    name,
                    path: target,
                    existing,
                    base,
                    renamed_base: None,
                    uploaded: id,
                    rewritten,
                };
                ThreeWay { input: self.input }.put(&file, path, draft)?;
            }
            MergeMode::KeepExisting | MergeMode::KeepUploaded => {
                draft.note(path, id, is_held(Some(result)), rewritten.as_ref());
                draft.write(target.clone(), content);
            }
        }
        Ok(())
    }

    fn spellings(&self) -> Spellings<'a> {
        let mut spellings = Spellings::of(self.sides.repository.loose.iter().map(|(path, _)| *path));
        for path in [WORKSPACE_FILE, MANIFEST_FILE, "slxs"] {
            spellings.reserve(path);
        }
        spellings
    }

    /// Removes what an earlier upload from here brought, nobody edited, and the upload lacks.
    fn prune(&self, respelled: &HashSet<RepoPath>, draft: &mut Draft<'a>) -> Result<(), MergeError> {
        for (path, id) in self.sides.repository.loose.iter().copied() {
            if self.input.upload.files().contains_key(path)
                || respelled.contains(path)
                || !self.sides.record.holds(path, id)
            {
                continue;
            }
            let is_other_builders = FileKind::of(path) == FileKind::Workflow && {
                let facts = workflow(self.input.facts, self.input.repository, id)?;
                facts.location.as_deref() != self.sides.location
            };
            if !is_other_builders {
                draft.remove(path);
            }
        }
        Ok(())
    }
}

/// Reads the facts of a workflow.
fn workflow(
    facts: &FactsCache,
    tree: &dyn crate::tree::FileTree,
    id: BlobId,
) -> Result<std::sync::Arc<crate::model::WorkflowFacts>, MergeError> {
    Ok(facts.workflow(id, || tree.read(id))?)
}
