//! `/workspaces/{workspace}/sync-status`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use workstead_core::model::{FileKind, slx_directory};
use workstead_core::oid::CommitId;
use workstead_core::tree::FileTree;

use crate::access::Permit;
use crate::app::AppState;
use crate::error::ApiError;
use crate::health::conditions::Condition;
use crate::mirrors;
use crate::query::rfc3339;
use crate::reply;
use crate::store::mirrors::MirrorRow;
use crate::view::{self, WORKSPACE_FILE};
use crate::workspace::Workspace;

/// How the configuration stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct SyncStatus {
    status: SyncState,
}

/// How the configuration stands, in the words of Flux.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SyncState {
    /// `Ready`, and `Mirrored` where there is a mirror.
    conditions: Vec<Condition>,
    inventory: Inventory,
    /// The commit that is in force.
    last_applied_revision: String,
}

/// What is in force.
#[derive(Serialize, ToSchema)]
pub(crate) struct Inventory {
    entries: Vec<InventoryEntry>,
}

/// One thing that is in force.
#[derive(Serialize, ToSchema)]
pub(crate) struct InventoryEntry {
    /// `<workspace>_<workspace>--<short name>_runwhen.com_ServiceLevelX`.
    id: String,
    /// The version of its kind.
    v: &'static str,
}

/// Says which configuration is in force.
///
/// What is committed is in force at once, so this is the head of the default branch.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/sync-status", tag = "SLXs",
    responses((status = 200, description = "What is in force.", body = SyncStatus)))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
) -> Result<Response, ApiError> {
    let head = workspace.head()?;
    let readable = view::of(&app, &workspace, head).await?.file().is_some();
    let mirror = app.database.find_mirror(workspace.id()).await?;
    let shared = Arc::clone(&workspace);
    let body = app.work.blocking(move || {
        let status = SyncStatus { status: state(&shared, head, readable, mirror.as_ref())? };
        serde_json::to_vec(&status).map_err(ApiError::internal)
    });
    Ok(reply::bytes(StatusCode::OK, Bytes::from(body.await??)))
}

fn state(
    workspace: &Workspace,
    head: CommitId,
    readable: bool,
    mirror: Option<&MirrorRow>,
) -> Result<SyncState, ApiError> {
    let snapshot = workspace.repository().snapshot(head)?;
    let slxs = snapshot.files().keys().filter(|path| FileKind::of(path) == FileKind::Slx);
    let mut names: Vec<&str> = slxs.filter_map(|path| Some(slx_directory(path)?.0)).collect();
    names.sort_unstable();
    let workspace_name = workspace.name();
    let entry = |short: &str| InventoryEntry {
        id: format!("{workspace_name}_{workspace_name}--{short}_runwhen.com_ServiceLevelX"),
        v: "v1",
    };
    let (status, reason, message) = if readable {
        ("True", "ReconciliationSucceeded", format!("Applied revision: {}/{head}", workspace.branch()))
    } else {
        let message = format!("{WORKSPACE_FILE} is missing or can't be read; repair it by a push");
        ("False", "ReconciliationFailed", message)
    };
    let last_transition_time = rfc3339(workspace.row.updated_at);
    let mut conditions = vec![Condition { kind: "Ready", status, reason, message, last_transition_time }];
    conditions.extend(mirror.map(mirrors::condition));
    Ok(SyncState {
        conditions,
        inventory: Inventory { entries: names.into_iter().map(entry).collect() },
        last_applied_revision: head.to_string(),
    })
}
