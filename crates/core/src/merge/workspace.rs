//! `workspace.yaml`: groups and relationships are joined, everything else is the repository's.

use std::sync::Arc;

use bytes::Bytes;

use super::MergeError;
use super::groups::{Groups, merge_groups};
use super::names::Names;
use super::relationships::merge_relationships;
use super::rename::{edit, finish, text_of};
use super::summary::MergeSummary;
use crate::model::{CachedWorkspace, FactsCache, WORKSPACE_FILE};
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::tree::FileTree;
use crate::workspace_file::{WorkspaceConfig, WorkspaceFile, edit_workspace};

/// A `workspace.yaml` and what it says.
pub(super) struct WorkspaceText<'a> {
    path: &'a RepoPath,
    id: BlobId,
    tree: &'a dyn FileTree,
    /// Known to be readable.
    cached: Arc<CachedWorkspace>,
}

impl<'a> WorkspaceText<'a> {
    /// Reads the file of a tree.
    pub(super) fn read(tree: &'a dyn FileTree, facts: &FactsCache) -> Result<Option<Self>, MergeError> {
        let Some((path, id)) = tree.files().get_key_value(WORKSPACE_FILE) else {
            return Ok(None);
        };
        let cached = facts.workspace(*id, || tree.read(*id))?;
        match &*cached {
            Ok(_) => Ok(Some(Self { path, id: *id, tree, cached })),
            Err(errors) => Err(MergeError::unreadable(path, errors)),
        }
    }

    /// Returns what the file says.
    pub(super) fn file(&self) -> Option<&WorkspaceFile> {
        (*self.cached).as_ref().ok()
    }

    /// Returns the configuration in the file.
    pub(super) fn config(&self) -> Option<&WorkspaceConfig> {
        self.file().map(|file| &file.config)
    }

    /// Returns the builder's location that the file names.
    pub(super) fn location(&self) -> Option<&str> {
        self.file()?.location.as_deref()
    }
}

/// What a merge makes of `workspace.yaml`.
pub(super) struct MergedWorkspace {
    /// The groups after the merge.
    pub(super) groups: Groups,
    /// The new file; nothing when it stays as it is.
    pub(super) file: Option<(RepoPath, Bytes)>,
}

/// Joins the groups and relationships of both sides.
pub(super) fn merge_workspace(
    repository: Option<&WorkspaceText<'_>>,
    uploaded: Option<&WorkspaceText<'_>>,
    names: &Names<'_>,
    summary: &mut MergeSummary,
) -> Result<MergedWorkspace, MergeError> {
    let nothing = WorkspaceConfig::default();
    let wanted = uploaded.and_then(WorkspaceText::config).unwrap_or(&nothing);
    let had = repository.and_then(WorkspaceText::config).unwrap_or(&nothing);
    let groups = merge_groups(&had.slx_groups, &wanted.slx_groups, names, |text| summary.warn(text));
    let relationships =
        merge_relationships(&had.slx_relationships, &wanted.slx_relationships, names, |text| {
            summary.warn(text);
        });
    let (path, source, config) = match (repository, uploaded) {
        (Some(repository), _) => {
            if groups == had.slx_groups && relationships == had.slx_relationships {
                return Ok(MergedWorkspace { groups, file: None });
            }
            (repository.path, repository.tree.read(repository.id)?, had.clone())
        }
        (None, Some(uploaded)) => {
            let source = without_groups_and_permissions(uploaded)?;
            (uploaded.path, source, WorkspaceConfig { permissions: Vec::new(), ..wanted.clone() })
        }
        (None, None) => return Ok(MergedWorkspace { groups, file: None }),
    };
    let target = WorkspaceConfig { slx_groups: groups, slx_relationships: relationships, ..config };
    let text = edit_workspace(text_of(path, &source)?, &target)
        .map_err(|source| MergeError::Edit { path: path.clone(), source })?;
    let is_same = repository.is_some() && text.as_bytes() == source;
    let file = (!is_same).then(|| (path.clone(), text.into()));
    Ok(MergedWorkspace { groups: target.slx_groups, file })
}

/// Takes an uploaded file as the first one: permissions never come by an upload, and groups and
/// relationships are written anew because a builder's order changes at every run.
fn without_groups_and_permissions(uploaded: &WorkspaceText<'_>) -> Result<Bytes, MergeError> {
    let content = uploaded.tree.read(uploaded.id)?;
    let mut editor = edit(uploaded.path, text_of(uploaded.path, &content)?)?;
    for key in ["permissions", "slxGroups", "slxRelationships"] {
        if editor.root().at(&["spec", key]).is_some() {
            editor.remove(&["spec", key]);
        }
    }
    finish(uploaded.path, &editor)
}
