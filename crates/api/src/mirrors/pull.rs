//! One attempt of a pull: our default branch is brought to where the upstream's is.
//!
//! What comes is kept apart, judged like a push by somebody of the mirror's role, and only then taken into the
//! repository; a pull that is refused leaves nothing.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use workstead_core::door::PermissionChange;
use workstead_core::oid::CommitId;
use workstead_core::repository::{self, Hold, Incoming};
use workstead_core::role::Role;

use super::failure::{Cure, Failure};
use super::place::Place;
use super::remote::Remote;
use crate::app::AppState;
use crate::error::ApiError;
use crate::git_http::{PushRequest, RefUpdate, Rules, Verdict};
use crate::index;
use crate::people::last_admin::LastAdmin;
use crate::store::mirrors::MirrorRow;
use crate::store::now;
use crate::workspace::Workspace;

/// Who is noted where a person would be.
const MIRROR: &str = "mirror";
/// Most lines of a refusal that are told.
const MAX_LINES: usize = 30;

/// Pulls the upstream's head, and returns it.
pub(super) async fn attempt(
    app: &AppState,
    workspace: &Arc<Workspace>,
    remote: &Remote,
    row: &MirrorRow,
    cancel: &CancellationToken,
) -> Result<CommitId, Failure> {
    let (place, incoming, hold) = prepare(app, workspace).await?;
    let theirs = remote.head(app, &place, cancel).await?.ok_or_else(|| no_branch(remote))?;
    let shared = Arc::clone(workspace);
    if app.work.blocking(move || has(&shared, theirs)).await?? {
        return Ok(theirs);
    }
    remote.fetch(app, &place, app.git.limits().max_push_bytes, cancel).await?;
    // It may have moved on since the list was made.
    let theirs = app.work.blocking(move || place.fetched()).await?.ok_or_else(|| no_branch(remote))?;
    if cancel.is_cancelled() {
        return Err(Failure::cancelled());
    }
    let (state, shared, row) = (app.clone(), Arc::clone(workspace), row.clone());
    // To the end: once the branch has moved, the index follows.
    let taking = async move { Ok(take(&state, &shared, row, (incoming, hold), theirs).await) };
    app.work.to_end(taking).await??;
    Ok(theirs)
}

async fn prepare(app: &AppState, workspace: &Arc<Workspace>) -> Result<(Place, Incoming, Hold), Failure> {
    let (state, shared) = (app.clone(), Arc::clone(workspace));
    let making = app.work.blocking(move || {
        let repository = shared.repository();
        // What the fetch finds here and does not bring must be here when the branch moves.
        let hold = repository.hold();
        let incoming = repository.incoming()?;
        let (ours, known) = (shared.head()?, repository.objects_directory());
        let place = Place::make(&state.spool, Some(ours), incoming.path(), Some(known));
        Ok::<_, ApiError>((place.map_err(ApiError::internal)?, incoming, hold))
    });
    Ok(making.await??)
}

/// Tells whether our branch has a commit already.
fn has(workspace: &Workspace, commit: CommitId) -> Result<bool, ApiError> {
    let (repository, head) = (workspace.repository(), workspace.head()?);
    if commit == head {
        return Ok(true);
    }
    Ok(repository.commit_info(commit).is_ok() && repository.is_descendant(commit, head)?)
}

fn no_branch(remote: &Remote) -> Failure {
    let detail = format!(
        "the upstream has no branch {}; make it there, or have staff name another in the mirror",
        remote.branch
    );
    Failure::new(Cure::Time, "branch_not_found", detail)
}

/// Judges what came, takes it in, and moves the branch.
async fn take(
    app: &AppState,
    workspace: &Arc<Workspace>,
    row: MirrorRow,
    brought: (Incoming, Hold),
    theirs: CommitId,
) -> Result<(), Failure> {
    let _turn = app.change_turns.take(workspace.id()).await?;
    let found = app.database.find_workspace_by_id(workspace.id()).await.map_err(ApiError::from)?;
    let gone = || ApiError::workspace_not_found(workspace.name().as_str());
    let present = Arc::new(workspace.with_row(found.ok_or_else(gone)?));
    let (state, shared) = (app.clone(), Arc::clone(&present));
    let moving = app.work.blocking(move || judge_and_move(&state, &shared, &row, brought, theirs));
    moving.await??;
    index::moved(app, &present).await;
    Ok(())
}

