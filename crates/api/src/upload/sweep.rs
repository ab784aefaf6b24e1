//! The sweeper: what a crash, a client or a store left behind is found and settled, again and again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::run::recorded_error;
use super::{retention, strays};
use crate::app::AppState;
use crate::error::ApiError;
use crate::events;
use crate::lifecycle;
use crate::store::now;

/// How often records and marks are tidied up, which looks at all of them.
const TIDYING: SignedDuration = SignedDuration::from_hours(1);
/// Failures after which a sweep gives up: a store that is down fails slowly.
const MOST_FAILURES: usize = 10;

/// Takes up what a crash cut short, at the start of a server that has its database for itself.
pub(crate) async fn settle_interrupted(app: &AppState) -> Result<(), ApiError> {
    app.database.release_upload_jobs(now()).await?;
    settle_lost(app, now()).await
}

/// Settles inline uploads whose worker is gone.
async fn settle_lost(app: &AppState, now: Timestamp) -> Result<(), ApiError> {
    let error = ApiError::unavailable(
        "interrupted",
        "the server stopped during this upload; the branch holds all of it or nothing, upload again to be sure",
        1,
    );
    app.database.settle_lost_uploads(&recorded_error(&error), now).await?;
    Ok(())
}

/// Sweeps from time to time, until the server stops.
pub(crate) async fn sweep_forever(app: AppState, mut stopped: watch::Receiver<bool>) {
    let pause: Duration = app.settings.upload_sweep_pause;
    let mut tidied = None;
    loop {
        let now = now();
        // What failed was logged, and is tried again.
        let swept = sweep(&app, now).await;
        app.metrics.swept(swept.is_ok(), now);
        if tidied.is_none_or(|tidied| now >= tidied + TIDYING) {
            let _ = tidy(&app, now).await;
            tidied = Some(now);
        }
        if tokio::time::timeout(pause, stopped.wait_for(|stopped| *stopped)).await.is_ok() {
            return;
        }
    }
}

/// Settles all that can be; what fails keeps nothing else, is logged, and the first of it returned.
pub(crate) async fn sweep(app: &AppState, now: Timestamp) -> Result<(), ApiError> {
    let parts = [
        ("uploads whose worker is gone", settle_lost(app, now).await),
        ("deleted workspaces", lifecycle::finish_deletions(app, now).await),
        ("bundles that are kept long enough", retention::release_outlived(app, now).await),
        ("the objects in the store", strays::sweep(app, now).await),
    ];
    first_failure(parts)
}

/// Removes records and marks that are old enough.
pub(crate) async fn tidy(app: &AppState, now: Timestamp) -> Result<(), ApiError> {
    let parts = [
        ("old records", retention::tidy(app, now).await),
        ("old events", events::forget_old(app, now).await),
    ];
    first_failure(parts)
}

fn first_failure<const N: usize>(parts: [(&str, Result<(), ApiError>); N]) -> Result<(), ApiError> {
    let mut first = Ok(());
    for (part, result) in parts {
        if let Err(error) = result {
            let cause = error.cause().map(ToString::to_string);
            tracing::warn!(part, cause, %error, "a part of sweeping failed; it is tried again");
            first = first.and(Err(error));
        }
    }
    first
}

/// Failures of a part that goes on in spite of some.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: usize,
    first: Option<ApiError>,
}

impl Failures {
    /// Logs a failure; after too many the part gives up with this one.
    pub(crate) fn note(&mut self, what: &str, error: ApiError) -> Result<(), ApiError> {
        let cause = error.cause().map(ToString::to_string);
        tracing::warn!(what, cause, %error, "what is left behind can't be removed yet");
        self.count += 1;
        if self.count >= MOST_FAILURES {
            return Err(error);
        }
        self.first.get_or_insert(error);
        Ok(())
    }

    /// Returns the first failure, if there was any.
    pub(crate) fn result(self) -> Result<(), ApiError> {
        self.first.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests;
