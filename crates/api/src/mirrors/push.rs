//! One attempt of a push: the upstream's branch is brought to our head.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use workstead_core::model::MANIFEST_FILE;
use workstead_core::oid::CommitId;
use workstead_core::repository;

use super::failure::{Cure, Failure};
use super::place::Place;
use super::remote::{Pushed, Remote};
use crate::app::AppState;
use crate::error::ApiError;
use crate::workspace::Workspace;

/// Most names that a refusal lists.
const MAX_NAMES: usize = 10;

/// How the upstream's branch is to our head.
enum Standing {
    Same,
    Behind,
    Diverged,
}

/// Pushes our head, and returns it.
pub(super) async fn attempt(
    app: &AppState,
    workspace: &Arc<Workspace>,
    remote: &Remote,
    head: CommitId,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let (state, shared) = (app.clone(), Arc::clone(workspace));
    let making = app
        .work
        .blocking(move || Place::make(&state.spool, None, shared.repository().objects_directory(), None));
    let place = making.await?.map_err(|error| Failure::from(ApiError::internal(error)))?;
    let theirs = remote.head(app, &place, cancel).await?;
    let shared = Arc::clone(workspace);
    match app.work.blocking(move || compare(&shared, theirs, head)).await?.map_err(ApiError::from)? {
        Standing::Same => return Ok(()),
        Standing::Diverged => return Err(diverged(remote, theirs)),
        Standing::Behind => {}
    }
    check_dot_names(app, workspace, theirs, head).await?;
    match remote.push(app, &place, head, cancel).await? {
        Pushed::Done => Ok(()),
        Pushed::NotForward => {
            let detail = "the upstream's branch moved while it was pushed to; it is looked at again";
            Err(Failure::new(Cure::Time, "upstream_moved", detail))
        }
        Pushed::Refused(why) => {
            let detail = format!(
                "the upstream refuses the push to {}: {why}; allow it there, for example in the settings of protected branches",
                remote.branch
            );
            Err(Failure::new(Cure::Somebody, "push_refused", detail))
        }
    }
}

fn compare(workspace: &Workspace, theirs: Option<CommitId>, ours: CommitId) -> repository::Result<Standing> {
    let Some(theirs) = theirs else { return Ok(Standing::Behind) };
    if theirs == ours {
        return Ok(Standing::Same);
    }
    // What we don't have we can't be ahead of.
    if workspace.repository().commit_info(theirs).is_err() {
        return Ok(Standing::Diverged);
    }
    let is_behind = workspace.repository().is_descendant(theirs, ours)?;
    Ok(if is_behind { Standing::Behind } else { Standing::Diverged })
}

fn diverged(remote: &Remote, theirs: Option<CommitId>) -> Failure {
    let at = theirs.map(|id| format!(" (it is at {})", &id.to_string()[..10])).unwrap_or_default();
    Failure::diverged(format!(
        "the upstream's branch {}{at} has commits that are not here, and a mirror loses none: merge them in a clone and push the result here, or set the branch there back to a commit of ours",
        remote.branch
    ))
}

/// Refuses to let go what begins with a dot at the root, unless an admin brought a thing of that name.
///
/// The doors see to that already: it is asked here once more, because what leaves may be run where it arrives.
async fn check_dot_names(
    app: &AppState,
    workspace: &Arc<Workspace>,
    theirs: Option<CommitId>,
    head: CommitId,
) -> Result<(), Failure> {
    let shared = Arc::clone(workspace);
    let reading = app.work.blocking(move || shared.repository().dot_names(theirs, head));
    let mut names = reading.await?.map_err(ApiError::from)?;
    let admitted = app.database.admitted_dot_names(workspace.id()).await.map_err(ApiError::from)?;
    names.retain(|name| name != MANIFEST_FILE && !admitted.contains(name));
    if names.is_empty() {
        return Ok(());
    }
    let listed = names.iter().take(MAX_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MAX_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let detail = format!(
        "{listed}{more} did not come by an admin's push, and what begins with a dot may be run where it arrives: an admin must push a change of it, or the mirror must be removed"
    );
    Err(Failure::new(Cure::Somebody, "dot_name_not_admitted", detail))
}
