//! `/workspaces` and `/workspaces/{workspace}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use workstead_core::oid::CommitId;

use crate::access::Permit;
use crate::app::AppState;
use crate::auth::{self, Caller};
use crate::body::read_object;
use crate::commit::WriteRequest;
use crate::config::{self, Change, ChangeRequest};
use crate::context::RequestContext;
use crate::error::{ApiError, ErrorBody};
use crate::lifecycle::{self, NewWorkspace};
use crate::paging::Page;
use crate::query::Query;
use crate::reply;
use crate::revision::{IfMatch, etag};
use crate::schema::{
    Page as PageOf, PageQuery, WorkspaceCreate, WorkspaceListRow, WorkspaceObject, WorkspaceWrite,
};
use crate::store::workspaces::VisibleTo;
use crate::view;
use crate::workspace::Workspace;

/// Lists the caller's workspaces.
///
/// By name. Staff see all.
#[utoipa::path(get, path = "/api/v3/workspaces", tag = "Workspaces", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<WorkspaceListRow>)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    caller: Caller,
    query: Query,
) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let visible = VisibleTo::of(&caller);
    let count = app.database.count_workspaces(visible).await?;
    page.check(count)?;
    let rows = app.database.list_workspaces(visible, page.offset, page.size).await?;
    let results = rows.iter().map(view::list_row).collect::<Vec<_>>();
    page.answer(&app.url("/api/v3/workspaces/"), count, &query, &results)
}

/// Creates a workspace.
///
/// Its repository begins with one commit of `workspace.yaml` and a README. The caller is the owner; staff may name
/// another.
#[utoipa::path(post, path = "/api/v3/workspaces", tag = "Workspaces", request_body = WorkspaceCreate,
    responses(
        (status = 201, description = "The new workspace.", body = WorkspaceObject),
        (status = 409, description = "The name is taken.", body = ErrorBody),
    ))]
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
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}", tag = "Workspaces",
    params(("ref" = Option<String>, Query, description = "A branch, tag or commit.")),
    responses(
        (status = 200, description = "The workspace.", body = WorkspaceObject,
            headers(("ETag", description = "The commit that it was read from."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
    ))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let commit = crate::workspace::revision(&app, &workspace, &query).await?;
    let view = view::of(&app, &workspace, commit).await?;
    let tag = etag(commit, workspace.row.version);
    Ok(reply::revisioned(&headers, tag, || view.render(&app, &workspace)))
}

/// Changes the fields that the body names.
///
/// The body is a JSON merge patch (RFC 7396). What changes nothing makes no commit and needs no more than the right
/// to read; else the role readwrite is needed, and admin for `owner` and `permissions`.
#[utoipa::path(patch, path = "/api/v3/workspaces/{workspace}", tag = "Workspaces", request_body = WorkspaceWrite,
    params(("If-Match" = Option<String>, Header, description = "The tag of the answer that the change is of.")),
    responses(
        (status = 200, description = "The workspace as it is now.", body = WorkspaceObject),
        (status = 409, description = "Nobody could be admin any more, or the default branch is pulled by a mirror.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn update(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    change(app, permit, context, Change::Patch, (headers, body)).await
}

/// Replaces the whole configuration.
///
/// What is left out returns to its default, but for `owner`, `permissions` and keys that are unknown here. What GET
/// answered is accepted back, and is no commit.
#[utoipa::path(put, path = "/api/v3/workspaces/{workspace}", tag = "Workspaces", request_body = WorkspaceWrite,
    params(("If-Match" = Option<String>, Header, description = "The tag of the answer that the change is of.")),
    responses(
        (status = 200, description = "The workspace as it is now.", body = WorkspaceObject),
        (status = 409, description = "Nobody could be admin any more, or the default branch is pulled by a mirror.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn replace(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    change(app, permit, context, Change::Replace, (headers, body)).await
}

async fn change(
    app: AppState,
    permit: Permit,
    context: RequestContext,
    change: Change,
    (headers, body): (HeaderMap, Body),
) -> Result<Response, ApiError> {
    // A change of nothing needs no right to write, so that what was read may be sent back by anybody.
    let body = read_object(&headers, body, app.json_limit(), &app.work).await?;
    // Asked again: the body may have taken long to come.
    let permit = permit.renewed(&app).await?;
    let workspace = Arc::clone(&permit.workspace);
    let write = WriteRequest::new(permit, workspace.branch().clone(), context, &headers);
    let request = ChangeRequest { change, body, write };
    let state = app.clone();
    let changed = async {
        let commit = app.work.to_end(async move { config::change(&state, request).await }).await?;
        let name = workspace.name().as_str();
        let changed = crate::workspace::find(&app, name).await?;
        let changed = changed.ok_or_else(|| ApiError::workspace_not_found(name))?;
        whole(&app, &changed, commit, StatusCode::OK).await
    };
    crate::workspace::unless_gone(&app, &workspace, changed.await).await
}

/// Deletes a workspace for good.
///
/// With its repository, uploads, tokens, runners, secrets and integrations. There is no way back.
#[utoipa::path(delete, path = "/api/v3/workspaces/{workspace}", tag = "Workspaces",
    params(("If-Match" = Option<String>, Header, description = "The tag of the answer that the decision is of.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
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
