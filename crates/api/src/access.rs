//! The one permission rule.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use workstead_core::role::Role;

use crate::app::AppState;
use crate::auth::{self, Caller};
use crate::error::ApiError;
use crate::store::email_key;
use crate::store::tokens::Scope;
use crate::store::workspaces::WorkspaceRow;
use crate::view;
use crate::workspace::{self, Workspace};

/// What a caller wants to do with a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Reading anything: the object, status, history. A change of the workspace's fields begins with it too: what
    /// it needs is known only when it is known what changes.
    Read,
    /// Looking how it is, also when its repository can't be read.
    Examine,
    /// Cloning and fetching.
    Fetch,
    /// Changing SLXs and their files; what it changes may ask for more.
    Write,
    /// Uploading a bundle, by whichever way.
    Upload,
    /// Pushing; what it changes may ask for more.
    Push,
    /// Making a token that may upload.
    MakeUploadToken,
    /// Reading or replacing the token by which runners register.
    ManageRunners,
    /// Setting and removing secrets.
    WriteSecrets,
    /// Connecting the workspace with other services.
    Integrate,
    /// Saying what the workspace is mirrored with, which connects this server with others: for staff.
    SetMirror,
    /// Deleting the workspace.
    Delete,
}

impl Action {
    /// Returns the least role that may do it.
    pub(crate) fn needs(self) -> Role {
        match self {
            Self::Read | Self::Examine | Self::Fetch => Role::ReadOnly,
            Self::Write | Self::Upload | Self::Push | Self::MakeUploadToken => Role::ReadWrite,
            Self::ManageRunners | Self::WriteSecrets | Self::Integrate | Self::SetMirror | Self::Delete => {
                Role::Admin
            }
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Read => "reading",
            Self::Examine => "examining",
            Self::Fetch => "fetching",
            Self::Write => "changing the configuration",
            Self::Upload => "uploading",
            Self::Push => "pushing",
            Self::MakeUploadToken => "making an upload token",
            Self::ManageRunners => "managing runners",
            Self::WriteSecrets => "changing secrets",
            Self::Integrate => "managing integrations",
            Self::SetMirror => "setting a mirror",
            Self::Delete => "deleting",
        }
    }
}

impl Scope {
    /// Returns the immutable id of the only workspace that the token is good for.
    fn workspace_id(&self) -> Option<&str> {
        match self {
            Self::Full => None,
            Self::Upload(workspace_id) | Self::Git { workspace_id, .. } => Some(workspace_id),
        }
    }

    /// Tells whether the token is good for this, whatever its user may do.
    fn allows(&self, action: Action) -> bool {
        match self {
            Self::Full => true,
            Self::Upload(_) => action == Action::Upload,
            Self::Git { read_only, .. } => action == Action::Fetch || (action == Action::Push && !read_only),
        }
    }

    /// Returns the most that its user's role counts for.
    fn most(&self) -> Role {
        match self {
            Self::Full => Role::Admin,
            Self::Upload(_) | Self::Git { read_only: false, .. } => Role::ReadWrite,
            Self::Git { read_only: true, .. } => Role::ReadOnly,
        }
    }

    /// Answers 403 for what the token is not good for.
    fn refuse(&self) -> ApiError {
        let may = match self {
            Self::Full => "may do all that its user may",
            Self::Upload(_) => "may only upload to its workspace",
            Self::Git { read_only: false, .. } => "may only fetch from its workspace and push to it by Git",
            Self::Git { read_only: true, .. } => "may only fetch from its workspace by Git",
        };
        ApiError::forbidden("token_scope", format!("this token {may}"))
    }
}

/// A caller let into a workspace by the rule of the route, as [`crate::routing`] enforces it.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    pub(crate) caller: Caller,
    pub(crate) workspace: Arc<Workspace>,
    /// The caller's role there, as of the present head.
    pub(crate) role: Role,
    /// What the rule asked for.
    pub(crate) action: Action,
}

impl FromRequestParts<AppState> for Permit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &AppState) -> Result<Self, ApiError> {
        let permit = parts.extensions.get::<Self>().cloned();
        permit.ok_or_else(|| ApiError::internal("the route's rule is not about a workspace"))
    }
}

