//! The files of a plan, with their diffs.

use serde::Serialize;

use super::{PlanCounts, PlanLimits};
use crate::diff::{DiffLimits, DiffOmission, Diffed, Side, diff};
use crate::model::{MANIFEST_FILE, slx_directory};
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::tree::{Edit, Edits, FileTree, ReadError};

/// What would happen to one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedFile {
    /// Where it is.
    pub path: String,
    /// The SLX that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slx: Option<String>,
    /// What would happen.
    pub action: FileAction,
    /// Lines that come, where they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines_added: Option<usize>,
    /// Lines that go, where they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines_removed: Option<usize>,
    /// What changes, as `git apply` takes it unless something was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Why there is no diff, or not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff_omitted: Option<DiffOmission>,
}

/// What would happen to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileAction {
    /// Its content changes.
    Modified,
    /// It comes.
    Added,
    /// It goes.
    Removed,
}

/// The files that edits change.
pub(super) struct Changes<'a> {
    tree: &'a dyn FileTree,
    files: Vec<Change<'a>>,
}

struct Change<'a> {
    path: &'a RepoPath,
    action: FileAction,
    old: Option<BlobId>,
    edit: &'a Edit,
}

impl<'a> Changes<'a> {
    /// Finds what edits change in a tree; an edit may also leave a file as it is.
    pub(super) fn of(tree: &'a dyn FileTree, edits: &'a Edits) -> Self {
        let change = |(path, edit): (&'a RepoPath, &'a Edit)| {
            let old = tree.files().get(path).copied();
            let new = match edit {
                Edit::Write(content) => Some(BlobId::of(content)),
                Edit::Link(id) => Some(*id),
                Edit::Remove => None,
            };
            let action = match (old, new) {
                (None, Some(_)) => FileAction::Added,
                (Some(_), None) => FileAction::Removed,
                (Some(old), Some(new)) if old != new => FileAction::Modified,
                _ => return None,
            };
            Some(Change { path, action, old, edit })
        };
        Self { tree, files: edits.iter().filter_map(change).collect() }
    }

    /// Lists the files in the order of paths, and counts them.
    pub(super) fn list(
        mut self,
        limits: &PlanLimits,
        counts: &mut PlanCounts,
    ) -> Result<Vec<PlannedFile>, ReadError> {
        for file in &self.files {
            match file.action {
                FileAction::Added => counts.files_added += 1,
                FileAction::Modified => counts.files_modified += 1,
                FileAction::Removed => counts.files_removed += 1,
            }
        }
        counts.files_omitted = self.files.len().saturating_sub(limits.max_files);
        // What changes in a file tells more than a whole one; our own notes tell least.
        self.files.sort_by_key(|file| (file.path.as_str() == MANIFEST_FILE, file.action));
        self.files.truncate(limits.max_files);
        let mut room = Room { diffs: limits.max_diffs, bytes: limits.max_total_bytes };
        let mut listed = Vec::with_capacity(self.files.len());
        for file in &self.files {
            let diffed = if !limits.shows_contents {
                Diffed::omitted(DiffOmission::NotReadable)
            } else if room.diffs == 0 || room.bytes == 0 {
                Diffed::omitted(DiffOmission::Full)
            } else {
                self.diff(file, limits, &mut room)?
            };
            counts.diffs_omitted += usize::from(diffed.omitted.is_some());
            listed.push(file.planned(diffed));
        }
        listed.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(listed)
    }

    fn diff(&self, file: &Change<'_>, limits: &PlanLimits, room: &mut Room) -> Result<Diffed, ReadError> {
        let old = file.old.map(|id| self.tree.read(id)).transpose()?;
        let new = match file.edit {
            Edit::Write(content) => Some(content.clone()),
            Edit::Link(id) => Some(self.tree.read(*id)?),
            Edit::Remove => None,
        };
        let limits =
            DiffLimits { max_file_bytes: limits.max_file_bytes, max_diff_bytes: limits.max_diff_bytes };
        let mut diffed =
            diff(file.path, old.as_deref().map(Side::plain), new.as_deref().map(Side::plain), limits);
        let length = diffed.text.as_ref().map_or(0, String::len);
        if length > room.bytes {
            // A smaller one may still have room.
            diffed = Diffed { text: None, omitted: Some(DiffOmission::Full), ..diffed };
        } else if diffed.text.is_some() {
            room.bytes -= length;
            room.diffs -= 1;
        }
        Ok(diffed)
    }
}

/// What other diffs leave.
struct Room {
    diffs: usize,
    bytes: usize,
}

impl Change<'_> {
    fn planned(&self, diffed: Diffed) -> PlannedFile {
        PlannedFile {
            path: self.path.as_str().to_owned(),
            slx: slx_directory(self.path).map(|(slx, _)| slx.to_owned()),
            action: self.action,
            lines_added: diffed.lines.map(|(added, _)| added),
            lines_removed: diffed.lines.map(|(_, removed)| removed),
            diff: diffed.text,
            diff_omitted: diffed.omitted,
        }
    }
}
