//! The bundle by way of the object store: sign, put, complete.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use bytes::BytesMut;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;
use workstead_bundler::Bundle;
use workstead_presign::{LocalStore, ObjectKey, PutConditions, PutWriter, SignedUpload};

use super::options::UploadOptions;
use super::run::{self, Applied, Fingerprint, Job};
use crate::app::AppState;
use crate::auth::Caller;
use crate::body::Pace;
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::metrics::{Phase, StoreOperation, Via};
use crate::query::{Query, rfc3339};
use crate::revision::IfMatch;
use crate::store::now;
use crate::store::uploads::{NewUpload, Opening, UploadRow, UploadState};
use crate::workspace::Workspace;

/// Bytes of a PUT that are written at once.
const PUT_BUFFER: usize = 256 << 10;
/// How long a PUT may wait for others.
const PUT_PATIENCE: Duration = Duration::from_secs(10);

/// Opens an upload and answers with its signed URL.
pub(crate) async fn open(
    app: &AppState,
    caller: &Caller,
    workspace: &Workspace,
    query: &Query,
) -> Result<Value, ApiError> {
    let options = UploadOptions::default().with_query(query)?;
    let size = read_size(app, query)?;
    let sha256 = query.parsed("sha256", "64 hexadecimal digits", |text| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).is_ok().then_some(bytes)
    })?;
    let (id, now) = (uuid::Uuid::now_v7().to_string(), now());
    let key = ObjectKey::new(workspace.id(), &id).map_err(ApiError::internal)?;
    let conditions = PutConditions {
        size,
        sha256,
        max_bytes: app.settings.upload_limits.max_compressed_bytes,
        expires_at: now + app.settings.presign_lifetime,
    };
    let sha256 = sha256.map(hex::encode);
    let options_json = serde_json::to_string(&options).map_err(ApiError::internal)?;
    let new = NewUpload {
        id: &id,
        workspace_id: workspace.id(),
        email: caller.email(),
        token_id: caller.token_id(),
        options_json: &options_json,
        now,
    };
    let max_open = app.settings.upload_max_open;
    let opening = Opening {
        object_key: key.as_str(),
        expires_at: conditions.expires_at,
        max_open,
        sha256: sha256.as_deref(),
        size_bytes: size,
    };
    if !app.database.open_upload(&new, &opening).await? {
        return Err(no_room(app, workspace, max_open).await?);
    }
    let signed = app.store_call(StoreOperation::Sign, |objects| Ok(objects.sign_put(&key, &conditions)))?;
    Ok(answer(app, workspace, &id, &key, &signed))
}

/// Says why no upload could be opened: the workspace is gone, or has its fill.
async fn no_room(app: &AppState, workspace: &Workspace, max_open: u32) -> Result<ApiError, ApiError> {
    let name = workspace.name();
    if app.database.find_workspace_by_id(workspace.id()).await?.is_none() {
        return Ok(ApiError::workspace_not_found(name.as_str()));
    }
    let detail = format!(
        "workspace {name} has {max_open} open uploads, the most of WORKSTEAD_UPLOAD_MAX_OPEN; complete some, or wait until they are removed (WORKSTEAD_UPLOAD_RETENTION_HOURS)"
    );
    let seconds = u32::try_from(app.settings.presign_lifetime.as_secs()).unwrap_or(900);
    Ok(ApiError::too_many("too_many_open_uploads", detail, seconds.min(60)))
}

fn read_size(app: &AppState, query: &Query) -> Result<Option<u64>, ApiError> {
    let size = query.number("size")?;
    let limit = app.settings.upload_limits.max_compressed_bytes;
    match size {
        Some(0) => {
            let detail =
                "the parameter size is 0, but a bundle has at least one byte; send its size in bytes";
            Err(ApiError::invalid("invalid_size", detail))
        }
        Some(size) if size > limit => Err(ApiError::too_large(
            "the bundle",
            &size.to_string(),
            limit,
            "WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES",
        )),
        size => Ok(size),
    }
}

fn answer(app: &AppState, workspace: &Workspace, id: &str, key: &ObjectKey, signed: &SignedUpload) -> Value {
    let headers: serde_json::Map<_, _> =
        signed.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "uploadId": id,
        "url": signed.url.expose(),
        "method": signed.method,
        "headers": headers,
        "objectKey": key,
        "provider": signed.provider,
        "expiresAt": rfc3339(signed.expires_at),
        "maxBytes": signed.max_bytes,
        "completeUrl": app.url(&format!("/api/v3/workspaces/{}/uploads/{id}/complete", workspace.name())),
        "statusUrl": app.url(&format!("/api/v3/workspaces/upload-status/{id}")),
    })
}

