//! Completing an upload: said to be there, queued, and waited for.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use workstead_presign::{ObjectKey, StoreError};

use super::errand::Errand;
use super::open::status_url;
use super::options::UploadOptions;
use crate::app::AppState;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::metrics::StoreOperation;
use crate::query::{Query, rfc3339};
use crate::revision::IfMatch;
use crate::store::now;
use crate::store::upload_jobs::Queueing;
use crate::store::uploads::{UploadRow, UploadState};
use crate::workspace::Workspace;

/// How long a request waits for the end of its upload before it answers that it goes on without it.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often the database is asked all the same: another process may have the upload.
const LOOK: Duration = Duration::from_secs(2);

/// A request about one upload of a workspace.
pub(crate) struct Asked<'a> {
    pub(crate) caller: Caller,
    pub(crate) context: RequestContext,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) id: &'a str,
    pub(crate) query: &'a Query,
    pub(crate) if_match: IfMatch,
    /// Whether the client waits for the end.
    pub(crate) waits: bool,
}

/// What a client is told that asked for an upload to be taken in.
#[derive(Debug)]
pub(crate) enum Completed {
    /// What came of it.
    Done(Value),
    /// It is queued, or goes on.
    Accepted(Value),
}

/// Completes an upload: what was put is read, checked, merged and committed.
///
/// Twice is fine, by whoever: all that ask are told what came of it.
pub(crate) async fn complete(app: &AppState, asked: Asked<'_>) -> Result<Completed, ApiError> {
    let row = find(app, &asked).await?;
    // Read whatever becomes of them: nonsense is refused also where an upload needs no options any more.
    let options = options(&row, asked.query)?;
    match row.state {
        UploadState::Open => {
            asked.if_match.check(asked.workspace.head()?)?;
            if !asked.waits {
                // A store that does not answer now is asked again by the worker.
                let put = check_put(app, &row).await;
                put.or_else(|error| if error.code() == "nothing_uploaded" { Err(error) } else { Ok(()) })?;
            }
            queue(app, &asked, &options, false).await?;
        }
        UploadState::Queued => app.database.hurry_upload(&row.id, now()).await?,
        _ => {}
    }
    let completed = follow(app, &row, asked.waits).await;
    completed.map_err(|error| no_way_left(&row, error))
}

/// Says of a bundle that never came that it can't come any more, where its URL has ended.
fn no_way_left(row: &UploadRow, error: ApiError) -> ApiError {
    match row.expires_at.filter(|expires_at| error.code() == "nothing_uploaded" && *expires_at <= now()) {
        Some(expires_at) => {
            let ended = rfc3339(expires_at);
            let detail =
                format!("nothing was uploaded before the upload's URL ended at {ended}; ask for a new one");
            ApiError::conflict("nothing_uploaded", detail)
        }
        None => error,
    }
}

/// Has an upload tried once more that was refused, failed or was cancelled.
pub(crate) async fn retry(app: &AppState, asked: Asked<'_>) -> Result<Completed, ApiError> {
    let row = find(app, &asked).await?;
    let options = options(&row, asked.query)?;
    if matches!(row.state, UploadState::Open | UploadState::Failed | UploadState::Cancelled) {
        if row.object_key.is_none() {
            let detail = format!("the bundle of upload {} is not kept; upload it again", row.id);
            return Err(ApiError::conflict("bundle_not_kept", detail));
        }
        asked.if_match.check(asked.workspace.head()?)?;
        check_put(app, &row).await.map_err(|error| no_way_left(&row, error))?;
        queue(app, &asked, &options, true).await?;
        // What is remembered of it is from before.
        let row = UploadRow { state: UploadState::Queued, attempts: 0, ..row };
        return follow(app, &row, asked.waits).await;
    }
    if row.state == UploadState::Queued {
        app.database.hurry_upload(&row.id, now()).await?;
    }
    follow(app, &row, asked.waits).await
}

/// Calls an upload off and returns how it stands then: one that runs ends before its commit, or with it.
pub(crate) async fn cancel(app: &AppState, workspace: &Workspace, id: &str) -> Result<UploadRow, ApiError> {
    let gone = || upload_not_found(id);
    let row = app.database.find_upload(id).await?.filter(|row| row.workspace_id == workspace.id());
    row.ok_or_else(gone)?;
    let cancelled = app.database.cancel_upload(id, now()).await?;
    app.uploads.ended();
    app.events.wake();
    let row = app.database.find_upload(id).await?.ok_or_else(gone)?;
    if cancelled || row.state == UploadState::Cancelled {
        return Ok(row);
    }
    let detail = format!("upload {id} is over ({}); it can't be cancelled any more", row.state.as_str());
    Err(ApiError::conflict("upload_over", detail))
}

