//! `/workspaces/{workspace}/status`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use workstead_core::tree::FileTree;

use crate::access::Permit;
use crate::app::AppState;
use crate::error::ApiError;
use crate::query::rfc3339;
use crate::schema::WorkspaceStatus;
use crate::store::now;
use crate::store::tokens::LocationExpiry;
use crate::view::{self, WORKSPACE_FILE};
use crate::workspace::Workspace;
use crate::{reply, upload};

/// From when on the end of an upload token is announced.
const ANNOUNCE: Duration = Duration::from_hours(7 * 24);
/// How long a dead upload token is still spoken of.
const REMEMBER: Duration = Duration::from_hours(30 * 24);

/// Says how a workspace stands.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/status", tag = "Workspaces",
    responses((status = 200, description = "How it stands.", body = WorkspaceStatus)))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
) -> Result<Response, ApiError> {
    let head = workspace.head()?;
    let view = view::of(&app, &workspace, head).await?;
    let shared = Arc::clone(&workspace);
    let slx_count = app.work.blocking(move || count_slxs(&shared)).await??;
    let last = app.database.last_finished_upload(workspace.id()).await?;
    let readable = view.file().is_some();
    let now = now();
    let mut conditions = vec![readable_condition(readable, workspace.row.updated_at)];
    let expiring = app.database.expiring_locations(workspace.id(), now - REMEMBER, now + ANNOUNCE).await?;
    conditions.extend(expiring.iter().map(|expiry| expiring_condition(expiry, now)));
    Ok(reply::json(
        StatusCode::OK,
        &json!({
            "workspace": true,
            "sync": readable,
            "state": if readable { "ready" } else { "unreadable" },
            "branch": workspace.branch(),
            "revision": head,
            "slxCount": slx_count,
            "lastUpload": last.as_ref().map(upload::list_row),
            "conditions": conditions,
        }),
    ))
}

fn count_slxs(workspace: &Workspace) -> Result<usize, ApiError> {
    let snapshot = workspace.repository().snapshot(workspace.head()?)?;
    let is_slx = |path: &str| path.starts_with("slxs/") && path.ends_with("/slx.yaml");
    Ok(snapshot.files().keys().filter(|path| is_slx(path.as_str()) && path.components().count() == 3).count())
}

fn readable_condition(readable: bool, since: Timestamp) -> Value {
    let (status, reason, message) = if readable {
        ("True", "Read", format!("{WORKSPACE_FILE} was read"))
    } else {
        ("False", "Unreadable", format!("{WORKSPACE_FILE} is missing or can't be read; repair it by a push"))
    };
    json!({
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": rfc3339(since),
    })
}

/// Tells of a builder that will soon fail, since it fails unseen.
fn expiring_condition(expiry: &LocationExpiry, now: Timestamp) -> Value {
    let LocationExpiry { location, expires_at } = expiry;
    let when = rfc3339(*expires_at);
    let (reason, message) = if *expires_at <= now {
        ("Expired", format!("the last upload token of location {location} expired at {when}"))
    } else {
        ("ExpiresSoon", format!("the last upload token of location {location} expires at {when}"))
    };
    json!({
        "type": "UploadTokenExpiring",
        "status": "True",
        "reason": reason,
        "message": format!("{message}; give the builder a new generate-workspace-builder-config"),
        "lastTransitionTime": rfc3339(*expires_at - ANNOUNCE),
    })
}
