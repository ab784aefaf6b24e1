//! What a merge did, for the answer and the history.

use serde::Serialize;

/// What a merge does, by SLX; every list holds names as they are in the repository, sorted.
///
/// Every uploaded SLX stands in exactly one of `added`, `changed`, `kept`, `tombstoned`, those `conflicts` that have
/// no path, or is counted in `counts.unchanged`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MergeSummary {
    /// SLXs that the repository did not have.
    pub added: Vec<String>,
    /// SLXs whose files the upload changed, or replaced because the builder changed their identity.
    pub changed: Vec<String>,
    /// SLXs whose files differ from the upload and stay: it was asked to keep existing ones, or people edited them.
    pub kept: Vec<String>,
    /// Uploaded SLXs that people renamed and that keep the repository's name.
    pub renamed: Vec<Renamed>,
    /// Uploaded SLXs that stay out because people deleted them; names as uploaded.
    pub tombstoned: Vec<String>,
    /// SLXs that were removed because the upload lacks them.
    pub pruned: Vec<String>,
    /// SLXs that the upload lacks and that stay although a prune was asked for.
    pub pruned_kept: Vec<PrunedKept>,
    /// Uploaded SLXs that were left out, and with `threeway` the fields that both sides changed in different ways, at
    /// most [`MergeSummary::MAX_CONFLICTS`] of these.
    pub conflicts: Vec<MergeConflict>,
    /// What the caller should know, one sentence each, at most [`MergeSummary::MAX_WARNINGS`].
    pub warnings: Vec<String>,
    /// How many there are of everything.
    pub counts: MergeCounts,
}

/// An SLX that people renamed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Renamed {
    /// The name in the repository.
    pub name: String,
    /// The name in the upload.
    pub uploaded_name: String,
}

/// An SLX that a prune left where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PrunedKept {
    /// The name in the repository.
    pub name: String,
    /// Why it stays.
    pub reason: KeptReason,
}

/// Why a prune leaves an SLX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptReason {
    /// No upload brought it, or it is marked as made by a person.
    HandMade,
    /// A builder at another location made it.
    OtherLocation,
    /// It says of no location that it comes from there.
    NoLocation,
    /// What uploads from this location wrote was never recorded, as in a migrated repository.
    NoRecord,
    /// Its files are not what an upload wrote there.
    Edited,
}

/// The code of a file that differs, and of which no upload is recorded.
pub(super) const NO_BASE: &str = "no_base";

/// An uploaded SLX that was left out, or a field that people and the builder changed in different ways.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MergeConflict {
    /// The name in the upload of an SLX that was left out; the name in the repository of one whose field it is. A file
    /// outside of SLXs is named by its path.
    pub name: String,
    /// The file; nothing when the SLX was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The field's JSON pointer, empty for the whole file; an item of a list of named mappings is `name=<name>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Why. An SLX was left out: `name_taken` or `duplicate_identity`. A field: `both_changed`, `removed_by_people`,
    /// `removed_by_builder`, `not_mergeable` (the file can't be joined field by field) or `no_base` (what the last
    /// upload said is not recorded).
    pub code: &'static str,
    /// Which side's value it has now; nothing when the upload is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// What the last upload said, cut short.
    #[serde(skip)]
    pub base: Option<String>,
    /// What the repository said, cut short.
    #[serde(skip)]
    pub existing: Option<String>,
    /// What the upload says, cut short.
    #[serde(skip)]
    pub uploaded: Option<String>,
}

impl MergeConflict {
    /// Makes the conflict of an SLX that is left out.
    pub(super) fn left_out(name: String, code: &'static str) -> Self {
        Self {
            name,
            path: None,
            field: None,
            code,
            resolution: None,
            base: None,
            existing: None,
            uploaded: None,
        }
    }
}

/// Whose value a field has after a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// The repository's.
    Existing,
    /// The upload's.
    Uploaded,
}

/// How many SLXs and files a merge touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MergeCounts {
    /// SLXs in the upload.
    pub uploaded: usize,
    /// As [`MergeSummary::added`].
    pub added: usize,
    /// As [`MergeSummary::changed`].
    pub changed: usize,
    /// Uploaded SLXs that the repository had just so.
    pub unchanged: usize,
    /// As [`MergeSummary::kept`].
    pub kept: usize,
    /// As [`MergeSummary::renamed`].
    pub renamed: usize,
    /// As [`MergeSummary::tombstoned`].
    pub tombstoned: usize,
    /// As [`MergeSummary::pruned`].
    pub pruned: usize,
    /// As [`MergeSummary::pruned_kept`].
    pub pruned_kept: usize,
    /// As [`MergeSummary::conflicts`], listed or not.
    pub conflicts: usize,
    /// Warnings, listed or not.
    pub warnings: usize,
    /// Files that the merge writes.
    pub files_written: usize,
    /// Files that the merge removes.
    pub files_removed: usize,
}

impl MergeSummary {
    /// Most warnings that are listed; later ones are only counted.
    pub const MAX_WARNINGS: usize = 100;
    /// Most fields in conflict that are listed; later ones are only counted.
    pub const MAX_CONFLICTS: usize = 1000;

    pub(super) fn warn(&mut self, warning: String) {
        self.counts.warnings += 1;
        if self.warnings.len() < Self::MAX_WARNINGS {
            self.warnings.push(warning);
        }
    }

    /// Sorts the lists and counts them.
    pub(super) fn finish(&mut self) {
        for names in
            [&mut self.added, &mut self.changed, &mut self.kept, &mut self.tombstoned, &mut self.pruned]
        {
            names.sort_unstable();
        }
        self.renamed.sort_unstable();
        self.pruned_kept.sort_unstable();
        self.conflicts.sort_unstable();
        let counts = &mut self.counts;
        counts.added = self.added.len();
        counts.changed = self.changed.len();
        counts.kept = self.kept.len();
        counts.renamed = self.renamed.len();
        counts.tombstoned = self.tombstoned.len();
        counts.pruned = self.pruned.len();
        counts.pruned_kept = self.pruned_kept.len();
        counts.conflicts = self.conflicts.len();
    }
}
