//! `/workspaces` and `/workspaces/{workspace}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use url::Url;
use workstead_core::oid::CommitId;

use crate::access::{self, Action};
use crate::app::AppState;
use crate::auth::{self, Caller};
use crate::body::read_object;
use crate::config::{self, Change, ChangeRequest};
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::lifecycle::{self, NewWorkspace};
use crate::paging::Page;
use crate::query::Query;
use crate::reply;
use crate::revision::{IfMatch, etag};
use crate::store::workspaces::VisibleTo;
use crate::view;
use crate::workspace::Workspace;

/// Lists the caller's workspaces.
pub(crate) async fn list(
    State(app): State<AppState>,
    caller: Caller,
    query: Query,
) -> Result<Response, ApiError> {
    access::refuse_scoped(&caller)?;
    let page = Page::of(&query)?;
    let visible = if caller.is_staff() { VisibleTo::Staff } else { VisibleTo::Email(caller.email()) };
    let count = app.database.count_workspaces(visible).await?;
    page.check(count)?;
    let rows = app.database.list_workspaces(visible, page.offset, page.size).await?;
    let results = rows.iter().map(view::list_row).collect::<Vec<_>>();
    let here = Url::parse(&app.url("/api/v3/workspaces/")).map_err(ApiError::internal)?;
    Ok(reply::json(StatusCode::OK, &page.envelope(count, &here, &query, &results)))
}

/// Creates a workspace.
pub(crate) async fn create(
    State(app): State<AppState>,
    caller: Caller,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    lifecycle::may_create(&app, &caller)?;
    let body = read_object(&headers, body, app.json_limit(), &app.work).await?;
    // Asked again: the body may have taken long to come.
    let caller = auth::authenticate_again(&app, &caller).await?;
    lifecycle::may_create(&app, &caller)?;
    let (state, by) = (app.clone(), caller.clone());
    let new = app.work.blocking(move || NewWorkspace::read(&state, &by, body)).await??;
    let state = app.clone();
    let created = app.work.to_end(async move { lifecycle::create(&state, &caller, &context, new).await });
    let workspace = created.await?;
    let head = workspace.head()?;
    let mut response = whole(&app, &workspace, head, StatusCode::CREATED).await?;
    let location = app.url(&format!("/api/v3/workspaces/{}", workspace.name()));
    let location = HeaderValue::from_str(&location).map_err(ApiError::internal)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Reads a workspace, at the head or at another revision.
pub(crate) async fn get(
    State(app): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (workspace, _) = access::enter(&app, &caller, &name, Action::Read).await?;
    let commit = match query.text("ref") {
        None => workspace.head()?,
        Some(revision) => resolve(&app, &workspace, revision).await?,
    };
    let view = view::of(&app, &workspace, commit).await?;
    let tag = etag(commit, workspace.row.version);
    Ok(reply::revisioned(&headers, tag, || view.render(&app, &workspace)))
}

async fn resolve(app: &AppState, workspace: &Arc<Workspace>, revision: &str) -> Result<CommitId, ApiError> {
    let (shared, revision) = (Arc::clone(workspace), revision.to_owned());
    Ok(app.work.blocking(move || shared.repository().resolve(&revision)).await??)
}

/// Changes the fields that the body names.
pub(crate) async fn update(
    State(app): State<AppState>,
    caller: Caller,
    context: RequestContext,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    change(app, caller, context, name, Change::Patch, (headers, body)).await
}

/// Replaces the whole configuration.
pub(crate) async fn replace(
    State(app): State<AppState>,
    caller: Caller,
    context: RequestContext,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    change(app, caller, context, name, Change::Replace, (headers, body)).await
}

async fn change(
    app: AppState,
    caller: Caller,
    context: RequestContext,
    name: String,
    change: Change,
    (headers, body): (HeaderMap, Body),
) -> Result<Response, ApiError> {
    // A change of nothing needs no right to write, so that what was read may be sent back by anybody.
    let (workspace, _) = access::enter(&app, &caller, &name, Action::Read).await?;
    let body = read_object(&headers, body, app.json_limit(), &app.work).await?;
    // Asked again: the body may have taken long to come.
    let (workspace, role) = access::authorize_again(&app, &caller, &workspace, Action::Read).await?;
    let if_match = IfMatch::of(&headers);
    let shared = Arc::clone(&workspace);
    let request = ChangeRequest { workspace: shared, role, change, body, if_match, caller, context };
    let state = app.clone();
    let changed = async {
        let commit = app.work.to_end(async move { config::change(&state, request).await }).await?;
        let workspace = crate::workspace::find(&app, &name).await?;
        let workspace = workspace.ok_or_else(|| ApiError::workspace_not_found(&name))?;
        whole(&app, &workspace, commit, StatusCode::OK).await
    };
    crate::workspace::unless_gone(&app, &workspace, changed.await).await
}

/// Deletes a workspace for good.
pub(crate) async fn delete(
    State(app): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (workspace, _) = access::enter(&app, &caller, &name, Action::Delete).await?;
    IfMatch::of(&headers).check(workspace.head()?)?;
    let state = app.clone();
    app.work.to_end(async move { lifecycle::delete(&state, &workspace).await }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Answers with the whole object as of a commit.
async fn whole(
    app: &AppState,
    workspace: &Arc<Workspace>,
    commit: CommitId,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let view = view::of(app, workspace, commit).await?;
    let mut response = reply::bytes(status, view.render(app, workspace));
    response.headers_mut().insert(ETAG, etag(commit, workspace.row.version));
    Ok(response)
}
