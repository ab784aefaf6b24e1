//! From a bundle's bytes to a commit, whichever way they came.

use std::io::{self, Read};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use workstead_bundler::{Bundle, BundleError, Limits};
use workstead_core::merge::MergeSummary;
use workstead_core::upload::{Committing, UploadError, UploadOutcome, UploadRequest, apply_upload_if};

use super::last_word::LastWord;
use super::options::UploadOptions;
use super::progress::{Phase, Reporter};
use crate::access::{self, Action};
use crate::app::AppState;
use crate::auth::Caller;
use crate::commit::author;
use crate::error::ApiError;
use crate::index;
use crate::metrics::{self, UploadEnd, Via, WriteDoor, WriteEnd};
use crate::mirrors;
use crate::revision::IfMatch;
use crate::room;
use crate::store::now;
use crate::store::uploads::{Finished, RecordedError, UploadState};
use crate::workspace::Workspace;

/// How long recording waits after each attempt.
const RECORD_PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::ZERO,
];

/// One upload that is worked on.
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) options: UploadOptions,
    /// In whose name.
    pub(crate) caller: Caller,
    /// What the commit carries.
    pub(crate) trailers: Vec<(String, String)>,
    pub(crate) if_match: IfMatch,
    /// Who holds the lease; nobody of an inline upload's, which no other can take over.
    pub(crate) owner: Option<String>,
    pub(crate) report: Reporter,
}

/// What the compressed bundle is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) sha256: String,
    pub(crate) size_bytes: u64,
}

/// Reads and checks a bundle while hashing it, and tells now and then how many members were read; blocking.
pub(crate) fn read_bundle(
    reader: impl Read + Send,
    limits: &Limits,
    mut members: impl FnMut(u64),
) -> Result<(Bundle, Fingerprint), BundleError> {
    let mut hashing = Hashing { reader, hash: Sha256::new(), size_bytes: 0 };
    let bundle = workstead_bundler::read_observed(&mut hashing, limits, &mut members)?;
    let fingerprint =
        Fingerprint { sha256: hex::encode(hashing.hash.finalize()), size_bytes: hashing.size_bytes };
    Ok((bundle, fingerprint))
}

struct Hashing<R> {
    reader: R,
    hash: Sha256,
    size_bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.size_bytes += count as u64;
        Ok(count)
    }
}

/// Merges and commits a bundle, brings the index up to date, and writes the answer.
pub(crate) async fn apply(
    app: &AppState,
    job: &Job,
    bundle: Bundle,
    fingerprint: &Fingerprint,
) -> Result<Answer, ApiError> {
    if !job.options.dry_run {
        app.right_of_way.give_way(job.workspace.id()).await;
    }
    // Asked again: body and queue may have taken long.
    // What they find is found again before the commit; here it saves the work.
    access::authorize_again(app, &job.caller, &job.workspace, Action::Upload).await?;
    job.if_match.check(job.workspace.head()?)?;
    job.report.enter(Phase::Merging);
    app.metrics.bundle(bundle.compressed_bytes, bundle.unpacked_bytes);
    let request = request(app, job, bundle, fingerprint);
    if job.options.dry_run {
        return super::plan::answer(app, job, request).await;
    }
    let upstream = app.database.followed_upstream(job.workspace.id()).await?;
    mirrors::refuse_where_pulled(&job.workspace, upstream.as_deref())?;
    let (state, workspace) = (app.clone(), Arc::clone(&job.workspace));
    let begun = Instant::now();
    let may_read = access::refuse_scoped(&job.caller).is_ok();
    let last_word = LastWord::new(app, job);
    let applying = app.work.large(move || {
        let may = |committing: &Committing<'_>| last_word.may(committing);
        apply_upload_if(workspace.repository(), &state.facts, request, &may).map_err(|error| match error {
            UploadError::Withheld => last_word.refusal(),
            UploadError::Repository(error) => room::refused(workspace.name(), error),
            error => ApiError::of_upload(error, may_read),
        })
    });
    let applied = applying.await?;
    app.metrics.wrote(WriteDoor::Upload, end_of_write(&applied), begun);
    let outcome = applied?;
    app.metrics.upload_phase(metrics::Phase::Merging, begun.elapsed().saturating_sub(outcome.committing));
    app.metrics.upload_phase(metrics::Phase::Committing, outcome.committing);
    if outcome.committed {
        index::moved(app, &job.workspace).await;
    }
    Ok(Answer::of(job, &outcome))
}

/// Says that an upload ended because somebody called it off, or because another worker has it by now.
pub(crate) fn called_off(id: &str) -> ApiError {
    ApiError::conflict("upload_cancelled", format!("upload {id} was cancelled; nothing was committed"))
}

fn end_of_write(applied: &Result<UploadOutcome, ApiError>) -> WriteEnd {
    match applied {
        Ok(outcome) if outcome.committed => WriteEnd::Committed,
        Ok(_) => WriteEnd::Unchanged,
        Err(error) => WriteEnd::of_error(error),
    }
}

/// Counts an upload at its end.
pub(crate) fn count(app: &AppState, via: Via, result: &Result<Answer, ApiError>) {
    let (end, status) = match result {
        Ok(answer) if answer.committed => (UploadEnd::Committed, StatusCode::OK),
        Ok(_) => (UploadEnd::Unchanged, StatusCode::OK),
        Err(error) => (UploadEnd::of_error(error), error.status()),
    };
    app.metrics.upload_finished(via, end, status);
}

/// What came of a bundle, and what it was when it could be read.
pub(crate) type Applied = (Result<Answer, ApiError>, Option<Fingerprint>);

