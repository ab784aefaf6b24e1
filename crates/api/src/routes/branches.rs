//! `/workspaces/{workspace}/branches/{branch}/slxs/{slx}`: the files of an SLX as they are.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use workstead_core::name::BranchName;
use workstead_core::slx_config::{SlxFile, patch_file};

use crate::access::Permit;
use crate::app::AppState;
use crate::body::read_object_if_any;
use crate::branches::read_branch;
use crate::commit::WriteRequest;
use crate::context::RequestContext;
use crate::error::{ApiError, ErrorBody};
use crate::fields::Fields;
use crate::reply;
use crate::revision::etag;
use crate::schema::Message;
use crate::slxs::write::{self, Change, Effect, SlxChange, SlxRef, SlxWritten, read_message};
use crate::{slxs, workspace};

/// Most files in one request.
const MAX_FILES: usize = 100;

/// The files of an SLX, or what became of a write.
#[derive(Serialize, ToSchema)]
pub(crate) struct SlxDirectory {
    /// The commit that the branch is at.
    hexsha: String,
    /// Texts by name; empty after a write.
    files: BTreeMap<String, String>,
    /// The directory in the repository.
    path: String,
    branch: String,
    /// Files that are no text, or would make the answer too long.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    omitted: Vec<String>,
}

/// New files of an SLX.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what `read_files` reads")]
pub(crate) struct FilesBody {
    /// The commit's message; `commitMsg` is read too.
    commit_msg: Option<String>,
    /// Texts by name in the directory; null removes a file, and those not named stay.
    files: BTreeMap<String, Option<String>>,
}

/// A change of one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what `patch` reads")]
pub(crate) struct PatchBody {
    /// The commit's message; `commitMsg` is read too.
    commit_msg: Option<String>,
    /// A JSON merge patch (RFC 7396) of the YAML file.
    patch: Map<String, Value>,
}

/// Reads the files of an SLX on a branch.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/branches/{branch}/slxs/{slx}", tag = "SLXs", responses(
    (status = 200, description = "The files.", body = SlxDirectory,
        headers(("ETag", description = "The commit that they were read from."))),
    (status = 304, description = "`If-None-Match` names this very answer."),
))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, branch, slx)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let branch = read_branch(&branch)?;
    let found = slxs::read_files(&app, &workspace, &branch, &slx).await?;
    let body = SlxDirectory {
        hexsha: found.commit.to_string(),
        files: found.texts,
        path: format!("slxs/{}", found.slx),
        branch: branch.to_string(),
        omitted: found.omitted,
    };
    let body = serde_json::to_vec(&body).map_err(ApiError::internal)?;
    Ok(reply::revisioned(&headers, etag(found.commit, 0), || Bytes::from(body)))
}

