//! Changing a workspace's configuration: PATCH and PUT.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use workstead_core::door::PermissionChange;
use workstead_core::oid::CommitId;
use workstead_core::path::RepoPath;
use workstead_core::repository::{Author, CommitRequest, Outcome};
use workstead_core::role::Role;
use workstead_core::tree::{Edit, Edits, FileTree};
use workstead_core::workspace_file::{WorkspaceConfig, edit_workspace};

use crate::access;
use crate::app::AppState;
use crate::auth::Caller;
use crate::commit::{Edited, examine};
use crate::context::RequestContext;
use crate::error::{ApiError, field_problems};
use crate::index;
use crate::last_admin::LastAdmin;
use crate::revision::IfMatch;
use crate::settings::is_email;
use crate::store::email_key;
use crate::view::WORKSPACE_FILE;
use crate::workspace::Workspace;

/// How often a change is applied again to a branch that moved meanwhile.
const ATTEMPTS: usize = 8;

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
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) role: Role,
    pub(crate) change: Change,
    pub(crate) body: Map<String, Value>,
    pub(crate) if_match: IfMatch,
    pub(crate) caller: Caller,
    pub(crate) context: RequestContext,
}

/// Changes a workspace and returns it as it is afterwards; a change of nothing makes no commit.
pub(crate) async fn change(app: &AppState, mut request: ChangeRequest) -> Result<CommitId, ApiError> {
    let owner = take_owner(&mut request)?;
    let workspace = Arc::clone(&request.workspace);
    let turn = app.change_turns.take(workspace.id()).await?;
    let (state, shared) = (app.clone(), Arc::new(request));
    let head = app.work.blocking(move || commit(&state, &shared)).await??;
    drop(turn);
    if let Written::Committed(_) = head {
        index::moved(app, &workspace).await;
    }
    if let Some(owner) = owner {
        if !app.database.set_owner(workspace.id(), &owner).await? {
            return Err(ApiError::workspace_not_found(workspace.name().as_str()));
        }
        app.workspaces.forget(&workspace.name().as_str().to_owned());
    }
    Ok(head.commit())
}

/// What became of the branch.
#[derive(Debug, Clone, Copy)]
enum Written {
    Committed(CommitId),
    Unchanged(CommitId),
}

impl Written {
    fn commit(self) -> CommitId {
        match self {
            Self::Committed(commit) | Self::Unchanged(commit) => commit,
        }
    }
}

/// Takes the owner out of the body, since the database keeps it; nothing when it is the same.
fn take_owner(request: &mut ChangeRequest) -> Result<Option<String>, ApiError> {
    let Some(value) = request.body.shift_remove("owner") else { return Ok(None) };
    let owner = read_owner(&value)?;
    if email_key(&owner) == email_key(request.workspace.owner()) {
        return Ok(None);
    }
    access::require(request.role, Role::Admin, "changing the owner", &request.workspace)?;
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

/// Applies the change to the head, again as long as the branch moves under it.
fn commit(app: &AppState, request: &ChangeRequest) -> Result<Written, ApiError> {
    for _ in 0..ATTEMPTS {
        let head = request.workspace.head()?;
        request.if_match.check(head)?;
        if let Some(written) = commit_on(app, request, head)? {
            return Ok(written);
        }
    }
    Err(ApiError::unavailable(
        "branch_busy",
        "the branch moves faster than this change can follow; try again",
        1,
    ))
}

/// Applies the change to one commit; nothing when the branch was moved meanwhile.
fn commit_on(app: &AppState, request: &ChangeRequest, head: CommitId) -> Result<Option<Written>, ApiError> {
    let workspace = &request.workspace;
    let snapshot = workspace.repository().snapshot(head)?;
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
    let new = target(request, old)?;
    let edited = edit_workspace(text, &new).map_err(|error| {
        ApiError::invalid(
            "not_editable",
            format!("{WORKSPACE_FILE} can't be changed without damage: {error}"),
        )
    })?;
    if edited == text {
        return Ok(Some(Written::Unchanged(head)));
    }
    let edits = Edits::from([(workspace_path()?, Edit::Write(Bytes::from(edited)))]);
    let (needs, _) = {
        let new_tree = Edited::new(&*snapshot, &edits);
        examine(workspace.name(), &app.facts, Some(&*snapshot), &new_tree)?
    };
    access::require(request.role, needs, "this change", workspace)?;
    if old.permissions != new.permissions {
        let change = PermissionChange { before: old.permissions.clone(), after: new.permissions.clone() };
        LastAdmin::of(app, workspace, Handle::current()).check(&change)?;
    }
    let author = author(&request.caller);
    let trailers = request.context.trailers();
    let message = describe(old, &new);
    let outcome = workspace.repository().commit(&CommitRequest {
        branch: workspace.branch(),
        base: Some(head),
        edits: &edits,
        records: &[],
        author: &author,
        message: &message,
        trailers: &trailers,
        when: Timestamp::now(),
    })?;
    Ok(match outcome {
        Outcome::Committed(commit) => Some(Written::Committed(commit)),
        Outcome::Unchanged => Some(Written::Unchanged(head)),
        Outcome::Conflict(_) => None,
    })
}

fn target(request: &ChangeRequest, old: &WorkspaceConfig) -> Result<WorkspaceConfig, ApiError> {
    let body = Value::Object(request.body.clone());
    let new = match request.change {
        Change::Patch => old.merge_patched(&body),
        Change::Replace => old.replaced(&body),
    };
    new.map_err(field_problems)
}

fn unreadable(why: &str) -> ApiError {
    let detail = format!("{WORKSPACE_FILE} can't be read: {why}; repair it by a push");
    ApiError::invalid("unreadable_workspace", detail)
}

/// Returns the path of `workspace.yaml`.
pub(crate) fn workspace_path() -> Result<RepoPath, ApiError> {
    RepoPath::parse(WORKSPACE_FILE).map_err(ApiError::internal)
}

/// Returns the author of a caller's commits.
pub(crate) fn author(caller: &Caller) -> Author {
    Author { name: caller.email().to_owned(), email: caller.email().to_owned() }
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
