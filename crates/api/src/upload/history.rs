//! How the records of uploads are chosen and shown.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::app::AppState;
use crate::error::ApiError;
use crate::query::{Query, rfc3339};
use crate::store::uploads::{UploadFilter, UploadRow, UploadState};

/// The ways in.
const WAYS: [&str; 3] = ["inline", "presigned", "server"];

/// Reads which uploads of the history are asked for.
pub(crate) fn filter(query: &Query) -> Result<UploadFilter, ApiError> {
    let words = UploadState::ALL.map(UploadState::as_str).join(", ");
    let states = query.parsed("status", &format!("some of {words}, separated by commas"), |text| {
        text.split(',').map(UploadState::parse).collect::<Option<Vec<_>>>()
    })?;
    let via = query
        .parsed("via", "inline, presigned or server", |text| WAYS.into_iter().find(|way| *way == text))?;
    let time =
        |name| query.parsed(name, "a time like 2026-11-24T06:00:00Z", |text| text.parse::<Timestamp>().ok());
    Ok(UploadFilter {
        states: states.unwrap_or_default(),
        via,
        who: query.text("who").map(str::to_owned),
        since: time("since")?,
        until: time("until")?,
    })
}

/// Writes a row of the history.
pub(crate) fn list_row(row: &UploadRow) -> Value {
    let options = parsed(Some(&row.options_json));
    let is_done = row.state == UploadState::Succeeded;
    // Nothing was taken in.
    let is_plan = row.state == UploadState::Succeeded && options["dryRun"] == true;
    json!({
        "id": row.id,
        "status": if is_plan { "planned" } else { row.state.as_str() },
        "via": row.via,
        "who": row.email,
        "sha256": row.sha256,
        "sizeBytes": row.size_bytes,
        "options": options,
        // Until it is done they are a promise.
        "commit": row.commit.as_deref().filter(|_| is_done),
        "counts": parsed(row.counts_json.as_deref().filter(|_| is_done)),
        "error": parsed(row.error_brief_json.as_deref()),
        "bundleKept": row.object_key.is_some() && row.state != UploadState::Open,
        "completedBy": row.completed_by,
        "attempts": row.attempts,
        "createdAt": rfc3339(row.created_at),
        "expiresAt": row.expires_at.map(rfc3339),
        "queuedAt": row.queued_at.map(rfc3339),
        "startedAt": row.started_at.map(rfc3339),
        "nextAttemptAt": row.due_at.filter(|_| row.state == UploadState::Queued).map(rfc3339),
        "finishedAt": row.finished_at.map(rfc3339),
    })
}

/// Writes the answer of `upload-status`, in the words that clients of task queues know.
pub(crate) fn status_answer(app: &AppState, row: &UploadRow) -> Value {
    let status = match row.state {
        UploadState::Open | UploadState::Queued => "PENDING",
        UploadState::Running => "STARTED",
        UploadState::Succeeded => "SUCCESS",
        UploadState::Failed | UploadState::Cancelled => "FAILURE",
        UploadState::Expired => "UNKNOWN",
    };
    let error = match row.state {
        // Nothing was put yet, which is no failure.
        UploadState::Open => Value::Null,
        UploadState::Cancelled => json!("the upload was cancelled"),
        UploadState::Queued => again(&parsed(row.error_json.as_deref()), row),
        _ => parsed(row.error_json.as_deref())["detail"].take(),
    };
    // What this process works on it knows better than the database.
    let progress = app.uploads.under_way.of(&row.id).filter(|_| row.state == UploadState::Running);
    json!({
        "task_id": row.id,
        "status": status,
        "result": parsed(row.answer_json.as_deref().filter(|_| row.state == UploadState::Succeeded)),
        "error": error,
        "progress": progress.map_or_else(|| parsed(row.progress_json.as_deref()), |progress| json!(progress)),
    })
}

/// Says what an attempt failed of, and when the next one is.
fn again(error: &Value, row: &UploadRow) -> Value {
    let next = row.due_at.map(rfc3339).unwrap_or_default();
    error["detail"]
        .as_str()
        .map_or(Value::Null, |detail| json!(format!("{detail}; the next attempt is at {next}")))
}

fn parsed(json: Option<&str>) -> Value {
    // What the database holds was written by us; were it damaged, the rest is still worth showing.
    json.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
