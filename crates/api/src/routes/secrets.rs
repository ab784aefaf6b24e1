//! `/workspaces/{workspace}/secrets-keys` and `/workspaces/{workspace}/secrets`.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::access::Permit;
use crate::app::AppState;
use crate::body::read_object;
use crate::error::ApiError;
use crate::reply;
use crate::workspace_secrets::usage::{self, SecretUsage};
use crate::workspace_secrets::{self, NewSecrets};

/// The names of secrets.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecretNames {
    secrets: Vec<String>,
}

/// Secrets to write.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what `NewSecrets::read` reads")]
pub(crate) struct SecretsWrite {
    /// Values by name. A name has at most 128 letters, digits, `.`, `_` and `-`, and begins with no `.` or `-`.
    secrets: BTreeMap<String, String>,
}

/// Lists the names of a workspace's secrets.
///
/// No route shows a value.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/secrets-keys", tag = "Secrets",
    responses((status = 200, description = "All names, in the order of the alphabet.", body = SecretNames)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
) -> Result<Response, ApiError> {
    let secrets = app.database.secret_names(workspace.id()).await?;
    Ok(reply::json(StatusCode::OK, &json!(SecretNames { secrets })))
}

/// Writes secrets.
///
/// All of them or none. One that is there already gets the new value; others stay.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/secrets", tag = "Secrets", request_body = SecretsWrite,
    responses((status = 201, description = "The names that were written.", body = SecretNames)))]
pub(crate) async fn write(
    State(app): State<AppState>,
    permit: Permit,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_object(&headers, body, app.json_limit(), &app.work).await?;
    let new = NewSecrets::read(&app.settings, body)?;
    // Asked again: the body may have taken long to come.
    let Permit { workspace, .. } = permit.renewed(&app).await?;
    let secrets = new.names();
    workspace_secrets::write(&app, &workspace, new).await?;
    Ok(reply::json(StatusCode::CREATED, &json!(SecretNames { secrets })))
}

/// Removes a secret.
#[utoipa::path(delete, path = "/api/v3/workspaces/{workspace}/secrets/{key}", tag = "Secrets",
    params(("key" = String, Path, description = "The secret's name.")),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    workspace_secrets::delete(&app, &workspace, &key).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Lists the SLIs and runbooks that name a secret.
///
/// At the head of the default branch. A key of another store, such as `k8s:file@secret/name:key`, is found too.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/secrets/{key}/usage", tag = "Secrets",
    params(("key" = String, Path, description = "The secret's name, or another key that files name.")),
    responses((status = 200, description = "Where it is used, by path.", body = SecretUsage)))]
pub(crate) async fn get_usage(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let found = usage::find(&app, &workspace, &key).await?;
    Ok(reply::json(StatusCode::OK, &json!(found)))
}
