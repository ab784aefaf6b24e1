//! The server's answer to a dry run, as far as people are shown it.

use serde::Deserialize;

/// What came back.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) summary: Summary,
    pub(super) plan: Plan,
}

/// What the upload would say of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Summary {
    pub(super) warnings: Vec<String>,
    pub(super) conflicts: Vec<Conflict>,
}

/// An SLX that is left out, or with a path a field that both sides changed.
#[derive(Debug, Deserialize)]
pub(super) struct Conflict {
    pub(super) path: Option<String>,
    pub(super) field: Option<String>,
    pub(super) code: String,
    pub(super) resolution: Option<String>,
}

/// What would change. Words that a later server has are shown as they are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    pub(super) base: Option<String>,
    pub(super) changes: bool,
    pub(super) slxs: Vec<Slx>,
    pub(super) files: Vec<File>,
    pub(super) counts: Counts,
    pub(super) would_be_refused: Option<WouldBeRefused>,
}

/// One SLX.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Slx {
    pub(super) name: String,
    pub(super) uploaded_name: Option<String>,
    pub(super) action: String,
    pub(super) reason: Option<String>,
}

/// One file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    pub(super) path: String,
    pub(super) slx: Option<String>,
    pub(super) action: String,
    pub(super) lines_added: Option<u64>,
    pub(super) lines_removed: Option<u64>,
    pub(super) diff: Option<String>,
    pub(super) diff_omitted: Option<String>,
}

/// How many there are.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Counts {
    pub(super) added: u64,
    pub(super) changed: u64,
    pub(super) kept: u64,
    pub(super) renamed: u64,
    pub(super) tombstoned: u64,
    pub(super) pruned: u64,
    pub(super) conflict: u64,
    pub(super) unchanged: u64,
    pub(super) files_added: u64,
    pub(super) files_modified: u64,
    pub(super) files_removed: u64,
    pub(super) slxs_omitted: u64,
    pub(super) files_omitted: u64,
}

/// Why the upload would be refused.
#[derive(Debug, Deserialize)]
pub(super) struct WouldBeRefused {
    pub(super) code: String,
    pub(super) detail: String,
}
