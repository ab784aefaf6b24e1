//! The workers that bring queued uploads into their repositories, apart from every request.
//!
//! A worker goes by what the database says, not by what it was told: it takes the next job that is due under a lease,
//! keeps the lease while it works, and records what came of it. A job of a worker that died is taken over when its
//! lease ends: whether it had committed stands in the row, written before the branch moved, so nothing is merged twice.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::attempt::merge;
use super::errand::Errand;
use super::events::STREAMS;
use super::progress::UnderWay;
use super::retention;
use super::run::{self, Applied};
use crate::app::{App, AppState};
use crate::error::ApiError;
use crate::metrics::Via;
use crate::store::now;
use crate::store::upload_jobs::UploadJob;
use crate::store::uploads::UploadState;
use crate::traces;

/// How long nobody else takes a job whose worker says nothing.
pub(super) const LEASE: SignedDuration = SignedDuration::from_mins(1);
/// How often a worker says something.
const BEAT: Duration = Duration::from_secs(15);
/// How long one attempt may take: longer than any store takes for the largest bundle and any merge for the most SLXs.
const LONGEST_ATTEMPT: Duration = Duration::from_mins(45);
/// How long a job rests after each attempt that the server failed; after the last it has failed. The later ones of its
/// workspace wait for it.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_mins(2), Duration::from_mins(10)];
/// The same after attempts that the store failed, which the later ones would find no better: some four hours.
pub(super) const OUTAGE_PAUSES: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
];
/// How long a worker rests at most: another process may have queued something.
const REST: Duration = Duration::from_secs(30);
/// How long it rests when the database fails.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Jobs that may be fetched, for each that may be merged: a slow store must not leave the processors idle.
const WORKERS_A_SLOT: usize = 4;

/// How workers are spoken to, and what they say.
#[derive(Debug)]
pub(crate) struct Uploads {
    /// Uploads that this process works on.
    pub(crate) under_way: UnderWay,
    /// Streams of events that may be open.
    pub(super) streams: Arc<Semaphore>,
    /// Objects of others that the last sweep saw in the store; what is known need not be said again.
    pub(super) foreign_objects: AtomicU64,
    signals: Arc<Signals>,
}

#[derive(Debug)]
struct Signals {
    wake: tokio::sync::Notify,
    stopped: CancellationToken,
    /// Cancelled before that, as soon as no new requests are taken.
    closing: CancellationToken,
    /// Counts attempts that ended.
    ended: watch::Sender<u64>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            wake: tokio::sync::Notify::new(),
            stopped: CancellationToken::new(),
            closing: CancellationToken::new(),
            ended: watch::Sender::new(0),
        }
    }
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            under_way: UnderWay::default(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            foreign_objects: AtomicU64::default(),
            signals: Arc::default(),
        }
    }
}

impl Uploads {
    /// Has a worker look for jobs.
    pub(crate) fn wake(&self) {
        self.signals.wake.notify_one();
    }

    /// Says that an upload is not worked on any more.
    pub(crate) fn ended(&self) {
        self.signals.ended.send_modify(|count| *count += 1);
        // The next of its workspace may begin.
        self.wake();
    }

    /// Follows the ends of attempts.
    pub(crate) fn ends(&self) -> watch::Receiver<u64> {
        self.signals.ended.subscribe()
    }

    /// Ends the workers, each after the job that it has.
    pub(crate) fn stop(&self) {
        self.signals.stopped.cancel();
    }

    /// Ends the streams of events: they would keep a server that stops waiting.
    pub(crate) fn close_streams(&self) {
        self.signals.closing.cancel();
    }

    /// Returns what is cancelled when streams of events end.
    pub(crate) fn closing(&self) -> CancellationToken {
        self.signals.closing.clone()
    }
}