impl Permit {
    /// Returns the caller's role and all lesser ones, which it includes, the greatest first.
    pub(crate) fn roles(&self) -> Vec<Role> {
        Role::ALL.into_iter().rev().filter(|role| *role <= self.role).collect()
    }

    /// Asks once more, of the database and the present head, before what took its time to come is written.
    pub(crate) async fn renewed(&self, app: &AppState) -> Result<Self, ApiError> {
        let Self { caller, workspace, action, .. } = self;
        let (workspace, role) = authorize_again(app, caller, workspace, *action).await?;
        Ok(Self { caller: caller.clone(), workspace, role, action: *action })
    }
}

/// A caller let in to see how a workspace is, whatever its repository is like.
#[derive(Debug, Clone)]
pub(crate) struct Examination {
    pub(crate) row: WorkspaceRow,
    /// Nothing when its repository can't be opened or its head can't be read.
    pub(crate) workspace: Option<Arc<Workspace>>,
}

impl FromRequestParts<AppState> for Examination {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &AppState) -> Result<Self, ApiError> {
        let examination = parts.extensions.get::<Self>().cloned();
        examination.ok_or_else(|| ApiError::internal("the route's rule is not about examining a workspace"))
    }
}

impl Examination {
    /// Answers 404 when a deletion has overtaken the request, which takes the repository away first.
    pub(crate) async fn unless_gone(&self, app: &AppState) -> Result<(), ApiError> {
        match app.database.find_workspace_by_id(&self.row.id).await {
            Ok(None) => Err(ApiError::workspace_not_found(self.row.name.as_str())),
            // A database that can't say is what the answer tells of.
            Ok(Some(_)) | Err(_) => Ok(()),
        }
    }
}

/// Lets a caller in to see how a workspace is.
///
/// Where the head can't be read nobody but staff and the owner has a role, so others don't see the workspace then.
pub(crate) async fn enter_to_examine(
    app: &AppState,
    caller: &Caller,
    name: &str,
) -> Result<Examination, ApiError> {
    match enter(app, caller, name, Action::Examine).await {
        Ok(Permit { workspace, .. }) => {
            return Ok(Examination { row: workspace.row.clone(), workspace: Some(workspace) });
        }
        Err(error) if error.status().is_server_error() || error.code() == "workspace_gone" => {
            tracing::warn!(name, cause = error.cause(), %error, "a workspace is examined that can't be opened");
        }
        Err(error) => return Err(error),
    }
    let invisible = || ApiError::workspace_not_found(name);
    let row = app.database.find_workspace(name).await?.ok_or_else(invisible)?;
    refuse_scoped(caller).map_err(|_| invisible())?;
    if !rules(caller.email(), caller.is_staff(), &row.owner) {
        return Err(invisible());
    }
    Ok(Examination { row, workspace: None })
}

/// Returns the caller's role when it is enough for the action.
///
/// Who may not see the workspace gets the same 404 as for one that does not exist; who sees it but
/// may not do this gets 403. A token of narrow scope has the lesser of its scope and its maker's present role.
pub(crate) async fn authorize(
    app: &AppState,
    caller: &Caller,
    workspace: &Arc<Workspace>,
    action: Action,
) -> Result<Role, ApiError> {
    let invisible = || ApiError::workspace_not_found(workspace.name().as_str());
    let scope = caller.scope();
    let in_scope = scope.workspace_id().is_none_or(|id| id == workspace.id());
    if !in_scope {
        return Err(invisible());
    }
    let role = role_of(app, caller, workspace).await?.ok_or_else(invisible)?;
    if !scope.allows(action) {
        return Err(scope.refuse());
    }
    require(role, action.needs(), action.verb(), workspace)?;
    if action == Action::SetMirror {
        require_staff(caller)?;
    }
    Ok(role.min(scope.most()))
}

