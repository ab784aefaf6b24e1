//! How the record of an upload is shown.

use serde_json::{Value, json};

use crate::query::rfc3339;
use crate::store::uploads::{UploadRow, UploadState};

/// Writes a row of the history.
pub(crate) fn list_row(row: &UploadRow) -> Value {
    let options = parsed(Some(&row.options_json));
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
        "commit": row.commit,
        "counts": parsed(row.counts_json.as_deref()),
        "error": parsed(row.error_brief_json.as_deref()),
        "createdAt": rfc3339(row.created_at),
        "expiresAt": row.expires_at.map(rfc3339),
        "finishedAt": row.finished_at.map(rfc3339),
    })
}

/// Writes the answer of `upload-status`, in the words that clients of task queues know.
pub(crate) fn status_answer(row: &UploadRow) -> Value {
    let mut error = parsed(row.error_json.as_deref());
    let status = match row.state {
        // A prune that was refused waits for its caller to insist.
        UploadState::Open if error["code"] == "prune_guard" => "FAILURE",
        // What else keeps an upload open passes: nothing was put yet, or the server failed.
        UploadState::Open => {
            error = Value::Null;
            "PENDING"
        }
        UploadState::Running => "STARTED",
        UploadState::Succeeded => "SUCCESS",
        UploadState::Failed => "FAILURE",
        UploadState::Expired => "UNKNOWN",
    };
    json!({
        "task_id": row.id,
        "status": status,
        "result": parsed(row.answer_json.as_deref()),
        "error": error["detail"],
    })
}

fn parsed(json: Option<&str>) -> Value {
    // What the database holds was written by us; were it damaged, the rest is still worth showing.
    json.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