/// Takes a bundle that is put to the local store's signed URL.
pub(crate) async fn put_local(
    app: &AppState,
    path_and_query: String,
    headers: HeaderMap,
    body: Body,
) -> Result<(), ApiError> {
    let state = app.clone();
    let verified =
        app.work.blocking(move || local(&state)?.verify_put(&path_and_query, now()).map_err(ApiError::from));
    let permit = verified.await??;
    permit.check_headers(|name| headers.get(name).and_then(|value| value.to_str().ok()))?;
    let _turn = take_put_turn(app, permit.key.workspace_id()).await?;
    let mut pace = Pace::new(Some(time_to_put(permit.conditions.expires_at, now())));
    let state = app.clone();
    let mut writer =
        app.work.blocking(move || local(&state)?.writer(&permit).map_err(ApiError::from)).await??;
    let mut stream = body.into_data_stream();
    let mut buffer = BytesMut::new();
    // A thread is taken for each full buffer, never while a client thinks.
    while let Some(piece) = pace.next(&mut stream).await? {
        buffer.extend_from_slice(&piece);
        if buffer.len() >= PUT_BUFFER {
            let full = buffer.split();
            writer = app.work.blocking(move || write(writer, &full)).await??;
        }
    }
    let finished =
        app.work.blocking(move || write(writer, &buffer)?.finish().map(drop).map_err(ApiError::from));
    finished.await?
}

fn write(mut writer: PutWriter, bytes: &[u8]) -> Result<PutWriter, ApiError> {
    writer.write(bytes)?;
    Ok(writer)
}

/// Waits a moment until there are fewer PUTs, of this workspace and of all.
async fn take_put_turn(app: &AppState, workspace_id: &str) -> Result<[OwnedSemaphorePermit; 2], ApiError> {
    let taking = async {
        let turn = app.put_turns.take(workspace_id).await?;
        let any = Arc::clone(&app.puts).acquire_owned().await;
        Ok([any.map_err(ApiError::internal)?, turn])
    };
    let waited = tokio::time::timeout(PUT_PATIENCE, taking).await;
    waited
        .map_err(|_| ApiError::unavailable("puts_busy", "too many bundles are being sent; try again", 15))?
}

/// Returns how long a body may take: not longer than its URL lives, but a URL's last moment still is a minute.
fn time_to_put(expires_at: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::try_from(expires_at.duration_since(now)).unwrap_or_default();
    left.clamp(Duration::from_mins(1), Duration::from_mins(15))
}

fn local(app: &AppState) -> Result<&LocalStore, ApiError> {
    app.objects.as_local().ok_or_else(|| {
        ApiError::not_found(
            "no_local_store",
            "this server keeps uploads elsewhere; use the URL as it was given",
        )
    })
}

/// Completes an upload: what was put is read, checked, merged and committed.
pub(crate) async fn complete(
    app: &AppState,
    caller: Caller,
    context: RequestContext,
    workspace: Arc<Workspace>,
    id: &str,
    query: &Query,
    if_match: &IfMatch,
) -> Result<Value, ApiError> {
    let row = app.database.find_upload(id).await?;
    let row = row.filter(|row| row.workspace_id == workspace.id() && row.via == "presigned");
    let row = row.ok_or_else(|| upload_not_found(id))?;
    if row.state != UploadState::Open {
        return standing(&row);
    }
    if_match.check(workspace.head()?)?;
    let options: UploadOptions = serde_json::from_str(&row.options_json).map_err(ApiError::internal)?;
    let options = options.with_query(query)?;
    let job = Job { id: row.id.clone(), workspace, options, caller, context };
    let begun = Instant::now();
    let slot = app.take_upload_slot().await?;
    app.metrics.upload_phase(Phase::Waiting, begun.elapsed());
    let state = app.clone();
    let done = app.work.to_end(async move {
        let _slot = slot;
        work_on(&state, job, row).await
    });
    done.await
}

