//! What differs between two revisions, by file and by SLX.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use workstead_core::diff::DiffLimits;
use workstead_core::model::{FactsCache, FileKind, slx_directory};
use workstead_core::oid::CommitId;
use workstead_core::repository::{ChangeKind, CompareLimits, Comparison, FileChange, PathChange, Repository};
use workstead_core::tree::FileTree;

use crate::app::AppState;
use crate::error::ApiError;
use crate::workspace::Workspace;

/// How much an answer shows.
const SHOWN: CompareLimits = CompareLimits {
    max_files: 1_000,
    max_diffs: 300,
    max_total_bytes: 1 << 20,
    each: DiffLimits { max_file_bytes: 2 << 20, max_diff_bytes: 64 << 10 },
};
/// How much a patch may hold; it is whole or it is none.
const PATCH: CompareLimits = CompareLimits {
    max_files: 100_000,
    max_diffs: 100_000,
    max_total_bytes: 16 << 20,
    each: DiffLimits { max_file_bytes: 8 << 20, max_diff_bytes: 16 << 20 },
};
/// Most SLXs that are listed.
const MAX_SLXS: usize = 1_000;
/// Most SLXs that came or went and are still looked into for those that were only renamed.
const MAX_RENAMES: usize = 200;

/// What differs.
#[derive(Debug)]
pub(crate) struct Changes {
    comparison: Comparison,
    slxs: Vec<SlxShown>,
    slx_count: usize,
}

/// What differs between two revisions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangesShown {
    stats: Stats,
    /// The SLXs with files that differ, by name.
    slxs: Vec<SlxShown>,
    /// The files that differ, by path.
    files: Vec<FileShown>,
    /// Whether files, SLXs or diffs were left out because there were too many; `stats` counts them.
    truncated: bool,
}

/// How much differs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Stats {
    files: usize,
    slxs: usize,
    /// Lines that came, in the files that were compared.
    additions: usize,
    /// Lines that went.
    deletions: usize,
}

/// An SLX with files that differ.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SlxShown {
    /// The short name.
    name: String,
    change: SlxChange,
    /// What it was called before, where it was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_name: Option<String>,
    /// The files that differ.
    files: Vec<String>,
}

/// What happened to an SLX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SlxChange {
    Added,
    Modified,
    Removed,
    Renamed,
}

/// A file that differs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FileShown {
    path: String,
    /// `added`, `modified` or `removed`.
    change: &'static str,
    /// The blob before.
    old_sha: Option<String>,
    /// The blob after.
    new_sha: Option<String>,
    /// Lines that came; null where nothing was compared line by line.
    additions: Option<usize>,
    deletions: Option<usize>,
    /// The unified diff, as `git apply` takes it unless something was left out.
    diff: Option<String>,
    /// Why there is no diff, or not all of it: `binary`, `too_large`, or `full` when others fill the answer.
    diff_omitted: Option<&'static str>,
}

/// Compares two revisions; without the first everything is new.
pub(crate) async fn changes(
    app: &AppState,
    workspace: &Arc<Workspace>,
    old: Option<CommitId>,
    new: CommitId,
) -> Result<Changes, ApiError> {
    let (state, workspace) = (app.clone(), Arc::clone(workspace));
    let compare = move || {
        let repository = workspace.repository();
        let comparison = repository.compare(old, new, &SHOWN)?;
        let paths = repository.changed_paths(old, new)?;
        let mut slxs = by_slx(&paths);
        let slx_count = slxs.len();
        find_renames(repository, &state.facts, old, new, &mut slxs)?;
        slxs.truncate(MAX_SLXS);
        Ok::<_, ApiError>(Changes { comparison, slxs, slx_count })
    };
    app.work.blocking(compare).await?
}

/// Writes the whole difference as one patch.
pub(crate) async fn patch(
    app: &AppState,
    workspace: &Arc<Workspace>,
    old: Option<CommitId>,
    new: CommitId,
) -> Result<String, ApiError> {
    let workspace = Arc::clone(workspace);
    let compare = move || {
        let comparison = workspace.repository().compare(old, new, &PATCH)?;
        let is_binary = comparison.files.iter().any(|file| file.diff.text.is_none());
        if comparison.truncated || is_binary {
            let detail = format!(
                "a patch holds at most {} bytes and no binary files; fetch the branch by Git, or leave out `format=patch`",
                PATCH.max_total_bytes
            );
            return Err(ApiError::invalid("patch_not_possible", detail));
        }
        Ok(comparison.files.into_iter().filter_map(|file| file.diff.text).collect())
    };
    app.work.blocking(compare).await?
}

