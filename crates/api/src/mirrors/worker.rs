//! The workers that look at mirrors, apart from every request.
//!
//! Each takes what is due for longest, under a lease that it keeps while it works; a mirror of a worker that died is
//! taken over when the lease ends. A failed attempt is repeated for as long as the mirror is set, the later the more
//! often it failed: what was away comes back, and what somebody has to repair may be repaired.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use workstead_core::name::BranchName;

use super::failure::{Cure, Failure};
use super::remote::Remote;
use super::{Signals, bound_to, pull, push};
use crate::app::{App, AppState};
use crate::error::ApiError;
use crate::seal::Purpose;
use crate::store::events::{EventKind, NewEvent};
use crate::store::mirrors::{Direction, MirrorEnd, MirrorRow, MirrorState};
use crate::store::now;
use crate::workspace::{self, Workspace};

/// Mirrors that are looked at side by side: an upstream that hangs must not hold up the others.
const WORKERS: usize = 4;
/// How long nobody else takes a mirror whose worker says nothing.
const LEASE: SignedDuration = SignedDuration::from_mins(1);
/// How often a worker says something.
const BEAT: Duration = Duration::from_secs(15);
/// How long a worker rests at most: another process may have set something.
const REST: Duration = Duration::from_mins(1);
/// How long it rests when the database fails.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How long a mirror rests after each failure in a row, and after all that follow.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
];

/// Starts the workers, which end by [`super::Mirrors::stop`] or with the server.
pub(crate) fn start(app: &AppState) {
    for _ in 0..WORKERS {
        let worker = Worker { server: app.downgrade(), signals: Arc::clone(&app.mirrors.signals) };
        app.work.spawn(worker.work_forever());
    }
}

/// One worker; it must not keep alive a server that nobody else uses.
struct Worker {
    server: Weak<App>,
    signals: Arc<Signals>,
}

