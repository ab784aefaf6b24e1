//! `/workspaces/{workspace}/branches`, `/merge` and `/revert`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::access::Permit;
use crate::app::AppState;
use crate::branches::{self, BranchShown, Landed, MergeRequest, RevertRequest, Strategy, read_branch};
use crate::commit::WriteRequest;
use crate::context::RequestContext;
use crate::error::{ApiError, ErrorBody};
use crate::fields::Fields;
use crate::paging::Page;
use crate::query::Query;
use crate::revision::{IfMatch, etag, is_unmodified};
use crate::schema::{Page as PageOf, PageQuery};
use crate::slxs::write::read_message;
use crate::{reply, workspace};

/// A branch to be made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct BranchCreate {
    /// By Git's rules for branches.
    name: String,
    /// A branch, tag or commit to begin at; the default branch when absent.
    from: Option<String>,
}

/// A merge to be made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct MergeBody {
    /// The branch, tag or commit to take over.
    from: String,
    /// The branch to merge into; the default branch when absent.
    into: Option<String>,
    /// `merge` (the default) for a commit with two parents, `squash` for one with one, `fast-forward` for none.
    #[schema(pattern = "^(merge|squash|fast-forward)$")]
    strategy: Option<String>,
    /// The commit's message; `commitMsg` is read too.
    commit_msg: Option<String>,
}

/// A commit to be undone.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct RevertBody {
    /// The commit's id, 7 digits of it at least.
    commit: String,
    /// The branch to undo it on; the default branch when absent.
    branch: Option<String>,
    /// The new commit's message; `commitMsg` is read too.
    commit_msg: Option<String>,
}

/// What became of a merge, or of undoing a commit.
#[derive(Serialize, ToSchema)]
pub(crate) struct LandedShown {
    /// `merged`, `reverted`, or `unchanged` when there was nothing to do.
    status: &'static str,
    branch: String,
    /// Where the branch is now.
    commit: String,
    /// How many files changed.
    files: usize,
}

/// Lists the branches, by name.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/branches", tag = "Branches", params(PageQuery), responses(
    (status = 200, description = "One page.", body = PageOf<BranchShown>,
        headers(("ETag", description = "The commit of the default branch, and what all branches are at."))),
    (status = 304, description = "`If-None-Match` names this very answer."),
))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let branches = branches::branches(&workspace)?;
    let tag = etag(workspace.head()?, branches.version);
    if is_unmodified(&headers, &tag) {
        return Ok(reply::revisioned(&headers, tag, Bytes::new));
    }
    let (shared, count) = (Arc::clone(&workspace), branches.all.len() as u64);
    let describe = move || {
        let shown = page.cut(&branches.all)?.iter().map(|(name, at)| branches::shown(&shared, name, *at));
        shown.map(|shown| shown.map(|shown| json!(shown))).collect::<Result<Vec<_>, ApiError>>()
    };
    let rows = app.work.blocking(describe).await??;
    let here = app.address(&format!("/api/v3/workspaces/{}/branches", workspace.name()))?;
    let body = page.envelope(count, &here, &query, &rows).to_string();
    Ok(reply::revisioned(&headers, tag, || Bytes::from(body)))
}

/// Shows a branch.
///
/// Slashes in its name may be written as they are, or as `%2F`.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/branches/{branch}", tag = "Branches", responses(
    (status = 200, description = "The branch.", body = BranchShown,
        headers(("ETag", description = "The commit that it is at."))),
    (status = 304, description = "`If-None-Match` names this very answer."),
))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, branch)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let branch = read_branch(&branch)?;
    let (at, shown) = app.work.blocking(move || BranchShown::of(&workspace, &branch)).await??;
    let body = serde_json::to_vec(&shown).map_err(ApiError::internal)?;
    Ok(reply::revisioned(&headers, etag(at, 0), || Bytes::from(body)))
}

/// Makes a branch.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/branches", tag = "Branches", request_body = BranchCreate,
    responses(
        (status = 201, description = "The new branch.", body = BranchShown,
            headers(("ETag", description = "The commit that it is at."))),
        (status = 409, description = "There is one of this name, or one whose name continues it.", body = ErrorBody),
    ))]
