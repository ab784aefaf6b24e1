//! Applying an upload to a repository: check, merge, commit; or telling what that would do.

mod check;
mod plan;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

pub use self::plan::{
    DiffOmission, FileAction, PlanCounts, PlanLimits, PlannedFile, PlannedSlx, SlxAction, UploadPlan,
    plan_upload,
};

use self::check::check_upload;
use crate::merge::{
    MergeConflict, MergeError, MergeInput, MergeOptions, MergePlan, MergeSummary, merge, upload_record,
};
use crate::model::{FactsCache, FileKind};
use crate::name::{BranchName, WorkspaceName};
use crate::oid::CommitId;
use crate::path::RepoPath;
use crate::problem::Problems;
use crate::repository::{self, Author, CommitRequest, Outcome, RecordUpdate, Repository};
use crate::tree::{FileTree, MemoryTree, ReadError};

/// How often a merge is computed anew because the branch moved meanwhile.
///
/// The writers of one repository queue, so even the second attempt is rare.
const MAX_ATTEMPTS: usize = 5;

/// An upload to apply.
#[derive(Debug, Clone)]
pub struct UploadRequest {
    /// The workspace, which the bundle must be for.
    pub workspace: WorkspaceName,
    /// The branch that it is merged into.
    pub branch: BranchName,
    /// The bundle's files.
    pub files: BTreeMap<RepoPath, Bytes>,
    /// How they are merged.
    pub options: MergeOptions,
    /// Who makes the commit.
    pub author: Author,
    /// The commit's message.
    pub message: String,
    /// The commit's trailers.
    pub trailers: Vec<(String, String)>,
}

/// What became of an upload.
#[derive(Debug, Clone)]
pub struct UploadOutcome {
    /// The branch's head, with the upload in it.
    pub commit: CommitId,
    /// Whether a commit was made; without one the repository had everything.
    pub committed: bool,
    /// What the merge did.
    pub summary: MergeSummary,
    /// How long writing the commit took, of all attempts.
    pub committing: Duration,
}

/// Why an upload was not applied; nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The bundle's content is not valid.
    #[error("the bundle is not valid: {}", first(.0))]
    Invalid(Problems),
    /// The bundle holds no SLX.
    #[error("{}", MergeError::EmptyBundle)]
    EmptyBundle,
    /// A prune would take most of what the upload's location brought.
    #[error("{}", MergeError::PruneGuard { location: location.clone(), stale: *stale, total: *total })]
    PruneGuard {
        /// The upload's location; empty if it has none.
        location: String,
        /// How many SLXs would go.
        stale: usize,
        /// How many SLXs of the location the repository has.
        total: usize,
    },
    /// People and the builder changed the same fields, and the upload is to be refused then.
    #[error("{}", MergeError::Conflicts { conflicts: conflicts.clone(), total: *total })]
    Conflicts {
        /// The fields, at most [`MergeSummary::MAX_CONFLICTS`].
        conflicts: Vec<MergeConflict>,
        /// How many there are.
        total: usize,
    },
    /// The bundle can't be merged, because of a file of the repository.
    #[error(transparent)]
    Merge(MergeError),
    /// Whoever was asked before the branch moved said no.
    #[error("the upload was withheld before its commit")]
    Withheld,
    /// The branch kept moving.
    #[error("the branch moved during each of {MAX_ATTEMPTS} attempts to merge the upload; try again")]
    Busy,
    /// The branch does not exist, and the upload brings nothing to begin it with.
    #[error("no branch `{0}`")]
    NoBranch(BranchName),
    /// The repository failed.
    #[error(transparent)]
    Repository(repository::Error),
    /// Content could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Says the first problem, and how many there are.
fn first(problems: &Problems) -> String {
    let count = problems.error_count();
    let sorted = problems.clone().into_sorted();
    let error = sorted.iter().find(|problem| problem.severity == crate::problem::Severity::Error);
    let text = error.map_or_else(String::new, ToString::to_string);
    if count > 1 { format!("{text} (and {} more)", count - 1) } else { text }
}

impl From<MergeError> for UploadError {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::EmptyBundle => Self::EmptyBundle,
            MergeError::PruneGuard { location, stale, total } => Self::PruneGuard { location, stale, total },
            MergeError::Conflicts { conflicts, total } => Self::Conflicts { conflicts, total },
            MergeError::Read(error) => Self::Read(error),
            error => Self::Merge(error),
        }
    }
}

impl From<repository::Error> for UploadError {
    fn from(error: repository::Error) -> Self {
        match error {
            repository::Error::Busy(_) => Self::Busy,
            error => Self::Repository(error),
        }
    }
}

/// Checks an upload, merges it into a branch and commits the result: all of it or nothing.
///
/// Content that the branch holds at the same path was checked when it came in and is not parsed again. When the
/// branch moves meanwhile, the merge is computed anew on its new head.
pub fn apply_upload(
    repository: &Repository,
    facts: &FactsCache,
    request: UploadRequest,
) -> Result<UploadOutcome, UploadError> {
    apply_upload_if(repository, facts, request, &|_| true)
}

