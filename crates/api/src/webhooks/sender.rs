//! The sending of what is due, apart from every request.
//!
//! It goes by what is there, not by what it is told: a wake only makes it look sooner. A delivery is taken under a lease;
//! one whose sender died is taken again when that ends.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::courier::{Courier, Taken};
use crate::app::{App, AppState};
use crate::error::ApiError;
use crate::store::now;

/// Deliveries that are sent at the same time.
const SLOTS: usize = 16;
/// How long nobody else takes a delivery: longer than looking the name up and the exchange may take.
const LEASE: SignedDuration = SignedDuration::from_mins(1);
/// How long it rests at most: another process may have recorded something.
const REST: Duration = Duration::from_secs(10);
/// How long it rests at least, when what is due may not be taken yet.
const LEAST_REST: Duration = Duration::from_millis(100);
/// How long it rests when the database fails.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How the sender is spoken to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Webhooks(Arc<Signals>);

#[derive(Debug, Default)]
struct Signals {
    wake: Notify,
    stopped: CancellationToken,
}

impl Webhooks {
    /// Ends the sender, after what it sends.
    pub(crate) fn stop(&self) {
        self.0.stopped.cancel();
    }
}

/// Has the sender look for what is due.
pub(super) fn wake(app: &AppState) {
    app.webhooks.0.wake.notify_one();
}

/// Starts the sender, which ends by [`Webhooks::stop`] or with the server.
pub(crate) fn start(app: &AppState) {
    app.work.spawn(Sender::of(app).send_forever(app.downgrade(), app.events.changed()));
}

/// Sends all that is due at a moment, one after the other: for tests, since a running server does so by itself.
pub(crate) async fn deliver_due(app: &AppState, now: Timestamp) -> Result<(), ApiError> {
    let sender = Sender::of(app);
    while let Some(taken) = sender.take(now).await? {
        sender.courier.deliver(taken, now).await;
    }
    Ok(())
}

struct Sender {
    courier: Courier,
    webhooks: Webhooks,
}

impl Sender {
    fn of(app: &AppState) -> Self {
        Self { courier: Courier::of(app), webhooks: app.webhooks.clone() }
    }

    async fn send_forever(self, server: Weak<App>, mut told: watch::Receiver<u64>) {
        let signals = Arc::clone(&self.webhooks.0);
        let slots = Arc::new(Semaphore::new(SLOTS));
        while server.strong_count() > 0 && !signals.stopped.is_cancelled() {
            let slot = tokio::select! {
                () = signals.stopped.cancelled() => return,
                slot = Arc::clone(&slots).acquire_owned() => slot,
            };
            // Before looking, so that what is told meanwhile is not slept over.
            told.mark_unchanged();
            let now = now();
            let rest = match self.take(now).await {
                Ok(Some(taken)) => {
                    let (courier, signals) = (self.courier.clone(), Arc::clone(&signals));
                    self.courier.work.spawn(async move {
                        courier.deliver(taken, now).await;
                        drop(slot);
                        // The next of its webhook may be sent.
                        signals.wake.notify_one();
                    });
                    continue;
                }
                Ok(None) => self.rest(now).await,
                Err(error) => {
                    tracing::warn!(%error, "deliveries to webhooks can't be looked up; it is tried again");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = signals.stopped.cancelled() => return,
                () = signals.wake.notified() => {}
                changed = told.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// Takes a delivery that is due.
    async fn take(&self, now: Timestamp) -> Result<Option<Taken>, sqlx::Error> {
        // Looking needs no turn to write, which others may have.
        if self.courier.database.next_delivery(now).await?.is_none_or(|next| next > now) {
            return Ok(None);
        }
        let owner = uuid::Uuid::now_v7().to_string();
        let due = self.courier.database.take_delivery(&owner, now, now + LEASE).await?;
        Ok(due.map(|due| Taken { due, owner }))
    }

    async fn rest(&self, now: Timestamp) -> Duration {
        let next = self.courier.database.next_delivery(now).await.ok().flatten();
        let wait = next.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
        wait.map_or(REST, |wait| wait.clamp(LEAST_REST, REST))
    }
}
