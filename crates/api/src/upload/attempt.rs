//! One attempt at an upload: whether it landed already, its bundle, its room, the merge.

use std::sync::Arc;
use std::time::Instant;

use workstead_core::oid::CommitId;
use workstead_presign::ObjectKey;

use super::errand::Errand;
use super::fetch::{self, Spooled};
use super::memory;
use super::progress::Phase;
use super::run::{self, Answer, Applied, Job};
use super::worker::OUTAGE_PAUSES;
use crate::app::AppState;
use crate::error::ApiError;
use crate::index;
use crate::metrics;
use crate::store::upload_jobs::UploadJob;
use crate::workspace::{self, Workspace};

/// Fetches a job's bundle and merges it.
pub(super) async fn merge(app: &AppState, owner: &str, job: UploadJob) -> Applied {
    match kept_promise(app, &job).await {
        Ok(None) => {}
        Ok(Some(answer)) => return (Ok(answer), None),
        Err(error) => return (Err(error), None),
    }
    match prepare(app, owner, job).await {
        Err(error) => (Err(error), None),
        Ok((job, spooled)) => {
            let fingerprint = spooled.fingerprint.clone();
            (unpack_and_apply(app, &job, spooled).await, Some(fingerprint))
        }
    }
}

/// Finds out whether an earlier worker came to its commit and no further; then nothing is merged again.
async fn kept_promise(app: &AppState, job: &UploadJob) -> Result<Option<Answer>, ApiError> {
    let (Some(commit), Some(json)) = (&job.row.commit, &job.promised_json) else { return Ok(None) };
    let Ok(id) = CommitId::parse(commit) else { return Ok(None) };
    let workspace = workspace_of(app, &job.row.workspace_id).await?;
    let shared = Arc::clone(&workspace);
    let landed = app.work.blocking(move || {
        let head = shared.head()?;
        // An object that was never a part of the branch may be gone.
        Ok::<_, ApiError>(shared.repository().is_descendant(id, head).unwrap_or(false))
    });
    if !landed.await?? {
        return Ok(None);
    }
    index::moved(app, &workspace).await;
    Ok(Answer::promised(commit.clone(), json))
}

/// Finds the workspace of a job by its immutable id.
async fn workspace_of(app: &AppState, id: &str) -> Result<Arc<Workspace>, ApiError> {
    let gone = || ApiError::workspace_not_found(id);
    let name = app.database.find_workspace_by_id(id).await?.ok_or_else(gone)?.name;
    let workspace = workspace::find(app, name.as_str()).await?;
    // Another may have the name by now.
    workspace.filter(|workspace| workspace.id() == id).ok_or_else(gone)
}

/// Finds out all that an upload needs, and fetches its bundle.
async fn prepare(app: &AppState, owner: &str, job: UploadJob) -> Result<(Job, Spooled), ApiError> {
    let UploadJob { row, errand_json, .. } = job;
    if row.attempts as usize > OUTAGE_PAUSES.len() + 1 {
        // No attempt was recorded: each took its worker along.
        let detail =
            format!("the server stopped during each of {} attempts to take in this upload", row.attempts - 1);
        return Err(ApiError::unavailable("upload_stuck", detail, 60));
    }
    let key =
        row.object_key.as_deref().ok_or_else(|| ApiError::internal("a job without an object was taken"))?;
    let key = ObjectKey::parse(key).map_err(ApiError::internal)?;
    let errand = Errand::from_json(&errand_json, &row.token_id)?;
    let options = serde_json::from_str(&row.options_json).map_err(ApiError::internal)?;
    let caller = errand.caller(app).await?;
    let workspace = workspace_of(app, &row.workspace_id).await?;
    let (trailers, if_match) = errand.into_parts();
    let report = app.uploads.under_way.begin(&row.id, row.attempts);
    report.enter(Phase::Fetching);
    let id = row.id.clone();
    let state = app.clone();
    let begun = Instant::now();
    let fetching = app.work.blocking(move || {
        let spooled = fetch::fetch(&state, &key, &row, &report)?;
        Ok::<_, ApiError>((spooled, report))
    });
    let (spooled, report) = fetching.await??;
    app.metrics.upload_phase(metrics::Phase::Fetching, begun.elapsed());
    let owner = Some(owner.to_owned());
    Ok((Job { id, workspace, options, caller, trailers, if_match, owner, report }, spooled))
}

async fn unpack_and_apply(app: &AppState, job: &Job, spooled: Spooled) -> Result<Answer, ApiError> {
    job.report.enter(Phase::Waiting);
    let (declared, begun) = (spooled.declared, Instant::now());
    // In this order everywhere: who has room has a slot too, and comes to its end.
    let _slot = app.take_upload_slot().await?;
    let _room = app.upload_memory.reserve(declared).await?;
    app.metrics.upload_phase(metrics::Phase::Waiting, begun.elapsed());
    job.report.enter(Phase::Checking);
    let begun = Instant::now();
    let limits = app.settings.upload_limits;
    let members = job.report.members();
    let reading = app.work.large(move || {
        let read = run::read_bundle(spooled.open()?, &memory::limits_of(limits, declared), members);
        read.map_err(|error| memory::explain(error, &limits, declared))
    });
    let (bundle, fingerprint) = reading.await??;
    app.metrics.upload_phase(metrics::Phase::Checking, begun.elapsed());
    job.report.update(|progress| progress.members = bundle.files.len() as u64);
    let retry = app.url(&format!("/api/v3/workspaces/{}/uploads/{}/retry", job.workspace.name(), job.id));
    let retry = format!("the bundle is kept: POST {retry}?allowMassPrune=true takes it in");
    run::apply(app, job, bundle, &fingerprint).await.map_err(|error| run::how_to_insist(error, &retry))
}
