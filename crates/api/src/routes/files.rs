//! `/workspaces/{workspace}/tree`, `/files/{path}` and `/last-changes`: directories and files of any revision.

use std::ops::Bound;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use workstead_core::oid::{BlobId, CommitId};
use workstead_core::repository::{EntryKind, Repository};
use workstead_core::tree::FileTree;

use crate::access::Permit;
use crate::app::AppState;
use crate::error::ApiError;
use crate::history::{self, CommitBrief};
use crate::paging::Page;
use crate::query::Query;
use crate::revision::{etag, is_unmodified};
use crate::schema::{Page as PageOf, PageQuery};
use crate::workspace::Workspace;
use crate::{reply, workspace};

/// Largest file that is answered.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Which directory, of which revision.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes the query")]
pub(crate) struct TreeQuery {
    /// A branch, tag or commit; the default branch when absent.
    r#ref: Option<String>,
    /// A directory; the root when absent.
    path: Option<String>,
    /// Whether to list all files below it instead of what stands in it.
    recursive: Option<bool>,
}

/// Which files, of which revision.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes the query")]
pub(crate) struct ChangesQuery {
    /// A branch, tag or commit; the default branch when absent.
    r#ref: Option<String>,
    /// A directory, or a file; everything when absent.
    path: Option<String>,
}

/// What stands in a directory.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TreeEntry {
    /// From the root.
    path: String,
    name: String,
    /// `file`, `directory`, `symlink` or `submodule`.
    r#type: &'static str,
    /// The object's id.
    sha: String,
    /// In bytes, of a file.
    size: Option<u64>,
}

/// A file.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileContent {
    path: String,
    /// The commit that it was read from.
    commit: String,
    /// The blob's id.
    sha: String,
    /// In bytes.
    size: u64,
    /// `utf-8`, or `base64` for what is no text.
    encoding: &'static str,
    content: String,
}

/// A file and the commit that changed it last.
#[derive(Serialize, ToSchema)]
pub(crate) struct LastChange {
    path: String,
    /// Null when it was not changed for so long that nobody looked.
    commit: Option<CommitBrief>,
}

/// Lists a directory.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/tree", tag = "History", params(TreeQuery, PageQuery),
    responses(
        (status = 200, description = "One page, by name.", body = PageOf<TreeEntry>,
            headers(("ETag", description = "The commit that it was read from."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
    ))]
pub(crate) async fn tree(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let recursive = query.boolean("recursive")?.unwrap_or(false);
    let commit = workspace::revision(&app, &workspace, &query).await?;
    let tag = etag(commit, 0);
    if is_unmodified(&headers, &tag) {
        return Ok(reply::revisioned(&headers, tag, Bytes::new));
    }
    let path = query.text("path").unwrap_or_default().trim_matches('/').to_owned();
    let shared = Arc::clone(&workspace);
    let listing = move || {
        let repository = shared.repository();
        let (count, mut entries) = if recursive {
            files_below(repository, commit, &path, page)
        } else {
            directory(repository, commit, &path, page)
        }?;
        for entry in entries.iter_mut().filter(|entry| entry.r#type == "file") {
            let id = BlobId::parse(&entry.sha).map_err(ApiError::internal)?;
            entry.size = Some(repository.blob_size(id)?);
        }
        Ok::<_, ApiError>((count, entries.iter().map(|entry| json!(entry)).collect::<Vec<_>>()))
    };
    let (count, rows) = app.work.blocking(listing).await??;
    page_of(&app, &workspace, "tree", (page, &query), (count, rows, false), (&headers, tag))
}

type Listed = Result<(u64, Vec<TreeEntry>), ApiError>;

fn directory(repository: &Repository, commit: CommitId, path: &str, page: Page) -> Listed {
    let entries = repository.list_directory(commit, path)?;
    let entries = entries.ok_or_else(|| no_such("directory", path, commit))?;
    let shown = page.cut(&entries)?.iter().map(|entry| TreeEntry {
        path: if path.is_empty() { entry.name.clone() } else { format!("{path}/{}", entry.name) },
        name: entry.name.clone(),
        r#type: match entry.kind {
            EntryKind::File { .. } => "file",
            EntryKind::Directory => "directory",
            EntryKind::Symlink => "symlink",
            EntryKind::Submodule => "submodule",
        },
        sha: entry.id.clone(),
        size: None,
    });
    Ok((entries.len() as u64, shown.collect()))
}

fn files_below(repository: &Repository, commit: CommitId, path: &str, page: Page) -> Listed {
    let snapshot = repository.snapshot(commit)?;
    // '0' is the character behind '/'.
    let (first, end) = (format!("{path}/"), format!("{path}0"));
    let range = (Bound::Included(first.as_str()), Bound::Excluded(end.as_str()));
    let files: Vec<_> = if path.is_empty() {
        snapshot.files().iter().collect()
    } else {
        snapshot.files().range::<str, _>(range).collect()
    };
    if files.is_empty() && !path.is_empty() {
        return Err(no_such("directory", path, commit));
    }
    let shown = page.cut(&files)?.iter().map(|(path, id)| TreeEntry {
        path: path.to_string(),
        name: path.as_str().rsplit('/').next().unwrap_or_default().to_owned(),
        r#type: "file",
        sha: id.to_string(),
        size: None,
    });
    Ok((files.len() as u64, shown.collect()))
}

