//! `/workspaces/{workspace}/commits` and `/workspaces/{workspace}/diff`: history, and what differs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use workstead_core::oid::CommitId;

use crate::access::Permit;
use crate::app::AppState;
use crate::error::{ApiError, ErrorBody};
use crate::history::{self, ChangesShown, CommitShown};
use crate::paging::Page;
use crate::query::Query;
use crate::revision::{etag, is_unmodified};
use crate::schema::{Page as PageOf, PageQuery};
use crate::workspace::Workspace;
use crate::{reply, workspace};

/// Which commits.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `history::filter` reads")]
pub(crate) struct CommitQuery {
    /// A branch, tag or commit to begin at; the default branch when absent.
    r#ref: Option<String>,
    /// Only commits that changed this file or directory.
    path: Option<String>,
    /// Only commits that changed this SLX, by its short name.
    slx: Option<String>,
    /// Only commits whose author's name or address holds this, in any case.
    author: Option<String>,
    /// Only commits made at this time or later (RFC 3339).
    since: Option<String>,
    /// Only commits made before this time.
    until: Option<String>,
}

/// A commit and what it changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct CommitDetail {
    #[serde(flatten)]
    commit: CommitShown,
    #[serde(flatten)]
    #[schema(inline)]
    changes: ChangesShown,
}

/// Two revisions and what differs between them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiffDetail {
    /// The commit that was compared with.
    from: String,
    /// The commit that was compared.
    to: String,
    #[serde(flatten)]
    #[schema(inline)]
    changes: ChangesShown,
}

