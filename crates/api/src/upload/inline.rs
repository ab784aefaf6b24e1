//! The bundle inside the request, as the workspace builder sends it.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;
use bytes::Bytes;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;
use workstead_bundler::{Bundle, Limits};
use workstead_presign::{ObjectKey, ObjectStore};

use super::complete::{self, Asked, Completed};
use super::fetch;
use super::memory::{self, UploadMemory};
use super::open::{self, New};
use super::options::{UploadOptions, parse_conflict, parse_mode};
use super::progress::Phase;
use super::run::{self, Answer, Fingerprint, Job};
use crate::app::AppState;
use crate::auth::Caller;
use crate::body::{check_json_type, parse_object, read_body};
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::metrics::{self, StoreOperation, Via};
use crate::query::Query;
use crate::revision::IfMatch;
use crate::store::now;
use crate::store::uploads::NewUpload;
use crate::workspace::Workspace;

/// How long an upload may wait for others to leave memory.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long one may be worked on before it counts as lost.
const LONGEST: SignedDuration = SignedDuration::from_mins(30);

/// The request; fields that we don't know are for others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InlineBody<'a> {
    /// Borrowed from the body, so that the bundle is not in memory twice.
    #[serde(borrow, default)]
    output: Cow<'a, str>,
    merge_mode: Option<String>,
    conflict: Option<String>,
    prune_stale_slxs: Option<bool>,
    prune_stale_resources: Option<bool>,
    allow_mass_prune: Option<bool>,
    dry_run: Option<bool>,
    message: Option<String>,
    finalize_action: Option<String>,
    build_date: Option<String>,
    #[serde(rename = "build_date")]
    build_date_snake: Option<String>,
}

/// A request that brings its bundle along.
pub(crate) struct InlineUpload {
    pub(crate) caller: Caller,
    pub(crate) context: RequestContext,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// Takes an inline upload to its end: read, check, merge, commit, answer.
pub(crate) async fn upload_inline(app: &AppState, upload: InlineUpload) -> Result<Value, ApiError> {
    let InlineUpload { caller, context, workspace, query, headers, body } = upload;
    let if_match = IfMatch::of(&headers);
    if_match.check(workspace.head()?)?;
    let (body, memory) = receive(app, &headers, body, &workspace).await?;
    let begun = Instant::now();
    let slot = app.take_upload_slot().await?;
    app.metrics.upload_phase(metrics::Phase::Waiting, begun.elapsed());
    let state = app.clone();
    let work = async move {
        // Held until all is done, even when the client hangs up.
        let _held = (memory, slot);
        let (limits, room) = (state.settings.upload_limits, state.upload_memory.clone());
        let begun = Instant::now();
        let read = state.work.large(move || read_request(&body, &query, &limits, &room));
        let (options, room, read) = read.await??;
        state.metrics.upload_phase(metrics::Phase::Checking, begun.elapsed());
        let id = uuid::Uuid::now_v7().to_string();
        let report = state.uploads.under_way.begin(&id, 1);
        report.enter(Phase::Checking);
        let (owner, trailers) = (None, context.trailers());
        let span = tracing::info_span!("upload", upload = id, via = Via::Inline.as_str());
        let job = Job { id, workspace, options, caller, trailers, if_match, owner, report };
        let done = finish(&state, job, read).instrument(span).await;
        drop(room);
        done.map(|answer| answer.body)
    };
    app.work.to_end(work).await
}

/// Puts an inline upload into the store and queues it, for a client that does not wait (RFC 7240 section 4.1).
pub(crate) async fn upload_later(app: &AppState, upload: InlineUpload) -> Result<Completed, ApiError> {
    let InlineUpload { caller, context, workspace, query, headers, body } = upload;
    let if_match = IfMatch::of(&headers);
    if_match.check(workspace.head()?)?;
    let (body, _memory) = receive(app, &headers, body, &workspace).await?;
    let state = app.clone();
    let spooling = app.work.blocking(move || {
        let request: InlineBody<'_> = parse_object(&body)?;
        let options = read_options(&request)?.with_query(&query)?;
        let mut decoder = decoder(&request)?;
        let spooled = fetch::spool(&state, &mut decoder, drop);
        // To the spool a text that is no base64 is a failed read.
        decoder
            .failed
            .take()
            .map_or(spooled, |problem| Err(bad_base64(&problem)))
            .map(|spooled| (options, spooled))
    });
    let (options, spooled) = spooling.await??;
    let id = uuid::Uuid::now_v7().to_string();
    let key = ObjectKey::new(workspace.id(), &id).map_err(ApiError::internal)?;
    let new = New {
        via: "inline",
        options: &options,
        key: &key,
        expires_at: now() + app.settings.presign_lifetime,
    };
    let found = (Some(spooled.fingerprint.sha256.as_str()), Some(spooled.fingerprint.size_bytes));
    open::insert(app, &caller, &workspace, &id, &new, found).await?;
    let state = app.clone();
    let putting = app.work.blocking(move || {
        let mut sha256 = [0; 32];
        hex::decode_to_slice(&spooled.fingerprint.sha256, &mut sha256).map_err(ApiError::internal)?;
        let put = |objects: &ObjectStore| objects.put(&key, spooled.path(), sha256);
        Ok::<_, ApiError>(state.store_call(StoreOperation::Put, put)?)
    });
    if let Err(error) = putting.await.and_then(|put| put) {
        // Nobody has its id, so nobody will try again.
        app.database.cancel_upload(&id, now()).await?;
        return Err(error);
    }
    let query = Query::default();
    let asked = Asked { caller, context, workspace, id: &id, query: &query, if_match, waits: false };
    complete::complete(app, asked).await
}

/// Reads the body once there is room for it; the room is given back with the second part.
async fn receive(
    app: &AppState,
    headers: &HeaderMap,
    body: Body,
    workspace: &Workspace,
) -> Result<(Bytes, [OwnedSemaphorePermit; 2]), ApiError> {
    check_json_type(headers)?;
    let memory = take_memory(app, headers, workspace).await?;
    Ok((read_body(headers, body, app.upload_limit()).await?, memory))
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
        let memory = Arc::clone(&app.upload_bodies).acquire_many_owned(kibibytes).await;
        Ok([memory.map_err(ApiError::internal)?, turn])
    };
    let waited = tokio::time::timeout(PATIENCE, taking).await;
    let busy =
        |_| ApiError::unavailable("uploads_busy", "other uploads fill the server's memory; try again", 30);
    waited.map_err(busy)?
}

