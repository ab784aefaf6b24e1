//! Which branches there are, and how far each is from the default one.

use serde::Serialize;
use utoipa::ToSchema;
use workstead_core::name::BranchName;
use workstead_core::oid::CommitId;

use crate::error::ApiError;
use crate::history::{self, CommitBrief};
use crate::workspace::Workspace;

/// A branch.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BranchShown {
    name: String,
    /// Where it is.
    commit: String,
    /// Whether it is the one that is in force.
    is_default: bool,
    /// Whether it can neither be removed nor moved back.
    protected: bool,
    /// Commits that it has and the default branch has not.
    ahead: usize,
    /// Commits that the default branch has and it has not.
    behind: usize,
    last_commit: CommitBrief,
}

/// All branches by name, and what tells one state of them from another.
pub(crate) struct Branches {
    pub(crate) all: Vec<(String, CommitId)>,
    pub(crate) version: i64,
}

/// Lists the branches.
pub(crate) fn branches(workspace: &Workspace) -> Result<Branches, ApiError> {
    use sha2::{Digest as _, Sha256};
    let all = workspace.repository().branches()?;
    let mut hash = Sha256::new();
    for (name, commit) in &all {
        hash.update(name.as_bytes());
        hash.update(commit.as_bytes());
    }
    let bytes = hash.finalize();
    let version = bytes.iter().take(7).fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte)).max(1);
    Ok(Branches { all, version })
}

/// Describes a branch.
pub(crate) fn shown(workspace: &Workspace, name: &str, at: CommitId) -> Result<BranchShown, ApiError> {
    let repository = workspace.repository();
    let is_default = name == workspace.branch().as_str();
    let (ahead, behind) = if is_default { (0, 0) } else { repository.ahead_behind(at, workspace.head()?)? };
    Ok(BranchShown {
        name: name.to_owned(),
        commit: at.to_string(),
        is_default,
        protected: is_default,
        ahead,
        behind,
        last_commit: history::brief(&repository.commit_info(at)?),
    })
}

impl BranchShown {
    /// Describes one branch by its name.
    pub(crate) fn of(workspace: &Workspace, branch: &BranchName) -> Result<(CommitId, Self), ApiError> {
        let at = super::head(workspace, branch)?;
        Ok((at, shown(workspace, branch.as_str(), at)?))
    }
}