/// Lists the commits that lead to a revision, the newest first.
///
/// `truncated` is in the answer when only some commits were wanted and not all could be looked at.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/commits", tag = "History", params(CommitQuery, PageQuery),
    responses(
        (status = 200, description = "One page.", body = PageOf<CommitShown>,
            headers(("ETag", description = "The commit that the list begins at."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
    ))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (page, filter) = (Page::of(&query)?, history::filter(&query)?);
    let from = workspace::revision(&app, &workspace, &query).await?;
    let tag = etag(from, 0);
    if is_unmodified(&headers, &tag) {
        return Ok(reply::revisioned(&headers, tag, Bytes::new));
    }
    let logged = history::log(&app, &workspace, from, filter, page).await?;
    let rows: Vec<_> = logged.commits.iter().map(|info| json!(history::commit(info))).collect();
    let here = app.address(&format!("/api/v3/workspaces/{}/commits", workspace.name()))?;
    let mut body = page.envelope(logged.count, &here, &query, &rows);
    if logged.truncated {
        body["truncated"] = true.into();
    }
    Ok(reply::revisioned(&headers, tag, || Bytes::from(body.to_string())))
}

/// Shows a commit with what it changed against its first parent: by SLX, and by file with diffs.
///
/// `?format=patch`, or `Accept: text/x-diff`, gives the whole difference as one patch that `git apply` takes.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/commits/{commit}", tag = "History",
    params(
        ("commit" = String, Path, description = "A commit's id, 7 digits of it at least, a branch or a tag."),
        ("format" = Option<String>, Query, description = "`patch` for a patch."),
    ),
    responses(
        (status = 200, description = "The commit.", content((CommitDetail = "application/json"), (String = "text/x-diff")),
            headers(("ETag", description = "The commit."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
        (status = 422, description = "The difference makes no patch.", body = ErrorBody),
    ))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, revision)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = resolve(&app, &workspace, &revision).await?;
    let shared = Arc::clone(&workspace);
    let info = app.work.blocking(move || shared.repository().commit_info(id)).await??;
    let parent = info.parents.first().copied();
    if wants_patch(&query, &headers)? {
        return as_patch(&headers, id, history::patch(&app, &workspace, parent, id).await?);
    }
    let tag = etag(id, 0);
    if is_unmodified(&headers, &tag) {
        return Ok(reply::revisioned(&headers, tag, Bytes::new));
    }
    let changes = history::changes(&app, &workspace, parent, id).await?;
    let body = CommitDetail { commit: history::commit(&info), changes: changes.shown() };
    let body = serde_json::to_vec(&body).map_err(ApiError::internal)?;
    Ok(reply::revisioned(&headers, tag, || Bytes::from(body)))
}

/// Compares two revisions.
///
/// `?format=patch`, or `Accept: text/x-diff`, gives the whole difference as one patch that `git apply` takes.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/diff", tag = "History",
    params(
        ("from" = Option<String>, Query, description = "A branch, tag or commit; the default branch when absent."),
        ("to" = Option<String>, Query, description = "The same."),
        ("mergeBase" = Option<bool>, Query, description = "Whether to compare with where `to` left `from` instead."),
        ("format" = Option<String>, Query, description = "`patch` for a patch."),
    ),
    responses(
        (status = 200, description = "What differs.", content((DiffDetail = "application/json"), (String = "text/x-diff")),
            headers(("ETag", description = "The commit of `to`, and that of `from`."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
        (status = 422, description = "The difference makes no patch, or the revisions have nothing in common.",
            body = ErrorBody),
    ))]
pub(crate) async fn diff(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut from = named(&app, &workspace, query.text("from")).await?;
    let to = named(&app, &workspace, query.text("to")).await?;
    if query.boolean("mergeBase")?.unwrap_or(false) {
        let shared = Arc::clone(&workspace);
        let base = app.work.blocking(move || shared.repository().merge_base(from, to)).await??;
        from = base.ok_or_else(|| {
            ApiError::invalid("unrelated_histories", format!("{from} and {to} have no commit in common"))
        })?;
    }
    if wants_patch(&query, &headers)? {
        return as_patch(&headers, to, history::patch(&app, &workspace, Some(from), to).await?);
    }
    let tag = HeaderValue::from_str(&format!("\"{to}-{from}\"")).map_err(ApiError::internal)?;
    if is_unmodified(&headers, &tag) {
        return Ok(reply::revisioned(&headers, tag, Bytes::new));
    }
    let changes = history::changes(&app, &workspace, Some(from), to).await?;
    let body = DiffDetail { from: from.to_string(), to: to.to_string(), changes: changes.shown() };
    let body = serde_json::to_vec(&body).map_err(ApiError::internal)?;
    Ok(reply::revisioned(&headers, tag, || Bytes::from(body)))
}

async fn named(
    app: &AppState,
    workspace: &Arc<Workspace>,
    revision: Option<&str>,
) -> Result<CommitId, ApiError> {
    match revision {
        Some(revision) => resolve(app, workspace, revision).await,
        None => workspace.head(),
    }
}

/// Finds the commit of a branch, a tag or an id.
pub(super) async fn resolve(
    app: &AppState,
    workspace: &Arc<Workspace>,
    revision: &str,
) -> Result<CommitId, ApiError> {
    let (shared, revision) = (Arc::clone(workspace), revision.to_owned());
    Ok(app.work.blocking(move || shared.repository().resolve(&revision)).await??)
}

fn wants_patch(query: &Query, headers: &HeaderMap) -> Result<bool, ApiError> {
    let format = query.parsed("format", "json or patch", |text| match text {
        "json" => Some(false),
        "patch" => Some(true),
        _ => None,
    })?;
    let accepts = || {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            ["text/x-diff", "text/x-patch"].iter().any(|known| kind.eq_ignore_ascii_case(known))
        })
    };
    Ok(format.unwrap_or_else(accepts))
}

fn as_patch(headers: &HeaderMap, commit: CommitId, patch: String) -> Result<Response, ApiError> {
    let tag = HeaderValue::from_str(&format!("\"{commit}-patch\"")).map_err(ApiError::internal)?;
    if is_unmodified(headers, &tag) {
        return Ok(reply::revisioned(headers, tag, Bytes::new));
    }
    let mut response = (StatusCode::OK, Body::from(patch)).into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/x-diff; charset=utf-8"));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert(header::VARY, HeaderValue::from_static("Authorization, Accept"));
    fields.insert(header::ETAG, tag);
    Ok(response)
}
