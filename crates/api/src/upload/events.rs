//! How an upload goes, as server-sent events (HTML Living Standard, section 9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde_json::Value;
use tokio::sync::watch;

use super::history::status_answer;
use super::progress::Progress;
use crate::app::AppState;
use crate::error::ApiError;
use crate::store::uploads::UploadRow;

/// The shortest time between two events.
const PACE: Duration = Duration::from_millis(200);
/// How often the database is asked when nothing is heard: another process may have the upload.
const LOOK: Duration = Duration::from_secs(2);
/// How often something is sent at least, so that nobody on the way takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Answers with an event for each change of the upload's status; after `done` the stream ends.
///
/// The data of each is what `upload-status` answers at that moment.
pub(crate) fn events(app: &AppState, id: String) -> Response {
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Sse::new(follow(app.clone(), id)).keep_alive(keep_alive).into_response()
}

/// What a follower remembers between two events.
struct Follower {
    app: AppState,
    id: String,
    sent: Option<Value>,
    is_over: bool,
}

fn follow(app: AppState, id: String) -> impl Stream<Item = Result<Event, Infallible>> {
    let follower = Follower { app, id, sent: None, is_over: false };
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
                () = tokio::time::sleep(LOOK) => {}
                _ = ends.changed() => {}
                () = changed(progress.as_mut()) => tokio::time::sleep(PACE).await,
            }
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