/// Writes files of an SLX.
///
/// The named files are written, null removes one, and all others stay. A branch that does not exist begins at the
/// default branch. What changes nothing makes no commit.
#[utoipa::path(post, path = "/api/v3/workspaces/{workspace}/branches/{branch}/slxs/{slx}", tag = "SLXs",
    request_body = FilesBody,
    params(("If-Match" = Option<String>, Header, description = "The tag of the answer that the change is of.")),
    responses(
        (status = 200, description = "The SLX was there and is as it was sent.", body = SlxDirectory),
        (status = 201, description = "The SLX is new.", body = SlxDirectory),
        (status = 409, description = "Another branch's name continues this one, or is continued by it.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn put_files(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    Path((_, branch, slx)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let branch = read_branch(&branch)?;
    let mut body = Fields::read(&app, &headers, body).await?;
    let message = read_message(&mut body)?;
    let files = read_files(body.value("files"))?;
    body.finish()?;
    let change = SlxChange { slx: SlxRef::Text(slx), change: Change::Files(files), message };
    commit(app, permit, context, &headers, branch, change).await
}

/// Changes a file of an SLX.
///
/// The patch is merged into the YAML; comments and formatting of what it does not touch stay.
#[utoipa::path(patch, path = "/api/v3/workspaces/{workspace}/branches/{branch}/slxs/{slx}/{file}", tag = "SLXs",
    request_body = PatchBody,
    params(
        ("file" = String, Path, description = "`slx`, `runbook`, `sli`, `slo`, or the name of any YAML file."),
        ("If-Match" = Option<String>, Header, description = "The tag of the answer that the change is of."),
    ),
    responses(
        (status = 200, description = "The file is as the patch wants it.", body = SlxDirectory),
        (status = 409, description = "Another branch's name continues this one, or is continued by it.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn patch(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    Path((_, branch, slx, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let branch = read_branch(&branch)?;
    let mut body = Fields::read(&app, &headers, body).await?;
    let message = read_message(&mut body)?;
    let patch = body.value("patch").filter(Value::is_object).ok_or_else(|| {
        ApiError::invalid(
            "invalid_patch",
            "the field patch must be an object like {\"spec\": {\"alias\": \"New name\"}}",
        )
    })?;
    body.finish()?;
    let file = SlxFile::parse(&file).map_or(file, |known| known.name().to_owned());
    let extension = std::path::Path::new(&file).extension();
    let is_yaml = extension.is_some_and(|extension| extension == "yaml" || extension == "yml");
    let of = file.clone();
    let rewrite = move |target: workstead_core::slx_config::SlxTarget<'_>, old: Option<&str>| {
        let Some(old) = old.filter(|_| is_yaml) else {
            let detail =
                format!("SLX {} of workspace {} has no YAML file {of:?}", target.slx, target.workspace);
            return Err(ApiError::not_found("file_not_found", detail));
        };
        patch_file(old, &patch).map_err(|error| {
            let detail = format!("{of} of SLX {} can't be changed without damage: {error}", target.slx);
            ApiError::invalid("not_editable", detail)
        })
    };
    let change = SlxChange {
        slx: SlxRef::Text(slx),
        change: Change::Rewrite { file, rewrite: Box::new(rewrite) },
        message,
    };
    commit(app, permit, context, &headers, branch, change).await
}

/// Removes an SLX from a branch.
///
/// The whole directory goes, and what names the SLX in groups and relationships.
#[utoipa::path(delete, path = "/api/v3/workspaces/{workspace}/branches/{branch}/slxs/{slx}", tag = "SLXs",
    request_body = Option<Message>,
    params(("If-Match" = Option<String>, Header, description = "The tag of the answer that the change is of.")),
    responses(
        (status = 200, description = "It is gone.", body = SlxDirectory),
        (status = 409, description = "Another branch's name continues this one, or is continued by it.", body = ErrorBody),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    Path((_, branch, slx)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let branch = read_branch(&branch)?;
    let mut body = Fields::of(read_object_if_any(&headers, body, app.json_limit(), &app.work).await?);
    let message = read_message(&mut body)?;
    body.finish()?;
    let change = SlxChange { slx: SlxRef::Text(slx), change: Change::Delete, message };
    commit(app, permit, context, &headers, branch, change).await
}

/// Writes and answers where the branch is now.
async fn commit(
    app: AppState,
    permit: Permit,
    context: RequestContext,
    headers: &HeaderMap,
    branch: BranchName,
    change: SlxChange,
) -> Result<Response, ApiError> {
    // Asked again: the body may have taken long to come.
    let permit = permit.renewed(&app).await?;
    let workspace = permit.workspace.clone();
    let request = WriteRequest::new(permit, branch.clone(), context, headers);
    let state = app.clone();
    let write = async move { write::write(&state, request, change).await };
    let SlxWritten { slx, effect, commit } = workspace::to_end(&app, &workspace, write).await?;
    let body = SlxDirectory {
        hexsha: commit.to_string(),
        files: BTreeMap::new(),
        path: format!("slxs/{slx}"),
        branch: branch.to_string(),
        omitted: Vec::new(),
    };
    let status = if effect == Effect::Created { StatusCode::CREATED } else { StatusCode::OK };
    let body = serde_json::to_value(body).map_err(ApiError::internal)?;
    let mut response = reply::json(status, &body);
    response.headers_mut().insert(axum::http::header::ETAG, etag(commit, 0));
    Ok(response)
}

/// Reads the files of a body: texts by plain names.
fn read_files(value: Option<Value>) -> Result<BTreeMap<String, Option<Bytes>>, ApiError> {
    let refuse = |detail: String| ApiError::invalid("invalid_files", detail);
    let Some(Value::Object(files)) = value else {
        return Err(refuse("the field files must be an object of texts by file name".to_owned()));
    };
    if !(1..=MAX_FILES).contains(&files.len()) {
        return Err(refuse(format!(
            "the field files has {} entries, expected 1 to {MAX_FILES}",
            files.len()
        )));
    }
    let read = |(name, content): (String, Value)| {
        let shown: String = name.chars().take(300).collect();
        // Git's own files begin with a dot, and a file system may know them by a short name with `~`.
        if name.contains(['/', '~']) || name.starts_with('.') {
            return Err(refuse(format!(
                "the file name {shown:?} must be that of a file in the SLX's directory, without `/` and `~` and not beginning with a dot"
            )));
        }
        match content {
            Value::String(text) => Ok((name, Some(Bytes::from(text)))),
            Value::Null => Ok((name, None)),
            _ => Err(refuse(format!("the file {shown:?} must be a text, or null to remove it"))),
        }
    };
    files.into_iter().map(read).collect()
}
