//! Merging one branch into another.

use std::collections::BTreeMap;

use workstead_core::oid::CommitId;
use workstead_core::repository::Merged;

use super::{Landed, contradiction};
use crate::app::AppState;
use crate::commit::{self, Draft, Taken, WriteRequest};
use crate::error::ApiError;
use crate::slxs::write::message_or;

/// What shall be merged.
#[derive(Debug)]
pub(crate) struct MergeRequest {
    /// A branch, tag or commit.
    pub(crate) from: String,
    pub(crate) strategy: Strategy,
    pub(crate) message: Option<String>,
}

/// What a merge leaves in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// A commit with both parents.
    Merge,
    /// One commit with all that the other branch changed.
    Squash,
    /// No new commit: the branch moves forward, or nothing is done.
    FastForward,
}

impl Strategy {
    /// Reads the word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "merge" => Some(Self::Merge),
            "squash" => Some(Self::Squash),
            "fast-forward" => Some(Self::FastForward),
            _ => None,
        }
    }
}

/// Merges into the branch that the request writes to.
pub(crate) async fn merge(
    app: &AppState,
    request: WriteRequest,
    wanted: MergeRequest,
) -> Result<Landed, ApiError> {
    let written = commit::write(app, request, move |request, _| draft(request, &wanted)).await?;
    Ok(Landed { commit: written.commit, is_new: written.is_new, files: written.result })
}

fn draft(request: &WriteRequest, wanted: &MergeRequest) -> Result<Draft<usize>, ApiError> {
    let repository = request.workspace.repository();
    let ours = super::head(&request.workspace, &request.branch)?;
    let theirs = repository.resolve(&wanted.from)?;
    let name = &wanted.from;
    let unchanged = Draft { edits: BTreeMap::new(), taken: None, message: String::new(), result: 0 };
    let Some(base) = repository.merge_base(ours, theirs)? else {
        let detail = format!("{name} and {} have no commit in common", request.branch);
        return Err(ApiError::invalid("unrelated_histories", detail));
    };
    if base == theirs {
        return Ok(unchanged);
    }
    if wanted.strategy == Strategy::FastForward && base != ours {
        let detail = format!(
            "{} has commits that {name} has not; merge it with another strategy, or rebase it in a clone",
            request.branch
        );
        return Err(ApiError::conflict("not_fast_forward", detail));
    }
    let Merged { edits, executable, conflicts } = repository.merge(Some(base), ours, Some(theirs))?;
    if !conflicts.is_empty() {
        let what = format!("{name} can't be merged into {}", request.branch);
        return Err(contradiction("merge_conflict", &what, &conflicts));
    }
    let described = describe(wanted, request, theirs);
    let parents = if wanted.strategy == Strategy::Merge { vec![theirs] } else { Vec::new() };
    let fast_forward = (wanted.strategy == Strategy::FastForward).then_some(theirs);
    Ok(Draft {
        result: edits.len(),
        edits,
        taken: Some(Taken { parents, executable, fast_forward }),
        message: message_or(wanted.message.as_deref(), &described),
    })
}

fn describe(wanted: &MergeRequest, request: &WriteRequest, theirs: CommitId) -> String {
    let is_branch = request.workspace.repository().branches();
    let is_branch = is_branch.is_ok_and(|all| all.iter().any(|(name, _)| *name == wanted.from));
    let what = if is_branch { format!("branch '{}'", wanted.from) } else { format!("commit {theirs}") };
    let into = if request.branch == *request.workspace.branch() {
        String::new()
    } else {
        format!(" into {}", request.branch)
    };
    format!("Merge {what}{into}")
}
