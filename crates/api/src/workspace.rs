//! One workspace: its row and its repository.

use std::sync::Arc;

use workstead_core::name::{BranchName, WorkspaceName};
use workstead_core::oid::CommitId;
use workstead_core::repository::{Repository, RepositoryId};

use crate::app::AppState;
use crate::error::ApiError;
use crate::query::Query;
use crate::store::workspaces::WorkspaceRow;

/// A living workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) row: WorkspaceRow,
    repository: Repository,
    branch: BranchName,
}

impl Workspace {
    /// Returns the same repository with a row that was read again.
    pub(crate) fn with_row(&self, row: WorkspaceRow) -> Self {
        Self { row, repository: self.repository.clone(), branch: self.branch.clone() }
    }

    /// Returns the immutable id.
    pub(crate) fn id(&self) -> &str {
        &self.row.id
    }

    /// Returns the name.
    pub(crate) fn name(&self) -> &WorkspaceName {
        &self.row.name
    }

    /// Returns the owner's e-mail address.
    pub(crate) fn owner(&self) -> &str {
        &self.row.owner
    }

    /// Returns the repository.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns the default branch.
    pub(crate) fn branch(&self) -> &BranchName {
        &self.branch
    }

    /// Returns the commit that the default branch is at, from memory.
    pub(crate) fn head(&self) -> Result<CommitId, ApiError> {
        let head = self.repository.head(&self.branch)?;
        head.ok_or_else(|| {
            ApiError::internal(format!("repository {} has no branch {}", self.row.id, self.branch))
        })
    }
}

/// Finds a living workspace by name, in memory when it was found before.
///
/// Whether the caller may know of it is for [`crate::access`] to say.
pub(crate) async fn find(app: &AppState, name: &str) -> Result<Option<Arc<Workspace>>, ApiError> {
    // What can't be a name is none, and never reaches the database or the memory.
    let Ok(name) = WorkspaceName::parse(name) else { return Ok(None) };
    let key = name.as_str().to_owned();
    app.workspaces
        .get_or_load(&key, async {
            let Some(row) = app.database.find_workspace(name.as_str()).await? else { return Ok(None) };
            open(app, row).await.map(Some)
        })
        .await
}

/// Runs a write of a workspace to its end, whether or not its client waits; one that a deletion overtook is answered
/// as [`unless_gone`] has it.
pub(crate) async fn to_end<T: Send + 'static>(
    app: &AppState,
    workspace: &Workspace,
    write: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    let written = app.work.to_end(write).await;
    unless_gone(app, workspace, written).await
}

/// Answers a failure as for a workspace that does not exist, when a deletion overtook the request.
///
/// A deletion takes the repository away under whoever works on it, which fails in many ways; the row is gone
/// before any of them.
pub(crate) async fn unless_gone<T>(
    app: &AppState,
    workspace: &Workspace,
    result: Result<T, ApiError>,
) -> Result<T, ApiError> {
    let Err(error) = result else { return result };
    if !error.status().is_server_error() && error.code() != "workspace_gone" {
        return Err(error);
    }
    match app.database.find_workspace_by_id(workspace.id()).await {
        Ok(None) => {
            tracing::debug!(workspace = %workspace.name(), cause = error.cause(), "overtaken by a deletion");
            Err(ApiError::workspace_not_found(workspace.name().as_str()))
        }
        // It is there, or the database can't say: the failure is what it was.
        _ => Err(error),
    }
}

/// Returns the commit that a request reads: the one that `ref` names, else the head.
pub(crate) async fn revision(
    app: &AppState,
    workspace: &Arc<Workspace>,
    query: &Query,
) -> Result<CommitId, ApiError> {
    let Some(revision) = query.text("ref").map(str::to_owned) else { return workspace.head() };
    let shared = Arc::clone(workspace);
    Ok(app.work.blocking(move || shared.repository().resolve(&revision)).await??)
}

/// Opens the repository of a row.
pub(crate) async fn open(app: &AppState, row: WorkspaceRow) -> Result<Arc<Workspace>, ApiError> {
    let id = repository_id(&row.id)?;
    let state = app.clone();
    let repository = app.work.blocking(move || state.repositories.get(&id)).await??;
    Ok(Arc::new(Workspace { row, repository, branch: default_branch() }))
}

/// Returns the default branch, which all workspaces have in common.
pub(crate) fn default_branch() -> BranchName {
    BranchName::main()
}

/// Reads a row's id as the repository's name.
pub(crate) fn repository_id(id: &str) -> Result<RepositoryId, ApiError> {
    RepositoryId::parse(id).map_err(ApiError::internal)
}