impl Worker {
    async fn work_forever(self) {
        loop {
            // Before looking, so that what is due meanwhile is not slept over.
            let woken = self.signals.wake.notified();
            let Some(app) = self.server.upgrade().map(AppState::from) else { return };
            if self.signals.stopped.is_cancelled() {
                return;
            }
            let rest = match take(&app, &self.signals.stopped).await {
                Ok(Taken::Worked) => continue,
                Ok(Taken::Nothing { rest }) => rest,
                Err(error) => {
                    tracing::warn!(cause = error.cause(), %error, "mirrors can't be looked up; it is tried again");
                    AFTER_FAILURE
                }
            };
            drop(app);
            tokio::select! {
                () = self.signals.stopped.cancelled() => return,
                () = woken => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }
}

enum Taken {
    Worked,
    Nothing { rest: Duration },
}

async fn take(app: &AppState, stopped: &CancellationToken) -> Result<Taken, ApiError> {
    let owner = uuid::Uuid::now_v7().to_string();
    let now = now();
    let Some(row) = app.database.take_mirror(&owner, now, now + LEASE).await? else {
        let next = app.database.next_mirror().await?;
        let wait = next.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
        // A millisecond more, so that it is due when it is looked for.
        let rest = wait.map_or(REST, |wait| wait + Duration::from_millis(1)).min(REST);
        return Ok(Taken::Nothing { rest });
    };
    // Others may be due beside it.
    app.mirrors.wake();
    let span =
        tracing::info_span!("mirror", workspace = row.workspace_id, direction = row.direction.as_str());
    work_on(app, &owner, &row, stopped).instrument(span).await;
    Ok(Taken::Worked)
}

/// What an attempt was about, and what came of it.
struct Attempt {
    /// The head that the index knew when it began.
    indexed: Option<String>,
    result: Result<String, Failure>,
}

async fn work_on(app: &AppState, owner: &str, row: &MirrorRow, stopped: &CancellationToken) {
    let cancel = stopped.child_token();
    let attempt = keeping_lease(app, owner, row, &cancel, Box::pin(attempt(app, row, &cancel))).await;
    if matches!(&attempt.result, Err(failure) if failure.cure == Cure::None) {
        // Nothing to do when the lease is another's; else the next start takes it up.
        if let Err(error) = app.database.release_mirror(&row.workspace_id, owner).await {
            tracing::warn!(%error, "a mirror can't be given back; it is free when its lease ends");
        }
        return;
    }
    let now = now();
    let end = end_of(row, &attempt, now);
    let event = event(row, &end);
    if event.is_some() {
        let (state, error) = (end.state.as_str(), end.error.as_ref().map(|(_, detail)| detail));
        tracing::info!(state, error, revision = end.revision, "a mirror was looked at");
    }
    match app.database.finish_mirror(&row.workspace_id, owner, &end, event.as_ref(), now).await {
        Ok(true) if event.is_some() => app.events.wake(),
        Ok(_) => {}
        // It is looked at again when the lease ends.
        Err(error) => tracing::error!(%error, "what came of a mirror can't be recorded"),
    }
}

/// Waits for an attempt while the lease is kept, and calls it off when it can't be.
async fn keeping_lease(
    app: &AppState,
    owner: &str,
    row: &MirrorRow,
    cancel: &CancellationToken,
    attempting: impl Future<Output = Attempt> + Unpin,
) -> Attempt {
    let mut attempting = attempting;
    let mut until = now() + LEASE;
    loop {
        tokio::select! {
            attempt = &mut attempting => return attempt,
            () = tokio::time::sleep(BEAT) => {}
            () = app.mirrors.signals.changed.notified() => {}
        }
        let next = now() + LEASE;
        match app.database.renew_mirror_lease(&row.workspace_id, owner, next).await {
            Ok(true) => until = next,
            Ok(false) => cancel.cancel(),
            Err(error) => {
                tracing::warn!(%error, "a mirror's lease can't be renewed");
                if now() >= until {
                    cancel.cancel();
                }
            }
        }
    }
}

async fn attempt(app: &AppState, row: &MirrorRow, cancel: &CancellationToken) -> Attempt {
    let workspace = match workspace_of(app, row).await {
        Ok(workspace) => workspace,
        Err(failure) => return Attempt { indexed: None, result: Err(failure) },
    };
    let indexed = workspace.row.revision.clone();
    Attempt { indexed, result: look(app, row, &workspace, cancel).await }
}

/// Finds the workspace by its immutable id, as it is now.
async fn workspace_of(app: &AppState, row: &MirrorRow) -> Result<Arc<Workspace>, Failure> {
    let found = app.database.find_workspace_by_id(&row.workspace_id).await.map_err(ApiError::from)?;
    // It is going, and the mirror with it.
    let present = found.ok_or_else(Failure::cancelled)?;
    Ok(workspace::open(app, present).await?)
}

/// Brings one side to where the other is, and returns the commit.
async fn look(
    app: &AppState,
    row: &MirrorRow,
    workspace: &Arc<Workspace>,
    cancel: &CancellationToken,
) -> Result<String, Failure> {
    let target = app.egress.target(&row.url)?;
    let destination = app.egress.check(&target).await?;
    let branch = BranchName::parse(&row.branch).map_err(ApiError::internal)?;
    let sealed = row.sealed_password.as_deref();
    let bound_to = bound_to(&row.workspace_id, "password");
    let password =
        sealed.map(|sealed| app.server_key.open(Purpose::Mirrors, &bound_to, sealed)).transpose()?;
    let remote = Remote { destination, branch, username: row.username.clone(), password };
    match row.direction {
        Direction::Push => {
            let head = workspace.head()?;
            push::attempt(app, workspace, &remote, head, cancel).await?;
            Ok(head.to_string())
        }
        Direction::Pull => {
            let theirs = pull::attempt(app, workspace, &remote, row, cancel).await?;
            Ok(theirs.to_string())
        }
    }
}

fn end_of(row: &MirrorRow, attempt: &Attempt, now: Timestamp) -> MirrorEnd {
    let interval = Duration::from_mins(u64::from(row.interval_minutes));
    let attempted_revision = attempt.indexed.clone();
    match &attempt.result {
        Ok(revision) => MirrorEnd {
            state: MirrorState::Idle,
            due_at: now + spread(interval),
            heeds_commits: true,
            failures: 0,
            attempted_revision,
            revision: Some(revision.clone()),
            error: None,
        },
        Err(failure) => {
            let failures = row.failures.saturating_add(1);
            let needs_somebody = failure.cure != Cure::Time;
            MirrorEnd {
                state: if failure.cure == Cure::Merge { MirrorState::Diverged } else { MirrorState::Failing },
                due_at: now + if needs_somebody { spread(interval) } else { pause(failures) },
                heeds_commits: needs_somebody,
                failures,
                attempted_revision,
                revision: None,
                error: Some((failure.code.clone(), failure.detail.clone())),
            }
        }
    }
}

/// Returns how long to rest after so many failures in a row.
fn pause(failures: u32) -> Duration {
    let last = PAUSES.len() - 1;
    spread(PAUSES[last.min(failures.saturating_sub(1) as usize)])
}

/// What was due together must not all come back together.
fn spread(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.9..1.1))
}

/// Makes the event of an outcome; none where nothing is new.
fn event(row: &MirrorRow, end: &MirrorEnd) -> Option<NewEvent> {
    let code = |error: &Option<(String, String)>| error.as_ref().map(|(code, _)| code.clone());
    let moved = end.revision.is_some() && end.revision != row.revision;
    if end.state == row.state && code(&end.error) == code(&row.error) && !moved {
        return None;
    }
    let error = end.error.as_ref().map(|(code, detail)| json!({ "code": code, "detail": detail }));
    let data = json!({
        "direction": row.direction.as_str(),
        "url": row.url,
        "branch": row.branch,
        "state": end.state.as_str(),
        "revision": end.revision.as_ref().or(row.revision.as_ref()),
        "error": error,
    });
    Some(NewEvent { workspace_id: row.workspace_id.clone(), kind: EventKind::Sync, actor: None, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_repeated_ever_later_and_for_ever() {
        for (failures, seconds) in [(1, 2), (2, 10), (3, 60), (6, 3600), (1000, 3600)] {
            let rest = pause(failures).as_secs_f64();
            assert!((0.89..1.11).contains(&(rest / f64::from(seconds))), "{failures}: {rest}");
        }
    }
}
