//! Branches: made, removed, merged; and commits undone.
//!
//! What comes to a branch by a merge, or by undoing a commit, goes the way of every write: examined against the branch's
//! present files, whoever wrote it first.

mod list;
mod merge;
mod revert;

use std::sync::Arc;

use serde_json::{Value, json};
use workstead_core::name::BranchName;
use workstead_core::oid::CommitId;
use workstead_core::repository::MergeConflict;

pub(crate) use list::{BranchShown, branches, shown};
pub(crate) use merge::{MergeRequest, Strategy, merge};
pub(crate) use revert::{RevertRequest, revert};

use crate::access::{self, Permit};
use crate::app::AppState;
use crate::error::ApiError;
use crate::events;
use crate::revision::IfMatch;
use crate::workspace::Workspace;

/// Most conflicts that an answer lists.
const MAX_CONFLICTS: usize = 200;

/// What became of a merge, or of undoing a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Landed {
    /// Where the branch is now.
    pub(crate) commit: CommitId,
    /// Whether that is new.
    pub(crate) is_new: bool,
    /// How many files changed.
    pub(crate) files: usize,
}

/// Reads the name of a branch.
pub(crate) fn read_branch(text: &str) -> Result<BranchName, ApiError> {
    BranchName::parse(text).map_err(|error| ApiError::invalid("invalid_branch", error.to_string()))
}

/// Returns where a branch is, or says that there is none.
pub(crate) fn head(workspace: &Workspace, branch: &BranchName) -> Result<CommitId, ApiError> {
    workspace.repository().head(branch)?.ok_or_else(|| {
        let detail = format!("workspace {} has no branch {branch}", workspace.name());
        ApiError::not_found("branch_not_found", detail)
    })
}

/// Makes a branch at a commit that another branch or a tag leads to.
pub(crate) async fn create(
    app: &AppState,
    permit: Permit,
    branch: BranchName,
    from: Option<String>,
) -> Result<CommitId, ApiError> {
    let _turn = app.change_turns.take(permit.workspace.id()).await?;
    let (workspace, _) =
        access::authorize_again(app, &permit.caller, &permit.workspace, permit.action).await?;
    let make = move || {
        let repository = workspace.repository();
        let at = from.map_or_else(|| workspace.head(), |from| Ok(repository.resolve(&from)?))?;
        repository.create_branch(&branch, at)?;
        Ok::<_, ApiError>(at)
    };
    app.work.blocking(make).await?
}

/// Removes a branch other than the default one.
pub(crate) async fn delete(
    app: &AppState,
    permit: Permit,
    branch: BranchName,
    if_match: IfMatch,
) -> Result<(), ApiError> {
    let _turn = app.change_turns.take(permit.workspace.id()).await?;
    let (workspace, _) =
        access::authorize_again(app, &permit.caller, &permit.workspace, permit.action).await?;
    if branch == *workspace.branch() {
        let detail = format!("{branch} is the branch that is in force; it can't be removed");
        return Err(ApiError::conflict("branch_protected", detail));
    }
    if app.settings.protected_branches.matches(branch.as_str()) {
        let detail = format!(
            "{branch} is protected by the setting WORKSTEAD_GIT_PROTECTED_BRANCHES; it can't be removed"
        );
        return Err(ApiError::conflict("branch_protected", detail));
    }
    let (shared, name) = (Arc::clone(&workspace), branch.clone());
    let remove = move || {
        let at = head(&shared, &name)?;
        if_match.check(at)?;
        Ok::<_, ApiError>((shared.repository().delete_branch(&name, at)?, at))
    };
    let (is_removed, at) = app.work.blocking(remove).await??;
    if !is_removed {
        let detail = format!("the branch {branch} has just moved from {at}; look at it again");
        return Err(ApiError::conflict("branch_moved", detail));
    }
    events::record(app, &events::branch_removed(&workspace, permit.caller.email(), &branch, at)).await;
    Ok(())
}

/// Answers 409 with every place at which two sides contradict each other.
fn contradiction(code: &'static str, what: &str, conflicts: &[MergeConflict]) -> ApiError {
    let listed: Vec<Value> = conflicts.iter().take(MAX_CONFLICTS).map(|it| json!(it)).collect();
    let first = conflicts.first().map(|conflict| conflict.path.as_str()).unwrap_or_default();
    let more = match conflicts.len() {
        0 | 1 => String::new(),
        2 => " and 1 more file".to_owned(),
        count => format!(" and {} more files", count - 1),
    };
    let detail = format!(
        "{what}: both sides changed {first}{more}; nothing was changed. Settle it in a clone and push the result"
    );
    ApiError::conflict(code, detail).member("conflicts", Value::Array(listed))
}
