//! SLXs that uploads brought and that have stood in no group since.
//!
//! Another SLX of an earlier upload that stands in no group was taken out by people, and stays out. But
//! one that was in no group yet joins its group when the builder names one. Which those are is kept
//! beside the record, under a name that no bundle can bring.

use std::collections::BTreeSet;

use super::groups::{Groups, standing};
use super::identity::Sides;
use super::names::Names;
use crate::model::Manifest;
use crate::path::RepoPath;
use crate::tree::{Edit, Edits, FileTree, ReadError};

/// The file in the record: a JSON list of full names.
const UNGROUPED_FILE: &str = ".ungrouped";

/// Full names of SLXs that uploads brought and that have stood in no group since.
pub(super) type Ungrouped = BTreeSet<String>;

/// Reads them from a record; what can't be read counts as grouped, so that people's decisions stand.
pub(super) fn read(record: &dyn FileTree) -> Result<Ungrouped, ReadError> {
    let content = record.read_path(UNGROUPED_FILE)?;
    Ok(content.and_then(|content| serde_json::from_slice(&content).ok()).unwrap_or_default())
}

/// Derives them after an upload: what is new to the manifest joins them, what stands in a group leaves.
pub(super) fn after(sides: Sides<'_, '_>, groups: &Groups, names: &Names<'_>, next: &Manifest) -> Ungrouped {
    let before = sides.record.ungrouped();
    let is_new = |identity: &String| !sides.manifest.slxs.contains_key(identity);
    let mut after: Ungrouped =
        next.slxs.keys().filter(|identity| before.contains(*identity) || is_new(identity)).cloned().collect();
    if !after.is_empty() {
        let standing = standing(groups, names);
        after.retain(|identity| !standing.contains(&next.slxs[identity]));
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