/// A commit that is about to become the head of the branch.
#[derive(Debug, Clone, Copy)]
pub struct Committing<'a> {
    /// The head that it builds on.
    pub base: Option<CommitId>,
    /// The commit.
    pub commit: CommitId,
    /// What the merge did.
    pub summary: &'a MergeSummary,
}

/// The same, asking before the branch moves; [`UploadError::Withheld`] is what comes of a no.
///
/// It is asked once for each head that the upload is merged with, while other writers of the repository wait.
pub fn apply_upload_if(
    repository: &Repository,
    facts: &FactsCache,
    mut request: UploadRequest,
    may: &dyn Fn(&Committing<'_>) -> bool,
) -> Result<UploadOutcome, UploadError> {
    // Hashed on all cores; contents are moved, not copied.
    let upload: MemoryTree = std::mem::take(&mut request.files).into_iter().collect();
    let outcome = apply(repository, facts, &request, &upload, may);
    // Freeing tens of thousands of files takes a while, which the client need not wait for.
    rayon::spawn(move || drop(upload));
    outcome
}

fn apply(
    repository: &Repository,
    facts: &FactsCache,
    request: &UploadRequest,
    upload: &MemoryTree,
    may: &dyn Fn(&Committing<'_>) -> bool,
) -> Result<UploadOutcome, UploadError> {
    require_slx(upload)?;
    let mut checked = false;
    let mut committing = Duration::ZERO;
    for _ in 0..MAX_ATTEMPTS {
        let base = Base::of(repository, &request.branch)?;
        if !checked {
            check_upload(request, upload, &*base.tree, facts)?;
            checked = true;
        }
        let plan = base.merge(repository, facts, request, upload, &request.options)?;
        let begun = Instant::now();
        let may = |commit| may(&Committing { base: base.head, commit, summary: &plan.summary });
        let committed = commit(repository, request, base.head, &plan, &may)?;
        committing += begun.elapsed();
        match committed {
            Outcome::Committed(commit) => {
                return Ok(UploadOutcome { commit, committed: true, summary: plan.summary, committing });
            }
            Outcome::Unchanged => {
                let commit = base.head.ok_or_else(|| UploadError::NoBranch(request.branch.clone()))?;
                return Ok(UploadOutcome { commit, committed: false, summary: plan.summary, committing });
            }
            Outcome::Conflict(_) => {}
        }
    }
    Err(UploadError::Busy)
}

fn require_slx(upload: &MemoryTree) -> Result<(), UploadError> {
    let has_one = upload.files().keys().any(|path| FileKind::of(path) == FileKind::Slx);
    if has_one { Ok(()) } else { Err(UploadError::EmptyBundle) }
}

/// The branch as it is when an upload is merged into it.
struct Base {
    head: Option<CommitId>,
    tree: Box<dyn FileTree>,
}

impl Base {
    fn of(repository: &Repository, branch: &BranchName) -> Result<Self, UploadError> {
        let head = repository.head(branch)?;
        let tree: Box<dyn FileTree> = match head {
            Some(commit) => Box::new(repository.snapshot(commit)?),
            None => Box::new(MemoryTree::new()),
        };
        Ok(Self { head, tree })
    }

    fn merge(
        &self,
        repository: &Repository,
        facts: &FactsCache,
        request: &UploadRequest,
        upload: &MemoryTree,
        options: &MergeOptions,
    ) -> Result<MergePlan, UploadError> {
        let record = repository.record(&upload_record(upload, facts)?)?;
        let input = MergeInput {
            workspace: &request.workspace,
            repository: &*self.tree,
            record: &record,
            upload,
            options,
            facts,
        };
        Ok(merge(&input)?)
    }
}

fn commit(
    repository: &Repository,
    request: &UploadRequest,
    base: Option<CommitId>,
    plan: &MergePlan,
    may: &dyn Fn(CommitId) -> bool,
) -> Result<Outcome, UploadError> {
    if plan.edits.is_empty() && plan.record_edits.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    with_commit_request(request, base, plan, |request| {
        repository.commit_if(request, may)?.ok_or(UploadError::Withheld)
    })
}

/// Runs a step with the commit that a merge asks for.
fn with_commit_request<T>(
    request: &UploadRequest,
    base: Option<CommitId>,
    plan: &MergePlan,
    step: impl FnOnce(&CommitRequest<'_>) -> Result<T, UploadError>,
) -> Result<T, UploadError> {
    let records = [RecordUpdate { name: plan.record_name.clone(), edits: plan.record_edits.clone() }];
    step(&CommitRequest {
        branch: &request.branch,
        base,
        edits: &plan.edits,
        executable: None,
        merged: &[],
        records: if plan.record_edits.is_empty() { &[] } else { &records },
        author: &request.author,
        message: &request.message,
        trailers: &request.trailers,
        when: request.options.now,
    })
}
