//! `/workspaces/{workspace}/webhooks/{webhook}/deliveries`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use utoipa::IntoParams;

use crate::access::Permit;
use crate::app::AppState;
use crate::error::{ApiError, ErrorBody};
use crate::paging::Page;
use crate::query::Query;
use crate::reply;
use crate::schema::{Page as PageOf, PageQuery};
use crate::store::webhook_log::DeliveryFilter;
use crate::webhooks::{self, DeliveryShown};

const EVENTS: [&str; 5] = ["commit", "push", "upload", "sync", "ping"];
const STATES: [&str; 3] = ["pending", "delivered", "failed"];

/// Which deliveries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes the query")]
pub(crate) struct DeliveryQuery {
    /// `commit`, `push`, `upload`, `sync` or `ping`.
    event: Option<String>,
    /// `pending`, `delivered` or `failed`.
    status: Option<String>,
}

/// Lists what was sent to a webhook and what is to be, the newest first.
///
/// Kept as long as events are.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/webhooks/{webhook}/deliveries", tag = "Webhooks",
    params(("webhook" = String, Path, description = "The webhook's id."), PageQuery, DeliveryQuery),
    responses((status = 200, description = "One page.", body = PageOf<DeliveryShown>)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, id)): Path<(String, String)>,
    query: Query,
) -> Result<Response, ApiError> {
    let filter =
        DeliveryFilter { kind: one_of(&query, "event", &EVENTS)?, state: one_of(&query, "status", &STATES)? };
    let page = Page::of(&query)?;
    let webhook = webhooks::find(&app, &workspace, &id).await?;
    let count = app.database.count_deliveries(&webhook.id, &filter).await?;
    page.check(count)?;
    let rows = app.database.list_deliveries(&webhook.id, &filter, page.offset, page.size).await?;
    let results: Vec<_> = rows.iter().map(|row| json!(webhooks::delivery(row))).collect();
    let here = format!("/api/v3/workspaces/{}/webhooks/{}/deliveries", workspace.name(), webhook.id);
    page.answer(&app.url(&here), count, &query, &results)
}

/// Shows a delivery: what was sent, with each attempt and what came back.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/webhooks/{webhook}/deliveries/{delivery}", tag = "Webhooks",
    params(
        ("webhook" = String, Path, description = "The webhook's id."),
        ("delivery" = String, Path, description = "The delivery's id."),
    ),
    responses((status = 200, description = "The delivery.", body = DeliveryShown)))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, id, delivery)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let webhook = webhooks::find(&app, &workspace, &id).await?;
    let row = webhooks::find_delivery(&app, &webhook, &delivery).await?;
    let whole = webhooks::whole_delivery(&app, &workspace, &row).await?;
    Ok(reply::secret(StatusCode::OK, &json!(whole)))
}

/// Sends a delivery again: at once, under the same id, to the present URL, with as many attempts as a new one.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/webhooks/{webhook}/deliveries/{delivery}/redeliver", tag = "Webhooks",
    params(
        ("webhook" = String, Path, description = "The webhook's id."),
        ("delivery" = String, Path, description = "The delivery's id."),
    ),
    responses(
        (status = 202, description = "It is under way.", body = DeliveryShown),
        (status = 409, description = "It is being sent, or the webhook is inactive.", body = ErrorBody),
    ))]
pub(crate) async fn redeliver(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, id, delivery)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let row = webhooks::redeliver(&app, &workspace, &id, &delivery).await?;
    Ok(reply::json(StatusCode::ACCEPTED, &json!(webhooks::delivery(&row))))
}

fn one_of(query: &Query, name: &str, words: &[&str]) -> Result<Option<String>, ApiError> {
    let expected = format!("one of {}", words.join(", "));
    query.parsed(name, &expected, |text| words.contains(&text).then(|| text.to_owned()))
}