pub(crate) async fn create(
    State(app): State<AppState>,
    permit: Permit,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let mut fields = Fields::read(&app, &headers, body).await?;
    let branch = read_branch(&fields.required_text("name")?)?;
    let from = fields.text("from")?;
    fields.finish()?;
    let workspace = Arc::clone(&permit.workspace);
    let at = branches::create(&app, permit, branch.clone(), from).await?;
    let shown = app.work.blocking(move || branches::shown(&workspace, branch.as_str(), at)).await??;
    let mut response = reply::json(StatusCode::CREATED, &json!(shown));
    response.headers_mut().insert(header::ETAG, etag(at, 0));
    Ok(response)
}

/// Removes a branch; never the one that is in force.
#[utoipa::path(delete, path = "/api/v3/workspaces/{workspace}/branches/{branch}", tag = "Branches",
    params(("If-Match" = Option<String>, Header, description = "The tag of the branch that shall go.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "It is the default branch, or has just moved.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    permit: Permit,
    Path((_, branch)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    branches::delete(&app, permit, read_branch(&branch)?, IfMatch::of(&headers)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Merges a branch into another.
///
/// What contradicts is refused, and the answer says where: `conflicts` names each file, how, and the lines of `into`. What
/// the merge brings is examined like every change.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/merge", tag = "Branches", request_body = MergeBody,
    params(("If-Match" = Option<String>, Header, description = "The tag of the branch that is merged into.")),
    responses(
        (status = 200, description = "It is merged, or was already.", body = LandedShown),
        (status = 409, description = "The sides contradict each other, or nothing can be moved forward.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn merge(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let mut fields = Fields::read(&app, &headers, body).await?;
    let from = fields.required_text("from")?;
    let into = fields.text("into")?;
    let strategy = fields.text("strategy")?;
    let message = read_message(&mut fields)?;
    fields.finish()?;
    let strategy = match strategy.as_deref() {
        None => Strategy::Merge,
        Some(word) => Strategy::parse(word).ok_or_else(|| {
            let detail = format!("the field strategy is {word:?}, expected merge, squash or fast-forward");
            ApiError::invalid("invalid_strategy", detail)
        })?,
    };
    let (request, shared) = write_request(&app, permit, context, &headers, into).await?;
    let branch = request.branch.to_string();
    let state = app.clone();
    let wanted = MergeRequest { from, strategy, message };
    let landed = async move { branches::merge(&state, request, wanted).await };
    let landed = workspace::to_end(&app, &shared, landed).await?;
    Ok(landed_shown("merged", branch, landed))
}

/// Undoes a commit by a new one.
///
/// Of a merge it undoes what came to its first parent. When later commits build on it, the answer says where.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/revert", tag = "Branches", request_body = RevertBody,
    params(("If-Match" = Option<String>, Header, description = "The tag of the branch that it is undone on.")),
    responses(
        (status = 200, description = "It is undone, or was already.", body = LandedShown),
        (status = 409, description = "Later commits build on it.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn revert(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let mut fields = Fields::read(&app, &headers, body).await?;
    let commit = fields.required_text("commit")?;
    let branch = fields.text("branch")?;
    let message = read_message(&mut fields)?;
    fields.finish()?;
    let (request, shared) = write_request(&app, permit, context, &headers, branch).await?;
    let branch = request.branch.to_string();
    let state = app.clone();
    let landed = async move { branches::revert(&state, request, RevertRequest { commit, message }).await };
    let landed = workspace::to_end(&app, &shared, landed).await?;
    Ok(landed_shown("reverted", branch, landed))
}

async fn write_request(
    app: &AppState,
    permit: Permit,
    context: RequestContext,
    headers: &HeaderMap,
    branch: Option<String>,
) -> Result<(WriteRequest, Arc<workspace::Workspace>), ApiError> {
    // Asked again: the body may have taken long to come.
    let permit = permit.renewed(app).await?;
    let workspace = Arc::clone(&permit.workspace);
    let branch = match branch {
        Some(branch) => read_branch(&branch)?,
        None => workspace.branch().clone(),
    };
    branches::head(&workspace, &branch)?;
    Ok((WriteRequest::new(permit, branch, context, headers), workspace))
}

fn landed_shown(word: &'static str, branch: String, landed: Landed) -> Response {
    let status = if landed.is_new { word } else { "unchanged" };
    let body = LandedShown { status, branch, commit: landed.commit.to_string(), files: landed.files };
    let mut response = reply::json(StatusCode::OK, &json!(body));
    response.headers_mut().insert(header::ETAG, etag(landed.commit, 0));
    response
}
