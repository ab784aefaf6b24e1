//! `/workspaces/{workspace}/authorizedlocations` and `/locations`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use crate::access::Permit;
use crate::app::AppState;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::locations::{self, AuthorizedLocation};
use crate::paging::Page;
use crate::query::Query;
use crate::reply;
use crate::schema::{Page as PageOf, PageQuery};

/// Lists the locations where a workspace may run.
///
/// Those that it enables, in its order, then those of its registered runners. A location is healthy while one of its
/// runners sends heartbeats.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/authorizedlocations", tag = "Runners",
    responses((status = 200, description = "All of them.", body = [AuthorizedLocation])))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
) -> Result<Response, ApiError> {
    let locations = locations::of_workspace(&app, &workspace).await?;
    Ok(reply::json(StatusCode::OK, &json!(locations)))
}

/// Lists the locations of all workspaces that the caller sees.
///
/// By name.
#[utoipa::path(get, path = "/api/v3/locations", tag = "Runners", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<AuthorizedLocation>)))]
pub(crate) async fn list_all(
    State(app): State<AppState>,
    caller: Caller,
    query: Query,
) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let locations = locations::visible_to(&app, &caller).await?;
    let rows: Vec<Value> = page.cut(&locations)?.iter().map(|location| json!(location)).collect();
    page.answer(&app.url("/api/v3/locations"), locations.len() as u64, &query, &rows)
}