/// Answers for an upload that can't be worked on now: what came of it, or why not.
fn standing(row: &UploadRow) -> Result<Value, ApiError> {
    match row.state {
        // Done before: the first answer.
        UploadState::Succeeded => recorded(row.answer_json.as_deref()),
        UploadState::Failed => Err(ApiError::from_json(&recorded(row.error_json.as_deref())?)),
        // Open again: whoever had it gave it back this moment.
        UploadState::Running | UploadState::Open => {
            let detail = format!("upload {} is being worked on; ask its statusUrl", row.id);
            Err(ApiError::conflict("upload_running", detail))
        }
        UploadState::Expired => {
            let detail = format!("upload {} expired; ask for a new URL", row.id);
            Err(ApiError::new(StatusCode::GONE, "upload_expired", detail))
        }
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

async fn work_on(app: &AppState, job: Job, row: UploadRow) -> Result<Value, ApiError> {
    let key = ObjectKey::new(&row.workspace_id, &row.id).map_err(ApiError::internal)?;
    if !app.database.claim_upload(&job.id, now()).await? {
        // Another completion was faster, and may be done by now.
        let row = app.database.find_upload(&job.id).await?;
        return standing(&row.ok_or_else(|| upload_not_found(&job.id))?);
    }
    // From here on the row says `running`: nothing may leave before what came of it is recorded.
    let via = Via::of(&row.via);
    let working = run::caught(read_and_apply(app, &job, &key, row));
    let span = tracing::info_span!("upload", upload = job.id, via = via.as_str());
    let (result, fingerprint) = working.instrument(span).await;
    let retry = app.url(&format!("/api/v3/workspaces/{}/uploads/{}/retry", job.workspace.name(), job.id));
    let retry = format!("the bundle is kept: POST {retry}?allowMassPrune=true takes it in");
    let result = result.map_err(|error| run::how_to_insist(error, &retry));
    let mut finished = run::finished(&result, fingerprint);
    let is_open = result.as_ref().is_err_and(may_try_again);
    if is_open {
        finished.state = UploadState::Open;
    }
    run::record(app, &job.id, &finished).await;
    // Open again is no end, but for a client that is told of a failure it is one.
    if !matches!(&result, Err(error) if error.code() == "nothing_uploaded") {
        run::count(app, via, &result);
    }
    if !is_open && let Err(error) = delete_object(app, &job.id, key).await {
        // What can't be deleted now falls to the sweeper.
        tracing::warn!(id = job.id, %error, "an upload's object can't be deleted yet");
    }
    result.map(|answer| answer.body)
}

async fn read_and_apply(app: &AppState, job: &Job, key: &ObjectKey, row: UploadRow) -> Applied {
    let (state, object) = (app.clone(), key.clone());
    match app.work.blocking(move || read_object(&state, &object, &row)).await {
        Ok(Ok((bundle, fingerprint))) => {
            (run::apply(app, job, bundle, &fingerprint).await, Some(fingerprint))
        }
        Ok(Err(error)) | Err(error) => (Err(error), None),
    }
}

async fn delete_object(app: &AppState, id: &str, key: ObjectKey) -> Result<(), ApiError> {
    let state = app.clone();
    let delete = move || state.store_call(StoreOperation::Delete, |objects| objects.delete(&key));
    app.work.blocking(delete).await??;
    Ok(app.database.forget_object(id, now()).await?)
}

/// Tells whether the bundle is kept: nothing was put yet, the server failed, the caller may insist, or another may.
fn may_try_again(error: &ApiError) -> bool {
    let is_callers = matches!(error.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    error.status().is_server_error()
        || is_callers
        || matches!(error.code(), "nothing_uploaded" | "prune_guard")
}

fn read_object(app: &AppState, key: &ObjectKey, row: &UploadRow) -> Result<(Bundle, Fingerprint), ApiError> {
    // Frozen first: what is checked is what is merged.
    let info = app.store_call(StoreOperation::Seal, |objects| objects.seal(key))?;
    let limits = app.settings.upload_limits;
    if info.size > limits.max_compressed_bytes {
        let setting = "WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES";
        let actual = info.size.to_string();
        return Err(ApiError::too_large("the bundle", &actual, limits.max_compressed_bytes, setting));
    }
    if let Some(declared) = row.size_bytes.filter(|declared| *declared != info.size) {
        let detail = format!("the bundle has {} bytes, but {declared} were declared", info.size);
        return Err(ApiError::invalid("upload_size_wrong", detail));
    }
    let object = app.store_call(StoreOperation::Open, |objects| objects.open(key))?;
    let begun = Instant::now();
    let (bundle, fingerprint) = run::read_bundle(object, &limits)?;
    app.metrics.upload_phase(Phase::Checking, begun.elapsed());
    if let Some(declared) = row.sha256.as_ref().filter(|declared| **declared != fingerprint.sha256) {
        let detail = format!("the bundle's SHA-256 is {}, but {declared} was declared", fingerprint.sha256);
        return Err(ApiError::invalid("upload_hash_wrong", detail));
    }
    Ok((bundle, fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_ends_with_its_url_but_has_a_minute() {
        let now = now();
        let time = |seconds: i64| time_to_put(now + jiff::SignedDuration::from_secs(seconds), now).as_secs();
        assert_eq!([time(-5), time(1), time(300), time(40_000)], [60, 60, 300, 900]);
    }
}