/// Makes an error of a panic, so that what came of an upload is recorded on every way out.
pub(crate) async fn caught(applying: impl Future<Output = Applied>) -> Applied {
    // What a panic may leave half changed is dropped with the future.
    let caught = AssertUnwindSafe(applying).catch_unwind().await;
    caught.unwrap_or_else(|_| (Err(ApiError::internal("an upload panicked")), None))
}

/// Records what came of an upload, again while the database fails; false when it could not, or is another's by now.
///
/// When it never succeeds, the row is settled at the next start; the answer stands all the same, since a commit does.
pub(crate) async fn record(app: &AppState, id: &str, owner: Option<&str>, finished: &Finished) -> bool {
    for pause in RECORD_PAUSES {
        match app.database.finish_upload(id, owner, finished, now()).await {
            Ok(is_recorded) => {
                app.uploads.ended();
                app.slack.wake();
                app.events.wake();
                return is_recorded;
            }
            Err(error) => tracing::error!(id, %error, "what came of an upload can't be recorded"),
        }
        tokio::time::sleep(pause).await;
    }
    false
}

fn request(app: &AppState, job: &Job, bundle: Bundle, fingerprint: &Fingerprint) -> UploadRequest {
    let mut trailers = job.trailers.clone();
    trailers.push(("Upload-Id".to_owned(), job.id.clone()));
    trailers.push(("Bundle-Sha256".to_owned(), fingerprint.sha256.clone()));
    let message = job.options.message.clone();
    UploadRequest {
        workspace: job.workspace.name().clone(),
        branch: job.workspace.branch().clone(),
        files: bundle.files,
        options: job.options.merge_options(app.settings.allow_mass_prune, now()),
        author: author(&job.caller),
        message: message.unwrap_or_else(|| "Upload from the workspace builder".to_owned()),
        trailers,
    }
}

/// What the client is told, now and when it asks again.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The branch's head afterwards; nothing of a plan.
    pub(crate) commit: Option<String>,
    /// Whether it is a commit of this upload.
    pub(crate) committed: bool,
    pub(crate) body: Value,
}

impl Answer {
    fn of(job: &Job, outcome: &UploadOutcome) -> Self {
        let commit = outcome.commit.to_string();
        if outcome.committed {
            return Self::committed(&job.id, &commit, &outcome.summary);
        }
        let message = "the branch holds all of it already; no commit was made";
        Self::write(&job.id, ("duplicate_skipped", message), &commit, &outcome.summary, false)
    }

    /// Writes the answer of an upload that is a commit.
    pub(super) fn committed(id: &str, commit: &str, summary: &MergeSummary) -> Self {
        let counts = &summary.counts;
        let message = format!(
            "committed {}: {} SLX{} added, {} changed, {} pruned",
            &commit[..10],
            counts.added,
            if counts.added == 1 { "" } else { "s" },
            counts.changed,
            counts.pruned
        );
        // The word of the builder's own list; the work is done, as upload-status says.
        Self::write(id, ("queued", &message), commit, summary, true)
    }

    fn write(
        id: &str,
        (status, message): (&str, &str),
        commit: &str,
        summary: &MergeSummary,
        committed: bool,
    ) -> Self {
        let body = json!({
            "task_id": id,
            "status": status,
            "message": message,
            "commit": commit,
            "summary": summary,
        });
        Self { commit: Some(commit.to_owned()), committed, body }
    }

    /// Takes up the answer that an earlier worker wrote down before its commit became the head.
    pub(super) fn promised(commit: String, json: &str) -> Option<Self> {
        Some(Self { commit: Some(commit), committed: true, body: serde_json::from_str(json).ok()? })
    }
}

/// Says how a prune that was refused can be had after all; other errors stay as they are.
pub(crate) fn how_to_insist(error: ApiError, cure: &str) -> ApiError {
    if error.code() == "prune_guard" { error.adding(cure) } else { error }
}

/// Records what came of an upload; a refusal is recorded as it is answered.
pub(crate) fn finished(result: &Result<Answer, ApiError>, fingerprint: Option<Fingerprint>) -> Finished {
    let (sha256, size_bytes) = match fingerprint {
        Some(Fingerprint { sha256, size_bytes }) => (Some(sha256), Some(size_bytes)),
        None => (None, None),
    };
    match result {
        Ok(answer) => Finished {
            state: UploadState::Succeeded,
            due_at: None,
            sha256,
            size_bytes,
            commit: answer.commit.clone(),
            counts_json: Some(answer.body["summary"]["counts"].to_string()),
            error_brief_json: None,
            answer_json: Some(answer.body.to_string()),
            error_json: None,
        },
        Err(error) => {
            let RecordedError { brief_json, json } = recorded_error(error);
            let is_cancelled = error.code() == "upload_cancelled";
            Finished {
                state: if is_cancelled { UploadState::Cancelled } else { UploadState::Failed },
                due_at: None,
                sha256,
                size_bytes,
                commit: None,
                counts_json: None,
                error_brief_json: Some(brief_json),
                answer_json: None,
                error_json: Some(json),
            }
        }
    }
}

/// Writes an error as the database keeps it.
pub(crate) fn recorded_error(error: &ApiError) -> RecordedError {
    RecordedError {
        brief_json: json!({ "code": error.code(), "detail": error.detail() }).to_string(),
        json: Value::Object(error.to_json()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_what_came_of_the_upload() {
        let (result, fingerprint) = caught(async { panic!("boom") }).await;
        assert_eq!(result.unwrap_err().code(), "internal_error");
        assert_eq!(fingerprint, None);
    }
}
