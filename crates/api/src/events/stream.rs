//! A workspace's events as server-sent events (HTML Living Standard, section 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use crate::access::{self, Action};
use crate::app::AppState;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::store::events::{EventKind, EventRow};
use crate::workspace::Workspace;

/// How often the table is looked at when nothing is heard: another process may have written.
const LOOK: Duration = Duration::from_secs(2);
/// How long a stream lasts; whoever follows on is asked for a token again.
const LONGEST: Duration = Duration::from_mins(5);
/// How often something is sent at least, so that nobody on the way takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How soon a client shall come back when a stream has ended.
const COME_BACK: Duration = Duration::from_secs(1);
/// Events that are read at once.
const BATCH: u32 = 100;

/// What a stream tells.
pub(crate) struct Following {
    pub(crate) caller: Caller,
    pub(crate) workspace: Arc<Workspace>,
    /// The last event that the client has; nothing for those that are yet to come.
    pub(crate) after: Option<i64>,
    /// Empty for all.
    pub(crate) kinds: Vec<EventKind>,
}

/// Answers with each event behind the last one that the client has, as it comes.
pub(crate) async fn stream(app: &AppState, following: Following) -> Result<Response, ApiError> {
    let full = |_| ApiError::unavailable("streams_busy", "too many follow events; ask for pages instead", 15);
    let turn = Arc::clone(&app.events.streams).try_acquire_owned().map_err(full)?;
    // Before looking, so that what is told meanwhile is not slept over.
    let heard = app.events.changed();
    let after = match following.after {
        Some(after) => after,
        None => app.database.last_event().await?,
    };
    let follower = Follower {
        app: app.clone(),
        following,
        after,
        heard,
        waiting: VecDeque::new(),
        is_greeted: false,
        ends_at: Instant::now() + LONGEST,
        _turn: turn,
    };
    Ok(Sse::new(follow(follower)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

struct Follower {
    app: AppState,
    following: Following,
    after: i64,
    heard: watch::Receiver<u64>,
    waiting: VecDeque<EventRow>,
    is_greeted: bool,
    ends_at: Instant,
    _turn: OwnedSemaphorePermit,
}

fn follow(follower: Follower) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(follower, async |mut follower| {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    })
}

impl Follower {
    /// Waits for the next event; nothing when the stream is over.
    async fn next(&mut self) -> Option<Event> {
        if !self.is_greeted {
            self.is_greeted = true;
            // At once, so that the client knows that it is heard; with the place to come back to.
            return Some(Event::default().retry(COME_BACK).id(self.after.to_string()).comment("following"));
        }
        let closing = self.app.events.closing.clone();
        loop {
            if let Some(row) = self.waiting.pop_front() {
                return Some(self.event(&row));
            }
            if self.look().await.is_err() {
                return None;
            }
            if !self.waiting.is_empty() {
                continue;
            }
            tokio::select! {
                () = closing.cancelled() => return None,
                () = tokio::time::sleep_until(self.ends_at) => return None,
                () = tokio::time::sleep(LOOK) => {}
                _ = self.heard.changed() => {}
            }
        }
    }

    /// Reads on, if the caller may still read.
    async fn look(&mut self) -> Result<(), ApiError> {
        let Following { workspace, kinds, caller, .. } = &self.following;
        self.heard.mark_unchanged();
        let rows = self.app.database.events_after(workspace.id(), self.after, BATCH).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        access::authorize_again(&self.app, caller, workspace, Action::Read).await?;
        self.after = last.id;
        self.waiting.extend(rows.into_iter().filter(|row| kinds.is_empty() || kinds.contains(&row.kind)));
        Ok(())
    }

    fn event(&self, row: &EventRow) -> Event {
        let data = super::shown(row, self.following.workspace.name().as_str());
        Event::default().id(row.id.to_string()).event(row.kind.as_str()).data(data.to_string())
    }
}
