//! `/workspaces/{workspace}/upload`, `/uploads` and `/workspaces/upload-status/{task}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
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
    Page as PageOf, PageQuery, UploadAccepted, UploadAnswer, UploadFilter, UploadInline, UploadQuery,
    UploadRow, UploadTarget, UploadTask, Waiting,
};
use crate::store::uploads as store;
use crate::upload::{self, Asked, Completed, InlineUpload, upload_not_found};
use crate::{reply, workspace};

/// Takes a bundle inside the request; the client needs the answer to be exactly 200.
///
/// With `Prefer: respond-async` the bundle is put aside and the answer is 202.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/upload", tag = "Uploads", request_body = UploadInline,
    params(UploadQuery, Waiting, ("If-Match" = Option<String>, Header, description = "The commit that main must be at.")),
    responses(
        (status = 200, description = "It is merged and committed, or nothing was new.", body = UploadAnswer),
        (status = 202, description = "It is queued, as the client preferred.", body = UploadAccepted),
        (status = 409, description = "The branch moves too fast, or is pulled by a mirror.", body = ErrorBody),
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
    let later = prefers_async(&headers);
    let request = InlineUpload { caller, context, workspace: shared, query, headers, body };
    let done = if later {
        upload::upload_later(&app, request).await
    } else {
        upload::upload_inline(&app, request).await.map(Completed::Done)
    };
    Ok(completed(&workspace::unless_gone(&app, &workspace, done).await?))
}

/// Opens an upload by way of the object store.
///
/// The bundle is then put to `url`, and `completeUrl` called.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/upload", tag = "Uploads",
    params(UploadQuery,
        ("size" = Option<u64>, Query, description = "How many bytes the bundle has."),
        ("sha256" = Option<String>, Query, description = "The bundle's SHA-256 in hexadecimal."),
        ("via" = Option<String>, Query, description = "`presigned`: straight to the store; `server`: by way of this server."),
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
/// Again, by whoever, it answers what came of it. With `Prefer: respond-async` the answer is 202 while it is under way.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/uploads/{upload}/complete", tag = "Uploads",
    params(UploadQuery, Waiting, ("If-Match" = Option<String>, Header, description = "The commit that main must be at.")),
    responses(
        (status = 200, description = "It is merged and committed, or nothing was new.", body = UploadAnswer),
        (status = 202, description = "It is queued, or goes on for long.", body = UploadAccepted),
        (status = 409, description = "Nothing was put yet, or it was cancelled.", body = ErrorBody),
        (status = 410, description = "It expired.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
        (status = 413, description = "What was put is over a limit.", body = ErrorBody),
        (status = 422, description = "What was put is not valid.", body = ErrorBody),
    ))]
pub(crate) async fn complete(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    Path((_, id)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let workspace = Arc::clone(&permit.workspace);
    let done = upload::complete(&app, asked(permit, context, &id, &query, &headers)).await;
    Ok(completed(&workspace::unless_gone(&app, &workspace, done).await?))
}

/// Tries an upload once more that was refused, failed or was cancelled, and whose bundle is kept.
///
/// The options of the address are set over those that it had: so a refused prune is insisted on.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/uploads/{upload}/retry", tag = "Uploads",
    params(UploadQuery, Waiting, ("If-Match" = Option<String>, Header, description = "The commit that main must be at.")),
    responses(
        (status = 200, description = "It is merged and committed, or nothing was new.", body = UploadAnswer),
        (status = 202, description = "It is queued, or goes on for long.", body = UploadAccepted),
        (status = 409, description = "Nothing was put yet, or the bundle is not kept.", body = ErrorBody),
        (status = 410, description = "It expired.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
        (status = 413, description = "What was put is over a limit.", body = ErrorBody),
        (status = 422, description = "What was put is not valid.", body = ErrorBody),
    ))]
pub(crate) async fn retry(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    Path((_, id)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let workspace = Arc::clone(&permit.workspace);
    let done = upload::retry(&app, asked(permit, context, &id, &query, &headers)).await;
    Ok(completed(&workspace::unless_gone(&app, &workspace, done).await?))
}

/// Calls an upload off; one that is being worked on ends before its commit, or with it.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/uploads/{upload}/cancel", tag = "Uploads",
    responses(
        (status = 200, description = "How it stands now.", body = UploadRow),
        (status = 409, description = "It is over.", body = ErrorBody),
    ))]
pub(crate) async fn cancel(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let row = upload::cancel(&app, &workspace, &id).await?;
    Ok(reply::json(StatusCode::OK, &upload::list_row(&row)))
}

fn asked<'a>(
    Permit { workspace, caller, .. }: Permit,
    context: RequestContext,
    id: &'a str,
    query: &'a Query,
    headers: &HeaderMap,
) -> Asked<'a> {
    let (if_match, waits) = (IfMatch::of(headers), !prefers_async(headers));
    Asked { caller, context, workspace, id, query, if_match, waits }
}

/// Tells whether the client wants an answer before the work is done (RFC 7240 section 4.1).
fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split(','));
    preferences.any(|preference| {
        preference.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("respond-async"))
    })
}

fn completed(completed: &Completed) -> Response {
    match completed {
        Completed::Done(answer) => reply::json(StatusCode::OK, answer),
        Completed::Accepted(answer) => {
            let mut response = reply::json(StatusCode::ACCEPTED, answer);
            let applied = HeaderValue::from_static("respond-async");
            response.headers_mut().insert("preference-applied", applied);
            response
        }
    }
}

/// Lists the uploads of a workspace, the newest first.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/uploads", tag = "Uploads", params(PageQuery, UploadFilter),
    responses((status = 200, description = "One page.", body = PageOf<UploadRow>)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
) -> Result<Response, ApiError> {
    let (page, filter) = (Page::of(&query)?, upload::filter(&query)?);
    let count = app.database.count_uploads(workspace.id(), &filter).await?;
    page.check(count)?;
    let rows = app.database.list_uploads(workspace.id(), &filter, page.offset, page.size).await?;
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
    let row = seen(&app, &caller, &id).await?;
    Ok(reply::json(StatusCode::OK, &upload::status_answer(&app, &row)))
}

/// Tells how an upload goes, as server-sent events, to the same callers.
///
/// Each event is named `progress`, or `done` for the last one; its data is what `upload-status` answers then. The
/// stream ends after `done`, after five minutes, and when the server stops: ask again then.
#[utoipa::path(get, path = "/api/v3/workspaces/upload-status/{task}/events", tag = "Uploads",
    responses((status = 200, description = "Events, until the upload is over.", body = String,
        content_type = "text/event-stream")))]
pub(crate) async fn get_events(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let row = seen(&app, &caller, &id).await?;
    Ok(reply::no_store(upload::events(&app, row.id)?))
}

/// Finds an upload for readers of its workspace and for the token that made it.
async fn seen(app: &AppState, caller: &Caller, id: &str) -> Result<store::UploadRow, ApiError> {
    let hidden = || upload_not_found(id);
    let row = app.database.find_upload(id).await?.ok_or_else(hidden)?;
    if row.token_id != caller.token_id() {
        let owner = app.database.find_workspace_by_id(&row.workspace_id).await?.ok_or_else(hidden)?;
        let workspace = workspace::find(app, owner.name.as_str()).await?.ok_or_else(hidden)?;
        access::authorize(app, caller, &workspace, Action::Read)
            .await
            .map_err(|error| if error.status().is_server_error() { error } else { hidden() })?;
    }
    Ok(row)
}
