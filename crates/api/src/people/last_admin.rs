//! The last admin of a workspace stays while its owner is disabled.
//!
//! Otherwise nobody but the staff could look after the workspace any more, and nobody would have said so.

use tokio::runtime::Handle;
use workstead_core::door::PermissionChange;
use workstead_core::role::Role;
use workstead_core::workspace_file::{Permission, Subject};

use crate::app::AppState;
use crate::error::ApiError;
use crate::store::Database;
use crate::workspace::Workspace;

/// Looks at changes of a workspace's permissions, from threads that may block.
pub(crate) struct LastAdmin {
    database: Database,
    runtime: Handle,
    workspace: String,
    owner: String,
}

impl LastAdmin {
    /// Takes the workspace as it is now.
    pub(crate) fn of(app: &AppState, workspace: &Workspace, runtime: Handle) -> Self {
        Self {
            database: app.database.clone(),
            runtime,
            workspace: workspace.name().to_string(),
            owner: workspace.owner().to_owned(),
        }
    }

    /// Refuses a change after which no active user is an admin, although one was and the owner is disabled.
    pub(crate) fn check(&self, change: &PermissionChange) -> Result<(), ApiError> {
        self.runtime.block_on(async {
            let is_disabled = self.database.is_disabled(&self.owner).await?;
            let loses = is_disabled
                && self.has_admin(&change.before).await?
                && !self.has_admin(&change.after).await?;
            if !loses {
                return Ok(());
            }
            let Self { workspace, owner, .. } = self;
            let detail = format!(
                "workspace {workspace} would have no admin: its owner {owner} is disabled; make an active user admin, or the owner, first"
            );
            Err(ApiError::conflict("last_admin", detail))
        })
    }

    /// Refuses an owner who is disabled where no active user is an admin by the permissions.
    pub(crate) fn check_owner(&self, owner: &str, permissions: &[Permission]) -> Result<(), ApiError> {
        self.runtime.block_on(async {
            if !self.database.is_disabled(owner).await? || self.has_admin(permissions).await? {
                return Ok(());
            }
            let workspace = &self.workspace;
            let detail = format!(
                "workspace {workspace} would have no admin: its new owner {owner} is disabled; make an active user admin first, or choose another owner"
            );
            Err(ApiError::conflict("last_admin", detail))
        })
    }

    async fn has_admin(&self, permissions: &[Permission]) -> Result<bool, sqlx::Error> {
        let admins = permissions.iter().filter(|permission| Role::parse(&permission.role) == Ok(Role::Admin));
        for Permission { subject, .. } in admins {
            let is_there = match subject {
                Subject::User(email) => self.database.is_active(email).await?,
                Subject::Group(name) => self.database.has_active_member(name).await?,
            };
            if is_there {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
