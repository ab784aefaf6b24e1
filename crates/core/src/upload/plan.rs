//! What an upload would do, told without doing it.

mod files;
mod slxs;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::files::{FileAction, PlannedFile};
pub use self::slxs::{PlannedSlx, SlxAction};
pub use crate::diff::DiffOmission;

use self::files::Changes;
use super::check::check_upload;
use super::{Base, UploadError, UploadRequest, require_slx, with_commit_request};
use crate::merge::{Conflict, MergeOptions, MergeSummary};
use crate::model::FactsCache;
use crate::oid::{CommitId, TreeId};
use crate::repository::Repository;
use crate::tree::MemoryTree;

/// What an upload would do to the branch as it is now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadPlan {
    /// The branch's head that it was worked out against.
    pub base: Option<CommitId>,
    /// The tree that the branch would have: that of `base` if nothing changes.
    pub tree: TreeId,
    /// Whether there would be a commit.
    pub changes: bool,
    /// What the upload would say that it did.
    #[serde(skip)]
    pub summary: MergeSummary,
    /// Every SLX that something happens to, or that stays for a reason; in the order of names.
    pub slxs: Vec<PlannedSlx>,
    /// Every file that changes, in the order of paths.
    pub files: Vec<PlannedFile>,
    /// How many there are of everything, listed or not.
    pub counts: PlanCounts,
    /// Why the upload would be refused with the options that it has; the plan then shows what it would do if the
    /// caller insisted.
    #[serde(skip)]
    pub refusal: Option<UploadError>,
}

/// How many SLXs and files a plan is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanCounts {
    /// SLXs that would be added.
    pub added: usize,
    /// SLXs whose files would change.
    pub changed: usize,
    /// SLXs that stay as they are although the upload says otherwise.
    pub kept: usize,
    /// SLXs that only keep the name that people gave them.
    pub renamed: usize,
    /// Uploaded SLXs that stay out because people deleted them.
    pub tombstoned: usize,
    /// SLXs that would be removed.
    pub pruned: usize,
    /// Uploaded SLXs that would be left out.
    pub conflict: usize,
    /// Uploaded SLXs that the branch has just so; they are not listed.
    pub unchanged: usize,
    /// Files that would be added.
    pub files_added: usize,
    /// Files that would be modified.
    pub files_modified: usize,
    /// Files that would be removed.
    pub files_removed: usize,
    /// SLXs that are counted but not listed.
    pub slxs_omitted: usize,
    /// Files that are counted but not listed.
    pub files_omitted: usize,
    /// Listed files without a diff, or without all of it.
    pub diffs_omitted: usize,
}

/// How much a plan shows; what is over is counted.
#[derive(Debug, Clone, Copy)]
pub struct PlanLimits {
    /// Whether contents are shown at all: diffs tell what the branch holds.
    pub shows_contents: bool,
    /// Most SLXs that are listed.
    pub max_slxs: usize,
    /// Most files that are listed.
    pub max_files: usize,
    /// Most files that have a diff.
    pub max_diffs: usize,
    /// Most bytes of one file's diff.
    pub max_diff_bytes: usize,
    /// Most bytes of all diffs.
    pub max_total_bytes: usize,
    /// Largest file that is compared line by line.
    pub max_file_bytes: usize,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self {
            shows_contents: true,
            max_slxs: 10_000,
            max_files: 10_000,
            max_diffs: 1_000,
            max_diff_bytes: 64 << 10,
            max_total_bytes: 2 << 20,
            max_file_bytes: 2 << 20,
        }
    }
}

/// Works out what [`apply_upload`](super::apply_upload) would do now, and writes nothing.
///
/// A bundle that is not valid is refused as an upload of it is. A prune that the guard would refuse is shown, and
/// that it would be refused; so are conflicts that were to refuse it.
pub fn plan_upload(
    repository: &Repository,
    facts: &FactsCache,
    mut request: UploadRequest,
    limits: &PlanLimits,
) -> Result<UploadPlan, UploadError> {
    let upload: MemoryTree = std::mem::take(&mut request.files).into_iter().collect();
    let plan = plan(repository, facts, &request, &upload, limits);
    rayon::spawn(move || drop(upload));
    plan
}

fn plan(
    repository: &Repository,
    facts: &FactsCache,
    request: &UploadRequest,
    upload: &MemoryTree,
    limits: &PlanLimits,
) -> Result<UploadPlan, UploadError> {
    require_slx(upload)?;
    let base = Base::of(repository, &request.branch)?;
    check_upload(request, upload, &*base.tree, facts)?;
    let mut options = request.options.clone();
    let mut refusal = None;
    let merged = loop {
        let error = match base.merge(repository, facts, request, upload, &options) {
            Ok(merged) => break merged,
            Err(error) => error,
        };
        match insisting(&error, &options) {
            Some(insisting) => options = insisting,
            None => return Err(error),
        }
        refusal.get_or_insert(error);
    };
    let tree = with_commit_request(request, base.head, &merged, |request| Ok(repository.preview(request)?))?;
    let (tree, changes) = match (tree, base.head) {
        (Some(tree), _) => (tree, true),
        (None, Some(head)) => (repository.snapshot(head)?.tree_id(), false),
        (None, None) => return Err(UploadError::NoBranch(request.branch.clone())),
    };
    let mut counts = PlanCounts::default();
    let slxs = slxs::list(&merged.summary, request.options.mode, limits, &mut counts);
    let files = Changes::of(&*base.tree, &merged.edits).list(limits, &mut counts)?;
    Ok(UploadPlan { base: base.head, tree, changes, summary: merged.summary, slxs, files, counts, refusal })
}

/// Returns the options by which a caller would insist on what was refused, where there are any.
///
/// With them it is not refused for the same reason again.
fn insisting(refusal: &UploadError, options: &MergeOptions) -> Option<MergeOptions> {
    match refusal {
        UploadError::PruneGuard { .. } => Some(MergeOptions { allow_mass_prune: true, ..options.clone() }),
        UploadError::Conflicts { .. } => {
            Some(MergeOptions { conflict: Conflict::Existing, ..options.clone() })
        }
        _ => None,
    }
}
