//! What happens to workspaces, told to those who follow them.
//!
//! | File | Does |
//! |---|---|
//! | `commits.rs` | what is told of a branch that moved |
//! | `pushes.rs` | what is told of a push |
//! | `stream.rs` | server-sent events |
//! | `retention.rs` | old events are forgotten |
//!
//! Events lie in the database, in order. Those of the default branch are written with the index that they are read
//! with, so a crash between a commit and its event only delays it to the next start; those of uploads with what came of
//! the upload. Followers go by the table: what is heard here only makes them look sooner.

mod commits;
mod pushes;
mod retention;
mod stream;

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

pub(crate) use commits::{moved, of_branch};
pub(crate) use pushes::{branch_removed, pushed};
pub(crate) use retention::forget_old;
pub(crate) use stream::{Following, stream};

use crate::app::AppState;
use crate::error::ApiError;
use crate::query::{Query, rfc3339};
use crate::store::events::{EventKind, EventRow, NewEvent};
use crate::store::now;

/// Most streams at once.
const STREAMS: usize = 256;

/// How followers of this process are woken.
#[derive(Debug)]
pub(crate) struct Events {
    told: watch::Sender<u64>,
    streams: Arc<Semaphore>,
    closing: CancellationToken,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            told: watch::Sender::new(0),
            streams: Arc::new(Semaphore::new(STREAMS)),
            closing: CancellationToken::new(),
        }
    }
}

impl Events {
    /// Says that there are new events in the table.
    pub(crate) fn wake(&self) {
        self.told.send_modify(|count| *count += 1);
    }

    /// Follows that; it is said of this process only, so whoever follows looks by himself from time to time.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }

    /// Ends the streams: they would keep a server that stops waiting.
    pub(crate) fn close_streams(&self) {
        self.closing.cancel();
    }
}

/// Records what happened; a failure is logged, because what happened has happened.
pub(crate) async fn record(app: &AppState, event: &NewEvent) {
    match app.database.record_event(event, now()).await {
        Ok(()) => app.events.wake(),
        Err(error) => {
            tracing::error!(kind = event.kind.as_str(), %error, "an event could not be recorded");
        }
    }
}

/// Reads which kinds of events are asked for; none are all.
pub(crate) fn kinds(query: &Query) -> Result<Vec<EventKind>, ApiError> {
    let words = EventKind::ALL.map(EventKind::as_str).join(", ");
    let read = query.parsed("events", &format!("some of {words}, separated by commas"), |text| {
        text.split(',').map(|word| EventKind::parse(word.trim())).collect::<Option<Vec<_>>>()
    });
    read.map(Option::unwrap_or_default)
}

/// Writes an event as everybody is told it.
pub(crate) fn shown(event: &EventRow, workspace: &str) -> Value {
    json!({
        "id": event.id.to_string(),
        "event": event.kind.as_str(),
        "occurredAt": rfc3339(event.at),
        "workspace": workspace,
        "actor": event.actor,
        "data": event.data,
    })
}
