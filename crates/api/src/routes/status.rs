//! `/workspaces/{workspace}/status`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use workstead_core::oid::CommitId;

use crate::access::Examination;
use crate::app::AppState;
use crate::error::ApiError;
use crate::health::conditions::{self, Condition, Readable};
use crate::health::slx_counts;
use crate::mirrors::{self, MirrorShown};
use crate::schema::UploadRow;
use crate::workspace::{Workspace, default_branch};
use crate::{reply, room, upload, view};

/// How a workspace stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkspaceStatus {
    /// Always true: the workspace is there.
    workspace: bool,
    /// Whether the head says what the workspace is, and its mirror, if it has one, does not fail.
    sync: bool,
    /// `ready`; `unreadable` when `workspace.yaml` can't be read; `damaged` when the repository can't.
    state: &'static str,
    /// The default branch.
    branch: String,
    /// The commit that it is at; null in a damaged repository.
    #[schema(required)]
    revision: Option<String>,
    #[schema(required)]
    slx_count: Option<u64>,
    /// The last upload that was worked on to its end.
    #[schema(value_type = Option<UploadRow>, required)]
    last_upload: Value,
    /// The upstream that it is pushed to or pulled from; null where there is none.
    #[schema(required)]
    mirror: Option<MirrorShown>,
    conditions: Vec<Condition>,
}

/// Says how a workspace stands.
///
/// The condition `UploadTokenExpiring` comes a week before a builder's last token dies, since the builder would fail
/// unseen; `WebhookFailing` when a webhook has failed for an hour or was switched off; `RepositoryNearLimit` when the
/// repository is nearly as large as it may be.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/status", tag = "Workspaces",
    responses((status = 200, description = "How it stands.", body = WorkspaceStatus)))]
pub(crate) async fn get(State(app): State<AppState>, examination: Examination) -> Result<Response, ApiError> {
    let Examination { row, workspace } = &examination;
    let head = match workspace {
        None => None,
        Some(workspace) => match read_head(&app, workspace).await {
            Ok(head) => Some(head),
            Err(error) if error.status().is_server_error() => {
                tracing::error!(workspace = %row.name, cause = error.cause(), "the head of a workspace can't be read");
                None
            }
            Err(error) => return Err(error),
        },
    };
    let readable = head.as_ref().map_or(Readable::NoRepository, |head| head.readable);
    if readable == Readable::NoRepository {
        examination.unless_gone(&app).await?;
    }
    let last = app.database.last_finished_upload(&row.id).await?;
    let mut conditions = vec![readable.condition(row.updated_at)];
    conditions.extend(conditions::expiring(&app, row).await?);
    conditions.extend(conditions::webhooks(&app, row).await?);
    if let Some(workspace) = workspace.as_ref().filter(|_| readable != Readable::NoRepository) {
        conditions.extend(room::announced(&app, workspace, row.updated_at).await);
    }
    let mirror = app.database.find_mirror(&row.id).await?;
    conditions.extend(mirror.as_ref().map(mirrors::condition));
    let is_mirrored = mirror.as_ref().is_none_or(|mirror| !mirror.is_broken());
    let status = WorkspaceStatus {
        workspace: true,
        sync: readable == Readable::Yes && is_mirrored,
        state: match readable {
            Readable::Yes => "ready",
            Readable::NoFile => "unreadable",
            Readable::NoRepository => "damaged",
        },
        branch: default_branch().to_string(),
        revision: head.as_ref().map(|head| head.commit.to_string()),
        slx_count: head.as_ref().map(|head| head.slx_count),
        last_upload: last.as_ref().map(upload::list_row).unwrap_or_default(),
        mirror: mirror.map(|mirror| mirrors::shown(&app, row.name.as_str(), &mirror, None)),
        conditions,
    };
    Ok(reply::json(StatusCode::OK, &serde_json::to_value(status).map_err(ApiError::internal)?))
}

/// What the head of the default branch is, all of one commit.
struct Head {
    commit: CommitId,
    readable: Readable,
    slx_count: u64,
}

async fn read_head(app: &AppState, workspace: &Arc<Workspace>) -> Result<Head, ApiError> {
    let commit = workspace.head()?;
    let view = view::of(app, workspace, commit).await?;
    let slx_count = slx_counts(app, workspace, commit).await?.slx;
    Ok(Head { commit, readable: view.readable(), slx_count })
}
