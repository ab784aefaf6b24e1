//! One SLX, and one file of it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use workstead_core::oid::CommitId;
use workstead_core::slx_config::{FileReadError, SlxFile, SlxTarget, read_file_json, read_slx};
use workstead_core::tree::FileTree;

use super::{Slx, find, ids, not_found};
use crate::app::AppState;
use crate::error::ApiError;
use crate::workspace::Workspace;

/// Reads an SLX of a commit.
pub(crate) async fn read(
    app: &AppState,
    workspace: &Arc<Workspace>,
    commit: CommitId,
    name: &str,
) -> Result<Slx, ApiError> {
    let (state, shared, text) = (app.clone(), Arc::clone(workspace), name.to_owned());
    let found = app.work.blocking(move || {
        let workspace = shared.name();
        let snapshot = shared.repository().snapshot(commit)?;
        let slx = find(workspace, &*snapshot, &text)?;
        let target = SlxTarget { workspace, slx: &slx };
        read_slx(target, &*snapshot, &state.facts)?.ok_or_else(|| not_found(workspace, &text))
    });
    let document = found.await??;
    let numbers = ids::of(app, workspace, std::slice::from_ref(&document.short)).await?;
    let number = numbers.get(&document.short).copied();
    let number = number.ok_or_else(|| ApiError::internal(format!("{} has no number", document.short)))?;
    Ok(Slx::new(workspace.name(), &document, number))
}

/// Reads a file of an SLX as JSON, rendered once for each content.
pub(crate) async fn read_file(
    app: &AppState,
    workspace: &Arc<Workspace>,
    commit: CommitId,
    (name, file): (&str, SlxFile),
) -> Result<Bytes, ApiError> {
    let (state, workspace, name) = (app.clone(), Arc::clone(workspace), name.to_owned());
    let rendered = app.work.blocking(move || render(&state, &workspace, commit, &name, file));
    rendered.await?
}

fn render(
    app: &AppState,
    workspace: &Workspace,
    commit: CommitId,
    name: &str,
    file: SlxFile,
) -> Result<Bytes, ApiError> {
    let snapshot = workspace.repository().snapshot(commit)?;
    let slx = find(workspace.name(), &*snapshot, name)?;
    let target = SlxTarget { workspace: workspace.name(), slx: &slx };
    let path = file.path(&slx).map_err(|_| not_found(workspace.name(), name))?;
    let absent = || {
        let detail = format!("SLX {slx} of workspace {} has no {}", workspace.name(), file.name());
        ApiError::not_found("file_not_found", detail)
    };
    let id = *snapshot.files().get(&path).ok_or_else(absent)?;
    let key = (target.qualified(), id);
    if let Some(known) = app.slx_files.get(&key) {
        return Ok(known);
    }
    let read = read_file_json(target, &*snapshot, file)?.ok_or_else(absent)?;
    let body = Bytes::from(json!({ "name": read.name, "shortName": slx, "spec": read.spec }).to_string());
    app.slx_files.insert(key, body.clone());
    Ok(body)
}

impl From<FileReadError> for ApiError {
    fn from(error: FileReadError) -> Self {
        match error {
            FileReadError::Read(error) => error.into(),
            error @ FileReadError::Unreadable { .. } => Self::invalid("unreadable_file", error.to_string()),
        }
    }
}
