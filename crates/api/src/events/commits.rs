//! What is told of a branch that moved.

use std::sync::Arc;

use serde_json::{Value, json};
use workstead_core::name::BranchName;
use workstead_core::oid::CommitId;
use workstead_core::repository::{self, CommitInfo};

use crate::app::AppState;
use crate::error::ApiError;
use crate::query::rfc3339;
use crate::store::events::{EventKind, NewEvent};
use crate::workspace::Workspace;

/// Most commits that one event names, the newest.
const NAMED: usize = 20;

/// Makes the event of a branch that moved; none when it did not.
pub(crate) async fn of_branch(
    app: &AppState,
    workspace: &Arc<Workspace>,
    branch: &BranchName,
    before: Option<CommitId>,
    after: CommitId,
) -> Result<Option<NewEvent>, ApiError> {
    if before == Some(after) {
        return Ok(None);
    }
    let (shared, branch) = (Arc::clone(workspace), branch.clone());
    let data = app.work.blocking(move || describe(&shared, &branch, before, after)).await??;
    let workspace_id = workspace.id().to_owned();
    Ok(Some(NewEvent { workspace_id, kind: EventKind::Commit, actor: None, data }))
}

/// Records that a branch moved of which no index is kept.
///
/// What was written is durable by then, so a failure is only logged.
pub(crate) async fn moved(
    app: &AppState,
    workspace: &Arc<Workspace>,
    branch: &BranchName,
    before: Option<CommitId>,
    after: CommitId,
) {
    match of_branch(app, workspace, branch, before, after).await {
        Ok(Some(event)) => super::record(app, &event).await,
        Ok(None) => {}
        Err(error) => {
            let cause = error.cause().map(ToString::to_string);
            tracing::error!(workspace = %workspace.name(), cause, "a moved branch could not be told");
        }
    }
}

fn describe(
    workspace: &Workspace,
    branch: &BranchName,
    before: Option<CommitId>,
    after: CommitId,
) -> Result<Value, repository::Error> {
    // What a new branch begins with was told when it came to the default branch.
    let known = before.or(workspace.repository().head(workspace.branch())?);
    // One more tells whether there are more.
    let mut commits = workspace.repository().log_since(known, after, NAMED + 1)?;
    let truncated = commits.len() > NAMED;
    commits.truncate(NAMED);
    Ok(json!({
        "branch": branch.as_str(),
        "before": before.map(|id| id.to_string()),
        "after": after.to_string(),
        "commits": commits.iter().map(commit).collect::<Vec<_>>(),
        "truncated": truncated,
    }))
}

fn commit(info: &CommitInfo) -> Value {
    json!({
        "id": info.id.to_string(),
        "subject": info.subject,
        "author": { "name": info.author.name, "email": info.author.email },
        "committedAt": rfc3339(info.time),
    })
}
