//! What clients send to `sync-typed`: typed, checked in full, and independent of the file's text.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::apply::ApplyError;
use super::fields::{Fields, pointer};
use super::file::{SlxFile, SlxTarget};
use crate::model::NamedValue;
use crate::workspace_file::FieldProblem;

/// Most unknown keys that one sentence names; all are listed beside it.
const MAX_SHOWN_KEYS: usize = 5;

/// The fields of one file of an SLX as clients of `sync-typed` send them.
///
/// ```
/// use workstead_core::name::{SlxName, WorkspaceName};
/// use workstead_core::slx_config::{SlxPayload, SlxTarget, SyncPayload};
///
/// let body = serde_json::json!({"name": "demo--web", "alias": "Web"});
/// let payload = SlxPayload::parse(body.as_object().unwrap()).unwrap();
/// let workspace = WorkspaceName::parse("demo").unwrap();
/// let slx = payload.slx_name(&workspace).unwrap();
/// let target = SlxTarget { workspace: &workspace, slx: &slx };
/// let text = payload.apply(target, None).unwrap();
/// assert!(text.contains("name: demo--web"));
/// assert_eq!(payload.apply(target, Some(&text)).unwrap(), text);
/// ```
pub trait SyncPayload: Sized {
    /// What the payload is called where it is refused.
    const MODEL: &'static str;
    /// The file that it describes.
    const FILE: SlxFile;

    /// Reads the object that stands under `payload` in the request.
    ///
    /// Every field may be in `snake_case` or `camelCase`; null counts as not sent.
    fn parse(payload: &Map<String, Json>) -> Result<Self, PayloadError>;

    /// Returns the text of the file with the payload's fields in it.
    ///
    /// Of an existing file nothing else changes, and the same payload again gives the same text. A new
    /// file is complete, in the style of the builder, and marked as made by people.
    fn apply(&self, target: SlxTarget<'_>, existing: Option<&str>) -> Result<String, ApplyError>;
}

/// A secret's name and the workspace's key of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedSecret {
    /// The name that the code knows.
    pub name: String,
    /// The workspace's key.
    pub workspace_key: String,
}

/// Where the code of a runbook, an indicator or an objective comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeBundle {
    /// The URL of the Git repository.
    pub repo_url: Option<String>,
    /// The branch, tag or commit.
    pub reference: Option<String>,
    /// The path of the file in the repository.
    pub path: Option<String>,
}

impl CodeBundle {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            repo_url: fields.filled_text("code_bundle_repo_url"),
            reference: fields.text("code_bundle_ref"),
            path: fields.filled_text("code_bundle_path"),
        }
    }
}

/// Reads the secrets of a payload.
pub(super) fn secrets(fields: &mut Fields<'_>) -> Option<Vec<NamedSecret>> {
    let secret = |pair: NamedValue| NamedSecret { name: pair.name, workspace_key: pair.value };
    Some(fields.pairs("secrets_provided", "workspace_key")?.into_iter().map(secret).collect())
}

/// Why a payload was refused: everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadError {
    /// What the payload is called, [`SyncPayload::MODEL`].
    pub model: &'static str,
    /// The keys that nobody knows, those of members with their path, as in `config_provided.0.vale`.
    pub unknown_keys: Vec<String>,
    /// Every problem, those of unknown keys included, with its pointer in the request's body.
    pub problems: Vec<FieldProblem>,
}

impl PayloadError {
    pub(super) fn new(model: &'static str, problem: FieldProblem) -> Self {
        Self { model, unknown_keys: Vec::new(), problems: vec![problem] }
    }

    /// Returns an error if a field that a new file needs was not sent.
    pub(super) fn check_complete(model: &'static str, fields: &[(&str, bool)]) -> Result<(), Self> {
        let missing = fields.iter().filter(|(_, is_sent)| !is_sent).map(|(name, _)| FieldProblem {
            pointer: pointer(name),
            code: "missing_field",
            message: format!("the payload has no `{name}`, which a new {model} needs"),
            hint: Some("add it, or name one that exists already".to_owned()),
        });
        let problems: Vec<_> = missing.collect();
        if problems.is_empty() { Ok(()) } else { Err(Self { model, unknown_keys: Vec::new(), problems }) }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        if !self.unknown_keys.is_empty() {
            let shown = &self.unknown_keys[..self.unknown_keys.len().min(MAX_SHOWN_KEYS)];
            write!(formatter, "{} has no field `{}`", self.model, shown.join("`, `"))?;
            let hidden = self.unknown_keys.len() - shown.len();
            return if hidden > 0 { write!(formatter, " (and {hidden} more)") } else { Ok(()) };
        }
        if let Some(first) = self.problems.first() {
            formatter.write_str(&first.message)?;
            if let Some(hint) = &first.hint {
                write!(formatter, "; {hint}")?;
            }
        }
        if count > 1 { write!(formatter, " (and {} more)", count - 1) } else { Ok(()) }
    }
}

impl std::error::Error for PayloadError {}