/// Starts the workers, which end by [`Uploads::stop`] or with the server.
pub(crate) fn start(app: &AppState) {
    for _ in 0..app.settings.upload_concurrency.saturating_mul(WORKERS_A_SLOT) {
        let worker = Worker { server: app.downgrade(), signals: Arc::clone(&app.uploads.signals) };
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
            // Before looking, so that what is queued meanwhile is not slept over.
            let woken = self.signals.wake.notified();
            let Some(app) = self.server.upgrade().map(AppState::from) else { return };
            if self.signals.stopped.is_cancelled() {
                return;
            }
            let rest = match take(&app).await {
                Ok(Taken::Worked) => continue,
                Ok(Taken::Nothing { rest }) => rest,
                Err(error) => {
                    tracing::warn!(cause = error.cause(), %error, "queued uploads can't be looked up; it is tried again");
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

async fn take(app: &AppState) -> Result<Taken, ApiError> {
    let owner = uuid::Uuid::now_v7().to_string();
    let now = now();
    let Some(job) = app.database.take_upload_job(&owner, now, now + LEASE).await? else {
        let next = app.database.next_upload_job().await?;
        let wait = next.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
        // A millisecond more, so that it is due when it is looked for.
        return Ok(Taken::Nothing {
            rest: wait.map_or(REST, |wait| wait + Duration::from_millis(1)).min(REST),
        });
    };
    // Others may be due beside it.
    app.uploads.wake();
    work_on(app, &owner, job).await;
    Ok(Taken::Worked)
}

/// Works on a job to the end of the attempt, whatever that is, and records it.
async fn work_on(app: &AppState, owner: &str, job: UploadJob) {
    let (id, attempt) = (job.row.id.clone(), job.row.attempts);
    let (key, via) = (job.row.object_key.clone(), Via::of(&job.row.via));
    let span = tracing::info_span!("upload", upload = id, via = via.as_str());
    if let Some(trace) = Errand::trace_of(&job.errand_json) {
        traces::join(&span, &trace);
    }
    let attempting = async {
        let attempting = Box::pin(run::caught(merge(app, owner, job))).instrument(span.clone());
        let attempting = tokio::time::timeout(LONGEST_ATTEMPT, attempting);
        attempting.await.unwrap_or_else(|_| (Err(took_too_long()), None))
    };
    let Some((result, fingerprint)) = keeping_lease(app, &id, owner, Box::pin(attempting)).await else {
        tracing::warn!(id, attempt, "another worker took over an upload");
        return;
    };
    let mut finished = run::finished(&result, fingerprint);
    if let Err(error) = &result {
        match after(error, attempt) {
            After::Open => finished.state = UploadState::Open,
            After::Again(pause) => {
                finished.state = UploadState::Queued;
                finished.due_at = Some(now() + pause);
                tracing::warn!(id, attempt, cause = error.cause(), %error, "an upload failed; it is tried again");
            }
            After::Over => tracing::info!(id, attempt, %error, "an upload ended without a commit"),
        }
    }
    // What is not recorded is done again, and needs its object.
    let is_recorded = run::record(app, &id, Some(owner), &finished).await;
    // To wait for a bundle, or for another attempt, is no end.
    if !finished.state.may_go_on() {
        run::count(app, via, &result);
    }
    if is_recorded
        && finished.state == UploadState::Succeeded
        && let Some(key) = key
        && let Err(error) = retention::delete(app, &key).instrument(span).await
    {
        // What can't be deleted now falls to the sweeper.
        tracing::warn!(id, cause = error.cause(), %error, "an upload's object can't be deleted yet");
    }
}

/// Runs an attempt while the lease is kept; nothing when another has the job by now.
async fn keeping_lease(
    app: &AppState,
    id: &str,
    owner: &str,
    attempting: impl Future<Output = Applied>,
) -> Option<Applied> {
    let mut attempting = std::pin::pin!(attempting);
    let mut failures = 0;
    loop {
        tokio::select! {
            applied = &mut attempting => return Some(applied),
            () = tokio::time::sleep(BEAT) => {}
        }
        let progress = app.uploads.under_way.of(id).unwrap_or_default();
        let progress = serde_json::to_string(&progress).unwrap_or_default();
        match app.database.renew_upload_lease(id, owner, now() + LEASE, &progress).await {
            Ok(true) => failures = 0,
            Ok(false) => return None,
            // The lease has not ended by one failure; by as many as fit into it, it has.
            Err(error) => {
                failures += 1;
                tracing::warn!(id, %error, failures, "an upload's lease can't be renewed");
            }
        }
    }
}

/// What is done with an upload whose attempt failed.
#[derive(Debug, PartialEq, Eq)]
enum After {
    /// Nothing was put yet: it waits for its bundle.
    Open,
    /// It may work later.
    Again(Duration),
    /// It has failed.
    Over,
}

fn after(error: &ApiError, attempt: u32) -> After {
    if error.code() == "nothing_uploaded" {
        return After::Open;
    }
    let pauses: &[Duration] = match error.code() {
        "store_down" => &OUTAGE_PAUSES,
        "upload_changed" => &PAUSES,
        _ if error.status().is_server_error() => &PAUSES,
        _ => return After::Over,
    };
    let pause = pauses.get(attempt.saturating_sub(1) as usize);
    // Those that failed together must not all come back together.
    pause.map_or(After::Over, |pause| After::Again(pause.mul_f64(rand::random_range(0.8..1.2))))
}

fn took_too_long() -> ApiError {
    let minutes = LONGEST_ATTEMPT.as_secs() / 60;
    ApiError::unavailable("upload_stuck", format!("the upload was not done after {minutes} minutes"), 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_tried_again_for_a_while() {
        let down = ApiError::unavailable("store_down", "down", 5);
        let broken = ApiError::internal("broken");
        for (error, pauses) in [(&down, &OUTAGE_PAUSES[..]), (&broken, &PAUSES)] {
            for (attempt, pause) in (1..).zip(pauses) {
                let After::Again(rest) = after(error, attempt) else { panic!("attempt {attempt}") };
                assert!(rest > pause.mul_f64(0.79) && rest < pause.mul_f64(1.21), "{rest:?}");
            }
        }
        assert_eq!((after(&broken, 5), after(&down, 8)), (After::Over, After::Over));
        assert_eq!(after(&ApiError::invalid("bundle_empty", "no"), 1), After::Over);
        assert_eq!(after(&ApiError::conflict("nothing_uploaded", "no"), 1), After::Open);
    }
}
