//! `/workspaces/{workspace}/webhooks`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use serde_json::json;
use utoipa::ToSchema;

use crate::access::Permit;
use crate::app::AppState;
use crate::error::{ApiError, ErrorBody};
use crate::paging::Page;
use crate::query::Query;
use crate::reply;
use crate::schema::{Page as PageOf, PageQuery};
use crate::store::webhooks::WebhookRow;
use crate::webhooks::{self, DeliveryShown, WebhookFields, WebhookShown};

/// What a webhook is to be.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what `WebhookFields::read` reads")]
pub(crate) struct WebhookWrite {
    /// Where to send events: https, without user, password and fragment. Its query is never shown again.
    #[schema(max_length = 2048)]
    url: String,
    /// Which events: some of `commit`, `push`, `upload` and `sync`; all when absent.
    events: Option<Vec<String>>,
    /// False to send nothing for now.
    active: Option<bool>,
    /// What signs, 16 to 256 visible ASCII characters; made by the server when absent.
    #[schema(write_only)]
    secret: Option<String>,
    #[schema(max_length = 200)]
    description: Option<String>,
}

/// What is to change of a webhook.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what `WebhookFields::read` reads")]
pub(crate) struct WebhookPatch {
    #[schema(max_length = 2048)]
    url: Option<String>,
    events: Option<Vec<String>>,
    /// True also after the server switched it off.
    active: Option<bool>,
    /// Another secret; the old one signs nothing any more.
    #[schema(write_only)]
    secret: Option<String>,
    #[schema(max_length = 200)]
    description: Option<String>,
}

/// Lists the webhooks of a workspace, the oldest first.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/webhooks", tag = "Webhooks", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<WebhookShown>)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let count = app.database.count_webhooks(workspace.id()).await?;
    page.check(count)?;
    let rows = app.database.list_webhooks(workspace.id(), page.offset, page.size).await?;
    let results: Vec<_> = rows.into_iter().map(|row| json!(WebhookShown::of(row, None))).collect();
    page.answer(
        &app.url(&format!("/api/v3/workspaces/{}/webhooks", workspace.name())),
        count,
        &query,
        &results,
    )
}

/// Has a workspace's events sent to a URL, signed.
///
/// The answer holds the secret, which is never shown again. Each event is a POST with the event's object as JSON; see
/// docs/WEBHOOKS.md for what the receiver checks.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/webhooks", tag = "Webhooks", request_body = WebhookWrite,
    responses((status = 201, description = "The webhook, with its secret.", body = WebhookShown)))]
pub(crate) async fn create(
    State(app): State<AppState>,
    permit: Permit,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = WebhookFields::read(&app, &headers, body).await?;
    let (row, secret) = webhooks::add(&app, &permit, fields).await?;
    Ok(shown(StatusCode::CREATED, row, Some(&secret)))
}

/// Shows a webhook.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/webhooks/{webhook}", tag = "Webhooks",
    params(("webhook" = String, Path, description = "The webhook's id.")),
    responses((status = 200, description = "The webhook.", body = WebhookShown)))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let row = webhooks::find(&app, &workspace, &id).await?;
    Ok(shown(StatusCode::OK, row, None))
}

/// Changes a webhook.
///
/// What was to be sent goes to the new URL. A webhook that is switched off gives it up; what happens meanwhile is not sent
/// later.
#[utoipa::path(patch, path = "/api/v3/workspaces/{workspace}/webhooks/{webhook}", tag = "Webhooks",
    params(("webhook" = String, Path, description = "The webhook's id.")), request_body = WebhookPatch,
    responses((status = 200, description = "The webhook as it is now.", body = WebhookShown)))]
pub(crate) async fn update(
    State(app): State<AppState>,
    permit: Permit,
    Path((_, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = WebhookFields::read(&app, &headers, body).await?;
    let row = webhooks::change(&app, &permit, &id, fields).await?;
    Ok(shown(StatusCode::OK, row, None))
}

/// Removes a webhook with the record of its deliveries; nothing more is sent.
#[utoipa::path(delete, path = "/api/v3/workspaces/{workspace}/webhooks/{webhook}", tag = "Webhooks",
    params(("webhook" = String, Path, description = "The webhook's id.")),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    webhooks::remove(&app, &workspace, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Sends a ping to a webhook, active or not: once, and it counts for nothing.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/webhooks/{webhook}/ping", tag = "Webhooks",
    params(("webhook" = String, Path, description = "The webhook's id.")),
    responses(
        (status = 202, description = "It is under way; ask for the delivery.", body = DeliveryShown),
        (status = 409, description = "Another one is.", body = ErrorBody),
    ))]
pub(crate) async fn ping(
    State(app): State<AppState>,
    permit: Permit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let row = webhooks::ping(&app, &permit, &id).await?;
    Ok(reply::json(StatusCode::ACCEPTED, &json!(webhooks::delivery(&row))))
}

fn shown(status: StatusCode, row: WebhookRow, secret: Option<&SecretString>) -> Response {
    reply::secret(status, &json!(WebhookShown::of(row, secret)))
}
