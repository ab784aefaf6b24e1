//! The numbers of SLXs: given when an SLX is first seen, by a commit or by a reader, and kept for good.

use std::collections::HashMap;
use std::sync::Arc;

use workstead_core::model::{FileKind, slx_directory};
use workstead_core::oid::CommitId;
use workstead_core::path::RepoPath;
use workstead_core::tree::FileTree;

use crate::app::AppState;
use crate::error::ApiError;
use crate::store::now;
use crate::store::slx_ids::SlxId;
use crate::workspace::Workspace;

/// Returns the numbers of SLXs that are all different; each has one afterwards.
pub(crate) async fn of(
    app: &AppState,
    workspace: &Workspace,
    names: &[String],
) -> Result<HashMap<String, SlxId>, ApiError> {
    let known = app.database.slx_ids(workspace.id(), names).await?;
    if names.iter().all(|name| known.contains_key(name)) {
        return Ok(known);
    }
    // The index is behind, or they are on another branch.
    let _turn = app.lock_index(workspace.id()).await;
    add_missing(app, workspace, names).await?;
    Ok(app.database.slx_ids(workspace.id(), names).await?)
}

/// Gives numbers to the SLXs that came between two commits; the index of the workspace must be locked.
///
/// It costs what differs between the commits; without the first one it looks at everything.
pub(crate) async fn note_new(
    app: &AppState,
    workspace: &Arc<Workspace>,
    old: Option<CommitId>,
    new: CommitId,
) -> Result<(), ApiError> {
    let shared = Arc::clone(workspace);
    let names = app.work.blocking(move || changed(&shared, old, new)).await??;
    add_missing(app, workspace, &names).await
}

/// Returns the short names of the SLXs of a commit that have no number yet.
pub(crate) async fn missing(
    app: &AppState,
    workspace: &Arc<Workspace>,
    commit: CommitId,
) -> Result<Vec<String>, ApiError> {
    let shared = Arc::clone(workspace);
    let mut names = app.work.blocking(move || changed(&shared, None, commit)).await??;
    let known = app.database.slx_ids(workspace.id(), &names).await?;
    names.retain(|name| !known.contains_key(name));
    Ok(names)
}

async fn add_missing(app: &AppState, workspace: &Workspace, names: &[String]) -> Result<(), ApiError> {
    if names.is_empty() {
        return Ok(());
    }
    let known = app.database.slx_ids(workspace.id(), names).await?;
    let is_new = |name: &&str| !known.contains_key(*name);
    let missing: Vec<&str> = names.iter().map(String::as_str).filter(is_new).collect();
    if !missing.is_empty() {
        app.database.add_slx_ids(workspace.id(), &missing, now()).await?;
    }
    Ok(())
}

/// Returns the short names of the SLXs whose `slx.yaml` differs.
fn changed(workspace: &Workspace, old: Option<CommitId>, new: CommitId) -> Result<Vec<String>, ApiError> {
    let repository = workspace.repository();
    let differing = old.and_then(|old| repository.changed_paths(Some(old), new).ok());
    Ok(match differing {
        Some(changes) => changes.iter().filter_map(|change| slx(&change.path)).collect(),
        // There is no first commit, or history was written anew and it is gone.
        None => repository.snapshot(new)?.files().keys().filter_map(slx).collect(),
    })
}

fn slx(path: &RepoPath) -> Option<String> {
    let (name, _) = slx_directory(path).filter(|_| FileKind::of(path) == FileKind::Slx)?;
    Some(name.to_owned())
}
