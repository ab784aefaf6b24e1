//! The shapes of a dry run's answer.

use utoipa::ToSchema;

/// What an upload would do to the branch as it is now.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct UploadPlan {
    /// The commit that it was worked out against.
    #[schema(required)]
    base: Option<String>,
    /// The Git tree that the branch would have.
    tree: String,
    /// Whether there would be a commit.
    changes: bool,
    /// The SLXs that something happens to, or that stay for a reason, in the order of names.
    slxs: Vec<PlannedSlx>,
    /// The files that change, in the order of paths.
    files: Vec<PlannedFile>,
    counts: PlanCounts,
    /// Why the upload would be refused; the plan then shows what it would do if the caller insisted.
    #[schema(required)]
    would_be_refused: Option<PlannedRefusal>,
}

/// What would happen to one SLX.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PlannedSlx {
    /// Its name in the repository; of one that stays out, its name in the upload.
    name: String,
    /// Its name in the upload, where people gave it another.
    uploaded_name: Option<String>,
    /// `added`, `changed`, `kept`, `renamed`, `tombstoned`, `pruned` or `conflict`.
    action: String,
    /// Why: `keep_existing`, `edited`, `hand_made`, `other_location`, `no_location`, `no_record`, `renamed_by_people`,
    /// `deleted_by_people`, `not_uploaded`, `name_taken` or `duplicate_identity`.
    reason: Option<String>,
}

/// What would happen to one file.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PlannedFile {
    path: String,
    /// The SLX that it belongs to.
    slx: Option<String>,
    /// `added`, `modified` or `removed`.
    action: String,
    lines_added: Option<u64>,
    lines_removed: Option<u64>,
    /// What changes, as `git apply` takes it.
    diff: Option<String>,
    /// Why there is no diff, or not all of it: `binary`, `too_large`, `plan_full`, or `not_readable` for a token that
    /// may upload but not read.
    diff_omitted: Option<String>,
}

/// How many there are of everything, listed or not.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PlanCounts {
    added: u64,
    changed: u64,
    kept: u64,
    renamed: u64,
    tombstoned: u64,
    pruned: u64,
    conflict: u64,
    /// Uploaded SLXs that the branch has just so; they are not listed.
    unchanged: u64,
    files_added: u64,
    files_modified: u64,
    files_removed: u64,
    /// SLXs that are counted but not listed.
    slxs_omitted: u64,
    /// Files that are counted but not listed.
    files_omitted: u64,
    /// Listed files without a diff, or without all of it.
    diffs_omitted: u64,
}

/// Why an upload would be refused.
#[derive(ToSchema)]
pub(crate) struct PlannedRefusal {
    /// As the upload's own answer would have it.
    code: String,
    detail: String,
}
