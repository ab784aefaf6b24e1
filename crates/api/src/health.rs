//! How a workspace is: what it depends on is asked afresh, all at once, and none for longer than is bearable.
//!
//! Work that hangs can't be ended, so it is left behind: at most [`AT_ONCE`] examinations of one thing are under way,
//! and later ones say that it hangs instead of hanging too.

pub(crate) mod conditions;
mod figures;
mod probe;
mod report;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use moka::sync::Cache;
use workstead_core::oid::CommitId;

pub(crate) use self::figures::{SlxCounts, slx_counts};
pub(crate) use self::report::{Options, WorkspaceHealth, report};
use crate::app::AppState;
use crate::error::ApiError;
use crate::store::now;
use crate::turns::Turns;

/// How long an answer waits for one thing.
const PATIENCE: Duration = Duration::from_secs(2);
/// Examinations of one thing that may be under way.
const AT_ONCE: usize = 2;
/// Workspaces whose figures and failures are remembered.
const REMEMBERED: u64 = 10_000;

/// What a workspace depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dependency {
    Repository,
    Database,
    ObjectStore,
}

/// A failure that was seen, in words for everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    message: String,
    at: Timestamp,
}

/// What examinations remember, as long as the server runs.
pub(crate) struct Examinations {
    failures: Cache<(String, Dependency), Failure>,
    /// The commits that lead to a workspace's head when it was last counted.
    commits: Cache<String, (CommitId, u64)>,
    slxs: Cache<(String, CommitId), Arc<SlxCounts>>,
    turns: Turns,
}

impl Examinations {
    /// Remembers nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            failures: Cache::new(REMEMBERED),
            commits: Cache::new(REMEMBERED),
            slxs: Cache::new(REMEMBERED),
            turns: Turns::new(AT_ONCE),
        }
    }

    fn note_failure(&self, workspace_id: &str, dependency: Dependency, message: &str) {
        let failure = Failure { message: message.to_owned(), at: now() };
        self.failures.insert((workspace_id.to_owned(), dependency), failure);
    }

    fn last_failure(&self, workspace_id: &str, dependency: Dependency) -> Option<Failure> {
        self.failures.get(&(workspace_id.to_owned(), dependency))
    }
}

/// What came of asking something within bounds.
#[derive(Debug)]
enum Asked<T> {
    Answered(Result<T, ApiError>, Duration),
    /// It did not answer in time.
    Hangs,
}

/// Asks something, and stops waiting after a while; what was asked goes on and keeps its turn until it is done.
async fn ask<T: Send + 'static>(
    app: &AppState,
    turn: String,
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Asked<T> {
    let begin = Instant::now();
    let state = app.clone();
    let asking = app.work.to_end(async move {
        // Who can't have a turn in time must not wait on for it: those waiting would become ever more.
        let Ok(turn) = tokio::time::timeout(PATIENCE, state.health.turns.take(&turn)).await else {
            return Ok(None);
        };
        let _turn = turn?;
        work.await.map(Some)
    });
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(Some(answer))) => Asked::Answered(Ok(answer), begin.elapsed()),
        Ok(Err(error)) => Asked::Answered(Err(error), begin.elapsed()),
        Ok(Ok(None)) | Err(_) => Asked::Hangs,
    }
}
