//! How an upload goes, as server-sent events (HTML Living Standard, section 9.2).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::history::status_answer;
use super::progress::Progress;
use crate::app::AppState;
use crate::error::ApiError;
use crate::store::uploads::UploadRow;

/// The shortest time between two events.
const PACE: Duration = Duration::from_millis(200);
/// How often the database is asked when nothing is heard: another process may have the upload.
const LOOK: Duration = Duration::from_secs(2);
/// How long a stream lasts; whoever follows on is asked for a token again.
const LONGEST: Duration = Duration::from_mins(5);
/// Most streams at once.
pub(super) const STREAMS: usize = 256;
/// How often something is sent at least, so that nobody on the way takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Answers with an event for each change of the upload's status; after `done` the stream ends.
///
/// The data of each is what `upload-status` answers at that moment.
pub(crate) fn events(app: &AppState, id: String) -> Result<Response, ApiError> {
    let full =
        |_| ApiError::unavailable("streams_busy", "too many follow uploads; ask upload-status instead", 15);
    let turn = Arc::clone(&app.uploads.streams).try_acquire_owned().map_err(full)?;
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let followed = follow(app.clone(), id, turn);
    Ok(Sse::new(followed).keep_alive(keep_alive).into_response())
}

/// What a follower remembers between two events.
struct Follower {
    app: AppState,
    id: String,
    sent: Option<Value>,
    is_over: bool,
    ends_at: Instant,
    _turn: OwnedSemaphorePermit,
}

fn follow(
    app: AppState,
    id: String,
    turn: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let ends_at = Instant::now() + LONGEST;
    let follower = Follower { app, id, sent: None, is_over: false, ends_at, _turn: turn };
    stream::unfold(follower, async |mut follower| {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    })
}

impl Follower {
    /// Waits for the next change; nothing when the upload is over and said to be, is gone, or the server stops.
    async fn next(&mut self) -> Option<Event> {
        if self.is_over {
            return None;
        }
        if self.sent.is_some() {
            tokio::time::sleep(PACE).await;
        }
        let closing = self.app.uploads.closing();
        loop {
            // Before looking, so that what changes meanwhile is not slept over.
            let (mut ends, mut progress) =
                (self.app.uploads.ends(), self.app.uploads.under_way.follow(&self.id));
            ends.mark_unchanged();
            let (row, status) = self.look().await.ok()??;
            self.is_over = !row.state.may_go_on();
            if self.sent.as_ref() != Some(&status) {
                let name = if self.is_over { "done" } else { "progress" };
                let event = Event::default().event(name).data(status.to_string());
                self.sent = Some(status);
                return Some(event);
            }
            tokio::select! {
                () = closing.cancelled() => return None,
                () = tokio::time::sleep_until(self.ends_at) => return None,
                () = tokio::time::sleep(LOOK) => {}
                _ = ends.changed() => {}
                () = changed(progress.as_mut()) => {}
            }
            tokio::time::sleep(PACE).await;
        }
    }

    async fn look(&self) -> Result<Option<(UploadRow, Value)>, ApiError> {
        let row = self.app.database.find_upload(&self.id).await?;
        Ok(row.map(|row| {
            let status = status_answer(&self.app, &row);
            (row, status)
        }))
    }
}

/// Waits until the progress changes; for ever when nobody here works on the upload.
async fn changed(progress: Option<&mut watch::Receiver<Progress>>) {
    match progress {
        Some(progress) => {
            // An error means that the work has ended, which the ends tell.
            if progress.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}
