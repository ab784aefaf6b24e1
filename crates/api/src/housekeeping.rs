//! Looking after the repositories in the background: packs joined after writes, what nothing leads to dropped.
//!
//! How it is done for one repository, and why nobody waits for it, is in core's `repository/housekeeping.rs`. Here is when:
//! joining follows the write that made the packs many, the rest goes round all repositories, one at a time and with
//! rests. What is due is seen from the repositories alone, so a run that was cut short is simply due again.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tracing::Instrument as _;
use workstead_core::repository::{self, HouseKept, RepositoryId};

use crate::app::AppState;
use crate::error::ApiError;
use crate::metrics::GitService;
use crate::settings::RepositorySettings;
use crate::store::now;
use crate::workspace::Workspace;

/// How long it rests between two rounds through all repositories.
const PAUSE: Duration = Duration::from_mins(10);
/// Longest rest between two repositories; it is as long as the last one took.
const MAX_REST: Duration = Duration::from_mins(1);
/// Repositories whose packs are joined at the same time.
const JOINED_AT_ONCE: usize = 2;

/// What housekeeping knows of itself.
#[derive(Debug)]
pub(crate) struct HousekeepingState {
    /// Ids of workspaces whose packs are being joined, or wait for it.
    joining: Mutex<HashSet<String>>,
    turns: Arc<Semaphore>,
    stopping: AtomicBool,
}

impl Default for HousekeepingState {
    fn default() -> Self {
        Self {
            joining: Mutex::default(),
            turns: Arc::new(Semaphore::new(JOINED_AT_ONCE)),
            stopping: AtomicBool::new(false),
        }
    }
}

impl HousekeepingState {
    /// Ends what is under way, and lets nothing begin: the server stops.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn joining(&self) -> MutexGuard<'_, HashSet<String>> {
        // A poisoned lock only means that a housekeeper panicked; the set is whole.
        self.joining.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Joins the packs of a repository in the background when they have become many, once at a time.
pub(crate) fn consolidate(app: &AppState, workspace: &Arc<Workspace>) {
    if app.housekeeping.is_stopping() || !app.housekeeping.joining().insert(workspace.id().to_owned()) {
        return;
    }
    let (state, workspace) = (app.clone(), Arc::clone(workspace));
    let joining = async move {
        // An error means that the server is being taken apart.
        let turn = Arc::clone(&state.housekeeping.turns).acquire_owned().await;
        if turn.is_ok() {
            join(&state, &workspace).await;
        }
        state.housekeeping.joining().remove(workspace.id());
    };
    app.work.spawn(joining.in_current_span());
}

async fn join(app: &AppState, workspace: &Arc<Workspace>) {
    let (state, shared) = (app.clone(), Arc::clone(workspace));
    let joined = app.work.blocking(move || {
        let repository = shared.repository();
        if state.housekeeping.is_stopping() || !repository.needs_consolidation()? {
            return Ok(());
        }
        let mut run = state.metrics.git.run(GitService::Repack);
        let done = tracing::info_span!("git", service = "repack")
            .in_scope(|| repository.consolidate_unless(&|| state.housekeeping.is_stopping()));
        run.ok = done.is_ok();
        done
    });
    match joined.await {
        // The next write, or the next round, finds them as many.
        Ok(Ok(()) | Err(repository::Error::Stopped | repository::Error::NotFound(_))) => {}
        Ok(Err(error)) => {
            tracing::warn!(workspace = %workspace.name(), %error, "the packs of a repository could not be joined");
        }
        Err(error) => tracing::error!(cause = error.cause(), "joining packs failed"),
    }
}

/// Goes round all repositories from time to time, until the server stops.
pub(crate) async fn go_round_forever(app: AppState, mut stopped: watch::Receiver<bool>) {
    loop {
        if let Err(error) = go_round(&app, now(), Some(&mut stopped)).await {
            let cause = error.cause().map(ToString::to_string);
            tracing::warn!(cause, %error, "the repositories could not be gone round; it is tried again");
        }
        if tokio::time::timeout(PAUSE, stopped.wait_for(|stopped| *stopped)).await.is_ok() {
            return;
        }
    }
}

/// Looks after every repository for which it is time, one at a time; what fails is logged.
pub(crate) async fn go_round(
    app: &AppState,
    now: Timestamp,
    mut stopped: Option<&mut watch::Receiver<bool>>,
) -> Result<(), ApiError> {
    let state = app.clone();
    let ids = app.work.blocking(move || state.repositories.ids()).await??;
    for id in ids {
        if app.housekeeping.is_stopping() {
            return Ok(());
        }
        let begun = Instant::now();
        let state = app.clone();
        let looked_after = app.work.blocking(move || look_after(&state, &id, now)).await?;
        if let (true, Some(stopped)) = (looked_after, stopped.as_deref_mut()) {
            let rest = begun.elapsed().min(MAX_REST);
            // An end of the wait is the end of the server, which is asked for above.
            let _ = tokio::time::timeout(rest, stopped.wait_for(|stopped| *stopped)).await;
        }
    }
    Ok(())
}

/// Looks after one repository if it is time; tells whether it was.
fn look_after(app: &AppState, id: &RepositoryId, now: Timestamp) -> bool {
    let RepositorySettings { unreachable_grace: grace, housekeeping_interval: interval, .. } =
        app.settings.repositories;
    match app.repositories.needs_housekeeping(id, interval, grace, now) {
        Ok(false) => return false,
        Ok(true) => {}
        // One that is being removed is no concern of ours.
        Err(error) => {
            tracing::debug!(repository = %id, %error, "it can't be told whether a repository is to be looked after");
            return false;
        }
    }
    let begun = Instant::now();
    let stop = || app.housekeeping.is_stopping();
    let task = repository::Housekeeping { grace, now, stop: &stop };
    let kept = tracing::info_span!("housekeeping", repository = %id)
        .in_scope(|| app.repositories.get(id).and_then(|repository| repository.keep_house(&task)));
    match &kept {
        Err(repository::Error::Stopped | repository::Error::NotFound(_)) => return true,
        Err(error) => tracing::warn!(repository = %id, %error, "a repository could not be looked after"),
        Ok(kept) => tell(id, kept),
    }
    app.metrics.housekeeping.kept(kept.ok().as_ref(), begun.elapsed());
    true
}

fn tell(id: &RepositoryId, kept: &HouseKept) {
    let HouseKept { bytes_before, bytes_after, set_aside, dropped, postponed } = *kept;
    if set_aside > 0 || dropped > 0 {
        tracing::info!(repository = %id, bytes_before, bytes_after, set_aside, dropped, "a repository was looked after");
    } else {
        tracing::debug!(repository = %id, bytes_before, bytes_after, postponed, "a repository was looked after");
    }
}
