//! What is told of a push.

use std::sync::Arc;

use serde_json::json;
use workstead_core::name::BranchName;
use workstead_core::oid::CommitId;

use crate::app::AppState;
use crate::git_http::RefUpdate;
use crate::store::events::{EventKind, NewEvent};
use crate::workspace::Workspace;

/// Records an accepted push, and what it did to branches of which no index is kept.
pub(crate) async fn pushed(
    app: &AppState,
    workspace: &Arc<Workspace>,
    pusher: String,
    updates: &[RefUpdate],
) {
    let moved: Vec<&RefUpdate> = updates.iter().filter(|update| has_moved(workspace, update)).collect();
    if moved.is_empty() {
        return;
    }
    let shown =
        |update: &&RefUpdate| json!({ "ref": update.reference, "before": update.old, "after": update.new });
    let event = NewEvent {
        workspace_id: workspace.id().to_owned(),
        kind: EventKind::Push,
        actor: Some(pusher),
        data: json!({ "refs": moved.iter().map(shown).collect::<Vec<_>>() }),
    };
    super::record(app, &event).await;
    for update in moved {
        let Some(branch) = branch_of(update).filter(|branch| branch != workspace.branch()) else { continue };
        let [old, new] = [&update.old, &update.new].map(|id| id.as_deref().and_then(commit));
        if let Some(new) = new {
            super::moved(app, workspace, &branch, old, new).await;
        }
    }
}

/// Makes the event of a branch that somebody removed.
pub(crate) fn branch_removed(
    workspace: &Workspace,
    actor: &str,
    branch: &BranchName,
    at: CommitId,
) -> NewEvent {
    NewEvent {
        workspace_id: workspace.id().to_owned(),
        kind: EventKind::Push,
        actor: Some(actor.to_owned()),
        data: json!({ "refs": [{ "ref": branch.reference(), "before": at.to_string(), "after": null }] }),
    }
}

/// Tells whether Git moved the reference: it may have found it elsewhere after the check. Of tags it is taken for granted.
fn has_moved(workspace: &Workspace, update: &RefUpdate) -> bool {
    let Some(branch) = branch_of(update) else { return true };
    let head = workspace.repository().head(&branch).ok().flatten();
    head != update.old.as_deref().and_then(commit)
}

fn branch_of(update: &RefUpdate) -> Option<BranchName> {
    BranchName::parse(update.reference.strip_prefix("refs/heads/")?).ok()
}

fn commit(id: &str) -> Option<CommitId> {
    CommitId::parse(id).ok()
}
