//! `/workspaces/{workspace}/upload`, `/uploads` and `/workspaces/upload-status/{task}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::access::{self, Action, Permit};
use crate::app::AppState;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::error::{ApiError, ErrorBody};
use crate::paging::Page;
use crate::query::Query;
use crate::revision::IfMatch;
use crate::schema::{
    Page as PageOf, PageQuery, UploadAnswer, UploadInline, UploadQuery, UploadRow, UploadTarget, UploadTask,
};
use crate::upload::{self, upload_not_found};
use crate::{reply, workspace};

/// Takes a bundle inside the request; the client needs the answer to be exactly 200.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/upload", tag = "Uploads", request_body = UploadInline,
    params(UploadQuery, ("If-Match" = Option<String>, Header, description = "The commit that main must be at.")),
    responses(
        (status = 200, description = "It is merged and committed, or nothing was new.", body = UploadAnswer),
        (status = 409, description = "The branch moves too fast.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn create(
    State(app): State<AppState>,
    Permit { workspace, caller, .. }: Permit,
    context: RequestContext,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let shared = Arc::clone(&workspace);
    let upload = async {
        IfMatch::of(&headers).check(shared.head()?)?;
        upload::upload_inline(&app, caller, context, shared, query, (headers, body)).await
    };
    let answer = workspace::unless_gone(&app, &workspace, upload.await).await?;
    Ok(reply::json(StatusCode::OK, &answer.body))
}

/// Opens an upload by way of the object store.
///
/// The bundle is then put to `url`, and `completeUrl` called.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/upload", tag = "Uploads",
    params(UploadQuery,
        ("size" = Option<u64>, Query, description = "How many bytes the bundle has."),
        ("sha256" = Option<String>, Query, description = "The bundle's SHA-256 in hexadecimal."),
        ("via" = Option<String>, Query, description = "`presigned`, the only way there is."),
    ),
    responses(
        (status = 200, description = "Where to put the bundle.", body = UploadTarget),
        (status = 413, description = "`size` is over the limit.", body = ErrorBody),
        (status = 422, description = "An option is not possible.", body = ErrorBody),
    ))]
pub(crate) async fn open(
    State(app): State<AppState>,
    Permit { workspace, caller, .. }: Permit,
    query: Query,
) -> Result<Response, ApiError> {
    let answer = upload::open(&app, &caller, &workspace, &query).await?;
    Ok(reply::secret(StatusCode::OK, &answer))
}

/// Completes an upload whose bundle was put.
///
/// Again it answers what it answered first.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/uploads/{upload}/complete", tag = "Uploads",
    params(UploadQuery, ("If-Match" = Option<String>, Header, description = "The commit that main must be at.")),
    responses(
        (status = 200, description = "It is merged and committed, or nothing was new.", body = UploadAnswer),
        (status = 409, description = "Nothing was put yet, or it is being worked on.", body = ErrorBody),
        (status = 410, description = "It expired.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
        (status = 413, description = "What was put is over a limit.", body = ErrorBody),
        (status = 422, description = "What was put is not valid.", body = ErrorBody),
    ))]
pub(crate) async fn complete(
    app: State<AppState>,
    permit: Permit,
    context: RequestContext,
    Path((_, id)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    finish(app, permit, context, id, query, headers).await
}

/// Completes an upload once more: the name under which a prune that was refused is insisted on.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/uploads/{upload}/retry", tag = "Uploads",
    params(UploadQuery, ("If-Match" = Option<String>, Header, description = "The commit that main must be at.")),
    responses(
        (status = 200, description = "It is merged and committed, or nothing was new.", body = UploadAnswer),
        (status = 409, description = "Nothing was put yet, or it is being worked on.", body = ErrorBody),
        (status = 410, description = "It expired.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
        (status = 413, description = "What was put is over a limit.", body = ErrorBody),
        (status = 422, description = "What was put is not valid.", body = ErrorBody),
    ))]
pub(crate) async fn retry(
    app: State<AppState>,
    permit: Permit,
    context: RequestContext,
    Path((_, id)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    finish(app, permit, context, id, query, headers).await
}

async fn finish(
    State(app): State<AppState>,
    Permit { workspace, caller, .. }: Permit,
    context: RequestContext,
    id: String,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let if_match = IfMatch::of(&headers);
    let shared = Arc::clone(&workspace);
    let answer = upload::complete(&app, caller, context, shared, &id, &query, &if_match).await;
    let answer = workspace::unless_gone(&app, &workspace, answer).await?;
    Ok(reply::json(StatusCode::OK, &answer))
}

/// Lists the uploads of a workspace, the newest first.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/uploads", tag = "Uploads", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<UploadRow>)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let count = app.database.count_uploads(workspace.id()).await?;
    page.check(count)?;
    let rows = app.database.list_uploads(workspace.id(), page.offset, page.size).await?;
    let results = rows.iter().map(upload::list_row).collect::<Vec<_>>();
    let here = app.url(&format!("/api/v3/workspaces/{}/uploads", workspace.name()));
    page.answer(&here, count, &query, &results)
}

/// Shows one upload.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/uploads/{upload}", tag = "Uploads",
    responses((status = 200, description = "The upload.", body = UploadRow)))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let row = app.database.find_upload(&id).await?;
    let row = row.filter(|row| row.workspace_id == workspace.id());
    let row = row.ok_or_else(|| upload_not_found(&id))?;
    Ok(reply::json(StatusCode::OK, &upload::list_row(&row)))
}

/// Says what became of an upload, to readers of its workspace and to the token that made it.
#[utoipa::path(get, path = "/api/v3/workspaces/upload-status/{task}", tag = "Uploads",
    responses((status = 200, description = "What became of it.", body = UploadTask)))]
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
