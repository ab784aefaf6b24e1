//! The files of one SLX as they are.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use workstead_core::name::{BranchName, SlxName};
use workstead_core::oid::CommitId;
use workstead_core::tree::FileTree;

use super::find;
use crate::app::AppState;
use crate::error::ApiError;
use crate::workspace::Workspace;

/// The files of an SLX on a branch.
#[derive(Debug)]
pub(crate) struct SlxFiles {
    pub(crate) slx: SlxName,
    pub(crate) commit: CommitId,
    /// Texts by name in the directory.
    pub(crate) texts: BTreeMap<String, String>,
    /// Files that are no text, or would make the answer too long.
    pub(crate) omitted: Vec<String>,
}

/// Reads the files of an SLX, as many as one answer holds.
pub(crate) async fn read_files(
    app: &AppState,
    workspace: &Arc<Workspace>,
    branch: &BranchName,
    name: &str,
) -> Result<SlxFiles, ApiError> {
    let commit = workspace.repository().head(branch)?;
    let commit = commit.ok_or_else(|| {
        let detail = format!("workspace {} has no branch {branch}", workspace.name());
        ApiError::not_found("branch_not_found", detail)
    })?;
    let (workspace, name) = (Arc::clone(workspace), name.to_owned());
    let max_bytes = app.settings.max_body_bytes;
    app.work.blocking(move || read(&workspace, commit, &name, max_bytes)).await?
}

fn read(workspace: &Workspace, commit: CommitId, name: &str, max_bytes: u64) -> Result<SlxFiles, ApiError> {
    let snapshot = workspace.repository().snapshot(commit)?;
    let slx = find(workspace.name(), &*snapshot, name)?;
    // '0' is the character behind '/'.
    let (first, end) = (format!("slxs/{slx}/"), format!("slxs/{slx}0"));
    let range = (Bound::Included(first.as_str()), Bound::Excluded(end.as_str()));
    let mut files = SlxFiles { slx, commit, texts: BTreeMap::new(), omitted: Vec::new() };
    let mut left = max_bytes;
    for (path, id) in snapshot.files().range::<str, _>(range) {
        let name = path.as_str().strip_prefix(&first).unwrap_or_default().to_owned();
        let text = match left.checked_sub(snapshot.size(*id)?) {
            Some(rest) => {
                left = rest;
                String::from_utf8(snapshot.read(*id)?.to_vec()).ok()
            }
            None => None,
        };
        match text {
            Some(text) => drop(files.texts.insert(name, text)),
            None => files.omitted.push(name),
        }
    }
    Ok(files)
}
