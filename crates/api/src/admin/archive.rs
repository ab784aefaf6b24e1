//! The form of an export: a tar archive of a description and a Git bundle.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use workstead_core::name::WorkspaceName;

use super::AdminError;
use crate::settings::is_email;

/// The entry that comes first.
pub(super) const DESCRIPTION: &str = "workspace.json";
/// The entry that comes second, of all references and objects (git-bundle(1)).
pub(super) const BUNDLE: &str = "repository.bundle";
/// What the description says it is.
const FORMAT: &str = "workstead-export";
/// The version that is written; a newer one is refused.
const VERSION: u32 = 1;

/// What an export holds beside Git.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Description {
    format: String,
    version: u32,
    pub(super) name: WorkspaceName,
    pub(super) owner: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// The commit that main was at.
    pub(super) revision: String,
    pub(super) slx_ids: Vec<SlxId>,
    /// Secrets are sealed under the server's key, so only their names travel.
    pub(super) secret_names: Vec<String>,
    pub(super) uploads: Vec<Upload>,
}

/// The number that clients know an SLX by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SlxId {
    pub(super) name: String,
    pub(super) id: i64,
    pub(super) created_at: Timestamp,
}

/// One finished upload, for the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Upload {
    pub(crate) id: String,
    pub(crate) via: String,
    pub(crate) state: String,
    pub(crate) email: String,
    pub(crate) options: String,
    pub(crate) sha256: Option<String>,
    pub(crate) size_bytes: Option<i64>,
    pub(crate) created_at: Timestamp,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) commit: Option<String>,
    pub(crate) counts: Option<String>,
    pub(crate) error_brief: Option<String>,
}

impl Description {
    /// Begins the description of a workspace.
    pub(super) fn new(name: WorkspaceName, owner: String, created_at: Timestamp, revision: String) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            name,
            owner,
            created_at,
            updated_at: created_at,
            revision,
            slx_ids: Vec::new(),
            secret_names: Vec::new(),
            uploads: Vec::new(),
        }
    }

    /// Reads a description, refusing what this version does not know.
    pub(super) fn read(path: &Path, text: &[u8]) -> Result<Self, AdminError> {
        let refuse = |reason: String| AdminError::NotAnExport { path: path.to_owned(), reason };
        let kind: serde_json::Value =
            serde_json::from_slice(text).map_err(|error| refuse(format!("{DESCRIPTION}: {error}")))?;
        if kind["format"] != FORMAT {
            return Err(refuse(format!("{DESCRIPTION} has no format {FORMAT:?}")));
        }
        if kind["version"].as_u64().is_none_or(|version| version > u64::from(VERSION)) {
            let version = &kind["version"];
            return Err(refuse(format!(
                "it has version {version}, and this program knows {VERSION}; take a newer one"
            )));
        }
        let description: Self =
            serde_json::from_value(kind).map_err(|error| refuse(format!("{DESCRIPTION}: {error}")))?;
        if !is_email(&description.owner) {
            return Err(refuse(format!("{DESCRIPTION}: the owner is no e-mail address")));
        }
        // What was under way elsewhere is not under way here.
        let unfinished = ["open", "queued", "running"];
        if description.uploads.iter().any(|upload| unfinished.contains(&upload.state.as_str())) {
            return Err(refuse(format!("{DESCRIPTION}: it holds uploads that are not finished")));
        }
        Ok(description)
    }
}
