//! Changing a workspace's configuration: PATCH and PUT.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use workstead_core::oid::CommitId;
use workstead_core::path::RepoPath;
use workstead_core::repository::Snapshot;
use workstead_core::role::Role;
use workstead_core::tree::{Edit, Edits, FileTree};
use workstead_core::workspace_file::{WorkspaceConfig, edit_workspace};

use crate::access;
use crate::app::AppState;
use crate::commit::{self, Draft, WriteRequest};
use crate::error::{ApiError, field_problems};
use crate::people::last_admin::LastAdmin;
use crate::settings::is_email;
use crate::store::email_key;
use crate::view::WORKSPACE_FILE;

/// How the body's fields become the new configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A JSON merge patch (RFC 7396).
    Patch,
    /// The whole configuration anew.
    Replace,
}

/// One change of a workspace.
pub(crate) struct ChangeRequest {
    pub(crate) change: Change,
    pub(crate) body: Map<String, Value>,
    /// Who writes where.
    pub(crate) write: WriteRequest,
}

/// Changes a workspace and returns the commit that has it as it is afterwards; a change of nothing makes no commit.
pub(crate) async fn change(app: &AppState, mut request: ChangeRequest) -> Result<CommitId, ApiError> {
    let owner = take_owner(&mut request)?;
    let ChangeRequest { change, body, write } = request;
    let workspace = Arc::clone(&write.workspace);
    let (state, body) = (app.clone(), Value::Object(body));
    let new_owner = owner.clone();
    let written = commit::write(app, write, move |request, snapshot| {
        let (drafted, new) = draft(&state, snapshot, change, &body)?;
        if let Some(owner) = &new_owner {
            // Asked again: the role may have gone while the write waited for its turn.
            access::require(request.role, Role::Admin, "changing the owner", &request.workspace)?;
            let last_admin = LastAdmin::of(&state, &request.workspace, Handle::current());
            last_admin.check_owner(owner, &new.permissions)?;
        }
        Ok(drafted)
    });
    let written = written.await?;
    if let Some(owner) = owner {
        if !app.database.set_owner(workspace.id(), &owner).await? {
            return Err(ApiError::workspace_not_found(workspace.name().as_str()));
        }
        app.workspaces.forget(&workspace.name().as_str().to_owned());
    }
    Ok(written.commit)
}

/// Takes the owner out of the body, since the database keeps it; nothing when it is the same.
fn take_owner(request: &mut ChangeRequest) -> Result<Option<String>, ApiError> {
    let Some(value) = request.body.shift_remove("owner") else { return Ok(None) };
    let owner = read_owner(&value)?;
    if email_key(&owner) == email_key(request.write.workspace.owner()) {
        return Ok(None);
    }
    access::require(request.write.role, Role::Admin, "changing the owner", &request.write.workspace)?;
    Ok(Some(owner))
}

/// Reads the body's owner.
pub(crate) fn read_owner(value: &Value) -> Result<String, ApiError> {
    let text = value.as_str().filter(|text| is_email(text));
    text.map(str::to_owned).ok_or_else(|| {
        let detail = format!("the field owner is {value}, expected an e-mail address");
        ApiError::invalid("invalid_field", detail)
    })
}

/// Works the change out against one revision: what to commit, and the configuration that comes of it.
fn draft(
    app: &AppState,
    snapshot: &Snapshot,
    change: Change,
    body: &Value,
) -> Result<(Draft<()>, WorkspaceConfig), ApiError> {
    let id = snapshot.files().get(WORKSPACE_FILE).copied();
    let id = id.ok_or_else(|| unreadable("it is missing"))?;
    let content = snapshot.read(id)?;
    let text = std::str::from_utf8(&content).map_err(|error| unreadable(&error.to_string()))?;
    // Read before, as a rule: the file of a large workspace takes a while to parse.
    let file = app.facts.workspace(id, || Ok(content.clone()))?;
    let old = match &*file {
        Ok(file) => &file.config,
        Err(errors) => return Err(unreadable(&errors.first().map(ToString::to_string).unwrap_or_default())),
    };
    let new = match change {
        Change::Patch => old.merge_patched(body),
        Change::Replace => old.replaced(body),
    };
    let new = new.map_err(field_problems)?;
    let edited = edit_workspace(text, &new).map_err(|error| {
        ApiError::invalid(
            "not_editable",
            format!("{WORKSPACE_FILE} can't be changed without damage: {error}"),
        )
    })?;
    let mut edits = Edits::new();
    if edited != text {
        edits.insert(workspace_path()?, Edit::Write(Bytes::from(edited)));
    }
    Ok((Draft { edits, taken: None, message: describe(old, &new), result: () }, new))
}

fn unreadable(why: &str) -> ApiError {
    let detail = format!("{WORKSPACE_FILE} can't be read: {why}; repair it by a push");
    ApiError::invalid("unreadable_workspace", detail)
}

/// Returns the path of `workspace.yaml`.
pub(crate) fn workspace_path() -> Result<RepoPath, ApiError> {
    RepoPath::parse(WORKSPACE_FILE).map_err(ApiError::internal)
}

/// Writes the commit's message: which fields changed.
fn describe(old: &WorkspaceConfig, new: &WorkspaceConfig) -> String {
    let (old, new) = (old.to_json(), new.to_json());
    let changed: Vec<_> = new
        .iter()
        .filter(|(name, value)| old.get(*name) != Some(*value))
        .map(|(name, _)| name.as_str())
        .collect();
    match changed.as_slice() {
        [] => "Change the workspace".to_owned(),
        names => format!("Change {}", names.join(", ")),
    }
}
