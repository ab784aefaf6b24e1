//! What came of an upload: for people, for scripts, and as an exit code.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};
use workstead_core::name::WorkspaceName;

use super::effort::Way;
use super::send::Upload;
use super::summary;
use crate::client::ClientError;
use crate::diagnostics::{Diagnostics, Finding};
use crate::error::CliError;
use crate::output::{OutputFormat, Printer, printable};

/// The exit code of an upload that changed nothing, where that is asked to be told.
const UNCHANGED: u8 = 7;

/// How to tell.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// Where to.
    pub(crate) printer: &'a Printer,
    /// For people or for scripts.
    pub(crate) format: OutputFormat,
    /// Whether the exit code tells an upload that changed nothing.
    pub(crate) detailed: bool,
}

/// How an upload ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// There is a new commit.
    Committed,
    /// The branch held all of it.
    Unchanged,
    /// Nothing was to be changed.
    Planned,
    /// The server works on it.
    Queued,
}

impl Outcome {
    fn of(answer: &Value, dry_run: bool) -> Self {
        if dry_run {
            Self::Planned
        } else if answer["queued"] == true {
            Self::Queued
        } else if answer["status"] == "duplicate_skipped" {
            Self::Unchanged
        } else {
            Self::Committed
        }
    }
}

impl Report<'_> {
    /// Tells of an upload that ended well.
    pub(super) fn success(&self, upload: &Upload<'_>, mut answer: Value) -> Result<ExitCode, CliError> {
        let outcome = Outcome::of(&answer, upload.manner.dry_run);
        match self.format {
            OutputFormat::Json => {
                if let Value::Object(fields) = &mut answer {
                    fields.remove("queued");
                    fields.insert("workspace".to_owned(), json!(upload.workspace));
                    fields.insert("outcome".to_owned(), json!(outcome));
                    fields.insert("upload".to_owned(), effort(upload));
                }
                self.printer.json(&answer)?;
            }
            OutputFormat::Text => {
                let mut text = summary::describe(upload.workspace, &answer);
                if outcome == Outcome::Planned {
                    text.push_str("\n(a dry run: nothing was changed)");
                }
                self.printer.data(text)?;
            }
        }
        upload.manner.talk.say(&told(upload));
        let unchanged = self.detailed && outcome == Outcome::Unchanged;
        Ok(if unchanged { ExitCode::from(UNCHANGED) } else { ExitCode::SUCCESS })
    }

    /// Tells of one that did not: the problems with their places here, the error itself when the program ends.
    pub(crate) fn failure(
        &self,
        workspace: &WorkspaceName,
        diagnostics: &Diagnostics<'_>,
        error: ClientError,
    ) -> CliError {
        let (findings, status, code, request_id) = match &error {
            ClientError::Refused(refusal) => (
                refusal.errors.clone(),
                Some(refusal.http_status),
                Some(refusal.code.clone()),
                Some(refusal.request_id.clone()),
            ),
            _ => (Vec::<Finding>::new(), None, None, None),
        };
        let detail = match &error {
            ClientError::Refused(refusal) => Some(printable(&refusal.detail)),
            _ => None,
        };
        for finding in &findings {
            self.printer.say(format_args!("{}\n", diagnostics.render(finding)));
        }
        let error = CliError::from(error);
        if self.format == OutputFormat::Json {
            let report = json!({
                "workspace": workspace,
                "outcome": error.ending().as_str(),
                "exitCode": error.ending() as u8,
                "error": {
                    "message": error.message(),
                    "cure": error.cure(),
                    "status": status,
                    "code": code,
                    "detail": detail,
                    "requestId": request_id.filter(|id| !id.is_empty()),
                    "errors": findings,
                },
            });
            // The error itself counts for more than that it could not be told.
            let _ = self.printer.json(&report);
        }
        error
    }
}

/// Returns what an upload took, for scripts.
fn effort(upload: &Upload<'_>) -> Value {
    json!({
        "via": upload.effort.way.get().map(Way::as_str),
        "provider": *upload.effort.provider.borrow(),
        "sha256": upload.sha256,
        "sizeBytes": upload.bundle.len(),
        "sent": upload.effort.sent.get(),
        "retries": upload.effort.retries.get(),
    })
}

/// Returns what an upload took, for people.
fn told(upload: &Upload<'_>) -> String {
    let way = upload.effort.way.get().map_or("", Way::as_str);
    let provider =
        upload.effort.provider.borrow().as_deref().map_or_else(String::new, |it| format!(" ({it})"));
    let retries = match upload.effort.retries.get() {
        0 => String::new(),
        1 => ", 1 retry".to_owned(),
        more => format!(", {more} retries"),
    };
    format!("sent via {way}{provider}{retries}; sha256 {}", upload.sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_read_from_the_answer() {
        let of = |answer: Value| Outcome::of(&answer, false);
        assert_eq!(of(json!({"status": "queued", "commit": "1"})), Outcome::Committed);
        assert_eq!(of(json!({"status": "duplicate_skipped"})), Outcome::Unchanged);
        assert_eq!(of(json!({"status": "queued", "queued": true})), Outcome::Queued);
        assert_eq!(Outcome::of(&json!({"status": "duplicate_skipped"}), true), Outcome::Planned);
    }
}
