//! Figures of a workspace: what a commit holds is counted once, the rest when it is asked for.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::SignedDuration;
use serde::Serialize;
use utoipa::ToSchema;
use workstead_core::model::{FileKind, slx_directory};
use workstead_core::oid::CommitId;
use workstead_core::tree::FileTree;

use super::{Asked, ask};
use crate::app::AppState;
use crate::error::ApiError;
use crate::store::figures::UploadsByState;
use crate::workspace::Workspace;

/// What a commit holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SlxCounts {
    /// SLXs.
    pub(crate) slx: u64,
    /// SLXs with an `sli.yaml`.
    sli: u64,
    /// SLXs with an `slo.yaml`.
    slo: u64,
    /// SLXs with a `runbook.yaml`.
    runbook: u64,
    /// Workflows.
    workflow: u64,
}

/// Figures of a workspace; what could not be had in time is null.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HealthMetrics {
    /// Commits that lead to the head of the default branch.
    #[schema(required)]
    commits: Option<u64>,
    /// SLXs by kind.
    #[schema(required)]
    slxs: Option<SlxCounts>,
    /// Bytes on the disk of the repository, history included.
    #[schema(required)]
    repository_bytes: Option<u64>,
    /// Bytes that packs and loose objects may take, nearly all of the above; null when there is no limit.
    #[schema(required)]
    repository_max_bytes: Option<u64>,
    /// Uploads by what became of them.
    #[schema(required)]
    uploads: Option<UploadCounts>,
    /// How long things took when they were last done.
    #[schema(required)]
    last_durations: Option<UploadDurations>,
}

/// Uploads by what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UploadCounts {
    open: u64,
    running: u64,
    succeeded: u64,
    failed: u64,
    expired: u64,
}

/// How long the last uploads took that were worked on to their end; null when there was none.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UploadDurations {
    #[schema(required)]
    inline_upload_ms: Option<f64>,
    #[schema(required)]
    presigned_upload_ms: Option<f64>,
}

impl UploadCounts {
    fn of(counts: &UploadsByState) -> Self {
        let count = |state: &str| counts.get(state).copied().unwrap_or(0);
        Self {
            open: count("open"),
            running: count("running"),
            succeeded: count("succeeded"),
            failed: count("failed"),
            expired: count("expired"),
        }
    }
}

/// Counts what the head holds, from memory when it was counted before.
pub(crate) async fn slx_counts(
    app: &AppState,
    workspace: &Arc<Workspace>,
    commit: CommitId,
) -> Result<Arc<SlxCounts>, ApiError> {
    let key = (workspace.id().to_owned(), commit);
    if let Some(known) = app.health.slxs.get(&key) {
        return Ok(known);
    }
    let shared = Arc::clone(workspace);
    let counts = app.work.blocking(move || {
        let snapshot = shared.repository().snapshot(commit)?;
        Ok::<_, ApiError>(count(&*snapshot))
    });
    let counts = Arc::new(counts.await??);
    app.health.slxs.insert(key, Arc::clone(&counts));
    Ok(counts)
}

/// Counts an SLX's other files only where it has an `slx.yaml`, which makes it one.
fn count(tree: &dyn FileTree) -> SlxCounts {
    let mut counts = SlxCounts::default();
    let slxs: HashSet<&str> = tree
        .files()
        .keys()
        .filter(|path| FileKind::of(path) == FileKind::Slx)
        .filter_map(|path| Some(slx_directory(path)?.0))
        .collect();
    for path in tree.files().keys() {
        let of_slx = slx_directory(path).is_some_and(|(directory, _)| slxs.contains(directory));
        let counter = match FileKind::of(path) {
            FileKind::Slx => &mut counts.slx,
            FileKind::Sli if of_slx => &mut counts.sli,
            FileKind::Slo if of_slx => &mut counts.slo,
            FileKind::Runbook if of_slx => &mut counts.runbook,
            FileKind::Workflow => &mut counts.workflow,
            _ => continue,
        };
        *counter += 1;
    }
    counts
}

