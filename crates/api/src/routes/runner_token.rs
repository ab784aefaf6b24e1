//! `/workspaces/{workspace}/runner-token` and its rotation.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::access::Permit;
use crate::app::AppState;
use crate::body::{check_json_type, parse_object, read_body};
use crate::error::{ApiError, ErrorBody};
use crate::locations::parse_location;
use crate::query::{Query, rfc3339};
use crate::runners::token::{self, Wanted};
use crate::workspace::Workspace;
use crate::{reply, view};

/// The token by which runners of a location register.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunnerTokenAnswer {
    /// It may register runners and send heartbeats, and nothing else.
    token: String,
    workspace: String,
    location: String,
    created_at: String,
    /// Always null: it works until it is rotated or the workspace is deleted.
    #[schema(required)]
    expires_at: Option<String>,
}

/// Which token to rotate.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunnerTokenRotation {
    /// Without it, the workspace's first enabled location, else `default`.
    location: Option<String>,
}

/// Returns the token by which runners register.
///
/// It is the same each time until it is rotated. It is kept nowhere: it is derived from the server key.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/runner-token", tag = "Runners",
    params(("location" = Option<String>, Query,
        description = "Where the runners are; without it the workspace's first enabled location, else `default`.")),
    responses(
        (status = 200, description = "The present token.", body = RunnerTokenAnswer),
        (status = 409, description = "The workspace has tokens of too many locations.", body = ErrorBody),
    ))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
) -> Result<Response, ApiError> {
    let asked = query.text("location").map(parse_location).transpose();
    let asked =
        asked.map_err(|why| ApiError::bad_request("invalid_parameter", format!("the parameter {why}")))?;
    answer(&app, &workspace, asked, Wanted::Present).await
}

/// Replaces the token by which runners register.
///
/// The old one ends at once; registered runners stay, and need the new one for their next heartbeat.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/runner-token/rotate", tag = "Runners",
    request_body(content = Option<RunnerTokenRotation>, description = "It may be left out."),
    responses(
        (status = 200, description = "The new token.", body = RunnerTokenAnswer),
        (status = 409, description = "The workspace has tokens of too many locations.", body = ErrorBody),
    ))]
pub(crate) async fn rotate(
    State(app): State<AppState>,
    permit: Permit,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    check_json_type(&headers)?;
    let body = read_body(&headers, body, app.json_limit()).await?;
    let rotation: RunnerTokenRotation = match body.trim_ascii() {
        b"" | b"null" => RunnerTokenRotation::default(),
        _ => parse_object(&body)?,
    };
    let asked = rotation.location.as_deref().map(parse_location).transpose();
    let asked = asked.map_err(|why| ApiError::invalid("invalid_field", format!("the field {why}")))?;
    // Asked again: the body may have taken long to come.
    let Permit { workspace, .. } = permit.renewed(&app).await?;
    answer(&app, &workspace, asked, Wanted::Next).await
}

async fn answer(
    app: &AppState,
    workspace: &std::sync::Arc<Workspace>,
    asked: Option<String>,
    wanted: Wanted,
) -> Result<Response, ApiError> {
    let location = match asked {
        Some(location) => location,
        None => view::of_head(app, workspace).await?.default_location().to_owned(),
    };
    let token = token::issue(app, workspace, &location, wanted).await?;
    let answer = RunnerTokenAnswer {
        token: token.secret.expose_secret().to_owned(),
        workspace: workspace.name().to_string(),
        location,
        created_at: rfc3339(token.created_at),
        expires_at: None,
    };
    Ok(reply::secret(StatusCode::OK, &json!(answer)))
}
