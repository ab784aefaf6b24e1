//! `/workspaces/{workspace}/events`.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::access::Permit;
use crate::app::AppState;
use crate::error::ApiError;
use crate::events::{self, Following};
use crate::paging::Page;
use crate::query::Query;
use crate::reply;
use crate::schema::{Page as PageOf, PageQuery};

/// Which events.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes the query")]
pub(crate) struct EventFilter {
    /// Some of `commit`, `push`, `upload` and `sync`, separated by commas; all when absent.
    events: Option<String>,
    /// For a stream: the last event that you have, like the header `Last-Event-ID`, which goes first.
    after: Option<i64>,
}

/// Something that happened.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what `events::shown` writes")]
pub(crate) struct EventShown {
    /// Ascending among all of the server.
    id: String,
    /// `commit`, `push`, `upload` or `sync`.
    event: String,
    occurred_at: String,
    workspace: String,
    /// The e-mail address of who made it, where one person did.
    #[schema(required)]
    actor: Option<String>,
    /// What it is about, by kind: see docs/EVENTS.md.
    #[schema(value_type = Object)]
    data: Value,
}

/// Tells what happened to a workspace: pages, the newest first, or a stream of what happens from now on.
///
/// With `Accept: text/event-stream` each event is sent as it comes, named by its kind, with its id, and with the same
/// object as data. A stream ends after five minutes and when the server stops: come back with `Last-Event-ID`, as
/// browsers do by themselves, and nothing is missed.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/events", tag = "Events", params(PageQuery, EventFilter),
    responses((status = 200, description = "One page, or a stream.",
        content((PageOf<EventShown> = "application/json"), (String = "text/event-stream")))))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, caller, .. }: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let kinds = events::kinds(&query)?;
    let after = last_event(&query, &headers)?;
    if wants_stream(&headers) {
        let following = Following { caller, workspace, after, kinds };
        return Ok(reply::no_store(events::stream(&app, following).await?));
    }
    let page = Page::of(&query)?;
    let count = app.database.count_events(workspace.id(), &kinds).await?;
    page.check(count)?;
    let rows = app.database.list_events(workspace.id(), &kinds, page.offset, page.size).await?;
    let name = workspace.name().as_str();
    let results = rows.iter().map(|row| events::shown(row, name)).collect::<Vec<_>>();
    page.answer(&app.url(&format!("/api/v3/workspaces/{name}/events")), count, &query, &results)
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("text/event-stream")
    })
}

/// Reads the last event that the client has.
fn last_event(query: &Query, headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let read = |text: &str| text.trim().parse::<i64>().ok().filter(|id| *id >= 0);
    let Some(header) = headers.get("last-event-id").filter(|value| !value.is_empty()) else {
        return query.parsed("after", "the id of an event", read);
    };
    let id = header.to_str().ok().and_then(read);
    let refuse =
        || ApiError::bad_request("invalid_parameter", "the header Last-Event-ID is no id of an event");
    id.map(Some).ok_or_else(refuse)
}
