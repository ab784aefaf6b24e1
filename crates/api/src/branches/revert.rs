//! Undoing a commit by a new one.

use workstead_core::repository::Merged;

use super::{Landed, contradiction};
use crate::app::AppState;
use crate::commit::{self, Draft, Taken, WriteRequest};
use crate::error::ApiError;
use crate::slxs::write::message_or;

/// What shall be undone.
#[derive(Debug)]
pub(crate) struct RevertRequest {
    /// The commit.
    pub(crate) commit: String,
    pub(crate) message: Option<String>,
}

/// Undoes a commit on the branch that the request writes to; of a merge, what it brought to its first parent.
pub(crate) async fn revert(
    app: &AppState,
    request: WriteRequest,
    wanted: RevertRequest,
) -> Result<Landed, ApiError> {
    let written = commit::write(app, request, move |request, _| draft(request, &wanted)).await?;
    Ok(Landed { commit: written.commit, is_new: written.is_new, files: written.result })
}

fn draft(request: &WriteRequest, wanted: &RevertRequest) -> Result<Draft<usize>, ApiError> {
    let repository = request.workspace.repository();
    let ours = super::head(&request.workspace, &request.branch)?;
    let commit = repository.resolve(&wanted.commit)?;
    if !repository.is_descendant(commit, ours)? {
        let detail = format!("{commit} is no part of {}; there is nothing of it to undo", request.branch);
        return Err(ApiError::invalid("not_in_branch", detail));
    }
    let info = repository.commit_info(commit)?;
    let before = info.parents.first().copied();
    let Merged { edits, executable, conflicts } = repository.merge(Some(commit), ours, before)?;
    if !conflicts.is_empty() {
        let what = format!("{commit} can't be undone, because later commits build on it");
        return Err(contradiction("revert_conflict", &what, &conflicts));
    }
    let described = format!("Revert \"{}\" ({})", info.subject, &commit.to_string()[..10]);
    Ok(Draft {
        result: edits.len(),
        taken: (!edits.is_empty()).then(|| Taken { executable, ..Taken::default() }),
        edits,
        message: message_or(wanted.message.as_deref(), &described),
    })
}
