//! Asking after an upload that the server works on by itself.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Method;
use url::Url;

use super::send::Upload;
use crate::client::ClientError;
use crate::error::{CliError, Ending};

/// The first pause between two questions; each further one is half as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause between two questions.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Codes of errors that stand against what is there, as 409 does in an answer.
const CONFLICTS: [&str; 4] = ["prune_guard", "merge_conflict", "branch_busy", "revision_changed"];

impl Upload<'_> {
    /// Asks until the upload has ended; without waiting, says only that it is queued.
    ///
    /// `complete` is where its whole error can be had.
    pub(super) fn await_end(
        &self,
        status: &Url,
        complete: Option<&Url>,
        queued: Value,
    ) -> Result<Value, ClientError> {
        if let Some(task) = queued["task_id"].as_str() {
            self.effort.task.replace(Some(task.to_owned()));
        }
        if !self.manner.wait {
            return Ok(self.queued(status, queued));
        }
        let mut waiting = self.manner.talk.waiting("the server takes it in");
        let mut pause = FIRST_PAUSE;
        loop {
            let answer = self.retrying(|| self.client.call(Method::GET, status, None))?;
            match answer["status"].as_str().unwrap_or_default() {
                "SUCCESS" => return Ok(answer["result"].clone()),
                "FAILURE" => {
                    drop(waiting);
                    return self.failure(complete, &answer);
                }
                "UNKNOWN" => return Err(ClientError::Failed(self.ended("it expired or was cancelled"))),
                _ => {}
            }
            if let Some(phase) = answer["progress"]["phase"].as_str() {
                waiting.phase(phase);
            }
            let left = self.manner.patience.deadline.saturating_duration_since(self.manner.clock.now());
            if left <= pause {
                let error = self.ended("it has not ended within --timeout, and may still");
                return Err(ClientError::Failed(error.ends(Ending::Unavailable)));
            }
            self.manner.clock.sleep(pause);
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Returns what is told of an upload that nobody waits for.
    fn queued(&self, status: &Url, queued: Value) -> Value {
        let mut answer = match queued {
            Value::Object(fields) => Value::Object(fields),
            _ => json!({ "task_id": self.effort.task.borrow().clone() }),
        };
        answer["statusUrl"] = Value::from(status.as_str());
        if answer["message"].as_str().is_none_or(str::is_empty) {
            answer["message"] = Value::from("queued; ask its statusUrl what came of it");
        }
        answer["queued"] = Value::from(true);
        answer
    }

    /// Returns the error of an upload that failed, whole where the server still gives it.
    fn failure(&self, complete: Option<&Url>, answer: &Value) -> Result<Value, ClientError> {
        let task = self.effort.task.borrow().clone().unwrap_or_default();
        let made = self.client.api(&["workspaces", self.workspace.as_str(), "uploads", &task, "complete"]);
        // What has ended answers as it first did, with every problem and its place.
        match self.retrying(|| self.client.call(Method::POST, complete.unwrap_or(&made), None)) {
            Err(error) if complete.is_none() && error.has_code("upload_not_found") => {}
            ended => return ended,
        }
        let (detail, code) = match &answer["error"] {
            Value::Object(fields) => (fields.get("detail"), fields.get("code")),
            text => (Some(text), answer.get("code")),
        };
        let detail = detail.and_then(Value::as_str).unwrap_or("it gives no reason");
        let is_conflict = code.and_then(Value::as_str).is_some_and(|code| CONFLICTS.contains(&code));
        let ending = if is_conflict { Ending::Conflict } else { Ending::Refused };
        let error = CliError::user(format!("the server refused: {detail}")).ends(ending);
        Err(ClientError::Failed(error))
    }

    fn ended(&self, how: &str) -> CliError {
        let task = self.effort.task.borrow().clone().unwrap_or_default();
        CliError::user(format!("the upload {task} did not succeed: {how}"))
            .hint(format!("GET /api/v3/workspaces/upload-status/{task} says what became of it"))
            .ends(Ending::Unavailable)
    }
}
