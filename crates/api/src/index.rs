//! What lists show, kept beside Git and made new from it.

use std::sync::Arc;

use workstead_core::name::BranchName;
use workstead_core::repository::RepositoryId;

use crate::app::AppState;
use crate::error::ApiError;
use crate::events;
use crate::housekeeping;
use crate::slxs::ids;
use crate::store::now;
use crate::store::workspaces::WorkspaceRow;
use crate::view;
use crate::workspace::{self, Workspace};

/// Notes that the default branch moved; every door calls it after its commit or push.
///
/// What was written is durable by then, so a failure is no failure of the request: it is logged, and the next write
/// or start makes good for it.
pub(crate) async fn moved(app: &AppState, workspace: &Arc<Workspace>) {
    if let Err(error) = bring_up_to_date(app, workspace).await {
        let cause = error.cause().map(ToString::to_string);
        tracing::error!(workspace = %workspace.name(), cause, %error, "the index fell behind");
        app.workspaces.forget(&workspace.name().as_str().to_owned());
    }
    app.mirrors.wake();
    housekeeping::consolidate(app, workspace);
}

/// Writes all of the index anew, whatever it has.
pub(crate) async fn rebuild(app: &AppState, workspace: &Arc<Workspace>) -> Result<(), ApiError> {
    let _turn = app.lock_index(workspace.id()).await;
    let view = view::of_head(app, workspace).await?;
    app.database.index_workspace(workspace.id(), &view.indexed(), true, None, now()).await?;
    app.workspaces.forget(&workspace.name().as_str().to_owned());
    ids::note_new(app, workspace, None, view.commit).await
}

/// It reads the head anew, so it does not matter which of two writers comes last.
async fn bring_up_to_date(app: &AppState, workspace: &Arc<Workspace>) -> Result<(), ApiError> {
    let _turn = app.lock_index(workspace.id()).await;
    // The row in hand may be older than another writer's index.
    let Some(row) = app.database.find_workspace_by_id(workspace.id()).await? else { return Ok(()) };
    let head = workspace.head()?;
    let view = view::of(app, workspace, head).await?;
    let indexed = row.revision.and_then(|revision| revision.parse().ok());
    let old = indexed.and_then(|commit| app.views.get(&(row.id, commit)));
    let same_members = old.is_some_and(|old| old.roles() == view.roles());
    // Read again after a migration, it did not move.
    let event = match indexed {
        Some(before) => events::of_branch(app, workspace, workspace.branch(), Some(before), head).await?,
        None => None,
    };
    let indexing = (&view.indexed(), !same_members, event.as_ref());
    app.database.index_workspace(workspace.id(), indexing.0, indexing.1, indexing.2, now()).await?;
    if event.is_some() {
        app.events.wake();
    }
    app.workspaces.forget(&workspace.name().as_str().to_owned());
    ids::note_new(app, workspace, indexed, head).await
}

/// Brings the index up to date with what moved just before a crash.
///
/// Of the many that did not move it reads one reference each, so that thousands of them don't hold up a start.
pub(crate) async fn catch_up(app: &AppState) -> Result<(), ApiError> {
    let rows = app.database.all_workspaces().await?;
    let state = app.clone();
    let behind =
        app.work.blocking(move || rows.into_iter().filter(|row| is_behind(&state, row)).collect::<Vec<_>>());
    for row in behind.await? {
        if let Err(error) = catch_up_one(app, row.clone()).await {
            // One broken repository must not keep the others from being served.
            let cause = error.cause().map(ToString::to_string);
            tracing::error!(workspace = %row.name, id = row.id, cause, "a workspace can't be read");
        }
    }
    Ok(())
}

/// Tells whether the default branch is elsewhere than the index says, or can't be read.
fn is_behind(app: &AppState, row: &WorkspaceRow) -> bool {
    let head = RepositoryId::parse(&row.id).ok().and_then(|id| {
        let head = app.repositories.peek_head(&id, &BranchName::main());
        head.ok().flatten()
    });
    head.is_none_or(|head| row.revision != Some(head.to_string()))
}

async fn catch_up_one(app: &AppState, row: WorkspaceRow) -> Result<(), ApiError> {
    let workspace = workspace::open(app, row).await?;
    if workspace.row.revision != Some(workspace.head()?.to_string()) {
        bring_up_to_date(app, &workspace).await?;
        housekeeping::consolidate(app, &workspace);
    }
    Ok(())
}
