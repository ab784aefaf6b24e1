//! SLXs that uploads brought and never put into a group.
//!
//! An SLX of an earlier upload that stands in no group was taken out by people, and stays out. But
//! not one that no upload has grouped yet: it joins its group when the builder names one. Which
//! those are is kept beside the record, under a name that no bundle can bring.

use std::collections::{BTreeSet, HashSet};

use super::identity::Sides;
use crate::model::Manifest;
use crate::name::WorkspaceName;
use crate::path::RepoPath;
use crate::tree::{Edit, Edits, FileTree, ReadError};
use crate::workspace_file::WorkspaceConfig;

/// The file in the record: a JSON list of full names.
pub(super) const UNGROUPED_FILE: &str = ".ungrouped";

/// Full names of SLXs that uploads brought and never grouped.
pub(super) type Ungrouped = BTreeSet<String>;

/// Reads them from a record; what can't be read counts as grouped, so that people's decisions stand.
pub(super) fn read(record: &dyn FileTree) -> Result<Ungrouped, ReadError> {
    let content = record.read_path(UNGROUPED_FILE)?;
    Ok(content.and_then(|content| serde_json::from_slice(&content).ok()).unwrap_or_default())
}

/// Derives them after an upload.
pub(super) fn after(
    workspace: &WorkspaceName,
    sides: Sides<'_, '_>,
    uploaded: Option<&WorkspaceConfig>,
    next: &Manifest,
) -> Ungrouped {
    let groups = uploaded.map(|config| config.slx_groups.values()).into_iter().flatten();
    let prefix = format!("{workspace}--");
    let members = groups.flat_map(|group| &group.slxs);
    let grouped: HashSet<&str> =
        members.map(|member| member.strip_prefix(&prefix).unwrap_or(member)).collect();
    let is_grouped = |directory: &str| grouped.contains(directory);
    let mut after: Ungrouped =
        sides.record.ungrouped().iter().filter(|name| next.slxs.contains_key(*name)).cloned().collect();
    for slx in &sides.upload.slxs {
        let identity = slx.identity();
        if is_grouped(slx.directory) {
            after.remove(identity);
        } else if next.slxs.contains_key(identity) && !sides.manifest.slxs.contains_key(identity) {
            after.insert(identity.to_owned());
        }
    }
    after
}

/// Adds the edit of the record, if there is something to change.
pub(super) fn edit(before: &Ungrouped, after: &Ungrouped, edits: &mut Edits) {
    if before == after {
        return;
    }
    // The constant is a valid path.
    let Ok(path) = RepoPath::parse(UNGROUPED_FILE) else { return };
    let edit = match serde_json::to_vec(after) {
        Ok(content) if !after.is_empty() => Edit::Write(content.into()),
        _ => Edit::Remove,
    };
    edits.insert(path, edit);
}