/// Collects the figures, each as far as it can be had in time.
pub(super) async fn metrics(
    app: &AppState,
    workspace_id: &str,
    workspace: Option<&Arc<Workspace>>,
) -> HealthMetrics {
    let (counted, uploads) = tokio::join!(of_repository(app, workspace), of_uploads(app, workspace_id));
    let (commits, slxs, repository_bytes) = counted;
    let (uploads, last_durations) = uploads.unzip();
    let repository_max_bytes = Some(app.settings.repositories.max_bytes);
    HealthMetrics { commits, slxs, repository_bytes, repository_max_bytes, uploads, last_durations }
}

type OfRepository = (Option<u64>, Option<SlxCounts>, Option<u64>);

async fn of_repository(app: &AppState, workspace: Option<&Arc<Workspace>>) -> OfRepository {
    let Some(workspace) = workspace else { return (None, None, None) };
    let turn = |what: &str| format!("{what}/{}", workspace.id());
    let (state, shared) = (app.clone(), Arc::clone(workspace));
    let commits = ask(app, turn("commits"), async move { commits(&state, &shared).await });
    let (state, shared) = (app.clone(), Arc::clone(workspace));
    let slxs = ask(app, turn("slxs"), async move {
        let head = shared.head()?;
        slx_counts(&state, &shared, head).await.map(|counts| *counts)
    });
    let (work, shared) = (app.work.clone(), Arc::clone(workspace));
    let bytes = ask(app, turn("bytes"), async move {
        Ok(work.blocking(move || shared.repository().disk_bytes()).await??)
    });
    let (commits, slxs, bytes) = tokio::join!(commits, slxs, bytes);
    (had(commits), had(slxs), had(bytes))
}

/// Counts the commits, from the last count on.
async fn commits(app: &AppState, workspace: &Arc<Workspace>) -> Result<u64, ApiError> {
    let head = workspace.head()?;
    let known = app.health.commits.get(workspace.id());
    if let Some((commit, count)) = known
        && commit == head
    {
        return Ok(count);
    }
    let shared = Arc::clone(workspace);
    let count = app.work.blocking(move || shared.repository().count_commits(head, known)).await??;
    app.health.commits.insert(workspace.id().to_owned(), (head, count));
    Ok(count)
}

async fn of_uploads(app: &AppState, workspace_id: &str) -> Option<(UploadCounts, UploadDurations)> {
    let (state, id) = (app.clone(), workspace_id.to_owned());
    let asked = ask(app, format!("uploads/{workspace_id}"), async move {
        let counts = state.database.count_uploads_by_state(&id).await?;
        let inline = state.database.last_upload_duration(&id, "inline").await?;
        let presigned = state.database.last_upload_duration(&id, "presigned").await?;
        let durations = UploadDurations {
            inline_upload_ms: inline.map(milliseconds),
            presigned_upload_ms: presigned.map(milliseconds),
        };
        Ok((UploadCounts::of(&counts), durations))
    });
    had(asked.await)
}

fn milliseconds(duration: SignedDuration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Returns a figure, or nothing and a line in the log.
fn had<T>(asked: Asked<T>) -> Option<T> {
    match asked {
        Asked::Answered(Ok(figure), _) => Some(figure),
        Asked::Answered(Err(error), _) => {
            tracing::warn!(cause = error.cause(), %error, "a figure of a workspace can't be had");
            None
        }
        Asked::Hangs => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use workstead_core::path::RepoPath;
    use workstead_core::tree::MemoryTree;

    use super::*;

    #[test]
    fn files_count_for_an_slx_that_is_one() {
        let tree: MemoryTree = [
            "workspace.yaml",
            "slxs/a/slx.yaml",
            "slxs/a/sli.yaml",
            "slxs/a/deep/slx.yaml",
            "slxs/b/slx.yaml",
            "slxs/b/runbook.yaml",
            "slxs/b/slo.yaml",
            "slxs/no-slx/runbook.yaml",
            "workflows/w.yaml",
            "personas/p.yaml",
        ]
        .map(|path| (RepoPath::parse(path).unwrap(), Bytes::new()))
        .into_iter()
        .collect();
        assert_eq!(count(&tree), SlxCounts { slx: 2, sli: 1, slo: 1, runbook: 1, workflow: 1 });
    }
}
