//! The bundle inside the request, as the workspace builder sends it.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::HeaderMap;
use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;
use workstead_bundler::{Bundle, Limits};

use super::options::{UploadOptions, parse_mode};
use super::run::{self, Answer, Fingerprint, Job};
use crate::app::AppState;
use crate::auth::Caller;
use crate::body::{check_json_type, parse_object, read_body};
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::metrics::{Phase, Via};
use crate::query::Query;
use crate::store::now;
use crate::store::uploads::NewUpload;
use crate::workspace::Workspace;

/// How long an upload may wait for others to leave memory.
const PATIENCE: Duration = Duration::from_mins(5);

/// The request; fields that we don't know are for others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InlineBody<'a> {
    /// Borrowed from the body, so that the bundle is not in memory twice.
    #[serde(borrow, default)]
    output: Cow<'a, str>,
    merge_mode: Option<String>,
    prune_stale_slxs: Option<bool>,
    prune_stale_resources: Option<bool>,
    allow_mass_prune: Option<bool>,
    message: Option<String>,
    finalize_action: Option<String>,
    build_date: Option<String>,
    #[serde(rename = "build_date")]
    build_date_snake: Option<String>,
}

/// Takes an inline upload to its end: read, check, merge, commit, answer.
pub(crate) async fn upload_inline(
    app: &AppState,
    caller: Caller,
    context: RequestContext,
    workspace: Arc<Workspace>,
    query: Query,
    (headers, body): (HeaderMap, Body),
) -> Result<Answer, ApiError> {
    check_json_type(&headers)?;
    let begun = Instant::now();
    let memory = take_memory(app, &headers, &workspace).await?;
    let waited = begun.elapsed();
    let body = read_body(&headers, body, app.upload_limit()).await?;
    let begun = Instant::now();
    let slot = app.take_upload_slot().await?;
    app.metrics.upload_phase(Phase::Waiting, waited + begun.elapsed());
    let state = app.clone();
    let work = async move {
        // Held until all is done, even when the client hangs up.
        let _held = (memory, slot);
        let limits = state.settings.upload_limits;
        let begun = Instant::now();
        let read = state.work.blocking(move || read_request(&body, &query, &limits));
        let (options, read) = read.await??;
        state.metrics.upload_phase(Phase::Checking, begun.elapsed());
        let id = uuid::Uuid::now_v7().to_string();
        let span = tracing::info_span!("upload", upload = id, via = Via::Inline.as_str());
        finish(&state, Job { id, workspace, options, caller, context }, read).instrument(span).await
    };
    app.work.to_end(work).await
}

/// Waits until there is room for the body, as large as it says it is.
///
/// The room is held while the body comes, which [`crate::body::Pace`] bounds; a workspace that sends many takes turns.
async fn take_memory(
    app: &AppState,
    headers: &HeaderMap,
    workspace: &Workspace,
) -> Result<[OwnedSemaphorePermit; 2], ApiError> {
    let limit = app.upload_limit();
    let bytes = limit.check_declared(headers)?.unwrap_or(limit.max_bytes);
    let kibibytes = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
    let taking = async {
        let turn = app.upload_turns.take(workspace.id()).await?;
        let memory = Arc::clone(&app.upload_memory).acquire_many_owned(kibibytes).await;
        Ok([memory.map_err(ApiError::internal)?, turn])
    };
    let waited = tokio::time::timeout(PATIENCE, taking).await;
    let busy =
        |_| ApiError::unavailable("uploads_busy", "other uploads fill the server's memory; try again", 30);
    waited.map_err(busy)?
}

type ReadBundle = Result<(Bundle, Fingerprint), ApiError>;

/// Reads the request and its bundle; blocking. Only the outer error is not an upload yet.
fn read_request(
    body: &Bytes,
    query: &Query,
    limits: &Limits,
) -> Result<(UploadOptions, ReadBundle), ApiError> {
    let request: InlineBody<'_> = parse_object(body)?;
    let options = read_options(&request)?.with_query(query)?;
    if request.output.is_empty() {
        let detail = "the field output is missing, expected the bundle (gzip tar) in base64";
        return Err(ApiError::invalid("missing_field", detail));
    }
    let mut decoder =
        Decoder { reader: DecoderReader::new(request.output.as_bytes(), &STANDARD), failed: None };
    let read = run::read_bundle(&mut decoder, limits);
    let read = match (read, decoder.failed) {
        (Err(_), Some(problem)) => {
            let detail = format!("the field output is not base64: {problem}");
            Err(ApiError::invalid("bad_base64", detail).about(""))
        }
        (read, _) => read.map_err(ApiError::from),
    };
    Ok((options, read))
}

fn read_options(request: &InlineBody<'_>) -> Result<UploadOptions, ApiError> {
    let mut options = UploadOptions::default();
    if let Some(mode) = request.merge_mode.as_deref() {
        options.merge_mode = parse_mode(mode)?;
    }
    if let Some(action) = request.finalize_action.as_deref().filter(|action| *action != "mergeToMain") {
        let shown: String = action.chars().take(100).collect();
        let detail = format!("the finalizeAction {shown:?} is not known; choose mergeToMain");
        return Err(ApiError::invalid("unknown_finalize_action", detail));
    }
    options.prune_stale_slxs = request.prune_stale_slxs.unwrap_or_default();
    options.prune_stale_resources = request.prune_stale_resources.unwrap_or_default();
    options.allow_mass_prune = request.allow_mass_prune.unwrap_or_default();
    options.set_message(request.message.as_deref());
    options.set_build_date(request.build_date.as_deref().or(request.build_date_snake.as_deref()));
    Ok(options)
}

/// Remembers that decoding failed: to the bundle's reader it is just a failed read.
struct Decoder<R> {
    reader: R,
    failed: Option<String>,
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).inspect_err(|error| self.failed = Some(error.to_string()))
    }
}

async fn finish(app: &AppState, job: Job, read: ReadBundle) -> Result<Answer, ApiError> {
    let options = serde_json::to_string(&job.options).map_err(ApiError::internal)?;
    let new = NewUpload {
        id: &job.id,
        workspace_id: job.workspace.id(),
        email: job.caller.email(),
        token_id: job.caller.token_id(),
        options_json: &options,
        now: now(),
    };
    if !app.database.begin_inline_upload(&new).await? {
        return Err(ApiError::workspace_not_found(job.workspace.name().as_str()));
    }
    let applying = async {
        match read {
            Ok((bundle, fingerprint)) => {
                (run::apply(app, &job, bundle, &fingerprint).await, Some(fingerprint))
            }
            Err(error) => (Err(error), None),
        }
    };
    let (result, fingerprint) = run::caught(applying).await;
    let again = "the bundle is not kept: send it again with allowMassPrune=true";
    let result = result.map_err(|error| run::how_to_insist(error, again));
    run::record(app, &job.id, &run::finished(&result, fingerprint)).await;
    run::count(app, Via::Inline, &result);
    result
}