type ReadBundle = Result<(Bundle, Fingerprint), ApiError>;

/// Reads the request and its bundle, once there is room for it unpacked; blocking.
///
/// Only the outer error is not an upload yet.
fn read_request(
    body: &Bytes,
    query: &Query,
    limits: &Limits,
    memory: &UploadMemory,
) -> Result<(UploadOptions, OwnedSemaphorePermit, ReadBundle), ApiError> {
    let request: InlineBody<'_> = parse_object(body)?;
    let options = read_options(&request)?.with_query(query)?;
    let mut decoder = decoder(&request)?;
    let declared = declared_size(&request.output);
    let room = tokio::runtime::Handle::current().block_on(memory.reserve(declared))?;
    // It has no id yet by which somebody could ask.
    let read = run::read_bundle(&mut decoder, &memory::limits_of(*limits, declared), drop);
    let read = match (read, decoder.failed) {
        (Err(_), Some(problem)) => Err(bad_base64(&problem)),
        (read, _) => read.map_err(|error| memory::explain(error, limits, declared)),
    };
    Ok((options, room, read))
}

/// Reads how large the bundle says that it is, unpacked: its last bytes stand in the last letters.
fn declared_size(output: &str) -> u32 {
    let bytes = output.as_bytes();
    let size = bytes.len() as u64 / 4 * 3;
    // Three groups hold at least seven bytes, whatever their padding.
    let last = bytes.len().checked_sub(12).and_then(|start| STANDARD.decode(&bytes[start..]).ok());
    let last = last.and_then(|last| last.last_chunk().copied());
    // What is no base64 to its end is refused when it is read.
    last.map_or(u32::MAX, |last| fetch::declared_by(last, size))
}

fn decoder<'a>(
    request: &'a InlineBody<'_>,
) -> Result<Decoder<DecoderReader<'static, GeneralPurpose, &'a [u8]>>, ApiError> {
    if request.output.is_empty() {
        let detail = "the field output is missing, expected the bundle (gzip tar) in base64";
        return Err(ApiError::invalid("missing_field", detail));
    }
    Ok(Decoder { reader: DecoderReader::new(request.output.as_bytes(), &STANDARD), failed: None })
}

fn bad_base64(problem: &str) -> ApiError {
    ApiError::invalid("bad_base64", format!("the field output is not base64: {problem}")).about("")
}

fn read_options(request: &InlineBody<'_>) -> Result<UploadOptions, ApiError> {
    let mut options = UploadOptions::default();
    if let Some(mode) = request.merge_mode.as_deref() {
        options.merge_mode = parse_mode(mode)?;
    }
    options.conflict = request.conflict.as_deref().map(parse_conflict).transpose()?;
    if let Some(action) = request.finalize_action.as_deref().filter(|action| *action != "mergeToMain") {
        let shown: String = action.chars().take(100).collect();
        let detail = format!("the finalizeAction {shown:?} is not known; choose mergeToMain");
        return Err(ApiError::invalid("unknown_finalize_action", detail));
    }
    options.prune_stale_slxs = request.prune_stale_slxs.unwrap_or_default();
    options.prune_stale_resources = request.prune_stale_resources.unwrap_or_default();
    options.allow_mass_prune = request.allow_mass_prune.unwrap_or_default();
    options.dry_run = request.dry_run.unwrap_or_default();
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
    if job.options.dry_run {
        // A plan leaves nothing behind, no row of the history either.
        let (bundle, fingerprint) = read?;
        let mut answer = run::apply(app, &job, bundle, &fingerprint).await?;
        answer.body["task_id"] = Value::Null;
        return Ok(answer);
    }
    let options = serde_json::to_string(&job.options).map_err(ApiError::internal)?;
    let new = NewUpload {
        id: &job.id,
        workspace_id: job.workspace.id(),
        email: job.caller.email(),
        token_id: job.caller.token_id(),
        options_json: &options,
        now: now(),
    };
    // Nobody can take it over: its bundle is in this process only.
    if !app.database.begin_inline_upload(&new, now() + LONGEST).await? {
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
    run::record(app, &job.id, None, &run::finished(&result, fingerprint)).await;
    run::count(app, Via::Inline, &result);
    result
}
