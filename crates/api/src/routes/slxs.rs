//! `/workspaces/{workspace}/slxs` and what is below one of them.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use url::Url;
use utoipa::{IntoParams, ToSchema};
use workstead_core::slx_config::SlxFile;

use crate::access::Permit;
use crate::app::AppState;
use crate::error::ApiError;
use crate::paging::{Page, Sizes};
use crate::query::Query;
use crate::revision::{etag, is_unmodified};
use crate::schema::Page as PageOf;
use crate::slxs::{self, Slx};
use crate::{reply, workspace};

/// Clients that know no pages see this many.
const SIZES: Sizes = Sizes { default: 250, max: 1000, max_limit: 250 };

/// Which SLXs to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `slxs::read_filter` and `paging` read")]
pub(crate) struct SlxQuery {
    /// What the short name, the alias, the statement or a tag holds, in any case.
    search: Option<String>,
    /// Tags that it has, all of them: `name:value`, `name=value` or `name`; several times, or with commas between.
    tags: Option<String>,
    /// Owners of whom it has one; several times, or with commas between.
    owners: Option<String>,
    /// The type of its resource.
    resource_type: Option<String>,
    /// How the path of its resource begins, by whole segments.
    resource_path_prefix: Option<String>,
    /// A branch, tag or commit.
    r#ref: Option<String>,
    /// The page, counted from 1; one beyond the end is 404.
    #[param(minimum = 1)]
    page: Option<u64>,
    /// How many a page holds, 250 unless told, at most 1000.
    #[param(minimum = 1)]
    page_size: Option<u64>,
    /// How many to answer, for clients that count by offset; at most 250.
    #[param(minimum = 1)]
    limit: Option<u64>,
    /// How many to leave out.
    offset: Option<u64>,
}

/// A file of an SLX.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SlxPart {
    /// `<workspace>--<short name>` of the SLX.
    name: String,
    /// The SLX's short name.
    short_name: String,
    /// `spec` of the file.
    #[schema(value_type = Object)]
    spec: Value,
}

/// Lists the SLXs of a workspace.
///
/// By short name.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/slxs", tag = "SLXs", params(SlxQuery), responses(
    (status = 200, description = "One page.", body = PageOf<Slx>,
        headers(("ETag", description = "The commit that it was read from."))),
    (status = 304, description = "`If-None-Match` names this very answer."),
))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = Page::sized(&query, SIZES)?;
    let commit = workspace::revision(&app, &workspace, &query).await?;
    let tag = etag(commit, 0);
    if is_unmodified(&headers, &tag) {
        return Ok(reply::revisioned(&headers, tag, Bytes::new));
    }
    let (count, rows) = slxs::list(&app, &workspace, commit, slxs::read_filter(&query), page).await?;
    let here = app.url(&format!("/api/v3/workspaces/{}/slxs", workspace.name()));
    let here = Url::parse(&here).map_err(ApiError::internal)?;
    let body = page.envelope(count, &here, &query, &rows).to_string();
    Ok(reply::revisioned(&headers, tag, || Bytes::from(body)))
}

/// Reads an SLX.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/slxs/{slx}", tag = "SLXs",
    params(("ref" = Option<String>, Query, description = "A branch, tag or commit.")),
    responses(
        (status = 200, description = "The SLX.", body = Slx,
            headers(("ETag", description = "The commit that it was read from."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
    ))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, slx)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let commit = workspace::revision(&app, &workspace, &query).await?;
    let slx = slxs::read(&app, &workspace, commit, &slx).await?;
    let body = serde_json::to_vec(&slx).map_err(ApiError::internal)?;
    Ok(reply::revisioned(&headers, etag(commit, 0), || Bytes::from(body)))
}

/// Reads the runbook of an SLX.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/slxs/{slx}/runbook", tag = "SLXs",
    params(("ref" = Option<String>, Query, description = "A branch, tag or commit.")),
    responses(
        (status = 200, description = "The runbook.", body = SlxPart,
            headers(("ETag", description = "The commit that it was read from."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
    ))]
pub(crate) async fn get_runbook(
    app: State<AppState>,
    permit: Permit,
    path: Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    part(app, permit, path, SlxFile::Runbook, query, headers).await
}

/// Reads the indicator of an SLX.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/slxs/{slx}/sli", tag = "SLXs",
    params(("ref" = Option<String>, Query, description = "A branch, tag or commit.")),
    responses(
        (status = 200, description = "The indicator.", body = SlxPart,
            headers(("ETag", description = "The commit that it was read from."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
    ))]
pub(crate) async fn get_sli(
    app: State<AppState>,
    permit: Permit,
    path: Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    part(app, permit, path, SlxFile::Sli, query, headers).await
}

/// Reads the objective of an SLX.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/slxs/{slx}/slo", tag = "SLXs",
    params(("ref" = Option<String>, Query, description = "A branch, tag or commit.")),
    responses(
        (status = 200, description = "The objective.", body = SlxPart,
            headers(("ETag", description = "The commit that it was read from."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
    ))]
pub(crate) async fn get_slo(
    app: State<AppState>,
    permit: Permit,
    path: Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    part(app, permit, path, SlxFile::Slo, query, headers).await
}

async fn part(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, slx)): Path<(String, String)>,
    file: SlxFile,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let commit = workspace::revision(&app, &workspace, &query).await?;
    let body = slxs::read_file(&app, &workspace, commit, (&slx, file)).await?;
    Ok(reply::revisioned(&headers, etag(commit, 0), || body))
}
