//! Uploads, as they are asked for and shown.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::plans::UploadPlan;
use crate::upload::Progress;

/// An upload and what became of it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct UploadRow {
    id: String,
    /// `open`, `queued`, `running`, `succeeded`, `failed`, `expired` or `cancelled`; a dry run that succeeded is `planned`.
    status: String,
    /// `inline`, `presigned` or `server`.
    via: String,
    /// The e-mail address of who made it.
    who: String,
    #[schema(required)]
    sha256: Option<String>,
    #[schema(required)]
    size_bytes: Option<i64>,
    #[schema(value_type = Option<Object>, required)]
    options: Value,
    /// What it committed.
    #[schema(required)]
    commit: Option<String>,
    #[schema(value_type = Option<Object>, required)]
    counts: Value,
    #[schema(value_type = Option<Object>, required)]
    error: Value,
    /// Whether the bundle is kept, so that it may be retried.
    bundle_kept: bool,
    /// `client`, `notification` or `sweeper`: what said that the bundle is there.
    #[schema(required)]
    completed_by: Option<String>,
    /// How often it was begun since it was queued.
    attempts: u32,
    created_at: String,
    #[schema(required)]
    expires_at: Option<String>,
    #[schema(required)]
    queued_at: Option<String>,
    #[schema(required)]
    started_at: Option<String>,
    /// When a queued one is tried again at the latest.
    #[schema(required)]
    next_attempt_at: Option<String>,
    #[schema(required)]
    finished_at: Option<String>,
}

/// What became of an upload, in the words that clients of task queues know.
#[derive(ToSchema)]
pub(crate) struct UploadTask {
    task_id: String,
    /// `PENDING`, `STARTED`, `SUCCESS`, `FAILURE` or `UNKNOWN`.
    status: String,
    /// The answer of an upload that succeeded.
    #[schema(value_type = Option<Object>, required)]
    result: Value,
    /// One sentence on an upload that failed, or on its last attempt.
    #[schema(required)]
    error: Option<String>,
    /// How far it is, while it is worked on.
    #[schema(required)]
    progress: Option<Progress>,
}

/// An upload that goes on without its client.
#[derive(ToSchema)]
pub(crate) struct UploadAccepted {
    task_id: String,
    /// `queued`.
    status: String,
    message: String,
    /// Where to ask what became of it.
    #[schema(rename = "statusUrl")]
    status_url: String,
}

/// What an upload did; of a dry run, what it would do.
#[derive(ToSchema)]
pub(crate) struct UploadAnswer {
    /// What to ask `upload-status` for; null of a dry run inside a request, of which nothing is kept.
    #[schema(required)]
    task_id: Option<String>,
    /// `queued` (committed), `duplicate_skipped` (nothing was new) or `planned` (a dry run).
    status: String,
    /// One sentence.
    message: String,
    /// Where the branch is now; null of a dry run.
    #[schema(required)]
    commit: Option<String>,
    #[schema(value_type = Object)]
    summary: Value,
    /// What the upload would do; only of a dry run.
    plan: Option<UploadPlan>,
}

/// How a bundle is merged.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct UploadQuery {
    /// `keepexisting`, `keepuploaded` or `threeway`.
    #[param(pattern = "^(keepexisting|keepuploaded|threeway)?$")]
    merge_mode: Option<String>,
    /// With `threeway`, what becomes of a field that both sides changed: `existing` (unless told), `uploaded`, or
    /// `fail`, which refuses the upload.
    #[param(pattern = "^(existing|uploaded|fail)?$")]
    conflict: Option<String>,
    prune_stale_slxs: Option<bool>,
    prune_stale_resources: Option<bool>,
    /// Whether it may prune more than half of its location's SLXs.
    allow_mass_prune: Option<bool>,
    /// Whether to answer with a plan and change nothing; a completion can't change what its upload was opened with.
    dry_run: Option<bool>,
    /// The commit's message.
    message: Option<String>,
}

/// A bundle inside a request.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct UploadInline {
    /// A gzipped tar archive in Base64 (RFC 4648 section 4).
    #[schema(content_encoding = "base64")]
    output: String,
    /// `keepexisting`, `keepuploaded` or `threeway`.
    merge_mode: Option<String>,
    /// With `threeway`: `existing`, `uploaded` or `fail`.
    conflict: Option<String>,
    prune_stale_slxs: Option<bool>,
    prune_stale_resources: Option<bool>,
    allow_mass_prune: Option<bool>,
    /// Whether to answer with a plan and change nothing.
    dry_run: Option<bool>,
    /// The commit's message.
    message: Option<String>,
}

/// Where to put a bundle, and what to call then.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct UploadTarget {
    upload_id: String,
    /// The signed URL; whoever has it may put one bundle there.
    url: String,
    method: String,
    /// The headers that the signature covers.
    headers: BTreeMap<String, String>,
    object_key: String,
    provider: String,
    expires_at: String,
    max_bytes: u64,
    complete_url: String,
    status_url: String,
}

/// What a bucket sends when an object was put, in one of the forms that stores have.
#[derive(ToSchema)]
pub(crate) struct StoreNotification {
    /// Events of S3 and of MinIO's webhook.
    #[schema(rename = "Records", value_type = Option<Vec<Object>>)]
    records: Option<Vec<Value>>,
    /// A push of Pub/Sub, for Google Cloud Storage.
    #[schema(value_type = Option<Object>)]
    message: Option<Value>,
    /// An event of S3 by way of `EventBridge`.
    #[schema(value_type = Option<Object>)]
    detail: Option<Value>,
}

/// Whether the client waits.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Waiting {
    /// `respond-async` (RFC 7240): the answer is 202 at once, and the work is queued.
    #[param(rename = "Prefer")]
    prefer: Option<String>,
}

/// Which uploads of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadFilter {
    /// Words of `status`, separated by commas.
    #[param(
        pattern = "^((open|queued|running|succeeded|failed|expired|cancelled)(,(open|queued|running|succeeded|failed|expired|cancelled))*)?$"
    )]
    status: Option<String>,
    /// `inline`, `presigned` or `server`.
    #[param(pattern = "^(inline|presigned|server)?$")]
    via: Option<String>,
    /// The e-mail address of who made it.
    who: Option<String>,
    /// Those made at or after this time (RFC 3339).
    since: Option<String>,
    /// Those made before this time (RFC 3339).
    until: Option<String>,
}
