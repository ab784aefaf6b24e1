//! What clients are told of webhooks and deliveries.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::error::ApiError;
use crate::events;
use crate::query::rfc3339;
use crate::store::now;
use crate::store::webhook_log::{AttemptRow, DeliveryRow};
use crate::store::webhooks::WebhookRow;
use crate::workspace::Workspace;

/// A webhook.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(crate) struct WebhookShown {
    id: String,
    /// Where events are sent; a query, which may hold a secret, is written as `...`.
    url: String,
    /// Which events: some of `commit`, `push`, `upload` and `sync`.
    events: Vec<&'static str>,
    active: bool,
    description: String,
    /// What signs; only in the answer that made the webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    created_by: String,
    created_at: String,
    updated_at: String,
    /// Since when no attempt has succeeded; null when the last one did.
    #[schema(required)]
    failing_since: Option<String>,
    /// How the last attempt failed, in that case.
    #[schema(required)]
    last_error: Option<String>,
    /// Since when it is inactive because it failed for too long.
    #[schema(required)]
    switched_off_at: Option<String>,
}

impl WebhookShown {
    /// Shows a webhook, with its secret when it was just made.
    pub(crate) fn of(row: WebhookRow, secret: Option<&SecretString>) -> Self {
        Self {
            id: row.id,
            url: row.shown_url,
            events: row.kinds.iter().map(|kind| kind.as_str()).collect(),
            active: row.is_active,
            description: row.description,
            secret: secret.map(|secret| secret.expose_secret().to_owned()),
            created_by: row.created_by,
            created_at: rfc3339(row.created_at),
            updated_at: rfc3339(row.updated_at),
            failing_since: row.failing_since.map(rfc3339),
            last_error: row.last_error,
            switched_off_at: row.inactive.map(|(since, _)| rfc3339(since)),
        }
    }
}

/// An event on its way to a webhook.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookDelivery)]
pub(crate) struct DeliveryShown {
    /// What the receiver reads in `X-Workstead-Delivery`.
    id: String,
    /// `commit`, `push`, `upload`, `sync` or `ping`.
    event: String,
    /// The event's id; null for a ping.
    #[schema(required)]
    event_id: Option<String>,
    /// `pending`, `delivered` or `failed`.
    status: String,
    /// How often it was tried.
    attempts: i64,
    created_at: String,
    /// When it was delivered or given up.
    #[schema(required)]
    finished_at: Option<String>,
    /// When it is tried next; null when it is over, or being sent at this moment.
    #[schema(required)]
    next_attempt_at: Option<String>,
    /// What the receiver answered last, if it did.
    #[schema(required)]
    last_status: Option<i64>,
    /// Why the last attempt failed.
    #[schema(value_type = Option<DeliveryError>, required)]
    last_error: Value,
    /// What is sent; null when the event is forgotten. Lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    body: Option<Value>,
    /// The newest 50 attempts, in their order. Lists leave them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_log: Option<Vec<AttemptShown>>,
}

/// Why an attempt failed.
#[derive(ToSchema)]
#[schema(as = WebhookDeliveryError)]
#[expect(dead_code, reason = "it describes what was recorded as JSON")]
pub(crate) struct DeliveryError {
    /// `invalid_url`, `address_not_allowed`, `host_not_found`, `connection_failed`, `tls_failed`, `timeout`, `no_http`,
    /// `redirected`, `refused`, `webhook_inactive` or `sealed`.
    code: String,
    detail: String,
}

/// Shows a delivery as lists do.
pub(crate) fn delivery(row: &DeliveryRow) -> DeliveryShown {
    let is_pending = row.state == "pending";
    let is_under_way = row.leased_until.is_some_and(|until| until > now());
    DeliveryShown {
        id: row.id.clone(),
        event: row.kind.clone(),
        event_id: row.event_id.map(|id| id.to_string()),
        status: row.state.clone(),
        attempts: row.attempts,
        created_at: rfc3339(row.created_at),
        finished_at: row.finished_at.filter(|_| !is_pending).map(rfc3339),
        next_attempt_at: (is_pending && !is_under_way).then(|| rfc3339(row.due_at)),
        last_status: row.last_status,
        last_error: row.last_error.clone(),
        body: None,
        attempt_log: None,
    }
}

/// One attempt.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookAttempt)]
pub(crate) struct AttemptShown {
    number: i64,
    begun_at: String,
    /// How long it took; null as long as it is under way, and for good when the server ended meanwhile.
    #[schema(required)]
    duration_ms: Option<i64>,
    /// Where it was sent, without the query.
    #[schema(required)]
    url: Option<String>,
    /// With which headers.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>, required)]
    headers: Value,
    /// What the receiver answered, if it did.
    #[schema(required)]
    status: Option<i64>,
    /// How its answer began, at most 4096 bytes.
    #[schema(required)]
    answer: Option<String>,
    #[schema(value_type = Option<DeliveryError>, required)]
    error: Value,
}

/// Shows a delivery with its body and its attempts.
pub(crate) async fn whole_delivery(
    app: &AppState,
    workspace: &Workspace,
    row: &DeliveryRow,
) -> Result<DeliveryShown, ApiError> {
    let body = match (&row.ping_json, row.event_id) {
        (Some(text), _) => serde_json::from_str(text).unwrap_or_default(),
        (None, Some(id)) => {
            let event = app.database.find_event(workspace.id(), id).await?;
            event.map(|event| events::shown(&event, workspace.name().as_str())).unwrap_or_default()
        }
        (None, None) => Value::Null,
    };
    let attempts = app.database.list_attempts(&row.id).await?;
    let attempt_log = attempts.into_iter().map(attempt).collect();
    Ok(DeliveryShown { body: Some(body), attempt_log: Some(attempt_log), ..delivery(row) })
}

fn attempt(row: AttemptRow) -> AttemptShown {
    AttemptShown {
        number: row.number,
        begun_at: rfc3339(row.begun_at),
        duration_ms: row.duration_ms,
        url: row.shown_url,
        headers: row.headers,
        status: row.status,
        answer: row.answer,
        error: row.error,
    }
}