async fn find(app: &AppState, asked: &Asked<'_>) -> Result<UploadRow, ApiError> {
    let row = app.database.find_upload(asked.id).await?;
    let row = row.filter(|row| row.workspace_id == asked.workspace.id());
    row.ok_or_else(|| upload_not_found(asked.id))
}

fn options(row: &UploadRow, query: &Query) -> Result<UploadOptions, ApiError> {
    let options: UploadOptions = serde_json::from_str(&row.options_json).map_err(ApiError::internal)?;
    options.completed_with(query)
}

/// Answers 409 when nothing lies there, for those that don't wait to be told.
async fn check_put(app: &AppState, row: &UploadRow) -> Result<(), ApiError> {
    let key = row.object_key.as_deref().unwrap_or_default();
    let key = ObjectKey::parse(key).map_err(ApiError::internal)?;
    let state = app.clone();
    let looking = app.work.blocking(move || {
        match state.store_call(StoreOperation::Head, |objects| objects.head(&key))? {
            Some(_) => Ok(()),
            None => Err(StoreError::Missing { key }),
        }
    });
    Ok(looking.await??)
}

/// Queues an upload; somebody else may have done so meanwhile, which is as good.
async fn queue(
    app: &AppState,
    asked: &Asked<'_>,
    options: &UploadOptions,
    again: bool,
) -> Result<(), ApiError> {
    let errand_json = Errand::of(&asked.caller, &asked.context, asked.if_match.clone()).to_json()?;
    let options_json = serde_json::to_string(options).map_err(ApiError::internal)?;
    let queueing = Queueing {
        completed_by: "client",
        options_json: &options_json,
        errand_json: &errand_json,
        now: now(),
    };
    if again {
        app.database.retry_upload(asked.id, &queueing).await?;
    } else {
        app.database.queue_upload(asked.id, &queueing).await?;
    }
    Ok(())
}

/// Has a worker look, and waits for what comes of it, if the client does.
pub(super) async fn follow(app: &AppState, row: &UploadRow, waits: bool) -> Result<Completed, ApiError> {
    let mut ends = app.uploads.ends();
    app.uploads.wake();
    if !waits && (row.state.is_under_way() || row.state == UploadState::Open) {
        return Ok(accepted(app, &row.id));
    }
    // What failed before this request came is not its answer.
    let seen = if row.state == UploadState::Running { row.attempts.saturating_sub(1) } else { row.attempts };
    let seen = if row.state == UploadState::Open { 0 } else { seen };
    let waiting = async {
        loop {
            ends.borrow_and_update();
            let row = app.database.find_upload(&row.id).await?.ok_or_else(|| upload_not_found(&row.id))?;
            if let Some(standing) = standing(&row, seen) {
                return standing.map(Completed::Done);
            }
            let _ = tokio::time::timeout(LOOK, ends.changed()).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| Ok(accepted(app, &row.id)))
}

fn accepted(app: &AppState, id: &str) -> Completed {
    Completed::Accepted(json!({
        "task_id": id,
        "status": "queued",
        "message": "the upload is queued; ask statusUrl what becomes of it",
        "statusUrl": status_url(app, id),
    }))
}

/// Returns what came of an upload, or of an attempt after those that were seen; nothing while it is under way.
fn standing(row: &UploadRow, seen: u32) -> Option<Result<Value, ApiError>> {
    match row.state {
        UploadState::Running => None,
        UploadState::Queued if row.attempts <= seen || row.error_json.is_none() => None,
        UploadState::Queued => {
            Some(Err(failed(row).adding("the server tries again by itself; a POST here tries at once")))
        }
        // Done before: the first answer.
        UploadState::Succeeded => Some(recorded(row.answer_json.as_deref())),
        UploadState::Failed | UploadState::Open => Some(Err(failed(row))),
        UploadState::Expired => {
            let detail = format!("upload {} expired; ask for a new URL", row.id);
            Some(Err(ApiError::new(StatusCode::GONE, "upload_expired", detail)))
        }
        UploadState::Cancelled => Some(Err(super::run::called_off(&row.id))),
    }
}

/// Makes the error again that was recorded.
fn failed(row: &UploadRow) -> ApiError {
    match recorded(row.error_json.as_deref()) {
        Ok(error) => ApiError::from_json(&error),
        Err(error) => error,
    }
}

/// Answers 404 for an upload.
pub(crate) fn upload_not_found(id: &str) -> ApiError {
    let id: String = id.chars().take(100).collect();
    ApiError::not_found("upload_not_found", format!("there is no upload {id:?} that you may see"))
}

fn recorded(json: Option<&str>) -> Result<Value, ApiError> {
    serde_json::from_str(json.unwrap_or("null")).map_err(ApiError::internal)
}
