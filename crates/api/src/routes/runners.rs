//! `/runners`, `/workspaces/{workspace}/runners`, and what runners themselves send.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::access::Permit;
use crate::app::AppState;
use crate::auth::Caller;
use crate::body::read_object;
use crate::error::{ApiError, ErrorBody};
use crate::paging::Page;
use crate::query::Query;
use crate::reply;
use crate::runners::identity::RunnerIdentity;
use crate::runners::{self, Registration, Runner};
use crate::schema::{Page as PageOf, PageQuery};
use crate::store::workspaces::VisibleTo;

/// Lists the runners of all workspaces that the caller sees.
///
/// By workspace and name.
#[utoipa::path(get, path = "/api/v3/runners", tag = "Runners", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<Runner>)))]
pub(crate) async fn list_all(
    State(app): State<AppState>,
    caller: Caller,
    query: Query,
) -> Result<Response, ApiError> {
    page_of(&app, (VisibleTo::of(&caller), None), &query, "/api/v3/runners").await
}

/// Lists the runners of a workspace.
///
/// By name.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/runners", tag = "Runners", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<Runner>)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
) -> Result<Response, ApiError> {
    let here = format!("/api/v3/workspaces/{}/runners", workspace.name());
    // The permit says that the caller sees this one.
    page_of(&app, (VisibleTo::Staff, Some(workspace.id())), &query, &here).await
}

async fn page_of(
    app: &AppState,
    (visible, workspace_id): (VisibleTo<'_>, Option<&str>),
    query: &Query,
    here: &str,
) -> Result<Response, ApiError> {
    let page = Page::of(query)?;
    let count = app.database.count_runners(visible, workspace_id).await?;
    page.check(count)?;
    let rows = app.database.list_runners(visible, workspace_id, (page.offset, page.size)).await?;
    let results: Vec<Value> = rows.into_iter().map(|row| json!(Runner::of(app, row))).collect();
    page.answer(&app.url(here), count, query, &results)
}

/// Removes a runner.
///
/// It comes back when it registers again; rotate the token of its location to keep it out.
#[utoipa::path(delete, path = "/api/v3/workspaces/{workspace}/runners/{runner}", tag = "Runners",
    params(("runner" = String, Path, description = "The runner's `runner_uuid`.")),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, runner)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    runners::delete(&app, workspace.id(), &runner).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Registers a runner at the location of its token.
///
/// A runner that is known, by its `runner_uuid` or, when it sends none, by its name, is registered anew as itself.
#[utoipa::path(post, path = "/api/v3/runners/register", tag = "Runners", request_body = Registration,
    responses(
        (status = 201, description = "A new runner.", body = Runner),
        (status = 200, description = "A known runner.", body = Runner),
        (status = 409, description = "The workspace has too many runners, or it is registered at another location.",
            body = ErrorBody),
    ))]
pub(crate) async fn register(
    State(app): State<AppState>,
    identity: RunnerIdentity,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_object(&headers, body, app.json_limit(), &app.work).await?;
    let registration = Registration::read(body)?;
    let (is_new, runner) = runners::register(&app, &identity, &registration).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(reply::json(status, &json!(runner)))
}

/// Notes that a runner is alive.
#[utoipa::path(post, path = "/api/v3/runners/{runner}/heartbeat", tag = "Runners",
    params(("runner" = String, Path, description = "The runner's `runner_uuid`.")),
    responses((status = 200, description = "The runner.", body = Runner)))]
pub(crate) async fn beat(
    State(app): State<AppState>,
    identity: RunnerIdentity,
    Path(runner): Path<String>,
) -> Result<Response, ApiError> {
    let runner = runners::beat(&app, &identity, &runner).await?;
    Ok(reply::json(StatusCode::OK, &json!(runner)))
}
