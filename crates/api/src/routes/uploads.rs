//! `/workspaces/{workspace}/upload`, `/uploads` and `/workspaces/upload-status/{task}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use url::Url;

use crate::access::{self, Action};
use crate::app::AppState;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::paging::Page;
use crate::query::Query;
use crate::revision::IfMatch;
use crate::upload::{self, upload_not_found};
use crate::{reply, workspace};

/// Takes a bundle inside the request; the client needs the answer to be exactly 200.
pub(crate) async fn create(
    State(app): State<AppState>,
    caller: Caller,
    context: RequestContext,
    Path(name): Path<String>,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (workspace, _) = access::enter(&app, &caller, &name, Action::Upload).await?;
    let shared = Arc::clone(&workspace);
    let upload = async {
        IfMatch::of(&headers).check(shared.head()?)?;
        upload::upload_inline(&app, caller, context, shared, query, (headers, body)).await
    };
    let answer = workspace::unless_gone(&app, &workspace, upload.await).await?;
    Ok(reply::json(StatusCode::OK, &answer.body))
}

/// Opens an upload by way of the object store.
pub(crate) async fn open(
    State(app): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, ApiError> {
    let (workspace, _) = access::enter(&app, &caller, &name, Action::Upload).await?;
    let answer = upload::open(&app, &caller, &workspace, &query).await?;
    Ok(reply::secret(StatusCode::OK, &answer))
}

/// Completes an upload whose bundle was put.
pub(crate) async fn complete(
    State(app): State<AppState>,
    caller: Caller,
    context: RequestContext,
    Path((name, id)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (workspace, _) = access::enter(&app, &caller, &name, Action::Upload).await?;
    let if_match = IfMatch::of(&headers);
    let shared = Arc::clone(&workspace);
    let answer = upload::complete(&app, caller, context, shared, &id, &query, &if_match).await;
    let answer = workspace::unless_gone(&app, &workspace, answer).await?;
    Ok(reply::json(StatusCode::OK, &answer))
}

/// Lists the uploads of a workspace, the newest first.
pub(crate) async fn list(
    State(app): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, ApiError> {
    let (workspace, _) = access::enter(&app, &caller, &name, Action::Read).await?;
    let page = Page::of(&query)?;
    let count = app.database.count_uploads(workspace.id()).await?;
    page.check(count)?;
    let rows = app.database.list_uploads(workspace.id(), page.offset, page.size).await?;
    let results = rows.iter().map(upload::list_row).collect::<Vec<_>>();
    let here = app.url(&format!("/api/v3/workspaces/{}/uploads", workspace.name()));
    let here = Url::parse(&here).map_err(ApiError::internal)?;
    Ok(reply::json(StatusCode::OK, &page.envelope(count, &here, &query, &results)))
}

/// Shows one upload.
pub(crate) async fn get(
    State(app): State<AppState>,
    caller: Caller,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let (workspace, _) = access::enter(&app, &caller, &name, Action::Read).await?;
    let row = app.database.find_upload(&id).await?;
    let row = row.filter(|row| row.workspace_id == workspace.id());
    let row = row.ok_or_else(|| upload_not_found(&id))?;
    Ok(reply::json(StatusCode::OK, &upload::list_row(&row)))
}

/// Says what became of an upload, to readers of its workspace and to the token that made it.
pub(crate) async fn get_status(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let hidden = || upload_not_found(&id);
    let row = app.database.find_upload(&id).await?.ok_or_else(hidden)?;
    if row.token_id != caller.token_id() {
        let owner = app.database.find_workspace_by_id(&row.workspace_id).await?.ok_or_else(hidden)?;
        let workspace = workspace::find(&app, owner.name.as_str()).await?.ok_or_else(hidden)?;
        access::authorize(&app, &caller, &workspace, Action::Read)
            .await
            .map_err(|error| if error.status().is_server_error() { error } else { hidden() })?;
    }
    Ok(reply::json(StatusCode::OK, &upload::status_answer(&row)))
}