/// Asks once more, of the database and the present head, before what was prepared is written.
///
/// The token must still be good, the user active, and the workspace the same one, by its id.
pub(crate) async fn authorize_again(
    app: &AppState,
    caller: &Caller,
    workspace: &Arc<Workspace>,
    action: Action,
) -> Result<(Arc<Workspace>, Role), ApiError> {
    let caller = auth::authenticate_again(app, caller).await?;
    let row = app.database.find_workspace_by_id(workspace.id()).await?;
    let row = row.ok_or_else(|| ApiError::workspace_not_found(workspace.name().as_str()))?;
    let present = Arc::new(workspace.with_row(row));
    let role = authorize(app, &caller, &present, action).await?;
    Ok((present, role))
}

/// Answers 403 when the role is not enough for what a change does.
pub(crate) fn require(role: Role, needs: Role, what: &str, workspace: &Workspace) -> Result<(), ApiError> {
    if role >= needs {
        return Ok(());
    }
    let name = workspace.name();
    let detail = format!("{what} needs the role {needs} on workspace {name}; yours is {role}");
    Err(ApiError::forbidden("role_too_low", detail))
}

/// Finds a workspace by name and asks [`authorize`] in one step.
pub(crate) async fn enter(
    app: &AppState,
    caller: &Caller,
    name: &str,
    action: Action,
) -> Result<Permit, ApiError> {
    let found = workspace::find(app, name).await?;
    let workspace = found.ok_or_else(|| ApiError::workspace_not_found(name))?;
    let role = authorize(app, caller, &workspace, action).await?;
    Ok(Permit { caller: caller.clone(), workspace, role, action })
}

/// Refuses everybody but staff.
pub(crate) fn require_staff(caller: &Caller) -> Result<(), ApiError> {
    refuse_scoped(caller)?;
    if caller.is_staff() {
        return Ok(());
    }
    Err(ApiError::forbidden("staff_only", "only staff may do this on this server"))
}

/// Refuses tokens of narrow scope where no workspace is named.
pub(crate) fn refuse_scoped(caller: &Caller) -> Result<(), ApiError> {
    match caller.scope() {
        Scope::Full => Ok(()),
        narrow => Err(narrow.refuse()),
    }
}

/// Returns the user's role: staff and the owner are admins, others have what main's head gives them.
async fn role_of(
    app: &AppState,
    caller: &Caller,
    workspace: &Arc<Workspace>,
) -> Result<Option<Role>, ApiError> {
    role_of_user(app, (caller.email(), caller.groups()), caller.is_staff(), workspace).await
}

/// Returns the role of a user, by address and groups, who need not be the caller.
pub(crate) async fn role_of_user(
    app: &AppState,
    (email, groups): (&str, &[String]),
    is_staff: bool,
    workspace: &Arc<Workspace>,
) -> Result<Option<Role>, ApiError> {
    if rules(email, is_staff, workspace.owner()) {
        return Ok(Some(Role::Admin));
    }
    Ok(view::of_head(app, workspace).await?.role_of(email, groups))
}

/// Tells whether a user is an admin whatever the permissions say.
fn rules(email: &str, is_staff: bool, owner: &str) -> bool {
    is_staff || email_key(email) == email_key(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_is_good_for_its_own() {
        const ALL: [Action; 10] = [
            Action::Read,
            Action::Fetch,
            Action::Write,
            Action::Upload,
            Action::Push,
            Action::MakeUploadToken,
            Action::ManageRunners,
            Action::WriteSecrets,
            Action::Integrate,
            Action::Delete,
        ];
        let id = || "w".to_owned();
        let allowed =
            |scope: Scope| ALL.into_iter().filter(|action| scope.allows(*action)).collect::<Vec<_>>();
        assert_eq!(allowed(Scope::Full), ALL);
        assert_eq!(allowed(Scope::Upload(id())), [Action::Upload]);
        let git = |read_only| Scope::Git { workspace_id: id(), read_only };
        assert_eq!(allowed(git(true)), [Action::Fetch]);
        assert_eq!(allowed(git(false)), [Action::Fetch, Action::Push]);
        // No narrow scope carries the rights of an admin.
        let most = [Scope::Upload(id()), git(true), git(false)].map(|scope| scope.most());
        assert_eq!(most, [Role::ReadWrite, Role::ReadOnly, Role::ReadWrite]);
    }
}