fn judge_and_move(
    app: &AppState,
    workspace: &Workspace,
    row: &MirrorRow,
    (incoming, hold): (Incoming, Hold),
    theirs: CommitId,
) -> Result<(), Failure> {
    let (repository, ours) = (workspace.repository(), workspace.head()?);
    let quarantine = repository.quarantined(incoming.path()).map_err(ApiError::from)?;
    let read = |error: repository::Error| Failure::from(ApiError::from(error));
    quarantine.measure_commits(theirs, &mut repository::MeasuredCommits::default()).map_err(too_much)?;
    let is_forward = quarantine.is_descendant(ours, theirs).map_err(read)?;
    // A workspace that has nothing but what it was made with begins with the upstream's history, once.
    let is_first = row.revision.is_none() && repository.commit_info(ours).map_err(read)?.parents.is_empty();
    if !is_forward && !is_first {
        return Err(diverged(&row.branch, ours, theirs));
    }
    let brought = RefCell::default();
    let verdict = judge(app, workspace, row.role, &incoming, (ours, theirs), is_first, &brought);
    if !verdict.accepted {
        return Err(refused(&verdict));
    }
    let names = brought.into_inner();
    let noting = app.database.admit_dot_names(workspace.id(), &names, MIRROR, now());
    Handle::current().block_on(noting).map_err(ApiError::from)?;
    repository.admit(incoming).map_err(read)?;
    let default = workspace.branch();
    let is_moved = if is_forward {
        hold.fast_forward(default, ours, theirs)
    } else {
        hold.replace_first(default, ours, theirs)
    };
    if is_moved.map_err(read)? {
        return Ok(());
    }
    let detail = format!("{default} moved while the upstream's commits were judged; it is tried again");
    Err(Failure::new(Cure::Time, "branch_moved", detail))
}

fn judge(
    app: &AppState,
    workspace: &Workspace,
    role: Role,
    incoming: &Incoming,
    (ours, theirs): (CommitId, CommitId),
    is_first: bool,
    brought: &RefCell<BTreeSet<String>>,
) -> Verdict {
    let last_admin = LastAdmin::of(app, workspace, Handle::current());
    let check = |change: &PermissionChange| {
        last_admin.check(change).map_err(|error| (error.code().to_owned(), error.detail().to_owned()))
    };
    let rules = Rules {
        workspace: workspace.name(),
        repository: workspace.repository(),
        branch: workspace.branch(),
        protected: &app.settings.protected_branches,
        role,
        facts: &app.facts,
        limits: app.git.limits(),
        check_permissions: &check,
        follows: None,
        replaceable: is_first.then_some(ours),
        brought,
    };
    rules.judge(&PushRequest {
        ticket: String::new(),
        objects: Some(incoming.path().display().to_string()),
        updates: vec![RefUpdate {
            old: Some(ours.to_string()),
            new: Some(theirs.to_string()),
            reference: workspace.branch().reference(),
        }],
        options: Vec::new(),
    })
}

fn too_much(error: repository::Error) -> Failure {
    use repository::Error::{CommitsTooLarge, TooManyCommits};
    match error {
        CommitsTooLarge { .. } | TooManyCommits { .. } => {
            let detail = format!("{error}; push the upstream's history here once before it is mirrored");
            Failure::new(Cure::Somebody, "too_large", detail)
        }
        error => Failure::from(ApiError::from(error)),
    }
}

fn diverged(branch: &str, ours: CommitId, theirs: CommitId) -> Failure {
    let [ours, theirs] = [ours, theirs].map(|id| id.to_string()[..10].to_owned());
    Failure::diverged(format!(
        "the upstream's branch {branch} (at {theirs}) does not build on our head {ours}, and a mirror loses no commit: merge {ours} into it in a clone and push the result there"
    ))
}

fn refused(verdict: &Verdict) -> Failure {
    let lines = verdict.lines.iter().map(|line| line.trim());
    let told: Vec<&str> = lines.filter(|line| !line.ends_with("; nothing was changed")).collect();
    let listed = told.iter().take(MAX_LINES).copied().collect::<Vec<_>>().join("; ");
    let more = if told.len() > MAX_LINES { "; ..." } else { "" };
    let is_of_role = told.iter().any(|line| line.ends_with("[role_too_low]"));
    let or = if is_of_role { ", or have staff set the mirror with the role admin" } else { "" };
    let detail = format!("what the upstream has can't be taken: {listed}{more}; repair it there{or}");
    Failure::new(Cure::Somebody, "invalid_content", detail)
}
