//! `/workspaces/{workspace}/mirror`: an upstream that a workspace is pushed to or pulled from.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::access::Permit;
use crate::app::AppState;
use crate::body::read_body;
use crate::error::{ApiError, ErrorBody};
use crate::fields::Fields;
use crate::mirrors::{self, MirrorShown, MirrorWrite, Proof};
use crate::reply;

/// What a webhook is told.
#[derive(Serialize, ToSchema)]
pub(crate) struct MirrorWoken {
    /// Always true: the upstream is looked at soon.
    woken: bool,
}

/// Shows the mirror of a workspace and how it stands, without its credentials.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/mirror", tag = "Mirrors",
    responses((status = 200, description = "The mirror.", body = MirrorShown)))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
) -> Result<Response, ApiError> {
    let row = mirrors::find(&app, workspace.id()).await?;
    shown(StatusCode::OK, &mirrors::shown(&app, workspace.name().as_str(), &row, None))
}

/// Sets the mirror of a workspace: another repository that it is pushed to after each commit, or pulled from.
///
/// It is looked at at once, and the answer does not wait for it. `hookSecret` is in the answer only when it was just
/// made.
#[utoipa::path(put, path = "/api/v3/workspaces/{workspace}/mirror", tag = "Mirrors", request_body = MirrorWrite,
    responses(
        (status = 200, description = "The mirror as it is now.", body = MirrorShown),
        (status = 409, description = "Somebody else set it at the same moment.", body = ErrorBody),
    ))]
pub(crate) async fn set(
    State(app): State<AppState>,
    permit: Permit,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = Fields::read(&app, &headers, body).await?;
    // Asked again: the body may have taken long to come.
    let permit = permit.renewed(&app).await?;
    let set = mirrors::set(&app, &permit, body).await?;
    let name = permit.workspace.name().as_str();
    shown(StatusCode::OK, &mirrors::shown(&app, name, &set.row, set.hook_secret.as_ref()))
}

/// Removes the mirror of a workspace, its credentials and its hook; both sides stay as they are.
#[utoipa::path(delete, path = "/api/v3/workspaces/{workspace}/mirror", tag = "Mirrors",
    responses((status = 204, description = "There is no mirror.")))]
pub(crate) async fn remove(State(app): State<AppState>, permit: Permit) -> Result<Response, ApiError> {
    mirrors::remove(&app, &permit).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Has the mirror of a workspace looked at at once, whenever it would have been.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/mirror/sync", tag = "Mirrors",
    responses((status = 202, description = "It is looked at; GET says what came of it.", body = MirrorShown)))]
pub(crate) async fn sync(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
) -> Result<Response, ApiError> {
    mirrors::ask(&app, workspace.id()).await?;
    let row = mirrors::find(&app, workspace.id()).await?;
    shown(StatusCode::ACCEPTED, &mirrors::shown(&app, workspace.name().as_str(), &row, None))
}

/// Takes the upstream's webhook, which has a pull look at once; not for people.
///
/// It proves itself by `hookSecret`, as GitHub (`X-Hub-Signature-256`), Gitea (`X-Gitea-Signature`), GitLab
/// (`X-Gitlab-Token`) and this server (`X-Workstead-Signature`) do. What it says is not read.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/mirror/hook", tag = "Mirrors",
    responses(
        (status = 202, description = "The upstream is looked at.", body = MirrorWoken),
        (status = 404, description = "There is no such hook, or not for this secret.", body = ErrorBody),
        (status = 413, description = "The body is larger than the limit.", body = ErrorBody),
    ))]
pub(crate) async fn hook(
    State(app): State<AppState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    // One answer to all who don't know the secret, so that they learn nothing of what there is.
    let refuse = || {
        let detail = "there is no mirror that this webhook may wake; its secret is the mirror's hookSecret";
        ApiError::not_found("hook_not_found", detail)
    };
    let proof = Proof::of(&headers).ok_or_else(refuse)?;
    let body = read_body(&headers, body, app.json_limit()).await?;
    // The repository is not opened for who may be anybody.
    let workspace = app.database.find_workspace(&name).await?.ok_or_else(refuse)?;
    let row = app.database.find_mirror(&workspace.id).await?.ok_or_else(refuse)?;
    if !mirrors::is_proven(&app, &row, &proof, &body)? {
        return Err(refuse());
    }
    mirrors::ask(&app, &workspace.id).await?;
    Ok(reply::json(StatusCode::ACCEPTED, &json!(MirrorWoken { woken: true })))
}

fn shown(status: StatusCode, mirror: &MirrorShown) -> Result<Response, ApiError> {
    let mirror = serde_json::to_value(mirror).map_err(ApiError::internal)?;
    Ok(reply::secret(status, &mirror))
}