/// Reads a file.
///
/// As JSON; `?raw=true` or `Accept: application/octet-stream` gives the bytes, as something to save. Slashes in the path
/// may be written as they are, or as `%2F`.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/files/{path}", tag = "History",
    params(
        ("path" = String, Path, description = "The file's path from the root."),
        ("ref" = Option<String>, Query, description = "A branch, tag or commit; the default branch when absent."),
        ("raw" = Option<bool>, Query, description = "Whether to answer the bytes themselves."),
    ),
    responses(
        (status = 200, description = "The file.",
            content((FileContent = "application/json"), (String = "application/octet-stream")),
            headers(("ETag", description = "The commit that it was read from."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
        (status = 413, description = "The file is too large for an answer.", body = crate::error::ErrorBody),
    ))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, path)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let raw = query.boolean("raw")?.unwrap_or_else(|| {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.trim().eq_ignore_ascii_case("application/octet-stream"))
    });
    let commit = workspace::revision(&app, &workspace, &query).await?;
    let tag = if raw {
        HeaderValue::from_str(&format!("\"{commit}-raw\"")).map_err(ApiError::internal)?
    } else {
        etag(commit, 0)
    };
    if is_unmodified(&headers, &tag) {
        return Ok(reply::revisioned(&headers, tag, Bytes::new));
    }
    let shared = Arc::clone(&workspace);
    let asked = path.clone();
    let read = move || {
        let repository = shared.repository();
        let id = repository.find_file(commit, &asked)?.ok_or_else(|| no_such("file", &asked, commit))?;
        let size = repository.blob_size(id)?;
        if size > MAX_FILE_BYTES {
            let detail =
                format!("{asked} has {size} bytes, and an answer at most {MAX_FILE_BYTES}; fetch it by Git");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", detail));
        }
        let content = repository.read_file(commit, &asked, MAX_FILE_BYTES)?.unwrap_or_default();
        Ok::<_, ApiError>((id, content))
    };
    let (id, content) = app.work.blocking(read).await??;
    if raw {
        return Ok(as_bytes(&path, tag, content));
    }
    let size = content.len() as u64;
    let (encoding, text) = match String::from_utf8(content.to_vec()) {
        Ok(text) => ("utf-8", text),
        Err(_) => ("base64", STANDARD.encode(&content)),
    };
    let body =
        FileContent { path, commit: commit.to_string(), sha: id.to_string(), size, encoding, content: text };
    let body = serde_json::to_vec(&body).map_err(ApiError::internal)?;
    Ok(reply::revisioned(&headers, tag, || Bytes::from(body)))
}

/// Answers a file's bytes so that no browser takes them for a page of ours.
fn as_bytes(path: &str, tag: HeaderValue, content: Bytes) -> Response {
    let name: String = path.rsplit('/').next().unwrap_or_default().chars().take(200).collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let disposition = format!("attachment; filename=\"{name}\"");
    let mut response = (StatusCode::OK, Body::from(content)).into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    fields.insert(header::VARY, HeaderValue::from_static("Authorization, Accept"));
    // It was made of plain characters only.
    fields.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment")),
    );
    fields.insert(header::ETAG, tag);
    response
}

/// Lists files with the commit that changed each last, along first parents.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/last-changes", tag = "History",
    params(ChangesQuery, PageQuery),
    responses(
        (status = 200, description = "One page, by path.", body = PageOf<LastChange>,
            headers(("ETag", description = "The commit that it was read from."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
    ))]
pub(crate) async fn last_changes(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let commit = workspace::revision(&app, &workspace, &query).await?;
    let tag = etag(commit, 0);
    if is_unmodified(&headers, &tag) {
        return Ok(reply::revisioned(&headers, tag, Bytes::new));
    }
    let found = history::last_changes(&app, &workspace, commit).await?;
    let path = query.text("path").unwrap_or_default().trim_matches('/').to_owned();
    let (shared, truncated) = (Arc::clone(&workspace), !found.is_whole);
    let listing = move || {
        let repository = shared.repository();
        let snapshot = repository.snapshot(commit)?;
        let is_wanted = |known: &str| {
            let rest = known.strip_prefix(path.as_str());
            path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let paths: Vec<_> = snapshot.files().keys().filter(|known| is_wanted(known.as_str())).collect();
        if paths.is_empty() && !path.is_empty() {
            return Err(no_such("file or directory", &path, commit));
        }
        let mut rows = Vec::new();
        for path in page.cut(&paths)? {
            let last = found.files.get(path.as_str()).map(|id| repository.commit_info(*id)).transpose()?;
            let row = LastChange { path: path.to_string(), commit: last.as_ref().map(history::brief) };
            rows.push(json!(row));
        }
        Ok((paths.len() as u64, rows))
    };
    let (count, rows) = app.work.blocking(listing).await??;
    page_of(&app, &workspace, "last-changes", (page, &query), (count, rows, truncated), (&headers, tag))
}

fn no_such(what: &str, path: &str, commit: CommitId) -> ApiError {
    let shown: String = path.chars().take(300).collect();
    ApiError::not_found("path_not_found", format!("there is no {what} {shown:?} in {commit}"))
}

/// Answers a page of what was read from a commit.
fn page_of(
    app: &AppState,
    workspace: &Workspace,
    route: &str,
    (page, query): (Page, &Query),
    (count, rows, truncated): (u64, Vec<Value>, bool),
    (headers, tag): (&HeaderMap, HeaderValue),
) -> Result<Response, ApiError> {
    let here = app.address(&format!("/api/v3/workspaces/{}/{route}", workspace.name()))?;
    let mut body = page.envelope(count, &here, query, &rows);
    if truncated {
        body["truncated"] = true.into();
    }
    Ok(reply::revisioned(headers, tag, || Bytes::from(body.to_string())))
}