fn by_slx(paths: &[PathChange]) -> Vec<SlxShown> {
    let mut slxs: BTreeMap<&str, SlxShown> = BTreeMap::new();
    for PathChange { path, kind } in paths {
        let Some((name, _)) = slx_directory(path) else { continue };
        let slx = slxs.entry(name).or_insert_with(|| SlxShown {
            name: name.to_owned(),
            change: SlxChange::Modified,
            previous_name: None,
            files: Vec::new(),
        });
        slx.files.push(path.to_string());
        if FileKind::of(path) == FileKind::Slx {
            slx.change = match kind {
                ChangeKind::Added => SlxChange::Added,
                ChangeKind::Modified => SlxChange::Modified,
                ChangeKind::Removed => SlxChange::Removed,
            };
        }
    }
    slxs.into_values().collect()
}

/// Makes one of two SLXs of which one came and the other went, if both are the same by their identity.
fn find_renames(
    repository: &Repository,
    facts: &FactsCache,
    old: Option<CommitId>,
    new: CommitId,
    slxs: &mut Vec<SlxShown>,
) -> Result<(), ApiError> {
    let Some(old) = old else { return Ok(()) };
    let of = |change| slxs.iter().filter(move |slx| slx.change == change).map(|slx| slx.name.clone());
    let (gone, come): (Vec<_>, Vec<_>) = (of(SlxChange::Removed).collect(), of(SlxChange::Added).collect());
    if gone.is_empty() || come.is_empty() || gone.len() + come.len() > MAX_RENAMES {
        return Ok(());
    }
    let identity = |commit: CommitId, name: &str| {
        let snapshot = repository.snapshot(commit)?;
        let Some(id) = snapshot.files().get(format!("slxs/{name}/slx.yaml").as_str()).copied() else {
            return Ok(None);
        };
        let facts = facts.slx(id, || snapshot.read(id))?;
        Ok::<_, ApiError>(facts.full_name.clone())
    };
    let mut by_identity = BTreeMap::new();
    for name in gone {
        if let Some(full_name) = identity(old, &name)? {
            by_identity.insert(full_name, name);
        }
    }
    for name in come {
        let Some(full_name) = identity(new, &name)? else { continue };
        let Some(previous) = by_identity.remove(&full_name) else { continue };
        let removed = slxs.iter().position(|slx| slx.name == previous).map(|place| slxs.remove(place));
        if let Some(slx) = slxs.iter_mut().find(|slx| slx.name == name) {
            slx.change = SlxChange::Renamed;
            slx.previous_name = Some(previous);
            slx.files.extend(removed.into_iter().flat_map(|slx| slx.files));
            slx.files.sort();
        }
    }
    Ok(())
}

impl Changes {
    /// Writes what differs.
    pub(crate) fn shown(self) -> ChangesShown {
        let Comparison { files, count, truncated } = self.comparison;
        let lines = files.iter().filter_map(|file| file.diff.lines);
        let (additions, deletions) = lines.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        ChangesShown {
            stats: Stats { files: count, slxs: self.slx_count, additions, deletions },
            slxs: self.slxs,
            files: files.into_iter().map(file).collect(),
            truncated: truncated || self.slx_count > MAX_SLXS,
        }
    }
}

fn file(file: FileChange) -> FileShown {
    use workstead_core::diff::DiffOmission;
    FileShown {
        path: file.path.to_string(),
        change: match file.kind {
            ChangeKind::Added => "added",
            ChangeKind::Modified => "modified",
            ChangeKind::Removed => "removed",
        },
        old_sha: file.old.map(|id| id.to_string()),
        new_sha: file.new.map(|id| id.to_string()),
        additions: file.diff.lines.map(|(added, _)| added),
        deletions: file.diff.lines.map(|(_, removed)| removed),
        diff: file.diff.text,
        diff_omitted: file.diff.omitted.map(|why| match why {
            DiffOmission::Binary => "binary",
            DiffOmission::TooLarge => "too_large",
            DiffOmission::Full | DiffOmission::NotReadable => "full",
        }),
    }
}
