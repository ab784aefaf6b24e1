//! `/workspaces/{workspace}/integrate-slack` and where Slack sends people back to.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::access::Permit;
use crate::app::AppState;
use crate::body::{check_json_type, parse_object, read_body};
use crate::error::{ApiError, ErrorBody};
use crate::query::Query;
use crate::reply;
use crate::slack::{self, SlackRequest, SlackStatus};

/// Says how a workspace stands with Slack.
///
/// `not_configured`: nothing was done yet, or the server has no Slack app (`canInstall`). `pending`: an installation
/// is under way. `connected`: each upload's outcome is told in the channel. `broken`: Slack refuses, `problem` says why.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/integrate-slack", tag = "Integrations",
    responses((status = 200, description = "How it stands.", body = SlackStatus)))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
) -> Result<Response, ApiError> {
    shown(&slack::status(&app, &workspace).await?)
}

/// Connects a workspace with Slack.
///
/// Without a body it answers `installUrl`, where an admin of the Slack team installs this server's Slack app and
/// chooses a channel. With `botToken` and `channel` it connects at once. With `channel` alone a connected workspace
/// changes its channel.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/integrate-slack", tag = "Integrations",
    request_body = Option<SlackRequest>,
    responses((status = 200, description = "How it stands now.", body = SlackStatus)))]
pub(crate) async fn connect(
    State(app): State<AppState>,
    permit: Permit,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    check_json_type(&headers)?;
    let body = read_body(&headers, body, app.json_limit()).await?;
    let request = match body.trim_ascii() {
        b"" | b"null" => SlackRequest::default(),
        _ => parse_object(&body)?,
    };
    let permit = permit.renewed(&app).await?;
    let state = app.clone();
    // To the end: a client that hangs up must not leave a token that nobody knows of.
    let status = app.work.to_end(async move { slack::connect(&state, &permit, request).await }).await?;
    shown(&status)
}

/// Disconnects a workspace from Slack.
///
/// A token that Slack gave to this server is revoked, unless another workspace has the same team; one that a person
/// brought is only forgotten. What was to be told yet is not.
#[utoipa::path(delete, path = "/api/v3/workspaces/{workspace}/integrate-slack", tag = "Integrations",
    responses((status = 204, description = "It is not connected.")))]
pub(crate) async fn disconnect(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
) -> Result<Response, ApiError> {
    let state = app.clone();
    app.work.to_end(async move { slack::disconnect(&state, &workspace).await }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes people back from Slack; not for programs.
///
/// It finishes the installation that `state` was made for, once, and answers a page.
#[utoipa::path(get, path = "/api/v3/integrations/slack/callback", tag = "Integrations",
    params(
        ("state" = Option<String>, Query, description = "What `installUrl` carried."),
        ("code" = Option<String>, Query, description = "What the bot's token is got for."),
        ("error" = Option<String>, Query, description = "Why there is no code."),
    ),
    responses(
        (status = 200, description = "It is connected.", body = String, content_type = "text/html"),
        (status = 400, description = "The state is not good, or the person gave up.", body = String, content_type = "text/html"),
        (status = 403, description = "Who began it is no admin any more.", body = String, content_type = "text/html"),
        (status = 404, description = "The workspace is gone.", body = String, content_type = "text/html"),
        (status = 405, description = "It is for GET only.", body = ErrorBody),
        (status = 422, description = "Slack refused, or gave too little.", body = String, content_type = "text/html"),
        (status = 503, description = "Slack is away.", body = String, content_type = "text/html"),
    ))]
pub(crate) async fn callback(State(app): State<AppState>, query: Query) -> Result<Response, ApiError> {
    let state = app.clone();
    let finished = app.work.to_end(async move { Ok(slack::finish(&state, &query).await) }).await?;
    slack::answer(finished)
}

fn shown(status: &SlackStatus) -> Result<Response, ApiError> {
    let status = serde_json::to_value(status).map_err(ApiError::internal)?;
    Ok(reply::secret(StatusCode::OK, &json!(status)))
}
