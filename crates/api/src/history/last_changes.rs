//! Which commit changed each file last.

use std::sync::Arc;

use workstead_core::oid::CommitId;
use workstead_core::repository::LastChanges;

use crate::app::AppState;
use crate::error::ApiError;
use crate::workspace::Workspace;

/// Most commits that are looked at beyond what is remembered.
const LOOKED_AT: usize = 20_000;

/// Finds the last change of every file of a commit, along first parents.
pub(crate) async fn last_changes(
    app: &AppState,
    workspace: &Arc<Workspace>,
    commit: CommitId,
) -> Result<Arc<LastChanges>, ApiError> {
    let (state, workspace) = (app.clone(), Arc::clone(workspace));
    let find = move || {
        let id = workspace.id().to_owned();
        let known = |commit: CommitId| state.history.last_changes.get(&(id.clone(), commit));
        if let Some(found) = known(commit) {
            return Ok(found);
        }
        let found = Arc::new(workspace.repository().last_changes(commit, LOOKED_AT, &known)?);
        state.history.last_changes.insert((id.clone(), commit), Arc::clone(&found));
        Ok::<_, ApiError>(found)
    };
    app.work.blocking(find).await?
}
