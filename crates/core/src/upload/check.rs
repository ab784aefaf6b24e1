//! Whether a bundle's content may enter the repository.

use std::collections::{BTreeMap, BTreeSet};

use itertools::{EitherOrBoth, Itertools};

use super::{UploadError, UploadRequest};
use crate::check::check_tree;
use crate::model::{FactsCache, MANIFEST_FILE};
use crate::oid::BlobId;
use crate::path::{RepoPath, is_git_file};
use crate::problem::{Problem, Problems};
use crate::tree::{FileTree, MemoryTree};

/// Checks a bundle: each file that the head does not hold already, and the rules between all of them.
pub(super) fn check_upload(
    request: &UploadRequest,
    upload: &MemoryTree,
    head: &dyn FileTree,
    facts: &FactsCache,
) -> Result<(), UploadError> {
    let new = differing(upload.files(), head.files());
    let mut problems = check_tree(&request.workspace, upload, Some(&new), facts)?;
    check_paths(upload, &mut problems);
    if problems.is_acceptable() { Ok(()) } else { Err(UploadError::Invalid(problems)) }
}

/// Checks which paths a bundle brings.
fn check_paths(upload: &MemoryTree, problems: &mut Problems) {
    for path in upload.files().keys() {
        let (message, hint) = if path.as_str() == MANIFEST_FILE {
            ("the manifest is the server's own", "leave it out of the bundle")
        } else if path.as_str().starts_with('.') {
            (
                "a bundle may not bring names at the root that begin with a dot",
                "commit such files by git push",
            )
        } else if path.components().any(is_git_file) {
            ("a bundle may not bring files that Git reads by itself", "commit such files by git push")
        } else {
            continue;
        };
        problems.push(Problem::file(path, "reserved_name", message).hint(hint));
    }
}

/// Returns the paths of `files` whose content `held` does not have at the same path.
///
/// Both are walked side by side: looking each of many long paths up would take several times as long.
fn differing(files: &BTreeMap<RepoPath, BlobId>, held: &BTreeMap<RepoPath, BlobId>) -> BTreeSet<RepoPath> {
    let is_new = |both| match both {
        EitherOrBoth::Left((path, _)) => Some(path),
        EitherOrBoth::Both((path, id), (_, other)) => (id != other).then_some(path),
        EitherOrBoth::Right(_) => None,
    };
    files.iter().merge_join_by(held, |one, other| one.0.cmp(other.0)).filter_map(is_new).cloned().collect()
}
